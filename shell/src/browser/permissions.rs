//! What the permissions page shows: a copy of what the person allowed and refused, taken when the page is opened and
//! after each change.

use net::embedding::Embedding;
use time::OffsetDateTime;
use user_cors::{Denial, Grant, GrantId, GrantScope, PermissionKey, StoreError, Timestamp};

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
    /// What the answer was, how long it holds, and what it was used for, as text.
    pub description: String,
    /// What a search looks at, in lower case.
    searchable: String,
}

impl PermissionRow {
    /// The line of a permission. `is_suspended` says that it counts for nothing on the network of this moment.
    pub fn of_grant(grant: &Grant, is_suspended: bool) -> Self {
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
            parts.push(format!("with {names}"));
        }
        if let Some(expires) = grant.expires {
            parts.push(format!("until {}", day(expires)));
        }
        parts.push(match grant.usage.requests {
            0 => "not used yet".to_owned(),
            requests => format!(
                "last used {}, {requests} requests, {}",
                day(grant.last_used),
                size(grant.usage.bytes)
            ),
        });
        if is_suspended {
            parts.push("not on this network".to_owned());
        }
        Self::new(
            Subject::Grant(grant.id),
            &grant.coverage.key,
            grant.created,
            parts.join(" · "),
        )
    }

    /// The line of a *Never*.
    pub fn of_denial(denial: &Denial) -> Self {
        let description = format!("Never allowed · since {}", day(denial.created));
        Self::new(Subject::Denial, &denial.key, denial.created, description)
    }

    fn new(subject: Subject, key: &PermissionKey, created: Timestamp, description: String) -> Self {
        let searchable = format!(
            "{} {} {} {} {} {description}",
            key.requester,
            key.target,
            key.top_level_site,
            key.requester.display(),
            key.target.display(),
        )
        .to_lowercase();
        Self {
            subject,
            key: key.clone(),
            created,
            description,
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

/// What the page shows.
#[derive(Debug, Default)]
pub struct Permissions {
    /// The lines, newest first.
    pub rows: Vec<PermissionRow>,
    /// Counts the copies, so that what was made of one is known to be old.
    pub revision: u64,
    /// Why the last change could not be written.
    pub failure: Option<String>,
}

impl Permissions {
    /// Takes a new copy.
    pub fn refresh(&mut self) {
        let Some(embedding) = Embedding::get() else {
            return;
        };
        let model = embedding.user_cors();
        let grants = model.grants(embedding.now());
        self.replace(
            grants
                .iter()
                .map(|grant| PermissionRow::of_grant(grant, model.is_suspended(grant)))
                .chain(model.denials().iter().map(PermissionRow::of_denial))
                .collect(),
        );
    }

    /// Shows these lines from now on.
    pub fn replace(&mut self, mut rows: Vec<PermissionRow>) {
        rows.sort_by_key(|row| std::cmp::Reverse(row.created));
        self.rows = rows;
        self.revision += 1;
    }

    /// Ends one permission, and the requests under it.
    pub fn revoke(&mut self, id: GrantId) {
        self.change(|embedding| embedding.user_cors().revoke(id));
    }

    /// Forgets what was decided about a pair: the next request asks again.
    pub fn reset(&mut self, key: &PermissionKey) {
        self.change(|embedding| embedding.user_cors().reset(key));
    }

    /// Ends all permissions. What was refused stays.
    pub fn revoke_all(&mut self) {
        self.change(|embedding| embedding.user_cors().revoke_all());
    }

    fn change(&mut self, change: impl FnOnce(&Embedding) -> Result<(), StoreError>) {
        if let Some(embedding) = Embedding::get() {
            self.failure = change(embedding).err().map(|error| {
                log::error!("A permission that was taken back is still in the profile: {error}");
                error.to_string()
            });
        }
        self.refresh();
    }
}

/// The day of a moment, in UTC as the expiry is.
fn day(moment: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(moment.as_millis().div_euclid(1000)).map_or_else(
        |_| "an unknown day".to_owned(),
        |time| time.date().to_string(),
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use user_cors::TupleOrigin;

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
    fn a_copy_has_the_newest_first_and_a_new_number() {
        let old = denial("https://old.example", "https://api.example");
        let mut new = denial("https://new.example", "https://api.example");
        new.created = Timestamp::from_millis(90_000_000);
        let mut permissions = Permissions::default();
        permissions.replace(vec![old.clone(), new.clone()]);
        assert_eq!(permissions.rows, [new, old]);
        assert_eq!(permissions.revision, 1);
    }

    #[test]
    fn days_and_sizes_are_for_people() {
        assert_eq!(day(Timestamp::from_millis(86_400_000)), "1970-01-02");
        assert_eq!(day(Timestamp::from_millis(-1)), "1969-12-31");
        assert_eq!(day(Timestamp::from_millis(i64::MAX)), "an unknown day");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1024), "1 KiB");
        assert_eq!(size(3 << 20), "3 MiB");
    }
}
