//! What was read: pages of the ledger, newest first.

use user_cors::{LedgerCursor, LedgerQuery, LedgerRecord, UserCors};

use super::words::{minute, size};

/// How many records are shown at first, and added when more are asked for.
const PAGE: usize = 200;

/// One response that a page was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Who read, and from whom.
    pub key: user_cors::PermissionKey,
    /// When, what, and how much, as text.
    pub description: String,
}

impl LedgerRow {
    /// The line of a record.
    pub fn new(record: &LedgerRecord) -> Self {
        let path = user_cors::bounded_escaped(&record.path, 120);
        let method = user_cors::bounded_escaped(&record.method, 20);
        let mut parts = vec![
            minute(record.time),
            format!("{method} {path}"),
            format!("status {}", record.status),
            size(record.bytes),
        ];
        if let Some(peer) = record.peer {
            parts.push(format!("from {peer}"));
        }
        parts.push(match record.basis {
            user_cors::LedgerBasis::Policy => "allowed by policy".to_owned(),
            user_cors::LedgerBasis::Grant(_, scope) => match scope {
                user_cors::GrantScope::Once => "allowed once".to_owned(),
                user_cors::GrantScope::Visit => "allowed for a visit".to_owned(),
                user_cors::GrantScope::Persistent => "always allowed".to_owned(),
            },
        });
        Self {
            key: record.key.clone(),
            description: parts.join(" · "),
        }
    }
}

/// The ledger as far as it is shown.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What is searched for.
    pub search: String,
    /// The records that fit, newest first, as far as they were asked for.
    pub rows: Vec<LedgerRow>,
    /// How many there are that fit.
    pub total: usize,
    /// Why they cannot be read.
    pub failure: Option<String>,
    next: Option<LedgerCursor>,
}

impl Ledger {
    /// The query of what is searched for.
    pub fn query(&self) -> LedgerQuery {
        LedgerQuery {
            text: self.search.trim().to_owned(),
            ..LedgerQuery::default()
        }
    }

    /// Whether there are more that fit.
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Reads the newest records that fit.
    pub fn refresh_from(&mut self, model: &UserCors) {
        self.rows.clear();
        self.total = 0;
        self.next = None;
        self.read(model, self.query());
    }

    /// Reads more records, older ones.
    pub fn more_from(&mut self, model: &UserCors) {
        if self.next.is_some() {
            let query = LedgerQuery {
                after: self.next,
                ..self.query()
            };
            self.read(model, query);
        }
    }

    fn read(&mut self, model: &UserCors, query: LedgerQuery) {
        let is_first = query.after.is_none();
        match model.ledger(&query, PAGE) {
            Ok(page) => {
                self.rows.extend(page.records.iter().map(LedgerRow::new));
                if is_first {
                    self.total = page.total;
                }
                self.next = page.next;
                self.failure = None;
            },
            Err(error) => {
                self.next = None;
                self.failure = Some(error.to_string());
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use user_cors::{GrantScope, LedgerBasis, PermissionKey, TupleOrigin};

    use super::super::tests::{NOW, model};
    use super::*;

    #[test]
    fn a_line_says_when_what_how_much_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let id = model(&folder).grants(NOW)[0].id;
        let requester = TupleOrigin::parse("https://app.example").unwrap();
        let row = LedgerRow::new(&LedgerRecord {
            time: NOW,
            key: PermissionKey {
                top_level_site: requester.site(),
                requester,
                target: TupleOrigin::parse("https://data.example").unwrap(),
            },
            path: "/a\u{202e}b".to_owned(),
            method: "GET".to_owned(),
            status: 200,
            bytes: 2048,
            digest: None,
            peer: Some("93.184.216.34".parse().unwrap()),
            basis: LedgerBasis::Grant(id, GrantScope::Visit),
        });
        assert!(
            row.description.starts_with("2023-11-14 22:13 UTC · GET /a"),
            "{row:?}"
        );
        assert!(
            row.description
                .ends_with("status 200 · 2 KiB · from 93.184.216.34 · allowed for a visit"),
            "{row:?}"
        );
        assert!(!row.description.contains('\u{202e}'));
    }

    #[test]
    fn an_empty_ledger_has_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&folder);
        let mut ledger = Ledger {
            search: " x ".to_owned(),
            ..Ledger::default()
        };
        ledger.refresh_from(&model);
        ledger.more_from(&model);
        assert_eq!((ledger.rows.len(), ledger.total), (0, 0));
        assert!(!ledger.has_more() && ledger.failure.is_none());
        assert_eq!(ledger.query().text, "x");
    }
}
