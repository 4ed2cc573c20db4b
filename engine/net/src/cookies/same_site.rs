//! Which requests from other sites a cookie goes with.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How a request, or a call of script, stands to the site that its cookies belong to.
///
/// The caller of the cookie store computes it, from the request's
/// [same-site status](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSiteContext {
    /// A same-site request, a navigation that the user started, or a call that is no request.
    SameSite,
    /// A cross-site request that navigates a tab.
    CrossSiteNavigation {
        /// Whether its method is [safe](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1).
        safe_method: bool,
    },
    /// Any other cross-site request.
    CrossSite,
}

/// A cookie's same-site-flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SameSiteFlag {
    /// It goes with requests from anywhere.
    None,
    /// It goes with navigations by safe methods from anywhere.
    Lax,
    /// It goes with same-site requests only.
    Strict,
    /// Nothing was said: like [`Self::Lax`], and with navigations by any method for two minutes.
    #[default]
    Default,
}

/// How long a cookie that says nothing of `SameSite` goes with navigations by unsafe methods.
const LAX_ALLOWING_UNSAFE: Duration = Duration::from_secs(2 * 60);

impl SameSiteFlag {
    /// The attribute's value, without regard to case; unknown values are the default.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6.7>
    pub(super) fn parse(attribute_value: &[u8]) -> Self {
        if attribute_value.eq_ignore_ascii_case(b"None") {
            Self::None
        } else if attribute_value.eq_ignore_ascii_case(b"Strict") {
            Self::Strict
        } else if attribute_value.eq_ignore_ascii_case(b"Lax") {
            Self::Lax
        } else {
            Self::Default
        }
    }

    /// Whether a cookie created at `creation_time` may be sent.
    ///
    /// The sixth condition of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3>, step 1.
    pub(super) fn allows_retrieval(
        self,
        context: SameSiteContext,
        creation_time: SystemTime,
        now: SystemTime,
    ) -> bool {
        match (context, self) {
            (SameSiteContext::SameSite, _) | (_, Self::None) => true,
            (SameSiteContext::CrossSite, _) | (_, Self::Strict) => false,
            (SameSiteContext::CrossSiteNavigation { safe_method }, Self::Lax) => safe_method,
            // https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6.7.2
            (SameSiteContext::CrossSiteNavigation { safe_method }, Self::Default) => {
                safe_method
                    || now
                        .duration_since(creation_time)
                        .unwrap_or_default()
                        .le(&LAX_ALLOWING_UNSAFE)
            },
        }
    }

    /// Whether a response to a request like this may set the cookie.
    ///
    /// Step 18 of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7>
    pub(super) fn allows_storage(self, context: SameSiteContext) -> bool {
        // 18. If the same-site-flag is not "None":
        // 18.2. A same-site request may set it,
        // 18.3. and so may a navigation of a tab.
        // 18.4. Nothing else may.
        self == Self::None || context != SameSiteContext::CrossSite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_contexts() {
        use SameSiteFlag::{Default, Lax, None, Strict};
        const SAFE: SameSiteContext = SameSiteContext::CrossSiteNavigation { safe_method: true };
        const UNSAFE: SameSiteContext = SameSiteContext::CrossSiteNavigation { safe_method: false };
        let created = SystemTime::UNIX_EPOCH;
        for (seconds, context, allowed) in [
            (
                0,
                SameSiteContext::SameSite,
                &[None, Lax, Strict, Default][..],
            ),
            (0, SAFE, &[None, Lax, Default]),
            (0, UNSAFE, &[None, Default]),
            (120, UNSAFE, &[None, Default]),
            (121, UNSAFE, &[None]),
            (121, SAFE, &[None, Lax, Default]),
            (0, SameSiteContext::CrossSite, &[None]),
        ] {
            for flag in [None, Lax, Strict, Default] {
                assert_eq!(
                    flag.allows_retrieval(context, created, created + Duration::from_secs(seconds)),
                    allowed.contains(&flag),
                    "{flag:?} {context:?} after {seconds} s"
                );
            }
        }
    }

    #[test]
    fn only_subresources_of_other_sites_cannot_set() {
        assert!(SameSiteFlag::None.allows_storage(SameSiteContext::CrossSite));
        for flag in [
            SameSiteFlag::Lax,
            SameSiteFlag::Strict,
            SameSiteFlag::Default,
        ] {
            assert!(!flag.allows_storage(SameSiteContext::CrossSite));
            assert!(flag.allows_storage(SameSiteContext::SameSite));
            assert!(
                flag.allows_storage(SameSiteContext::CrossSiteNavigation { safe_method: false })
            );
        }
    }

    #[test]
    fn values() {
        for (value, flag) in [
            ("none", SameSiteFlag::None),
            ("STRICT", SameSiteFlag::Strict),
            ("lax", SameSiteFlag::Lax),
            ("", SameSiteFlag::Default),
            ("Laxer", SameSiteFlag::Default),
        ] {
            assert_eq!(SameSiteFlag::parse(value.as_bytes()), flag);
        }
    }
}
