//! What tells entries of the cache apart.

use http::{HeaderMap, Method};
use servo_url::ServoUrl;

use super::cache_control::CacheControl;
use super::no_vary_search::without_query;
use crate::connection::{ConnectionCredentials, NetworkPartitionKey};

/// The primary [cache key](https://www.rfc-editor.org/rfc/rfc9111#section-2). The method is always GET.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    partition: NetworkPartitionKey,
    credentials: ConnectionCredentials,
    url: ServoUrl,
}

impl CacheKey {
    /// The key of a request to `url`, whose fragment does not count.
    pub fn new(
        partition: NetworkPartitionKey,
        credentials: ConnectionCredentials,
        url: &ServoUrl,
    ) -> Self {
        let mut url = url.clone();
        url.set_fragment(None);
        Self {
            partition,
            credentials,
            url,
        }
    }

    /// The key whose URL is that of this one without its query. It is shared by all URLs that can be equivalent to it.
    pub(super) fn without_query(&self) -> Self {
        Self {
            url: without_query(&self.url),
            ..self.clone()
        }
    }

    /// The URL, without a fragment.
    pub fn url(&self) -> &ServoUrl {
        &self.url
    }

    /// The top-level site for which the request was made.
    pub fn partition(&self) -> &NetworkPartitionKey {
        &self.partition
    }

    /// With whose authority the request was made.
    pub fn credentials(&self) -> &ConnectionCredentials {
        &self.credentials
    }
}

/// A request, as far as the cache looks at it.
#[derive(Clone, Copy)]
pub struct CacheRequest<'a> {
    /// The primary key.
    pub key: &'a CacheKey,
    /// The method.
    pub method: &'a Method,
    /// The headers with which it goes to the network, without the conditions of a revalidation.
    pub headers: &'a HeaderMap,
}

impl CacheRequest<'_> {
    /// Whether the request does not want to go to the network; if there is no answer in the cache, it is a 504.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7>
    pub fn is_only_if_cached(&self) -> bool {
        CacheControl::of(self.headers).has("only-if-cached")
    }
}
