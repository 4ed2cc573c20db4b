//! Cookies of a request: step 8.21.1 of
//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).

use std::time::SystemTime;

use http::{HeaderMap, header};
use net_traits::request::Request;
use user_cors::TupleOrigin;

use crate::cookies::{CookieContext, CookiePartition, SameSiteContext};
use crate::embedding;
use crate::fetch::checks::origin_header::request_origin;
use crate::fetch::checks::request_kind::is_top_level_navigation;
use crate::fetch::checks::same_site::is_same_site;
use crate::network_state::FetchContext;

/// Appends a request `Cookie` header.
pub(super) fn append_cookie_header(
    request: &Request,
    context: &FetchContext,
    headers: &mut HeaderMap,
) {
    headers.remove(header::COOKIE);
    let cookies = context.state.cookies.write().cookie_header(
        &request.current_url(),
        cookie_context(request),
        SystemTime::now(),
    );
    if let Some(cookies) = cookies {
        headers.insert(header::COOKIE, cookies);
    }
}

/// How a request stands to the cookies of its current URL.
pub(in crate::fetch) fn cookie_context(request: &Request) -> CookieContext {
    CookieContext {
        same_site: same_site_context(request),
        partition: embedding::top_level_site(request)
            .map_or(CookiePartition::Unknown, CookiePartition::Of),
    }
}

/// Whether all cookies of a request's current URL go along with it, whatever they say of other sites.
pub(super) fn sends_all_cookies(request: &Request) -> bool {
    same_site_context(request) == SameSiteContext::SameSite
}

/// Whether a request is [“same-site”](https://www.rfc-editor.org/rfc/rfc6265#section-5.2) for the cookies of its current
/// URL, by RFC 6265bis.
fn same_site_context(request: &Request) -> SameSiteContext {
    if embedding::is_user_initiated_navigation(request) {
        return SameSiteContext::SameSite;
    }
    let is_top_level = is_top_level_navigation(request);
    let cross_site = if is_top_level {
        SameSiteContext::CrossSiteNavigation {
            safe_method: request.method.is_safe(),
        }
    } else {
        SameSiteContext::CrossSite
    };
    let Some(origin) = request_origin(request) else {
        return cross_site;
    };
    if request
        .url_list
        .iter()
        .any(|url| !is_same_site(&url.origin(), &origin))
    {
        return cross_site;
    }
    // A frame of another site below the tab's document makes everything in it cross-site.
    if !is_top_level
        && let Some(top_level_site) = embedding::top_level_site(request)
        && TupleOrigin::from_url(request.current_url().as_url())
            .is_none_or(|origin| origin.site() != top_level_site)
    {
        return cross_site;
    }
    SameSiteContext::SameSite
}
