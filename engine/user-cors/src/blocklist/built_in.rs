//! The blocklist of every profile: few domains, by category, each category with its reason.
//!
//! What belongs here is what a question cannot make safe: where a careful person who reads the question still could not
//! know what they give away. Whether a site is liked is no reason. An entry covers the domain and everything below it.

use crate::origin::TupleOrigin;

/// Why domains are on the built-in list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltInCategory {
    /// Names that lead to a device at home.
    HomeDevices,
    /// Names that spell the address they lead to.
    SpelledAddresses,
    /// Publishers that know their readers by network address.
    AddressIsLogin,
}

impl BuiltInCategory {
    /// All categories.
    pub const ALL: [Self; 3] = [
        Self::HomeDevices,
        Self::SpelledAddresses,
        Self::AddressIsLogin,
    ];

    /// The reason, as one sentence for the person.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HomeDevices => {
                "These names lead to routers and other devices at home, which trust whoever reaches them from there."
            },
            Self::SpelledAddresses => {
                "These names lead to any address that is spelled in them, also to those of your own network."
            },
            Self::AddressIsLogin => {
                "These publishers know libraries and universities by their network address, so your address is the login."
            },
        }
    }

    /// The domains, sorted.
    pub const fn domains(self) -> &'static [&'static str] {
        match self {
            Self::HomeDevices => &[
                "asusrouter.com",
                "fritz.box",
                "myfritz.net",
                "mywifiext.net",
                "orbilogin.com",
                "orbilogin.net",
                "plex.direct",
                "routerlogin.com",
                "routerlogin.net",
                "tplinkmodem.net",
                "tplinkwifi.net",
            ],
            Self::SpelledAddresses => &[
                "lacolhost.com",
                "localtest.me",
                "lvh.me",
                "nip.io",
                "sslip.io",
                "traefik.me",
                "vcap.me",
                "xip.io",
            ],
            Self::AddressIsLogin => &[
                "dl.acm.org",
                "ieeexplore.ieee.org",
                "jstor.org",
                "link.springer.com",
                "onlinelibrary.wiley.com",
                "sciencedirect.com",
                "scopus.com",
                "tandfonline.com",
                "webofscience.com",
            ],
        }
    }

    /// The category that names a target, if one does.
    pub fn of(target: &TupleOrigin) -> Option<Self> {
        super::domains_above(target).find_map(|domain| {
            Self::ALL
                .into_iter()
                .find(|category| category.domains().binary_search(&domain).is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::host_name;

    #[test]
    fn each_category_is_a_sorted_list_of_names_with_a_reason() {
        for category in BuiltInCategory::ALL {
            let domains = category.domains();
            assert!(domains.is_sorted() && !domains.is_empty(), "{category:?}");
            assert!(category.reason().ends_with('.'), "{category:?}");
            for domain in domains {
                assert_eq!(host_name(domain).as_deref(), Some(*domain));
            }
        }
    }

    #[test]
    fn entries_cover_what_is_below_them() {
        for (text, expected) in [
            (
                "https://10-0-0-1.abc.plex.direct:32400",
                Some(BuiltInCategory::HomeDevices),
            ),
            (
                "https://10.0.0.1.sslip.io",
                Some(BuiltInCategory::SpelledAddresses),
            ),
            (
                "https://www.jstor.org.",
                Some(BuiltInCategory::AddressIsLogin),
            ),
            ("https://acm.org", None),
            ("https://notjstor.org", None),
            ("https://10.0.0.1", None),
        ] {
            let target = TupleOrigin::parse(text).unwrap();
            assert_eq!(BuiltInCategory::of(&target), expected, "{text}");
        }
    }
}
