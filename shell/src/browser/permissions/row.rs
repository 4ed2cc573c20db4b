//! One line of what was allowed or refused.

use user_cors::{Budget, Denial, Grant, GrantId, GrantScope, PermissionKey, Timestamp, WayOut};

use super::words::{count, day, grouped, size};

/// The most characters of a list of header names that are shown.
const MAX_SHOWN_HEADERS: usize = 120;

/// What is there to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A permission.
    Grant(GrantId),
    /// A *Never*.
    Denial,
}

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRow {
    /// What it is.
    pub subject: Subject,
    /// For whom and about whom.
    pub key: PermissionKey,
    /// The click.
    pub created: Timestamp,
    /// The last use; the click, if there was none.
    pub last_used: Timestamp,
    /// How many bytes were read under it.
    pub bytes: u64,
    /// What the answer was, and how long it holds, as text.
    pub description: String,
    /// What a permission was used for, and what is left of its budget, as text.
    pub usage: Option<String>,
    /// Why it counts for nothing at this moment, if it does not.
    pub suspended: Option<String>,
    /// What a search looks at, in lower case.
    searchable: String,
}

impl PermissionRow {
    /// The line of a permission. `is_suspended` says that it counts for nothing on the network of this moment.
    pub fn of_grant(grant: &Grant, is_suspended: bool, budget: &Budget, now: Timestamp) -> Self {
        let mut parts = vec![
            match grant.scope {
                GrantScope::Once => "Allowed once".to_owned(),
                GrantScope::Visit => "Allowed for this visit".to_owned(),
                GrantScope::Persistent => "Always allowed".to_owned(),
            },
            grant.coverage.methods.to_string(),
        ];
        if !grant.coverage.headers.is_empty() {
            let names: Vec<_> = grant.coverage.headers.iter().collect();
            let names = user_cors::bounded_escaped(&names.join(", "), MAX_SHOWN_HEADERS);
            let what = match grant.coverage.headers.len() {
                1 => "header",
                _ => "headers",
            };
            parts.push(format!("with the {what} {names}"));
        }
        if grant.coverage.way == WayOut::Egress {
            parts.push("through the egress only".to_owned());
        }
        if let Some(expires) = grant.expires {
            parts.push(format!("until {}", day(expires)));
        }
        let usage = &grant.usage;
        let used = match usage.requests {
            0 => "Not used yet".to_owned(),
            requests => format!(
                "Last used {}, {}, {} · today {} of {} and {} of {}",
                day(grant.last_used),
                count(requests, "request", "requests"),
                size(usage.bytes),
                grouped(usage.day.requests),
                count(budget.requests, "request", "requests"),
                size(usage.day.bytes),
                size(budget.bytes)
            ),
        };
        let suspended = if is_suspended {
            Some("Suspended: given on another network".to_owned())
        } else if usage.is_spent(budget, now) {
            Some("Used up for today: the next request asks".to_owned())
        } else {
            None
        };
        Self {
            last_used: grant.last_used,
            bytes: usage.bytes,
            usage: Some(used),
            ..Self::new(
                Subject::Grant(grant.id),
                &grant.coverage.key,
                grant.created,
                parts.join(" · "),
                suspended,
            )
        }
    }

    /// The line of a *Never*.
    pub fn of_denial(denial: &Denial) -> Self {
        let description = format!("Never allowed · since {}", day(denial.created));
        Self::new(
            Subject::Denial,
            &denial.key,
            denial.created,
            description,
            None,
        )
    }

    fn new(
        subject: Subject,
        key: &PermissionKey,
        created: Timestamp,
        mut description: String,
        suspended: Option<String>,
    ) -> Self {
        // Whose grants they are is the requester; on whose pages says something only where that is another site.
        if key.requester.site() != key.top_level_site {
            description.push_str(&format!(" · on pages of {}", key.top_level_site));
        }
        let searchable = format!(
            "{} {} {} {} {} {description} {}",
            key.requester,
            key.target,
            key.top_level_site,
            key.requester.display(),
            key.target.display(),
            suspended.as_deref().unwrap_or_default(),
        )
        .to_lowercase();
        Self {
            subject,
            key: key.clone(),
            created,
            last_used: created,
            bytes: 0,
            description,
            usage: None,
            suspended,
            searchable,
        }
    }

    /// Whether all words of a search, in lower case, occur here.
    pub fn fits(&self, words: &str) -> bool {
        words
            .split_whitespace()
            .all(|word| self.searchable.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use user_cors::TupleOrigin;

    use super::super::tests::{NOW, model};
    use super::*;

    fn denial(requester: &str, target: &str) -> PermissionRow {
        let requester = TupleOrigin::parse(requester).unwrap();
        PermissionRow::of_denial(&Denial {
            key: PermissionKey {
                top_level_site: requester.site(),
                requester,
                target: TupleOrigin::parse(target).unwrap(),
            },
            created: Timestamp::from_millis(86_400_000),
        })
    }

    #[test]
    fn a_search_needs_all_its_words() {
        let row = denial("https://reader.example", "https://api.photos.example");
        for (words, fits) in [
            ("", true),
            ("photos", true),
            ("reader never", true),
            ("reader always", false),
            ("other", false),
        ] {
            assert_eq!(row.fits(words), fits, "{words}");
        }
    }

    #[test]
    fn a_grant_says_what_it_gives_and_why_it_gives_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut grant = model(&folder).grants(NOW).remove(0);
        let budget = Budget::default();
        let row = PermissionRow::of_grant(&grant, false, &budget, NOW);
        assert!(
            row.description
                .starts_with("Always allowed · GET · until 2023-12-14"),
            "{}",
            row.description
        );
        assert_eq!(row.usage.as_deref(), Some("Not used yet"));
        assert_eq!(row.suspended, None);
        grant.usage.requests = 2;
        grant.usage.day.began = NOW;
        grant.usage.day.requests = budget.requests;
        grant.usage.day.bytes = 1 << 20;
        let row = PermissionRow::of_grant(&grant, false, &budget, NOW);
        let used = row.usage.unwrap();
        assert!(used.contains("requests and 1 MiB of"), "{used}");
        assert!(row.suspended.unwrap().starts_with("Used up"));
        grant.coverage.way = WayOut::Egress;
        let row = PermissionRow::of_grant(&grant, true, &budget, NOW);
        assert!(row.fits("suspended") && row.fits("egress"), "{row:?}");
    }
}
