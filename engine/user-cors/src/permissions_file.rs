//! Lasting grants and denials as JSON: what the permissions page exports, imports and merges.
//!
//! ```json
//! {"version": 1,
//!  "grants": [{"topLevelSite": "https://app.example", "requester": "https://app.example",
//!              "target": "https://data.example", "methods": ["GET"], "headers": [],
//!              "created": 1700000000000, "lastUsed": 1700000000000}],
//!  "denials": [{"topLevelSite": "https://app.example", "requester": "https://app.example",
//!               "target": "https://bank.example", "created": 1700000000000}]}
//! ```
//!
//! A grant that holds through the egress only has `"way": "egress"`. Times are in milliseconds since the Unix epoch. A grant's end is not written: it follows from the click and the last
//! use, so that no file can grant for longer than a click can. Fields that are unknown here are kept.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    egress::WayOut,
    headers::{HeaderNames, MAX_HEADER_NAMES},
    json::{self, JsonError},
    methods::{MethodClass, Methods},
    origin::{Site, TupleOrigin},
    permission::{Coverage, Denial, Grant, PermissionKey, TargetNetwork},
};

/// The largest file that is read, in bytes.
pub const MAX_PERMISSIONS_BYTES: usize = 16 * 1024 * 1024;

/// The most grants, and the most denials, of a file.
pub const MAX_PERMISSIONS: usize = 50_000;

/// The most that an entry's unknown fields take as JSON, in bytes.
const MAX_UNKNOWN_BYTES: usize = 4096;

/// The version that this program writes.
const VERSION: u32 = 1;

/// Fields that are unknown here, from a program that knows more.
pub(crate) type UnknownFields = Map<String, Value>;

/// Grants and denials, as they are in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionsFile {
    #[serde(deserialize_with = "version")]
    version: u32,
    #[serde(deserialize_with = "bounded")]
    grants: Vec<GrantEntry>,
    #[serde(deserialize_with = "bounded")]
    denials: Vec<DenialEntry>,
    #[serde(flatten, deserialize_with = "unknown_fields")]
    unknown: UnknownFields,
}

/// A grant in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GrantEntry {
    #[serde(deserialize_with = "site", serialize_with = "as_text")]
    top_level_site: Site,
    #[serde(deserialize_with = "origin", serialize_with = "as_text")]
    requester: TupleOrigin,
    #[serde(deserialize_with = "origin", serialize_with = "as_text")]
    target: TupleOrigin,
    #[serde(
        default,
        deserialize_with = "way",
        serialize_with = "way_name",
        skip_serializing_if = "is_direct"
    )]
    way: WayOut,
    #[serde(deserialize_with = "methods", serialize_with = "method_names")]
    methods: Methods,
    #[serde(deserialize_with = "headers", serialize_with = "header_names")]
    headers: HeaderNames,
    #[serde(deserialize_with = "timestamp", serialize_with = "millis")]
    pub(crate) created: Timestamp,
    #[serde(deserialize_with = "timestamp", serialize_with = "millis")]
    pub(crate) last_used: Timestamp,
    #[serde(flatten, deserialize_with = "unknown_fields")]
    pub(crate) unknown: UnknownFields,
}

/// A denial in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DenialEntry {
    #[serde(deserialize_with = "site", serialize_with = "as_text")]
    top_level_site: Site,
    #[serde(deserialize_with = "origin", serialize_with = "as_text")]
    requester: TupleOrigin,
    #[serde(deserialize_with = "origin", serialize_with = "as_text")]
    target: TupleOrigin,
    #[serde(deserialize_with = "timestamp", serialize_with = "millis")]
    pub(crate) created: Timestamp,
    #[serde(flatten, deserialize_with = "unknown_fields")]
    pub(crate) unknown: UnknownFields,
}

/// What importing a file led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Grants that were added.
    pub grants: usize,
    /// Denials that were added.
    pub denials: usize,
    /// Entries that were not: ended, denied, there already, or of a kind that this profile does not keep.
    pub left_out: usize,
}

