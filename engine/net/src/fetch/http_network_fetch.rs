//! [HTTP-network fetch](https://fetch.spec.whatwg.org/#http-network-fetch).

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Method, header};
use net_traits::http_status::HttpStatus;
use net_traits::request::{Request, RequestMode, ResponseTainting};
use net_traits::response::Response;
use servo_url::ServoUrl;

use super::cause::Cause;
use super::checks::local_network_access::{LocalNetworkAccess, Requester, should_be_blocked};
use super::checks::origin_header::request_origin;
use super::checks::request_kind::is_top_level_navigation;
use super::checks::trustworthy::{
    is_origin_potentially_trustworthy, is_url_potentially_trustworthy,
};
use super::headers::clear_site_data::{self, ClearSiteData};
use super::http_network_or_cache_fetch::cookie_context;
use super::params::FetchParams;
use super::response::FetchResponse;
use super::timing;
use super::user_enabled_cors::{Way, address_space_of};
use crate::connection::{
    Admission, ConnectionCredentials, ConnectionError, ConnectionKey, Endpoint, Exchange,
    InterimListener, NetworkPartitionKey, OutgoingRequest, ProxyChallenged, ProxyError,
    RequestBodyReader,
};
use crate::events::{self, Secured, Stage};
use crate::network_state::FetchContext;
use crate::{devtools, embedding};

/// The standard's httpRequest, as far as it differs from the request.
pub(super) struct HttpRequest {
    /// The network partition.
    pub partition: NetworkPartitionKey,
    /// With whose authority the connection is made.
    pub credentials: ConnectionCredentials,
    /// All headers.
    pub headers: HeaderMap,
    /// The standard's includeCredentials.
    pub include_credentials: bool,
    /// The standard's forceNewConnection.
    pub force_new_connection: bool,
}

/// [HTTP-network fetch](https://fetch.spec.whatwg.org/#http-network-fetch): one exchange with the server, and what its
/// headers change here.
pub(super) async fn http_network_fetch(
    params: &FetchParams,
    http_request: &HttpRequest,
    context: &FetchContext,
) -> FetchResponse {
    let request = &params.request;
    let url = request.current_url();
    let Some(endpoint) = Endpoint::of_url(&url) else {
        return FetchResponse::network_error(Cause::Scheme {
            scheme: url.scheme().to_owned(),
        });
    };
    let way = match Way::of(params, context).await {
        Ok(way) => way,
        Err(error) => return unanswered(error),
    };
    let upgrade = matches!(request.mode, RequestMode::WebSocket { .. });
    let preflight = is_preflight(request);
    events::emit(request, || Stage::Sent {
        url: url.clone(),
        preflight,
        anonymous: params.chain.is_anonymous(),
        headers: Arc::new(http_request.headers.clone()),
    });
    // 1. to 10. Obtain a connection and make the request.
    let outgoing = OutgoingRequest {
        key: ConnectionKey {
            partition: http_request.partition.clone(),
            endpoint,
            credentials: http_request.credentials.clone(),
        },
        method: request.method.clone(),
        url: url.clone(),
        headers: http_request.headers.clone(),
        body: request.body.as_ref().map(RequestBodyReader::connect),
        pinned: way.pinned,
        egress: way.egress,
        admission: way
            .admission
            .or_else(|| local_network_access_check(params, http_request, context)),
        interim: tell_interim(request, &url, preflight),
        force_new_connection: http_request.force_new_connection || upgrade,
        upgrade,
    };
    let Exchange {
        status,
        reason,
        headers,
        body,
        record,
        upgraded,
        proxy_challenged,
    } = match context.state.connections.exchange(outgoing).await {
        Ok(exchange) => exchange,
        Err(ConnectionError::NotAdmitted) if !params.chain.is_active() => {
            return FetchResponse::network_error(Cause::LocalNetworkAccess);
        },
        Err(error) => return unanswered(error),
    };
    if record.head_completed && !may_lack_headers(request) {
        return FetchResponse::network_error(Cause::Connection(ConnectionError::Reset));
    }
    timing::exchanged(
        &mut context.timing.inner(),
        &record.timings,
        url.is_secure_scheme(),
    );
    devtools::request_sent(
        request,
        &http_request.headers,
        &url,
        &record.timings,
        context,
    );
    events::emit(request, || Stage::Received {
        url: url.clone(),
        preflight,
        status,
        headers: Arc::new(headers.clone()),
        peer: record.peer,
        space: address_space_of(&record).unwrap_or(user_cors::AddressSpace::Public),
        version: record.version,
        reused: record.reused,
        secured: record.tls.as_ref().map(|tls| {
            Arc::new(Secured {
                tls: tls.clone(),
                certificate_error_overridden: record.certificate_error_overridden,
                verified_by_public_roots: record.verified_by_public_roots == Some(true),
            })
        }),
    });
    // 11. and RFC 6797. What the response's headers change; an anonymous exchange changes nothing.
    if !params.chain.is_anonymous() {
        if url.is_secure_scheme() && !record.certificate_error_overridden {
            context
                .state
                .note_strict_transport_security(&url, &headers, SystemTime::now());
        }
        if http_request.include_credentials {
            store_cookies(request, &headers, context);
            clear_site_data(request, &headers, &http_request.partition, context);
        }
    }
    let mut head = Response::new(url, context.timing.inner().clone());
    head.status = HttpStatus::new(status, reason);
    head.headers = headers;
    head.tls_security_info = record.tls.clone();
    let mut response = FetchResponse::new(head, body);
    response.exchange = Some(Box::new(record));
    response.upgraded = upgraded;
    response.proxy_challenged = proxy_challenged.map(Box::new);
    response
}

