//! [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch).

use http::{HeaderName, Method, header};
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::request::{Request, RequestMode, ResponseTainting};
use net_traits::response::Response;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_url::ServoUrl;

use super::cause::{Cause, RedirectFailure};
use super::checks::origin_header::request_origin;
use super::checks::referrer::policy_after_redirect;
use super::checks::request_kind::includes_credentials;
use super::fetch::Target;
use super::headers::safelist::is_cors_non_wildcard_request_header_name;
use super::main_fetch::main_fetch;
use super::params::FetchParams;
use super::response::FetchResponse;
use super::timing;
use super::user_enabled_cors::failed_on_the_way;
use crate::events::{self, Stage};
use crate::network_state::FetchContext;

/// How many redirects a request follows.
const REDIRECT_LIMIT: u32 = 20;

/// [Request-body-header names](https://fetch.spec.whatwg.org/#request-body-header-name).
const REQUEST_BODY_HEADER_NAMES: [HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
];

/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch).
pub(crate) async fn http_redirect_fetch(
    params: &mut FetchParams,
    response: FetchResponse,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    // 1. to 6. Where does it lead?
    let location = match location(&response.head) {
        Ok(Some(location)) => location,
        Ok(None) => return response,
        Err(failure) => return unfollowed(params, failure),
    };
    let status = response.head.actual_response().status.raw_code();
    let headers = response.head.actual_response().headers.clone();
    // The rest of the redirect's own body is nobody's: let go of its connection.
    drop(response);
    let request = &mut params.request;
    if let Err(failure) = redirect(request, status, location.clone()) {
        return unfollowed(params, failure);
    }
    // 15. to 17. When the redirect ended and the first one began.
    timing::redirected(&mut context.timing.inner(), CrossProcessInstant::now());
    // 19. Set request's referrer policy on redirect.
    request.referrer_policy = policy_after_redirect(request.referrer_policy, &headers);
    events::emit(request, || Stage::Redirected { to: location });
    // 20. and 21. NB: a navigation comes back here for each hop by its own loader.
    // 22. Run main fetch again.
    let response = Box::pin(main_fetch(params, target, context)).await;
    // AD-HOC: user-enabled CORS: where a chain that the page may not see into ends, the page is not told.
    failed_on_the_way(params, response)
}

fn unfollowed(params: &FetchParams, failure: RedirectFailure) -> FetchResponse {
    failed_on_the_way(
        params,
        FetchResponse::network_error(Cause::Redirect(failure)),
    )
}

/// Steps 2 to 6 of [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch): the location URL, `None` if
/// the response is not a redirect after all.
pub(crate) fn location(response: &Response) -> Result<Option<ServoUrl>, RedirectFailure> {
    match &response.actual_response().location_url {
        None => Ok(None),
        Some(Err(_)) => Err(RedirectFailure::BadLocation),
        Some(Ok(url)) if !matches!(url.scheme(), "http" | "https") => Err(RedirectFailure::NotHttp),
        Some(Ok(url)) => Ok(Some(url.clone())),
    }
}

