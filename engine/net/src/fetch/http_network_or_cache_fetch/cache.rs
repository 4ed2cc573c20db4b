//! The HTTP cache in [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch): steps 8.23
//! to 8.25 and 10.3 to 10.5.

use std::time::SystemTime;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method, StatusCode};
use net_traits::DiscardFetch;
use net_traits::http_status::HttpStatus;
use net_traits::request::{CacheMode, Request, RequestMode, ResponseTainting, ServiceWorkersMode};
use net_traits::response::{CacheState, Response};

use crate::events::{self, CacheVerdict, Stage};
use crate::fetch::body::Body;
use crate::fetch::checks::cors_check::cors_check;
use crate::fetch::checks::origin_header::serialize_request_origin;
use crate::fetch::http_network_fetch::HttpRequest;
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;
use crate::http_cache::{
    CacheKey, CacheRequest, Freshness, ResponseHead, StoreWriter, StoredResponse,
    conditional_headers,
};
use crate::network_state::FetchContext;
use crate::resource_manager::FetchController;
use crate::runtime;

/// What the cache may do for one request.
pub(super) struct Lookup {
    /// `None` if the cache has nothing to do with it.
    key: Option<CacheKey>,
    /// The request's headers before conditions were added.
    headers: HeaderMap,
    mode: CacheMode,
    method: Method,
    request_time: SystemTime,
    stored: Option<StoredResponse>,
}

impl Lookup {
    /// Steps 8.23 to 8.25: looks `http_request` up.
    pub(super) async fn new(
        params: &FetchParams,
        http_request: &HttpRequest,
        mode: CacheMode,
        context: &FetchContext,
    ) -> Self {
        let request = &params.request;
        let mut lookup = Self {
            key: None,
            headers: http_request.headers.clone(),
            mode,
            method: request.method.clone(),
            request_time: SystemTime::now(),
            stored: None,
        };
        // NB: an anonymous request reads and leaves no cache entry: what the user released has recorded provenance, and
        // a stored response has none.
        if params.chain.is_anonymous() || matches!(request.mode, RequestMode::WebSocket { .. }) {
            return lookup;
        }
        let key = CacheKey::new(
            http_request.partition.clone(),
            http_request.credentials.clone(),
            &request.current_url(),
        );
        context.state.http_cache.load(&key).await;
        // 8.25. If httpRequest's cache mode is neither “no-store” nor “reload”.
        if !matches!(mode, CacheMode::NoStore | CacheMode::Reload) {
            lookup.stored = context.state.http_cache.lookup(
                &CacheRequest {
                    key: &key,
                    method: &request.method,
                    headers: &lookup.headers,
                },
                lookup.request_time,
            );
            // AD-HOC: a stored response on which the CORS check fails is none. Nothing is recorded of its connection, so the
            // user could not be asked about it.
            lookup
                .stored
                .take_if(|stored| !passes_cors_check(request, &stored.head.headers));
        }
        lookup.key = Some(key);
        lookup
    }

    /// What was found, for whoever follows the request.
    pub(super) fn verdict(&self) -> CacheVerdict {
        match (&self.key, &self.stored) {
            (Some(_), Some(stored)) => match stored.freshness {
                Freshness::Fresh => CacheVerdict::Fresh,
                Freshness::StaleWhileRevalidate => CacheVerdict::StaleWhileRevalidate,
                Freshness::MustRevalidate => CacheVerdict::Stale,
            },
            (Some(_), None) if matches!(self.mode, CacheMode::NoStore | CacheMode::Reload) => {
                CacheVerdict::Bypassed
            },
            (Some(_), None) => CacheVerdict::Missing,
            (None, _) => CacheVerdict::Bypassed,
        }
    }

    /// Step 8.25.2: the stored response, if it can be used without asking the server.
    pub(super) fn take_usable(
        &mut self,
        params: &FetchParams,
        context: &FetchContext,
    ) -> Option<FetchResponse> {
        let stored = self.stored.as_ref()?;
        let usable = match self.mode {
            CacheMode::ForceCache | CacheMode::OnlyIfCached => true,
            CacheMode::NoCache => false,
            _ => match stored.freshness {
                Freshness::Fresh => true,
                Freshness::StaleWhileRevalidate => {
                    revalidate_in_background(params, context);
                    true
                },
                Freshness::MustRevalidate => false,
            },
        };
        if !usable {
            return None;
        }
        self.stored
            .take()
            .map(|stored| response(params, stored, CacheState::Local, context))
    }

    /// Whether the page itself asks for a stored response or none, by `Cache-Control: only-if-cached`.
    pub(super) fn is_only_if_cached(&self) -> bool {
        self.key.as_ref().is_some_and(|key| {
            CacheRequest {
                key,
                method: &self.method,
                headers: &self.headers,
            }
            .is_only_if_cached()
        })
    }