/// What importing a file would lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportPreview {
    /// The grants that would be added.
    pub grants: Vec<Grant>,
    /// The denials that would be added.
    pub denials: Vec<Denial>,
    /// How many lasting grants these denials would end.
    pub revoked: usize,
    /// How many entries would be left out.
    pub left_out: usize,
}

impl PermissionsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// For everything that is not exactly such a file, with line and column.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        if text.len() > MAX_PERMISSIONS_BYTES {
            return Err(JsonError {
                line: 0,
                column: 0,
                message: format!("the file is larger than {MAX_PERMISSIONS_BYTES} bytes"),
            });
        }
        json::parse(text)
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        // Every field is text, a number or JSON already, so that nothing here can fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// How many grants and denials there are.
    pub fn len(&self) -> usize {
        self.grants.len() + self.denials.len()
    }

    /// Whether there is neither.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Both files in one. A denial beats every grant under its key; of two grants for the same, the one that was used
    /// last stays; of two unknown fields of one name, this file's.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut unknown = other.unknown;
        unknown.extend(self.unknown);
        let mut denials: BTreeMap<PermissionKey, DenialEntry> = BTreeMap::new();
        for mut denial in self.denials.into_iter().chain(other.denials) {
            let entry = denials.entry(denial.key());
            entry
                .and_modify(|first| keep_known_first(&mut first.unknown, &mut denial.unknown))
                .or_insert(denial);
        }
        let mut grants: BTreeMap<_, GrantEntry> = BTreeMap::new();
        for mut grant in self.grants.into_iter().chain(other.grants) {
            if denials.contains_key(&grant.key()) {
                continue;
            }
            let entry =
                grants.entry((grant.key(), grant.way, grant.methods, grant.headers.clone()));
            entry
                .and_modify(|first| {
                    if (first.last_used, first.created) < (grant.last_used, grant.created) {
                        (first.created, first.last_used) = (grant.created, grant.last_used);
                    }
                    keep_known_first(&mut first.unknown, &mut grant.unknown);
                })
                .or_insert(grant);
        }
        Self {
            version: VERSION,
            grants: grants.into_values().collect(),
            denials: denials.into_values().collect(),
            unknown,
        }
    }

    pub(crate) fn new(grants: Vec<GrantEntry>, denials: Vec<DenialEntry>) -> Self {
        Self {
            version: VERSION,
            grants,
            denials,
            unknown: UnknownFields::new(),
        }
    }

    pub(crate) fn grants(&self) -> &[GrantEntry] {
        &self.grants
    }

    pub(crate) fn denials(&self) -> &[DenialEntry] {
        &self.denials
    }
}

impl GrantEntry {
    pub(crate) fn new(
        coverage: &Coverage,
        created: Timestamp,
        last_used: Timestamp,
        unknown: UnknownFields,
    ) -> Self {
        let key = coverage.key.clone();
        Self {
            top_level_site: key.top_level_site,
            requester: key.requester,
            target: key.target,
            way: coverage.way,
            methods: coverage.methods,
            headers: coverage.headers.clone(),
            created,
            last_used,
            unknown,
        }
    }

    fn key(&self) -> PermissionKey {
        PermissionKey {
            top_level_site: self.top_level_site.clone(),
            requester: self.requester.clone(),
            target: self.target.clone(),
        }
    }

    /// What it covers: public targets only, for no other grant lasts.
    pub(crate) fn coverage(&self) -> Coverage {
        Coverage {
            key: self.key(),
            network: TargetNetwork::Public,
            way: self.way,
            methods: self.methods,
            headers: self.headers.clone(),
        }
    }
}

impl DenialEntry {
    pub(crate) fn new(key: PermissionKey, created: Timestamp, unknown: UnknownFields) -> Self {
        Self {
            top_level_site: key.top_level_site,
            requester: key.requester,
            target: key.target,
            created,
            unknown,
        }
    }

    pub(crate) fn key(&self) -> PermissionKey {
        PermissionKey {
            top_level_site: self.top_level_site.clone(),
            requester: self.requester.clone(),
            target: self.target.clone(),
        }
    }
}

