//! Cookies that each top-level site has for itself:
//! [CHIPS](https://datatracker.ietf.org/doc/html/draft-cutler-httpbis-partitioned-cookies).

use servo_url::ServoUrl;
use user_cors::{Site, TupleOrigin};

use super::same_site::SameSiteContext;

/// Below which top-level site a request is made, or a call that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CookiePartition {
    /// Below this one.
    Of(Site),
    /// Below the site of its own URL. Of script and of the embedding program only that is known.
    OwnSite,
    /// That is not known: there are no partitioned cookies for it.
    Unknown,
}

impl CookiePartition {
    /// The [cookie's partition key](https://datatracker.ietf.org/doc/html/draft-cutler-httpbis-partitioned-cookies#section-2.2)
    /// for cookies of `url`; `None` if it cannot have any.
    ///
    /// FIXME: Whether a frame of another site is between the page and the top is no part of the key.
    pub(super) fn key(&self, url: &ServoUrl) -> Option<Site> {
        match self {
            Self::Of(site) => Some(site.clone()),
            Self::OwnSite => TupleOrigin::from_url(url.as_url()).map(|origin| origin.site()),
            Self::Unknown => None,
        }
    }
}

/// How a request, or a call of script, stands to the cookies of its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieContext {
    /// Whether it is same-site.
    pub same_site: SameSiteContext,
    /// Whose partitioned cookies it has.
    pub partition: CookiePartition,
}

/// A context whose partition is its own site's.
impl From<SameSiteContext> for CookieContext {
    fn from(same_site: SameSiteContext) -> Self {
        Self {
            same_site,
            partition: CookiePartition::OwnSite,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use servo_default_resources as _;

    use super::*;
    use crate::cookies::{CookieJar, CookieRefusal};

    const THIRD: &str = "https://third.example/";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn below(site: &str) -> CookieContext {
        CookieContext {
            same_site: SameSiteContext::CrossSite,
            partition: CookiePartition::Of(Site::parse(site).unwrap()),
        }
    }

    fn set(jar: &mut CookieJar, context: CookieContext, cookie: &str) -> Result<(), CookieRefusal> {
        let url = ServoUrl::parse(THIRD).unwrap();
        jar.set_from_header(&url, cookie.as_bytes(), context, at(0))
    }

    fn sent(jar: &mut CookieJar, context: CookieContext) -> String {
        let url = ServoUrl::parse(THIRD).unwrap();
        let header = jar.cookie_header(&url, context, at(1));
        header.map_or(String::new(), |header| header.to_str().unwrap().to_owned())
    }

    #[test]
    fn each_top_level_site_has_its_own() {
        let mut jar = CookieJar::new();
        let one = below("https://one.example");
        let two = below("https://two.example");
        const PARTITIONED: &str = "; Secure; SameSite=None; Partitioned";
        set(&mut jar, one.clone(), &format!("a=1{PARTITIONED}")).unwrap();
        set(&mut jar, two.clone(), &format!("a=2{PARTITIONED}")).unwrap();
        set(&mut jar, one.clone(), "b=3; Secure; SameSite=None").unwrap();
        assert_eq!(sent(&mut jar, one.clone()), "a=1; b=3");
        assert_eq!(sent(&mut jar, two.clone()), "a=2; b=3");
        assert_eq!(sent(&mut jar, SameSiteContext::SameSite.into()), "b=3");
        let unknown = CookieContext {
            partition: CookiePartition::Unknown,
            ..one.clone()
        };
        assert_eq!(sent(&mut jar, unknown.clone()), "b=3");
        // One does not replace the other, with or without a partition.
        set(&mut jar, two.clone(), "a=4; Secure; SameSite=None").unwrap();
        assert_eq!(sent(&mut jar, one), "a=1; b=3; a=4");
        assert_eq!(jar.len(), 4);
        assert_eq!(
            set(&mut jar, unknown, &format!("c=1{PARTITIONED}")),
            Err(CookieRefusal::NoPartition)
        );
        assert_eq!(
            set(&mut jar, two, "c=1; Partitioned"),
            Err(CookieRefusal::CrossSite)
        );
        assert_eq!(
            set(
                &mut jar,
                SameSiteContext::SameSite.into(),
                "c=1; Partitioned"
            ),
            Err(CookieRefusal::PartitionedWithoutSecure)
        );
    }

    #[test]
    fn a_partition_that_is_full_leaves_the_others_alone() {
        let mut jar = CookieJar::new();
        let full = below("https://full.example");
        let other = below("https://other.example");
        set(
            &mut jar,
            other.clone(),
            "kept=1; Secure; SameSite=None; Partitioned",
        )
        .unwrap();
        for number in 0..400 {
            let cookie = format!("a{number}=1; Secure; SameSite=None; Partitioned");
            set(&mut jar, full.clone(), &cookie).unwrap();
        }
        assert_eq!(sent(&mut jar, other), "kept=1");
        let count = sent(&mut jar, full).split("; ").count();
        assert!((150..=180).contains(&count), "{count}");
    }

    #[test]
    fn a_site_clears_what_it_has_below_a_site() {
        let mut jar = CookieJar::new();
        let one = below("https://one.example");
        let two = below("https://two.example");
        for (context, cookie) in [
            (one.clone(), "a=1; Secure; SameSite=None; Partitioned"),
            (two.clone(), "a=2; Secure; SameSite=None; Partitioned"),
            (
                two.clone(),
                "b=3; Secure; SameSite=None; Domain=third.example",
            ),
        ] {
            set(&mut jar, context, cookie).unwrap();
        }
        let elsewhere = ServoUrl::parse("https://other.example/").unwrap();
        jar.clear_for_origin(&elsewhere, &two.partition);
        assert_eq!(sent(&mut jar, two.clone()), "a=2; b=3");
        let subdomain = ServoUrl::parse("https://www.third.example/").unwrap();
        jar.clear_for_origin(&subdomain, &two.partition);
        assert_eq!(sent(&mut jar, two), "");
        assert_eq!(sent(&mut jar, one), "a=1");
    }

    #[test]
    fn they_are_kept_in_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        let mut jar = CookieJar::new();
        let one = below("https://one.example");
        let cookie = "a=1; Secure; SameSite=None; Partitioned; Max-Age=60";
        set(&mut jar, one.clone(), cookie).unwrap();
        jar.save(folder.path(), at(0)).unwrap();
        let mut jar = CookieJar::load(folder.path(), at(0));
        assert_eq!(sent(&mut jar, one), "a=1");
        assert_eq!(sent(&mut jar, below("https://two.example")), "");
    }
}
