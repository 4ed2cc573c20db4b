//! Sets of header names: what a question shows and a grant covers. Values are never kept.

use std::{collections::BTreeSet, fmt};

use http::HeaderName;

/// The most header names that one request may carry and still be asked about: a question shows each of them.
pub const MAX_HEADER_NAMES: usize = 64;

/// A set of header names in lower case, in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderNames(BTreeSet<String>);

impl HeaderNames {
    /// The empty set.
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether every name in `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what [`fmt::Display`] writes. `None` if a name is not a header name in lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::new());
        }
        text.split(',')
            .map(|name| {
                let parsed = HeaderName::from_bytes(name.as_bytes()).ok()?;
                (parsed.as_str() == name).then(|| name.to_owned())
            })
            .collect::<Option<BTreeSet<_>>>()
            .map(Self)
    }
}

impl<'a> FromIterator<&'a HeaderName> for HeaderNames {
    fn from_iter<I: IntoIterator<Item = &'a HeaderName>>(names: I) -> Self {
        // `HeaderName` is in lower case already.
        Self(
            names
                .into_iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        )
    }
}

impl FromIterator<HeaderName> for HeaderNames {
    fn from_iter<I: IntoIterator<Item = HeaderName>>(names: I) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        )
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
        fn what_is_written_reads_back(list in prop::collection::vec("[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}", 0..6)) {
            let set: HeaderNames = list.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
            prop_assert_eq!(HeaderNames::parse(&set.to_string()), Some(set));
        }
    }
}
