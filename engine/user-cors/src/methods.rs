//! The methods that a grant can cover. GET and HEAD count as one.

use std::fmt;

use http::Method;

/// One class of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodClass {
    /// `GET` and `HEAD`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl MethodClass {
    /// All classes.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The class of a method, compared with its case; `None` if no grant can cover it.
    pub fn from_method(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// Whether requests of this class only read, so that sending one twice does no harm.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }

    /// The class's name for display.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Get => 1,
            Self::Post => 2,
            Self::Put => 4,
            Self::Patch => 8,
            Self::Delete => 16,
        }
    }
}

impl fmt::Display for MethodClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of method classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Methods(u8);

impl Methods {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Whether the set has this class.
    pub const fn contains(self, class: MethodClass) -> bool {
        self.0 & class.bit() != 0
    }

    /// This set with one class more.
    #[must_use]
    pub const fn with(self, class: MethodClass) -> Self {
        Self(self.0 | class.bit())
    }

    /// The classes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every class of `other` is in this set.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The classes, in their fixed order.
    pub fn iter(self) -> impl Iterator<Item = MethodClass> {
        MethodClass::ALL
            .into_iter()
            .filter(move |class| self.contains(*class))
    }

    /// Whether a grant for these methods may last: only GET and POST.
    pub const fn may_persist(self) -> bool {
        !self.is_empty()
            && Self::NONE
                .with(MethodClass::Get)
                .with(MethodClass::Post)
                .covers(self)
    }

    /// The set as a number for the store.
    pub(crate) const fn to_bits(self) -> u8 {
        self.0
    }

    /// Reads what [`Self::to_bits`] wrote; `None` for unknown bits and for the empty set.
    pub(crate) fn from_bits(bits: i64) -> Option<Self> {
        let bits = u8::try_from(bits).ok()?;
        (bits != 0 && bits < 32).then_some(Self(bits))
    }
}

impl FromIterator<MethodClass> for Methods {
    fn from_iter<I: IntoIterator<Item = MethodClass>>(classes: I) -> Self {
        classes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, class) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(class.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_and_head_are_one() {
        let methods: Methods = [MethodClass::Get].into_iter().collect();
        assert!(methods.contains(MethodClass::from_method(&Method::HEAD).unwrap()));
        assert!(!methods.contains(MethodClass::Post));
    }

    #[test]
    fn only_get_and_post_may_persist() {
        for class in MethodClass::ALL {
            let expected = matches!(class, MethodClass::Get | MethodClass::Post);
            assert_eq!(Methods::NONE.with(class).may_persist(), expected, "{class}");
        }
        assert!(!Methods::NONE.may_persist());
        assert!(
            !Methods::NONE
                .with(MethodClass::Get)
                .with(MethodClass::Delete)
                .may_persist()
        );
    }

    #[test]
    fn bits_read_back_and_unknown_bits_do_not() {
        for bits in -1..64 {
            let read = Methods::from_bits(bits);
            assert_eq!(
                read.map(|methods| i64::from(methods.to_bits())),
                (1..32).contains(&bits).then_some(bits)
            );
        }
    }
}