/// Tells of interim responses, if anybody reads of them.
fn tell_interim(request: &Request, url: &ServoUrl, preflight: bool) -> Option<InterimListener> {
    let tell = events::teller(request)?;
    let url = url.clone();
    Some(InterimListener::new(move |status, headers| {
        tell(Stage::Interim {
            url: url.clone(),
            preflight,
            status,
            headers: Arc::new(headers.clone()),
        });
    }))
}

/// The network error instead of a response.
fn unanswered(mut error: ConnectionError) -> FetchResponse {
    let challenge = match &mut error {
        ConnectionError::Proxy(ProxyError::Authentication { challenge }) => challenge.take(),
        _ => None,
    };
    let mut response = FetchResponse::network_error(Cause::Connection(error));
    response.proxy_challenged =
        challenge.map(|challenge| Box::new(ProxyChallenged::Unanswered(*challenge)));
    response
}

/// The [Local Network Access check](https://wicg.github.io/local-network-access/#local-network-access-check), as a look at
/// the connection before anything is sent; `None` if there is nothing to check. Connections through a proxy pass: where they
/// end is not known, and the proxy's business.
fn local_network_access_check(
    params: &FetchParams,
    http_request: &HttpRequest,
    context: &FetchContext,
) -> Option<Admission> {
    let setting = embedding::Embedding::get()?.local_network_access;
    let request = &params.request;
    if setting == LocalNetworkAccess::Off
        || params.chain.is_active()
        || is_top_level_navigation(request)
    {
        return None;
    }
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    let origin = request_origin(request);
    let is_trustworthy = origin
        .as_ref()
        .is_some_and(|origin| is_origin_potentially_trustworthy(origin, is_secure_scheme));
    // What the tab shows stands for the ancestors of a frame.
    let is_below_trustworthy = http_request.partition.0.as_ref().is_some_and(|site| {
        ServoUrl::parse(&site.to_string())
            .is_ok_and(|url| is_url_potentially_trustworthy(&url, is_secure_scheme))
    });
    let requester = Requester {
        space: embedding::address_space(request),
        is_secure: is_trustworthy && is_below_trustworthy,
        is_own_origin: is_trustworthy && origin.as_ref() == Some(&request.current_url().origin()),
    };
    Some(Admission::new(move |record| {
        address_space_of(record).is_none_or(|target| !should_be_blocked(setting, requester, target))
    }))
}

/// Parses and stores [`Set-Cookie`](https://fetch.spec.whatwg.org/#parse-and-store-response-set-cookie-headers).
fn store_cookies(request: &Request, headers: &HeaderMap, context: &FetchContext) {
    let values = headers.get_all(header::SET_COOKIE);
    if values.iter().next().is_none() {
        return;
    }
    let cookie_context = cookie_context(request);
    let url = request.current_url();
    let now = SystemTime::now();
    let mut cookies = context.state.cookies.write();
    for value in values {
        if let Err(refusal) =
            cookies.set_from_header(&url, value.as_bytes(), cookie_context.clone(), now)
        {
            log::debug!("a cookie was not stored: {refusal}");
        }
    }
}

/// [`Clear-Site-Data`](https://w3c.github.io/webappsec-clear-site-data/#clear-response) of a secure server: its cookies, and
/// what is cached of its origin, in the request's partition.
fn clear_site_data(
    request: &Request,
    headers: &HeaderMap,
    partition: &NetworkPartitionKey,
    context: &FetchContext,
) {
    let url = request.current_url();
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    let types = clear_site_data::parse(headers);
    if types == ClearSiteData::default() || !is_url_potentially_trustworthy(&url, is_secure_scheme)
    {
        return;
    }
    if types.cookies {
        context
            .state
            .cookies
            .write()
            .clear_for_origin(&url, &cookie_context(request).partition);
    }
    if types.cache {
        let (origin, partition) = (url.origin(), partition.clone());
        context
            .state
            .http_cache
            .purge(move |key| *key.partition() == partition && key.url().origin() == origin);
    }
}

/// Whether a response that breaks off in its head may be used nevertheless.
///
/// AD-HOC: other browsers use it always. Here only the page's own server may lose headers, and none of a document: what is
/// missing may be a refusal, or a policy.
fn may_lack_headers(request: &Request) -> bool {
    request.response_tainting == ResponseTainting::Basic && !request.is_navigation_request()
}

fn is_preflight(request: &Request) -> bool {
    request.method == Method::OPTIONS
        && request
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Destination, Referrer, RequestBuilder};
    use servo_base::id::TEST_WEBVIEW_ID;

    use super::*;

    #[test]
    fn only_the_pages_own_server_may_leave_headers_out() {
        for (tainting, destination, expected) in [
            (ResponseTainting::Basic, Destination::None, true),
            (ResponseTainting::Basic, Destination::Image, true),
            (ResponseTainting::Basic, Destination::Document, false),
            (ResponseTainting::Basic, Destination::IFrame, false),
            (ResponseTainting::CorsTainting, Destination::None, false),
            (ResponseTainting::Opaque, Destination::Image, false),
        ] {
            let url = ServoUrl::parse("http://a.example/").unwrap();
            let mut request = RequestBuilder::new(
                Some(TEST_WEBVIEW_ID),
                UrlWithBlobClaim::from_url_without_having_claimed_blob(url),
                Referrer::NoReferrer,
            )
            .destination(destination)
            .build();
            request.response_tainting = tainting;
            assert_eq!(may_lack_headers(&request), expected, "{destination:?}");
        }
    }
}