/// Steps 7 to 14 and 18 of [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch): turns `request` into the
/// request for `location`, or says why that cannot be.
pub(crate) fn redirect(
    request: &mut Request,
    status: u16,
    location: ServoUrl,
) -> Result<(), RedirectFailure> {
    // 7. and 8. The redirect count.
    if request.redirect_count >= REDIRECT_LIMIT {
        return Err(RedirectFailure::TooMany);
    }
    request.redirect_count += 1;
    // 9. A CORS request must not be led to a URL with credentials elsewhere.
    let same_origin_as_request =
        request_origin(request).is_some_and(|origin| origin == location.origin());
    if request.mode == RequestMode::CorsMode
        && includes_credentials(&location)
        && !same_origin_as_request
    {
        return Err(RedirectFailure::Credentials);
    }
    // 10. Nor any request whose tainting is “cors”.
    if request.response_tainting == ResponseTainting::CorsTainting
        && includes_credentials(&location)
    {
        return Err(RedirectFailure::Credentials);
    }
    // 11. A streamed body cannot be sent again.
    if status != 303
        && request
            .body
            .as_ref()
            .is_some_and(|body| body.source_is_null())
    {
        return Err(RedirectFailure::StreamedBody);
    }
    // 12. POST becomes GET at a 301 or 302, everything but GET and HEAD at a 303.
    if (matches!(status, 301 | 302) && request.method == Method::POST)
        || (status == 303 && !matches!(request.method, Method::GET | Method::HEAD))
    {
        request.method = Method::GET;
        if let Some(body) = request.body.take() {
            body.close_stream();
        }
        for name in REQUEST_BODY_HEADER_NAMES {
            request.headers.remove(name);
        }
    }
    // 13. `Authorization` does not follow to another origin.
    if request.current_url().origin() != location.origin() {
        let names: Vec<HeaderName> = request
            .headers
            .keys()
            .filter(|name| is_cors_non_wildcard_request_header_name(name))
            .cloned()
            .collect();
        for name in names {
            request.headers.remove(name);
        }
    }
    // 14. Take the body from its source again.
    if let Some(body) = request.body.as_mut()
        && !body.source_is_null()
    {
        body.extract_source();
    }
    // 18. Append the location to the URL list.
    request
        .url_list
        .push(UrlWithBlobClaim::from_url_without_having_claimed_blob(
            location,
        ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use net_traits::request::{Origin, Referrer, RequestBuilder};
    use servo_base::id::TEST_WEBVIEW_ID;

    use super::*;

    fn request(method: Method, url: &str) -> Request {
        let url = ServoUrl::parse(url).unwrap();
        RequestBuilder::new(
            Some(TEST_WEBVIEW_ID),
            UrlWithBlobClaim::from_url_without_having_claimed_blob(url.clone()),
            Referrer::NoReferrer,
        )
        .method(method)
        .origin(url.origin())
        .build()
    }

    fn url(url: &str) -> ServoUrl {
        ServoUrl::parse(url).unwrap()
    }

    #[test]
    fn methods_change_as_the_standard_says() {
        for (status, before, after) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (303, Method::POST, Method::GET),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (301, Method::PUT, Method::PUT),
            (302, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::DELETE, Method::DELETE),
        ] {
            let mut request = request(before.clone(), "https://a.example/");
            request
                .headers
                .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
            redirect(&mut request, status, url("https://a.example/next")).unwrap();
            assert_eq!(request.method, after, "{status} {before}");
            assert_eq!(
                request.headers.contains_key(header::CONTENT_TYPE),
                before == after,
                "{status} {before}"
            );
        }
    }

    #[test]
    fn authorization_stays_with_its_origin() {
        for (to, kept) in [
            ("https://a.example/b", true),
            ("https://b.example/", false),
            ("http://a.example/", false),
            ("https://a.example:8443/", false),
        ] {
            let mut request = request(Method::GET, "https://a.example/");
            request
                .headers
                .insert(header::AUTHORIZATION, "secret".parse().unwrap());
            redirect(&mut request, 302, url(to)).unwrap();
            assert_eq!(
                request.headers.contains_key(header::AUTHORIZATION),
                kept,
                "{to}"
            );
        }
    }

    #[test]
    fn the_twenty_first_redirect_fails() {
        let mut request = request(Method::GET, "https://a.example/");
        for _ in 0..REDIRECT_LIMIT {
            redirect(&mut request, 302, url("https://a.example/")).unwrap();
        }
        assert_eq!(
            redirect(&mut request, 302, url("https://a.example/")),
            Err(RedirectFailure::TooMany)
        );
    }

    #[test]
    fn credentials_in_a_cors_redirect_fail() {
        let mut request = request(Method::GET, "https://a.example/");
        request.mode = RequestMode::CorsMode;
        request.origin = Origin::Origin(url("https://page.example/").origin());
        assert_eq!(
            redirect(&mut request, 302, url("https://user:password@b.example/")),
            Err(RedirectFailure::Credentials)
        );
    }
}
