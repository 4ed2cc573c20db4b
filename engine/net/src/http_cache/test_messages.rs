//! Requests and responses for the tests of the cache, in short.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use servo_url::ServoUrl;
use user_cors::Site;

use super::CacheKey;
use crate::connection::{ConnectionCredentials, NetworkPartitionKey};

/// The URL that most tests use.
pub(super) const URL: &str = "https://example.com/";

/// A time of the tests, so many seconds after their first one.
pub(super) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// Header fields, as in `Name: value|Name: value`.
pub(super) fn headers(fields: &str) -> HeaderMap {
    let fields = fields.split('|').filter_map(|field| field.split_once(": "));
    fields
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

/// The key of a URL for pages of `site`.
pub(super) fn key_of(
    site: Option<&str>,
    credentials: ConnectionCredentials,
    url: &str,
) -> CacheKey {
    let partition = NetworkPartitionKey(site.map(|site| Site::parse(site).unwrap()));
    CacheKey::new(partition, credentials, &ServoUrl::parse(url).unwrap())
}
