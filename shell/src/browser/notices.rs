//! What the browser has to tell about itself, in every tab, until it is repaired or the person has read it.

/// What a standing notice is about. There is at most one about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeSubject {
    /// The stored permissions could not be read and were set aside.
    PermissionsSetAside,
    /// The administrator's policy cannot be used.
    Policy,
    /// A file of a blocklist cannot be read.
    Blocklists,
}

/// A notice that stands in every tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingNotice {
    /// What it is about.
    pub subject: NoticeSubject,
    /// What it says, in sentences.
    pub text: String,
}

/// Puts a notice in the place of the one about the same subject; without a text that one goes. Returns whether anything
/// changed.
pub fn put(
    notices: &mut Vec<StandingNotice>,
    subject: NoticeSubject,
    text: Option<String>,
) -> bool {
    let before = notices
        .iter()
        .find(|notice| notice.subject == subject)
        .map(|notice| &notice.text);
    if before == text.as_ref() {
        return false;
    }
    notices.retain(|notice| notice.subject != subject);
    notices.extend(text.map(|text| StandingNotice { subject, text }));
    notices.sort_by_key(|notice| notice.subject);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_notice_about_each_subject() {
        let mut notices = Vec::new();
        let text = |text: &str| Some(text.to_owned());
        assert!(put(&mut notices, NoticeSubject::Blocklists, text("a")));
        assert!(put(&mut notices, NoticeSubject::Policy, text("b")));
        assert!(!put(&mut notices, NoticeSubject::Policy, text("b")));
        assert!(put(&mut notices, NoticeSubject::Policy, text("c")));
        let told: Vec<_> = notices.iter().map(|notice| notice.text.as_str()).collect();
        assert_eq!(told, ["c", "a"]);
        assert!(put(&mut notices, NoticeSubject::Policy, None));
        assert!(!put(&mut notices, NoticeSubject::Policy, None));
        assert_eq!(notices.len(), 1);
    }
}
