//! What a request gets of a preload, by the standard's rules and by ours.

use futures::FutureExt;
use net_traits::request::{CredentialsMode, Destination};
use net_traits::{NetworkError, ResourceFetchTiming, ResourceTimingType};

use super::*;
use crate::fetch::cause::{CorsFailure, CorsFailureKind};
use crate::fetch::checks::test_requests::{request, url};

const SHA256: &str = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
const SHA384: &str = "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn";

/// A request that its page's preload matches, and the preload's id.
fn consumer() -> (Request, PreloadId) {
    let mut request = request("https://a.example", &["https://b.example/"]);
    request.destination = Destination::Script;
    request.mode = RequestMode::CorsMode;
    request.credentials_mode = CredentialsMode::CredentialsSameOrigin;
    let key = PreloadKey {
        url: request.url(),
        destination: request.destination,
        mode: request.mode.clone(),
        credentials_mode: request.credentials_mode,
    };
    let id = PreloadId::default();
    let client = request.client.as_mut().unwrap();
    client.preloaded_resources.insert(key, id.clone());
    (request, id)
}

fn begin(preloads: &PreloadedResources, id: &PreloadId, integrity_metadata: &str) {
    let mut request = request("https://a.example", &["https://b.example/"]);
    request.preload_id = Some(id.clone());
    request.integrity_metadata = integrity_metadata.to_owned();
    preloads.begin(&request);
}

fn response(body: &'static str) -> FetchResponse {
    let timing = ResourceFetchTiming::new(ResourceTimingType::Resource);
    FetchResponse::new(
        Response::new(url("https://b.example/"), timing),
        Body::Bytes(body.into()),
    )
}

fn cors_failure() -> Cause {
    Cause::Cors(CorsFailure {
        url: url("https://b.example/"),
        preflight: false,
        kind: CorsFailureKind::MissingAllowOrigin,
    })
}

/// The preload's response has come. Returns it for the element that preloaded.
async fn complete(
    preloads: &PreloadedResources,
    id: &PreloadId,
    response: FetchResponse,
) -> FetchResponse {
    let (response, outcome) = read(response).await;
    preloads.complete(id, outcome);
    response
}

/// What `request` gets, and whether its timing is marked as one that the preload has reported.
async fn consume(
    preloads: &PreloadedResources,
    request: &Request,
) -> (Option<FetchResponse>, bool) {
    let mut params = FetchParams::new(request.clone());
    params.preloaded_response_candidate = preloads.consume(request);
    consume_candidate(&mut params).await
}

async fn consume_candidate(params: &mut FetchParams) -> (Option<FetchResponse>, bool) {
    let timing: ResourceFetchTimingContainer =
        ResourceFetchTiming::new(ResourceTimingType::Resource).into();
    let response = consumed(params, &timing).await;
    let preloaded = timing.inner().preloaded;
    (response, preloaded)
}

#[tokio::test]
async fn a_response_is_had_once_and_from_the_preloads_timing() {
    let preloads = PreloadedResources::default();
    let (request, id) = consumer();
    begin(&preloads, &id, "");
    let _ = complete(&preloads, &id, response("body")).await;
    preloads.end(&id);
    let (response, preloaded) = consume(&preloads, &request).await;
    let body = response.unwrap().body.read_all(BODY_LIMIT).await;
    assert_eq!((body.unwrap(), preloaded), ("body".into(), true));
    let (again, preloaded) = consume(&preloads, &request).await;
    assert!(again.is_none() && !preloaded);
}

#[tokio::test]
async fn all_of_the_key_must_match() {
    let preloads = PreloadedResources::default();
    let (request, id) = consumer();
    begin(&preloads, &id, "");
    let _ = complete(&preloads, &id, response("body")).await;
    let unlike: [fn(&mut Request); 6] = [
        |request| *request.current_url_mut() = url("https://b.example/other"),
        |request| request.destination = Destination::Style,
        |request| request.mode = RequestMode::NoCors,
        |request| request.credentials_mode = CredentialsMode::Include,
        |request| request.method = Method::POST,
        |request| request.client = None,
    ];
    for (index, make_unlike) in unlike.into_iter().enumerate() {
        let mut other = request.clone();
        make_unlike(&mut other);
        assert!(consume(&preloads, &other).await.0.is_none(), "{index}");
    }
    assert!(consume(&preloads, &request).await.0.is_some());
}

#[tokio::test]
async fn stated_integrity_must_be_the_preloads() {
    for (preload, stated, expected) in [
        ("", "", true),
        (SHA256, "", true),
        (SHA256, SHA256, true),
        ("", SHA256, false),
        (SHA256, SHA384, false),
        (SHA384, SHA256, false),
    ] {
        let preloads = PreloadedResources::default();
        let (mut request, id) = consumer();
        begin(&preloads, &id, preload);
        let _ = complete(&preloads, &id, response("body")).await;
        request.integrity_metadata = stated.to_owned();
        let (response, _) = consume(&preloads, &request).await;
        assert_eq!(response.is_some(), expected, "{preload} {stated}");
    }
}