fn keep_known_first(first: &mut UnknownFields, second: &mut UnknownFields) {
    for (name, value) in std::mem::take(second) {
        first.entry(name).or_insert(value);
    }
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::custom(format_args!(
            "version {other} is not known here, only {VERSION} is"
        ))),
    }
}

/// A list of at most [`MAX_PERMISSIONS`] entries.
fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Entries<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX_PERMISSIONS {
                    return Err(A::Error::custom(format_args!(
                        "more than {MAX_PERMISSIONS} entries"
                    )));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Entries(std::marker::PhantomData))
}

fn unknown_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnknownFields, D::Error> {
    let fields = UnknownFields::deserialize(deserializer)?;
    let length = serde_json::to_string(&fields).map_or(usize::MAX, |text| text.len());
    if length > MAX_UNKNOWN_BYTES {
        return Err(D::Error::custom(format_args!(
            "unknown fields of more than {MAX_UNKNOWN_BYTES} bytes"
        )));
    }
    Ok(fields)
}

fn site<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Site, D::Error> {
    let text = String::deserialize(deserializer)?;
    Site::parse(&text).ok_or_else(|| {
        D::Error::custom(format_args!(
            "“{text}” is not a site such as https://example.com"
        ))
    })
}

fn origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TupleOrigin, D::Error> {
    let text = String::deserialize(deserializer)?;
    TupleOrigin::parse(&text).ok_or_else(|| {
        D::Error::custom(format_args!(
            "“{text}” is not an origin such as https://www.example.com"
        ))
    })
}

fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn way<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WayOut, D::Error> {
    let name = String::deserialize(deserializer)?;
    WayOut::parse(&name)
        .ok_or_else(|| D::Error::custom("the way is “direct”, as it is without one, or “egress”"))
}

fn way_name<S: Serializer>(way: &WayOut, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(way.as_str())
}

fn is_direct(way: &WayOut) -> bool {
    *way == WayOut::Direct
}

fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Methods, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let methods: Option<Methods> = names
        .iter()
        .map(|name| {
            MethodClass::ALL
                .into_iter()
                .find(|class| class.as_str() == name)
        })
        .collect();
    methods
        .filter(|methods| methods.may_persist())
        .ok_or_else(|| D::Error::custom("only GET and POST can be granted for longer"))
}

fn method_names<S: Serializer>(methods: &Methods, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(MethodClass::as_str))
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderNames, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.len() > MAX_HEADER_NAMES {
        return Err(D::Error::custom(format_args!(
            "more than {MAX_HEADER_NAMES} header names"
        )));
    }
    HeaderNames::parse(&names.join(","))
        .filter(|parsed| parsed.len() == names.len())
        .ok_or_else(|| D::Error::custom("header names are in lower case, and each comes once"))
}

fn header_names<S: Serializer>(names: &HeaderNames, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter())
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    i64::deserialize(deserializer).map(Timestamp::from_millis)
}

fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.as_millis())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grant(target: &str, more: &str) -> String {
        format!(
            r#"{{"topLevelSite": "https://app.example", "requester": "https://app.example",
                "target": "{target}", "methods": ["GET"], "headers": [], "created": 10, "lastUsed": 20{more}}}"#
        )
    }

    fn denial(target: &str) -> String {
        format!(
            r#"{{"topLevelSite": "https://app.example", "requester": "https://app.example",
                "target": "{target}", "created": 10}}"#
        )
    }

    fn file(grants: &[String], denials: &[String], more: &str) -> String {
        format!(
            r#"{{"version": 1, "grants": [{}], "denials": [{}]{more}}}"#,
            grants.join(","),
            denials.join(",")
        )
    }

    #[test]
    fn what_is_written_reads_back_with_unknown_fields() {
        let text = file(
            &[grant("https://b.example", r#", "note": {"by": "me"}"#)],
            &[denial("https://c.example")],
            r#", "profile": "work""#,
        );
        let parsed = PermissionsFile::parse(&text).unwrap();
        let written = parsed.to_json();
        assert!(
            written.contains("\"by\": \"me\"") && written.contains("\"work\""),
            "{written}"
        );
        assert_eq!(PermissionsFile::parse(&written), Ok(parsed));
    }

    #[test]
    fn errors_quote_little_and_nothing_that_deceives() {
        let long = "x".repeat(100_000);
        for target in [format!("https://\u{202E}{long}"), long] {
            let error = PermissionsFile::parse(&file(&[grant(&target, "")], &[], ""));
            let shown = error.unwrap_err().to_string();
            assert!(shown.chars().count() < 400, "{}", shown.len());
            assert!(!shown.contains('\u{202E}'), "{shown}");
        }
    }

    #[test]
    fn errors_have_a_place() {
        let good = grant("https://b.example", "");
        for (from, to) in [
            ("\"GET\"", "\"PUT\""),
            ("\"headers\": []", "\"headers\": [], \"way\": \"around\""),
            ("\"GET\"", ""),
            ("\"headers\": []", "\"headers\": [\"X-A\"]"),
            ("\"headers\": []", "\"headers\": [\"x-a,x-b\"]"),
            ("https://b.example", "https://b.example/"),
            (
                "\"topLevelSite\": \"https://app",
                "\"topLevelSite\": \"https://www.app",
            ),
            ("\"created\": 10", "\"created\": \"today\""),
            ("\"created\": 10,", ""),
        ] {
            let text = file(&[good.replace(from, to)], &[], "");
            let error = PermissionsFile::parse(&text).expect_err(to);
            assert!(
                error.line > 0 && !error.message.is_empty(),
                "{to}: {error:?}"
            );
        }
        for text in [
            "",
            "[]",
            "{}",
            r#"{"version": 2, "grants": [], "denials": []}"#,
        ] {
            assert!(PermissionsFile::parse(text).is_err(), "{text}");
        }
        let error = PermissionsFile::parse("{\"version\": 1,\n \"grants\": [],\n \"denials\": 5}")
            .unwrap_err();
        assert_eq!((error.line, error.column), (3, 13));
    }

    #[test]
    fn what_a_file_holds_is_bounded() {
        let long = format!(", \"note\": \"{}\"", "x".repeat(MAX_UNKNOWN_BYTES));
        let text = file(&[grant("https://b.example", &long)], &[], "");
        assert!(PermissionsFile::parse(&text).is_err());
        let many = vec![denial("https://b.example"); MAX_PERMISSIONS + 1];
        assert!(PermissionsFile::parse(&file(&[], &many, "")).is_err());
        assert!(PermissionsFile::parse(&" ".repeat(MAX_PERMISSIONS_BYTES + 1)).is_err());
    }

    #[test]
    fn merging() {
        let parse = |text: &str| PermissionsFile::parse(text).unwrap();
        let newer = grant("https://b.example", ", \"a\": 2, \"b\": 2")
            .replace("\"lastUsed\": 20", "\"lastUsed\": 30");
        let one = parse(&file(
            &[
                grant("https://b.example", ", \"a\": 1"),
                grant("https://c.example", ""),
            ],
            &[],
            ", \"x\": 1",
        ));
        let two = parse(&file(
            &[newer],
            &[denial("https://c.example")],
            ", \"x\": 2, \"y\": 2",
        ));
        let merged = one.clone().merge(two.clone());
        let only = merged.grants.first().unwrap();
        assert_eq!((merged.grants.len(), merged.denials.len()), (1, 1));
        assert_eq!(only.last_used, Timestamp::from_millis(30));
        let number = |fields: &UnknownFields, name: &str| fields.get(name).and_then(Value::as_i64);
        assert_eq!(
            (number(&only.unknown, "a"), number(&only.unknown, "b")),
            (Some(1), Some(2))
        );
        assert_eq!(
            (number(&merged.unknown, "x"), number(&merged.unknown, "y")),
            (Some(1), Some(2))
        );
        assert_eq!(merged.clone().merge(merged.clone()), merged);
    }

    proptest! {
        #[test]
        fn any_text_is_a_file_or_an_error(text in "\\PC{0,64}") {
            let _ = PermissionsFile::parse(&text);
            let _ = PermissionsFile::parse(&file(&[text], &[], ""));
        }
    }
}
