//! Chirp, an API for clients that sign their requests. It was made for desktop programs, and says nothing of CORS.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use url::Url;

use crate::oauth::{self, Credentials, Nonces, Refusal, SignedRequest};
use crate::reply;
use crate::server::Service;
use crate::services::path;

/// The path of the API's first version, which wants a signature.
pub const SIGNED: &str = "/1.1/timeline.json";
/// The path of its second version, which wants a bearer token.
pub const BEARER: &str = "/2/timeline.json";

/// The API.
pub struct Timeline {
    origin: Url,
    credentials: Credentials,
    bearer: String,
    nonces: Mutex<Nonces>,
}

impl Timeline {
    /// An API at an origin, for one client.
    pub fn new(origin: Url, credentials: Credentials, bearer: String) -> Self {
        Self {
            origin,
            credentials,
            bearer,
            nonces: Mutex::default(),
        }
    }

    fn authorization(request: &Request<Bytes>) -> &str {
        let value = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// <https://www.rfc-editor.org/rfc/rfc5849#section-3.2>
    fn check_signature(&self, request: &Request<Bytes>) -> Result<(), Refusal> {
        // The origin is the service's own, so that a client cannot sign for another host's.
        let asked = request
            .uri()
            .path_and_query()
            .map_or("/", |asked| asked.as_str());
        let url = self.origin.join(asked).map_err(|_| Refusal::Malformed)?;
        let signed = SignedRequest {
            method: request.method().as_str(),
            url: &url,
            authorization: Self::authorization(request),
            form: &[],
        };
        oauth::verify(
            &signed,
            &self.credentials,
            &mut self.nonces.lock(),
            SystemTime::now(),
        )
    }

    /// <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>
    fn has_bearer_token(&self, request: &Request<Bytes>) -> bool {
        let (scheme, token) = Self::authorization(request)
            .split_once(' ')
            .unwrap_or_default();
        scheme.eq_ignore_ascii_case("Bearer") && token == self.bearer
    }
}

impl Service for Timeline {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = path(request);
        if path != SIGNED && path != BEARER {
            return reply::not_found();
        }
        // A preflight ends here, as at every service that does not know of them.
        if request.method() != Method::GET {
            return reply::method_not_allowed("GET");
        }
        if path == SIGNED {
            match self.check_signature(request) {
                Ok(()) => statuses(),
                Err(refusal) => unauthorized("OAuth realm=\"Chirp\"", refusal.message()),
            }
        } else if self.has_bearer_token(request) {
            statuses()
        } else {
            unauthorized(
                "Bearer realm=\"Chirp\"",
                "The token is missing or not known.",
            )
        }
    }
}

fn unauthorized(challenge: &'static str, message: &str) -> Response<Bytes> {
    let mut response = reply::json(StatusCode::UNAUTHORIZED, &json!({ "error": message }));
    reply::set(&mut response, header::WWW_AUTHENTICATE, challenge);
    response
}

fn statuses() -> Response<Bytes> {
    let status = |author: &str, text: &str, minutes: u32| json!({ "author": author, "text": text, "minutes": minutes });
    let statuses: Vec<Value> = vec![
        status(
            "Grace",
            "The bug was a moth after all. Taped it into the logbook.",
            3,
        ),
        status("Tim", "Vague, but exciting.", 11),
        status(
            "Ada",
            "The engine might compose elaborate pieces of music of any degree of complexity.",
            26,
        ),
        status(
            "Radia",
            "I think that I shall never see a graph more lovely than a tree.",
            58,
        ),
        status("Jon", "Be liberal in what you accept? We need to talk.", 94),
    ];
    let mut response = reply::json(StatusCode::OK, &json!({ "statuses": statuses }));
    reply::set(
        &mut response,
        HeaderName::from_static("x-rate-limit-remaining"),
        "14",
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Timeline {
        let credentials = Credentials {
            consumer_key: "key".into(),
            consumer_secret: "key secret".into(),
            token: "token".into(),
            token_secret: "token secret".into(),
        };
        Timeline::new(
            Url::parse("https://api.chirp.localhost:1/").expect("a URL"),
            credentials,
            "b3arer".into(),
        )
    }

    fn get(path: &str, authorization: Option<&str>) -> Response<Bytes> {
        let mut request = Request::get(path);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        api().answer(&request.body(Bytes::new()).expect("a request"))
    }

    #[test]
    fn the_second_version_wants_its_token() {
        for (authorization, status) in [
            (Some("Bearer b3arer"), 200),
            (Some("bearer b3arer"), 200),
            (Some("Bearer other"), 401),
            (Some("b3arer"), 401),
            (None, 401),
        ] {
            assert_eq!(
                get(BEARER, authorization).status(),
                status,
                "{authorization:?}"
            );
        }
    }

    #[test]
    fn the_first_version_wants_a_signature() {
        let response = get(SIGNED, Some("Bearer b3arer"));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            response.headers()[header::WWW_AUTHENTICATE],
            "OAuth realm=\"Chirp\""
        );
    }

    #[test]
    fn a_preflight_is_refused_without_a_word_of_cors() {
        for path in [SIGNED, BEARER] {
            let request =
                Request::options(path).header(header::ORIGIN, "https://app.garden.localhost:1");
            let response = api().answer(&request.body(Bytes::new()).expect("a request"));
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert!(
                response
                    .headers()
                    .keys()
                    .all(|name| !name.as_str().starts_with("access-control-"))
            );
        }
    }
}
