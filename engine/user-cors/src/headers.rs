//! Sets of header names: what a question shows and a grant covers. Values are never kept.

use std::{fmt, sync::Arc};

use http::HeaderName;

/// The most header names that one request may carry and still be asked about: a question shows each of them.
pub const MAX_HEADER_NAMES: usize = 64;

/// A set of header names in lower case, in alphabetical order. A clone is another handle to the same set.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderNames(Option<Arc<[Box<str>]>>);

impl HeaderNames {
    /// The empty set.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The set of these names, which are in lower case.
    fn of(names: impl Iterator<Item = Box<str>>) -> Self {
        let mut names: Vec<Box<str>> = names.collect();
        if names.is_empty() {
            return Self(None);
        }
        names.sort_unstable();
        names.dedup();
        Self(Some(names.into()))
    }

    fn names(&self) -> &[Box<str>] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The set of these names: this one, if they are its own.
    #[must_use]
    pub fn matching(&self, names: &[HeaderName]) -> Self {
        if self.iter().eq(names.iter().map(HeaderName::as_str)) {
            self.clone()
        } else {
            names.iter().collect()
        }
    }

    /// Whether every name in `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        let has = |name| self.names().binary_search(name).is_ok();
        other.names().iter().all(has)
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names().iter().map(|name| &**name)
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.names().len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Reads what [`fmt::Display`] writes. `None` if a name is not a header name in lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::new());
        }
        let names: Option<Vec<Box<str>>> = text
            .split(',')
            .map(|name| {
                let parsed = HeaderName::from_bytes(name.as_bytes()).ok()?;
                (parsed.as_str() == name).then(|| name.into())
            })
            .collect();
        Some(Self::of(names?.into_iter()))
    }
}

impl<'a> FromIterator<&'a HeaderName> for HeaderNames {
    fn from_iter<I: IntoIterator<Item = &'a HeaderName>>(names: I) -> Self {
        // `HeaderName` is in lower case already.
        Self::of(names.into_iter().map(|name| name.as_str().into()))
    }
}

impl FromIterator<HeaderName> for HeaderNames {
    fn from_iter<I: IntoIterator<Item = HeaderName>>(names: I) -> Self {
        Self::of(names.into_iter().map(|name| name.as_str().into()))
    }
}

impl fmt::Display for HeaderNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(list: &[&str]) -> HeaderNames {
        list.iter()
            .map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(names(&["X-One", "x-one"]), names(&["x-ONE"]));
        assert!(names(&["a", "b"]).covers(&names(&["A"])));
        assert!(!names(&["a"]).covers(&names(&["a", "b"])));
        assert!(names(&[]).covers(&names(&[])));
    }

    #[test]
    fn stored_text_is_strict() {
        assert_eq!(HeaderNames::parse("a,X-B"), None);
        assert_eq!(HeaderNames::parse("a,,b"), None);
        assert_eq!(HeaderNames::parse("a b"), None);
        assert_eq!(HeaderNames::parse(""), Some(HeaderNames::new()));
    }

    proptest! {
        #[test]
        fn a_set_is_the_same_however_it_is_made(
            list in prop::collection::vec("[ab]{1,2}", 0..4),
            other in prop::collection::vec("[ab]{1,2}", 0..4),
        ) {
            let parse = |list: &[String]| -> Vec<HeaderName> {
                list.iter().map(|name| name.parse().unwrap()).collect()
            };
            let (list, other) = (parse(&list), parse(&other));
            let (set, expected): (HeaderNames, HeaderNames) =
                (list.iter().collect(), other.iter().collect());
            prop_assert_eq!(set.matching(&other), expected.clone());
            let has = |name: &HeaderName| list.contains(name);
            prop_assert_eq!(set.covers(&expected), other.iter().all(has));
            prop_assert_eq!(expected.is_empty(), other.is_empty());
        }

        #[test]
        fn what_is_written_reads_back(list in prop::collection::vec("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}", 0..6)) {
            let set: HeaderNames = list.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
            prop_assert_eq!(HeaderNames::parse(&set.to_string()), Some(set));
        }
    }
}