    /// Step 8.25.2.4: the conditions of a revalidation request.
    pub(super) fn add_conditions(&self, headers: &mut HeaderMap) {
        if let Some(stored) = &self.stored {
            for (name, value) in &conditional_headers(stored) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    /// Steps 10.3 to 10.5: what the forwarded request's response means for the cache, and the response to return.
    pub(super) fn settle(
        self,
        params: &FetchParams,
        mut forward: FetchResponse,
        context: &FetchContext,
    ) -> FetchResponse {
        let Some(key) = self.key else {
            return forward;
        };
        let cache = &context.state.http_cache;
        let Some(status) = forward.head.status.try_code() else {
            return forward;
        };
        // 10.3. An unsafe method that succeeded invalidates what is stored.
        if !self.method.is_safe() && (200..400).contains(&status.as_u16()) {
            cache.invalidate(&key, &forward.head.headers);
        }
        let cache_request = CacheRequest {
            key: &key,
            method: &self.method,
            headers: &self.headers,
        };
        let response_time = SystemTime::now();
        // 10.4. The stored response is still good.
        if status == StatusCode::NOT_MODIFIED
            && let Some(stored) = self.stored
        {
            let stored = cache.freshen(
                &cache_request,
                stored,
                &forward.head.headers,
                self.request_time,
                response_time,
            );
            events::emit(&params.request, || Stage::FromCache { validated: true });
            let mut validated = response(params, stored, CacheState::Validated, context);
            validated.exchange = forward.exchange.take();
            return validated;
        }
        // 10.5. Store the response while it passes, unless it broke off in its head.
        let is_whole = forward
            .exchange
            .as_ref()
            .is_none_or(|record| !record.head_completed);
        if self.mode != CacheMode::NoStore && is_whole {
            let head = ResponseHead {
                status,
                reason: forward.head.status.message().to_vec(),
                headers: forward.head.headers.clone(),
                tls: forward.head.tls_security_info.clone(),
            };
            if let Some(mut writer) =
                cache.begin_store(&cache_request, &head, self.request_time, response_time)
            {
                // Who accepted the certificate did so for this run of the browser.
                if forward
                    .exchange
                    .as_ref()
                    .is_none_or(|record| record.certificate_error_overridden)
                {
                    writer.keep_in_memory();
                }
                forward.body = store(std::mem::take(&mut forward.body), writer);
            }
        }
        forward
    }
}

/// Whether a response with these headers passes the CORS check, if there is one.
fn passes_cors_check(request: &Request, headers: &HeaderMap) -> bool {
    request.response_tainting != ResponseTainting::CorsTainting
        || cors_check(
            &serialize_request_origin(request),
            request.credentials_mode,
            headers,
        )
        .is_ok()
}

/// A response from the cache.
fn response(
    params: &FetchParams,
    stored: StoredResponse,
    cache_state: CacheState,
    context: &FetchContext,
) -> FetchResponse {
    let mut head = Response::new(params.request.current_url(), context.timing.inner().clone());
    head.status = HttpStatus::new(stored.head.status, stored.head.reason);
    head.headers = stored.head.headers;
    head.tls_security_info = stored.head.tls;
    head.cache_state = cache_state;
    FetchResponse::new(head, Body::Bytes(stored.body))
}

/// What a cache answers that may not ask the server
/// ([RFC 9111, section 5.2.1.7](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.7)).
pub(super) fn gateway_timeout(params: &FetchParams, context: &FetchContext) -> FetchResponse {
    let mut head = Response::new(params.request.current_url(), context.timing.inner().clone());
    head.status = HttpStatus::new(StatusCode::GATEWAY_TIMEOUT, b"Gateway Timeout".to_vec());
    FetchResponse::new(head, Body::Empty)
}

/// A body that is written to the cache as it is read; what is not read to its end is not stored.
fn store(body: Body, mut writer: StoreWriter) -> Body {
    match body {
        Body::Empty => {
            writer.finish();
            Body::Empty
        },
        Body::Bytes(bytes) => {
            writer.write(&bytes);
            writer.finish();
            Body::Bytes(bytes)
        },
        streamed => Body::from_stream(stream::unfold(
            Some((streamed, writer)),
            |state| async move {
                let (mut body, mut writer) = state?;
                match body.next().await {
                    Some(Ok(chunk)) => {
                        let chunk: Bytes = chunk;
                        writer.write(&chunk);
                        Some((Ok(chunk), Some((body, writer))))
                    },
                    Some(Err(error)) => Some((Err(error), None)),
                    None => {
                        writer.finish();
                        None
                    },
                }
            },
        )),
    }
}

/// Step 8.25.2.3: [stale-while-revalidate](https://www.rfc-editor.org/rfc/rfc5861#section-3) refreshes what was just used.
fn revalidate_in_background(params: &FetchParams, context: &FetchContext) {
    let mut request = params.request.clone();
    request.cache_mode = CacheMode::NoCache;
    request.service_workers_mode = ServiceWorkersMode::None;
    request.preload_id = None;
    request.id = Default::default();
    let context = FetchContext {
        controller: FetchController::detached(),
        ..context.clone()
    };
    runtime::spawn(async move {
        crate::fetch::fetch(request, &mut DiscardFetch, &context).await;
    });
}
