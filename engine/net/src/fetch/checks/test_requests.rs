//! Requests for the tests of the checks.

use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::policy_container::PolicyContainer;
use net_traits::request::{
    InsecureRequestsPolicy, Origin, PreloadedResources, Referrer, Request, RequestClient, RequestId,
};
use servo_url::{ImmutableOrigin, ServoUrl};

/// The URL of `text`.
pub(crate) fn url(text: &str) -> ServoUrl {
    ServoUrl::parse(text).unwrap()
}

/// The origin of the URL of `text`.
pub(crate) fn origin(text: &str) -> ImmutableOrigin {
    url(text).origin()
}

/// A GET for `urls`, redirected from each to the next, made by a page of `requester`.
pub(crate) fn request(requester: &str, urls: &[&str]) -> Request {
    request_from(origin(requester), urls)
}

/// A GET for `urls`, redirected from each to the next, made by `requester`.
pub(crate) fn request_from(requester: ImmutableOrigin, urls: &[&str]) -> Request {
    let mut url_list = urls
        .iter()
        .map(|text| UrlWithBlobClaim::for_url(url(text)).unwrap());
    let mut request = Request::new(
        RequestId::default(),
        url_list.next().unwrap(),
        Some(Origin::Origin(requester.clone())),
        Referrer::NoReferrer,
        None,
        None,
    );
    request.url_list.extend(url_list);
    request.client = Some(client(requester));
    request
}

/// A top-level client that upgrades nothing.
pub(crate) fn client(origin: ImmutableOrigin) -> RequestClient {
    RequestClient {
        preloaded_resources: PreloadedResources::default(),
        policy_container: PolicyContainer::default(),
        origin: Origin::Origin(origin),
        is_nested_browsing_context: false,
        insecure_requests_policy: InsecureRequestsPolicy::DoNotUpgrade,
        has_trustworthy_ancestor_origin: false,
    }
}