#[tokio::test]
async fn a_failed_preload_is_handed_over_as_a_network_error() {
    // Script reports the timing of the preload for the second only.
    for (cause, preloaded) in [
        (Cause::MixedContent, false),
        (Cause::Integrity, true),
        // Without a shell nobody could be asked.
        (cors_failure(), false),
        (Cause::MimeType, true),
        (Cause::Body(BodyError::Truncated), true),
    ] {
        for waits in [false, true] {
            let preloads = PreloadedResources::default();
            let (request, id) = consumer();
            begin(&preloads, &id, "");
            let mut params = FetchParams::new(request);
            if waits {
                params.preloaded_response_candidate = preloads.consume(&params.request);
            }
            let failed = FetchResponse::network_error(cause.clone());
            let failed = complete(&preloads, &id, failed).await;
            assert_eq!(failed.error(), Some(&cause.network_error()));
            preloads.end(&id);
            if !waits {
                params.preloaded_response_candidate = preloads.consume(&params.request);
            }
            let (response, timing) = consume_candidate(&mut params).await;
            let response = response.unwrap();
            assert_eq!(response.error(), Some(&NetworkError::ConnectionFailure));
            assert!(matches!(response.cause.as_deref(), Some(Cause::Preload(_))));
            assert_eq!(timing, preloaded, "{cause}");
            assert!(preloads.entries.lock().is_empty());
        }
    }
}

/// A second preload of what [`consumer`] asks for: its request, which knows of the first, and its id.
fn preload_again(first: &Request) -> (Request, PreloadId) {
    let id = PreloadId::default();
    let mut request = first.clone();
    request.preload_id = Some(id.clone());
    (request, id)
}

/// The page's map of preloaded resources has the preload `id` for `request`.
fn point_to(request: &mut Request, id: &PreloadId) {
    let client = request.client.as_mut().unwrap();
    for preloaded in client.preloaded_resources.values_mut() {
        *preloaded = id.clone();
    }
}

#[tokio::test]
async fn a_second_preload_consumes_the_first_and_is_consumed_itself() {
    for waits in [false, true] {
        let preloads = PreloadedResources::default();
        let (mut request, id) = consumer();
        begin(&preloads, &id, "");
        let (second, second_id) = preload_again(&request);
        preloads.begin(&second);
        let mut params = FetchParams::new(second.clone());
        if waits {
            params.preloaded_response_candidate = preloads.consume(&second);
        }
        let _ = complete(&preloads, &id, response("body")).await;
        preloads.end(&id);
        if !waits {
            params.preloaded_response_candidate = preloads.consume(&second);
        }
        let (response, preloaded) = consume_candidate(&mut params).await;
        assert!(preloaded);
        let _ = complete(&preloads, &second_id, response.unwrap()).await;
        preloads.end(&second_id);
        // The first is gone; who asks after the second gets it of that one.
        assert!(consume(&preloads, &request).await.0.is_none());
        point_to(&mut request, &second_id);
        let (response, _) = consume(&preloads, &request).await;
        let body = response.unwrap().body.read_all(BODY_LIMIT).await;
        assert_eq!(body.unwrap(), "body", "{waits}");
    }
}

#[tokio::test]
async fn a_preload_does_not_wait_for_itself() {
    let preloads = PreloadedResources::default();
    let (mut request, id) = consumer();
    begin(&preloads, &id, "");
    request.preload_id = Some(id);
    let (response, _) = consume(&preloads, &request).now_or_never().unwrap();
    assert!(response.is_none());
}

#[tokio::test]
async fn what_a_preload_failed_of_is_handed_on_as_it_is() {
    for cause in [cors_failure(), Cause::MimeType, Cause::Integrity] {
        let preloads = PreloadedResources::default();
        let (mut request, id) = consumer();
        begin(&preloads, &id, "");
        let (second, second_id) = preload_again(&request);
        preloads.begin(&second);
        let failed = FetchResponse::network_error(cause.clone());
        let _ = complete(&preloads, &id, failed).await;
        let (failed, reported) = consume(&preloads, &second).await;
        let failed = complete(&preloads, &second_id, failed.unwrap()).await;
        assert_eq!(failed.error(), Some(&cause.network_error()));
        point_to(&mut request, &second_id);
        let (last, also_reported) = consume(&preloads, &request).await;
        let Some(Cause::Preload(inner)) = last.unwrap().cause.map(|cause| *cause) else {
            panic!("{cause}");
        };
        assert_eq!(inner.to_string(), cause.to_string());
        assert_eq!(inner.cors_failure(), cause.cors_failure());
        assert_eq!(reported, also_reported);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    let preloads = PreloadedResources::default();
    let (request, id) = consumer();
    begin(&preloads, &id, "");
    let chunks = [Ok(Bytes::from_static(b"bo")), Err(BodyError::Truncated)];
    let broken = FetchResponse {
        body: Body::from_stream(futures::stream::iter(chunks)),
        ..response("")
    };
    assert!(complete(&preloads, &id, broken).await.is_network_error());
    let (response, _) = consume(&preloads, &request).await;
    assert!(response.unwrap().is_network_error());
}

#[tokio::test]
async fn for_what_was_given_up_the_page_asks_itself() {
    for cause in [
        Cause::Cancelled,
        Cause::Body(BodyError::Cancelled),
        Cause::Body(BodyError::TooLarge { limit: BODY_LIMIT }),
    ] {
        let preloads = PreloadedResources::default();
        let (request, id) = consumer();
        begin(&preloads, &id, "");
        let mut params = FetchParams::new(request.clone());
        params.preloaded_response_candidate = preloads.consume(&request);
        let given_up = FetchResponse::network_error(cause);
        assert!(complete(&preloads, &id, given_up).await.is_network_error());
        assert!(consume_candidate(&mut params).await.0.is_none());
        assert!(consume(&preloads, &request).await.0.is_none());
    }
}

#[tokio::test]
async fn nobody_waits_for_a_terminated_preload() {
    let preloads = PreloadedResources::default();
    let (request, id) = consumer();
    begin(&preloads, &id, "");
    let mut params = FetchParams::new(request.clone());
    params.preloaded_response_candidate = preloads.consume(&request);
    preloads.end(&id);
    let (response, _) = consume_candidate(&mut params).now_or_never().unwrap();
    assert!(response.is_none());
    assert!(preloads.entries.lock().is_empty());
}
