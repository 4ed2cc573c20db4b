//! The services over real connections: TLS with the run's own root, both versions of HTTP, and what they record.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use latchkey_demo::ca::TestCa;
use latchkey_demo::oauth::Credentials;
use latchkey_demo::server::{Server, Service, Site};
use latchkey_demo::services::timeline::{BEARER, SIGNED, Timeline};
use latchkey_demo::world::{Ports, World};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

async fn connect(
    ca: &TestCa,
    server: &Server,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address()).await?;
    let name = ServerName::try_from(server.origin().host_str().expect("a host").to_owned())
        .expect("a DNS name");
    TlsConnector::from(ca.client_config(protocols).expect("a client"))
        .connect(name, stream)
        .await
}

async fn http1(ca: &TestCa, server: &Server, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = connect(ca, server, &[b"http/1.1"])
        .await
        .expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/1.1");
    tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("a response");
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, body.collect().await.expect("a body").to_bytes())
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path)
        .header(header::HOST, "any.localhost")
        .body(Full::default())
        .expect("a request")
}

#[tokio::test]
async fn http2_is_offered_and_recorded() {
    let world = World::start(Ports::Free).await.expect("the services start");
    let stream = connect(&world.ca, &world.commons, &[b"h2"])
        .await
        .expect("a connection");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::get(world.commons.origin().as_str())
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let seen = world.commons.log().take();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].version, seen[0].path.as_str()),
        (Version::HTTP_2, "/")
    );
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_root_gets_nothing() {
    let world = World::start(Ports::Free).await.expect("the services start");
    let stranger = TestCa::new().expect("a root");
    assert!(
        connect(&stranger, &world.commons, &[b"http/1.1"])
            .await
            .is_err()
    );
    assert!(world.commons.log().seen().is_empty());
}

#[tokio::test]
async fn what_each_service_says_of_cors() {
    let world = World::start(Ports::Free).await.expect("the services start");
    let origins = "access-control-allow-origin";
    for (server, path, allowed, prevented) in [
        (&world.commons, "/", Some("*"), false),
        (
            &world.partner,
            "/",
            Some("https://shop.elsewhere.localhost"),
            false,
        ),
        (&world.vault, "/", None, true),
        (&world.printer, "/", None, false),
        (&world.photos, "/public/valley.jpg", None, false),
        (&world.timeline, BEARER, None, false),
    ] {
        let response = http1(&world.ca, server, get(path)).await;
        let value = response
            .headers()
            .get(origins)
            .map(|value| value.to_str().expect("text"));
        assert_eq!(value, allowed, "{}", server.origin());
        assert_eq!(
            response
                .headers()
                .contains_key("access-control-prevent-origin"),
            prevented
        );
    }
}

#[tokio::test]
async fn the_app_serves_its_pages_and_names_the_others() {
    let world = World::start(Ports::Free).await.expect("the services start");
    for path in [
        "/",
        "/scenes/timeline",
        "/scenes/photograph",
        "/scenes/answered",
        "/style.css",
        "/scene.js",
        "/oauth.js",
    ] {
        assert_eq!(
            http1(&world.ca, &world.garden, get(path)).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let module = http1(&world.ca, &world.garden, get("/world.js")).await;
    let module = String::from_utf8(module.into_body().to_vec()).expect("text");
    assert!(module.contains(&world.photos.origin().origin().ascii_serialization()));
    assert_eq!(
        http1(&world.ca, &world.garden, get("/nothing"))
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_log_has_names_and_no_values() {
    let world = World::start(Ports::Free).await.expect("the services start");
    let mut request = get(BEARER);
    request.headers_mut().insert(
        header::AUTHORIZATION,
        "Bearer s3cret".parse().expect("a value"),
    );
    request
        .headers_mut()
        .insert(header::COOKIE, "a=s3cret".parse().expect("a value"));
    assert_eq!(
        http1(&world.ca, &world.timeline, request).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let seen = world.timeline.log().take();
    assert!(seen.len() == 1 && seen[0].cookie);
    assert_eq!(seen[0].page_set_headers(), ["authorization"]);
    assert!(!format!("{seen:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_signature_is_for_the_origin_that_is_asked() {
    // The example of RFC 5849, section 1.2, is long past: any signature of it is refused for its time, before the secrets count.
    let ca = TestCa::new().expect("a root");
    let site = Site::bind("api.chirp.localhost", 0).await.expect("a port");
    let credentials = Credentials {
        consumer_key: "dpf43f3p2l4k3l03".into(),
        consumer_secret: "kd94hf93k423kf44".into(),
        token: "nnch734d00sl2jdk".into(),
        token_secret: "pfkkdhi9sl3r4s00".into(),
    };
    let api = Timeline::new(
        site.origin().expect("an origin"),
        credentials,
        "b3arer".into(),
    );
    let server = site.serve(&ca, api).expect("a server");
    let mut request = get(SIGNED);
    let authorization = "OAuth oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_token=\"nnch734d00sl2jdk\", \
        oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\", \
        oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\"";
    request.headers_mut().insert(
        header::AUTHORIZATION,
        authorization.parse().expect("a value"),
    );
    let response = http1(&ca, &server, request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(String::from_utf8_lossy(response.body()).contains("timestamp"));
}

/// Answers with the length of the body.
struct Length;

impl Service for Length {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        Response::new(request.body().len().to_string().into())
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let ca = TestCa::new().expect("a root");
    let server = Site::bind("a.localhost", 0)
        .await
        .expect("a port")
        .serve(&ca, Length)
        .expect("a server");
    for (length, status) in [(0, 200), (64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let request = Request::post("/").header(header::HOST, "a.localhost");
        let body = Full::new(Bytes::from(vec![b'x'; length]));
        let response = http1(&ca, &server, request.body(body).expect("a request")).await;
        assert_eq!(response.status(), status, "{length}");
    }
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let ca = Arc::new(TestCa::new().expect("a root"));
    let server = Site::bind("a.localhost", 0)
        .await
        .expect("a port")
        .serve(&ca, Length)
        .expect("a server");
    let (address, origin): (_, Url) = (server.address(), server.origin().clone());
    assert_eq!(Some(address.port()), origin.port());
    let mut open = connect(&ca, &server, &[b"http/1.1"])
        .await
        .expect("a connection");
    drop(server);
    // The open connection ends, rather than waiting for a request for ever.
    let mut rest = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut open, &mut rest).await;
    assert!(ended.is_err() || rest.is_empty());
}
