//! [Redirect-taint](https://fetch.spec.whatwg.org/#concept-request-tainted-origin): whether other origins had a say in where
//! a request ended up.

use net_traits::request::Request;
use net_traits::response::RedirectTaint;
use servo_url::ImmutableOrigin;

use super::origin_header::request_origin;
use super::same_site::is_same_site;

/// The [redirect-taint](https://fetch.spec.whatwg.org/#concept-request-tainted-origin) of a request, over all of its URLs.
pub fn redirect_taint(request: &Request) -> RedirectTaint {
    let origin = request_origin(request);
    let url_origins: Vec<_> = request.url_list.iter().map(|url| url.origin()).collect();
    taint_over(origin.as_ref(), &url_origins)
}

/// The taint of a request by `origin` (`None` is like nobody) whose URLs have the origins `url_origins`.
fn taint_over(origin: Option<&ImmutableOrigin>, url_origins: &[ImmutableOrigin]) -> RedirectTaint {
    // 1. Holds: the origin is not “client”.
    // 2 and 3. Start at the first URL, with “same-origin”.
    let mut taint = RedirectTaint::SameOrigin;
    // 4. For each URL and the one before it:
    for pair in url_origins.windows(2) {
        let [last, url] = pair else {
            continue;
        };
        // 4.2. A site that is neither the requester's nor the next URL's sent the request away.
        if !is_same_site(url, last) && !origin.is_some_and(|origin| is_same_site(origin, last)) {
            return RedirectTaint::CrossSite;
        }
        // 4.3. Such an origin did.
        if url != last && origin != Some(last) {
            taint = RedirectTaint::SameSite;
        }
    }
    // 5. Return taint.
    taint
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::super::test_requests::request;
    use super::*;

    #[test]
    fn a_chain_is_tainted_by_whoever_redirects_elsewhere() {
        use RedirectTaint::*;
        let (a, www_a, b, c) = (
            "https://a.example/",
            "https://www.a.example/",
            "https://b.example/",
            "https://c.example/",
        );
        for (urls, expected) in [
            (&[a][..], SameOrigin),
            (&[b], SameOrigin),
            (&[a, a], SameOrigin),
            (&[a, b], SameOrigin),
            (&[b, b], SameOrigin),
            (&[a, b, b], SameOrigin),
            (&[b, a], CrossSite),
            (&[b, c], CrossSite),
            (&[a, b, a], CrossSite),
            (&[a, b, c], CrossSite),
            (&[www_a, a], SameSite),
            (&[www_a, b], SameSite),
            (&[a, www_a, b, b], SameSite),
            (&["https://www.b.example/", b], SameSite),
        ] {
            let request = request("https://a.example", urls);
            assert_eq!(redirect_taint(&request), expected, "{urls:?}");
        }
    }
}
