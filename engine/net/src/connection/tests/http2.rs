//! TLS and HTTP/2: sharing, trust, overrides, sessions and flow control.

use bytes::Bytes;
use futures::future::join_all;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use net_traits::request::BodyChunkResponse;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Host;

use super::*;
use crate::connection::certificate_verifier::crypto_provider;
use crate::connection::{ConnectionError, HttpVersion, RequestBodyReader};

const HOSTS: &str = "127.0.0.1 secure.test other.test";

/// A certificate authority, and a server's certificate from it.
struct Certificates {
    authority: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Certificates {
    fn new(names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &authority)
            .unwrap();
        Self {
            authority: authority.der().clone(),
            leaf: leaf.der().clone(),
            key: key.serialize_der(),
        }
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![self.leaf.clone()],
                PrivateKeyDer::try_from(self.key.clone()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn trusting(certificates: &Certificates) -> ConnectionsOptions {
    ConnectionsOptions {
        extra_roots: vec![certificates.authority.clone()],
        ..options(HOSTS)
    }
}

/// A server of HTTP/2 that hands each request to `handler`.
async fn http2_server<F, R>(certificates: &Certificates, handler: F) -> Server
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let acceptor = certificates.acceptor(&["h2"]);
    Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        let handler = handler.clone();
        async move {
            let stream: TlsStream<TcpStream> = acceptor.accept(stream).await?;
            let mut connection = h2::server::handshake(stream)
                .await
                .map_err(io::Error::other)?;
            while let Some(request) = connection.accept().await {
                let (request, respond) = request.map_err(io::Error::other)?;
                tokio::spawn(handler(request, respond));
            }
            Ok(())
        }
    })
    .await
}

/// Answers with `body`, as fast as flow control lets it.
async fn answer(mut respond: SendResponse<Bytes>, body: Bytes) -> Result<(), h2::Error> {
    let mut stream = respond.send_response(Response::new(()), false)?;
    stream.send_data(body, true)
}

/// Answers, when all of the request's body has come, with its length.
async fn measure(body: &mut RecvStream, respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let mut length = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        length += chunk.len();
        body.flow_control().release_capacity(chunk.len())?;
    }
    answer(respond, length.to_string().into()).await
}

async fn ok_server(certificates: &Certificates) -> Server {
    http2_server(certificates, |_, respond| async move {
        let _ = answer(respond, Bytes::from_static(b"ok")).await;
    })
    .await
}

/// A server of HTTP/2 that answers “ok”, and connections that trust it and know its name, `secure.test`.
pub(super) async fn secure_server() -> (Connections, Server) {
    let certificates = Certificates::new(&["secure.test"]);
    let server = ok_server(&certificates).await;
    (Connections::new(trusting(&certificates)), server)
}

fn secure(server: &Server, path: &str) -> OutgoingRequest {
    get(&format!(
        "https://secure.test:{}{path}",
        server.address.port()
    ))
}

#[tokio::test]
async fn requests_at_once_share_one_connection() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = ok_server(&certificates).await;
    let connections = Connections::new(trusting(&certificates));
    let exchanges = (0..20).map(|_| connections.exchange(secure(&server, "/")));
    let mut fresh = 0;
    for exchange in join_all(exchanges).await {
        let exchange = exchange.unwrap();
        assert_eq!(exchange.record.version, HttpVersion::Http2);
        assert_eq!(exchange.reason, b"");
        assert_eq!(exchange.record.verified_by_public_roots, Some(false));
        assert!(!exchange.record.certificate_error_overridden);
        let tls = exchange.record.tls.as_ref().unwrap();
        assert_eq!(tls.alpn_protocol.as_deref(), Some("h2"));
        assert_eq!(tls.certificate_chain_der, [certificates.leaf.to_vec()]);
        fresh += usize::from(!exchange.record.reused);
        assert_eq!(text(exchange).await, "ok");
    }
    assert_eq!((fresh, server.connections()), (1, 1));

    // Another authority has a connection of its own.
    let mut request = secure(&server, "/");
    request.key.credentials = ConnectionCredentials::Excluded;
    assert!(!connections.exchange(request).await.unwrap().record.reused);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = ok_server(&certificates).await;
    let connections = Connections::new(options(HOSTS));
    let exchanges = (0..10).map(|_| connections.exchange(secure(&server, "/")));
    for result in join_all(exchanges).await {
        assert!(
            matches!(result, Err(ConnectionError::Certificate { .. })),
            "{result:?}"
        );
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_override_is_for_one_host_and_certificate() {
    let certificates = Certificates::new(&["secure.test", "other.test"]);
    let server = ok_server(&certificates).await;
    let connections = Connections::new(options(HOSTS));
    let Err(ConnectionError::Certificate {
        host,
        problem,
        leaf,
    }) = connections.exchange(secure(&server, "/")).await
    else {
        panic!("the issuer is not trusted");
    };
    assert_eq!(host, Host::Domain("secure.test".to_owned()));
    assert_eq!(problem, "its issuer is not trusted");
    assert_eq!(leaf.0, certificates.leaf.to_vec());

    connections.certificate_overrides().add(host, &leaf.0);
    let exchange = connections.exchange(secure(&server, "/")).await.unwrap();
    assert!(exchange.record.certificate_error_overridden);
    assert_eq!(exchange.record.verified_by_public_roots, Some(false));
    assert_eq!(text(exchange).await, "ok");

    let other = get(&format!("https://other.test:{}/", server.address.port()));
    assert!(connections.exchange(other).await.is_err());

    // A session from the time of the override is not resumed into trust.
    connections.certificate_overrides().clear();
    let mut request = secure(&server, "/");
    request.force_new_connection = true;
    let result = connections.exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::Certificate { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn an_authority_is_no_server() {
    let mut params = CertificateParams::new(vec!["secure.test".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().clone();
    let certificates = Certificates {
        authority: der.clone(),
        leaf: der,
        key: key.serialize_der(),
    };
    let server = ok_server(&certificates).await;
    for options in [trusting(&certificates), options(HOSTS)] {
        let result = Connections::new(options)
            .exchange(secure(&server, "/"))
            .await;
        assert!(
            matches!(&result, Err(ConnectionError::Certificate { problem, .. }) if problem == "it is an authority's and not a server's"),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn certificates_must_be_for_the_host() {
    let certificates = Certificates::new(&["other.test"]);
    let server = ok_server(&certificates).await;
    let result = Connections::new(trusting(&certificates))
        .exchange(secure(&server, "/"))
        .await;
    assert!(
        matches!(&result, Err(ConnectionError::Certificate { problem, .. }) if problem == "it is for another name"),
        "{result:?}"
    );
    let ignoring = ConnectionsOptions {
        ignore_certificate_errors: true,
        ..trusting(&certificates)
    };
    let exchange = Connections::new(ignoring)
        .exchange(secure(&server, "/"))
        .await
        .unwrap();
    assert!(exchange.record.certificate_error_overridden);
}

#[tokio::test]
async fn public_roots_are_a_verdict_of_their_own() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = ok_server(&certificates).await;
    let verdict = async |connections: &Connections| {
        let exchange = connections.exchange(secure(&server, "/")).await.unwrap();
        exchange.record.verified_by_public_roots
    };
    let connections = Connections::new(ConnectionsOptions {
        public_roots: Some(vec![certificates.authority.clone()]),
        ..trusting(&certificates)
    });
    assert_eq!(verdict(&connections).await, Some(true));
    connections.set_public_roots(Some(Vec::new()));
    assert_eq!(verdict(&connections).await, Some(false));
    connections.set_public_roots(None);
    assert_eq!(verdict(&connections).await, Some(false));
    connections.set_added_public_roots(vec![certificates.authority.clone()]);
    assert_eq!(verdict(&connections).await, Some(true));
}

#[tokio::test]
async fn sessions_are_resumed_within_one_key_only() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = ok_server(&certificates).await;
    let connections = Connections::new(trusting(&certificates));
    let resumed = async |credentials: ConnectionCredentials| {
        let mut request = secure(&server, "/");
        request.force_new_connection = true;
        request.key.credentials = credentials;
        let exchange = connections.exchange(request).await.unwrap();
        let resumed = exchange.record.tls_resumed;
        assert_eq!(text(exchange).await, "ok");
        resumed
    };
    let anonymous = |host: &str| {
        let requester = ServoUrl::parse(host).unwrap().origin();
        ConnectionCredentials::Anonymous(requester.into())
    };
    assert!(!resumed(ConnectionCredentials::Included).await);
    assert!(resumed(ConnectionCredentials::Included).await);
    assert!(!resumed(ConnectionCredentials::Excluded).await);
    assert!(!resumed(anonymous("https://a.test")).await);
    assert!(!resumed(anonymous("https://b.test")).await);
    assert!(resumed(anonymous("https://a.test")).await);
    connections.forget();
    assert!(!resumed(ConnectionCredentials::Included).await);
}

#[tokio::test]
async fn a_server_without_http2_gets_several_connections() {
    let certificates = Certificates::new(&["secure.test"]);
    let acceptor = certificates.acceptor(&["http/1.1"]);
    let server = Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            loop {
                read_head(&mut stream).await?;
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .await?;
                stream.flush().await?;
            }
        }
    })
    .await;
    let connections = Connections::new(trusting(&certificates));
    let exchanges = (0..20).map(|_| async {
        let exchange = connections.exchange(secure(&server, "/")).await.unwrap();
        assert_eq!(exchange.record.version, HttpVersion::Http1);
        assert_eq!(text(exchange).await, "ok");
    });
    join_all(exchanges).await;
    assert!((1..=6).contains(&server.connections()));
}

#[tokio::test]
async fn a_body_without_close_notify_is_complete() {
    let certificates = Certificates::new(&["secure.test"]);
    let acceptor = certificates.acceptor(&[]);
    let server = Server::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            read_head(&mut stream).await?;
            stream
                .write_all(b"HTTP/1.0 200 OK\r\n\r\nall of it")
                .await?;
            stream.flush().await?;
            let (mut socket, _) = stream.into_inner();
            socket.shutdown().await
        }
    })
    .await;
    let exchange = Connections::new(trusting(&certificates))
        .exchange(secure(&server, "/"))
        .await
        .unwrap();
    assert_eq!(text(exchange).await, "all of it");
}

#[tokio::test]
async fn dropping_resets_the_stream_and_keeps_the_connection() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let certificates = Certificates::new(&["secure.test"]);
    let server = http2_server(&certificates, move |request, mut respond| {
        let report = report.clone();
        async move {
            match request.uri().path() {
                "/" => {
                    let _ = answer(respond, Bytes::from_static(b"ok")).await;
                },
                "/body" => {
                    let mut stream = respond.send_response(Response::new(()), false).unwrap();
                    let _ = stream.send_data(Bytes::from_static(b"begun"), false);
                    let reason = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
                    let _ = report.send(reason.ok());
                },
                _ => {
                    let _ = report.send(None);
                    let reason = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                    let _ = report.send(reason.ok());
                },
            }
        }
    })
    .await;
    let connections = Connections::new(trusting(&certificates));

    let mut exchange = connections
        .exchange(secure(&server, "/body"))
        .await
        .unwrap();
    assert_eq!(exchange.body.next().await.unwrap().unwrap(), "begun");
    drop(exchange);
    assert_eq!(reports.recv().await, Some(Some(h2::Reason::CANCEL)));

    let mut silent = Box::pin(connections.exchange(secure(&server, "/silent")));
    tokio::select! {
        _ = &mut silent => panic!("there is no response"),
        report = reports.recv() => assert_eq!(report, Some(None)),
    }
    drop(silent);
    assert_eq!(reports.recv().await, Some(Some(h2::Reason::CANCEL)));

    let exchange = connections.exchange(secure(&server, "/")).await.unwrap();
    assert!(exchange.record.reused);
    assert_eq!(text(exchange).await, "ok");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn responses_that_nobody_reads_do_not_stall_others() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = http2_server(&certificates, |request, respond| async move {
        let size = if request.uri().path() == "/large" {
            8 << 20
        } else {
            2
        };
        let _ = answer(respond, Bytes::from(vec![b'x'; size])).await;
    })
    .await;
    let connections = Connections::new(trusting(&certificates));
    let mut held = Vec::new();
    for _ in 0..32 {
        let mut exchange = connections
            .exchange(secure(&server, "/large"))
            .await
            .unwrap();
        exchange.body.next().await.unwrap().unwrap();
        held.push(exchange);
    }
    let exchange = connections.exchange(secure(&server, "/")).await.unwrap();
    assert_eq!(text(exchange).await, "xx");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn bodies_are_sent_and_stop_with_their_exchange() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let certificates = Certificates::new(&["secure.test"]);
    let server = http2_server(&certificates, move |mut request, respond| {
        let report = report.clone();
        async move {
            if request.uri().path() == "/stall" {
                // The window fills up, and the rest of the body waits for it.
                let _ = request.body_mut().data().await;
                let _ = report.send(true);
                while let Some(Ok(_)) = request.body_mut().data().await {}
                let _ = report.send(request.body().is_end_stream());
            } else {
                let _ = measure(request.body_mut(), respond).await;
            }
        }
    })
    .await;
    let connections = Connections::new(trusting(&certificates));
    let upload = |path: &str| {
        let mut request = secure(&server, path);
        request.method = Method::POST;
        request.body = Some(RequestBodyReader::from_bytes(vec![0; 3 << 20].into()));
        request
    };

    let mut stalled = Box::pin(connections.exchange(upload("/stall")));
    tokio::select! {
        _ = &mut stalled => panic!("there is no response"),
        report = reports.recv() => assert_eq!(report, Some(true)),
    }
    drop(stalled);
    assert_eq!(reports.recv().await, Some(false));

    let exchange = connections.exchange(upload("/")).await.unwrap();
    assert!(exchange.record.reused);
    assert_eq!(text(exchange).await, (3 << 20).to_string());
}

#[tokio::test]
async fn a_pages_stream_is_sent_whole() {
    let certificates = Certificates::new(&["secure.test"]);
    let server = http2_server(&certificates, |mut request, respond| async move {
        assert!(!request.headers().contains_key("content-length"));
        let mut whole = Vec::new();
        while let Some(Ok(chunk)) = request.body_mut().data().await {
            let _ = request
                .body_mut()
                .flow_control()
                .release_capacity(chunk.len());
            whole.extend_from_slice(&chunk);
        }
        let _ = answer(respond, whole.into()).await;
    })
    .await;
    let chunks: Vec<_> = (0..100).map(|chunk| [b'A' + chunk % 26; 1000]).collect();
    let mut answers: Vec<_> = chunks.iter().map(|bytes| uploads::chunk(bytes)).collect();
    answers.push(BodyChunkResponse::Done);
    let body = uploads::stream(answers);
    let mut request = secure(&server, "/");
    request.method = Method::POST;
    request.body = Some(RequestBodyReader::connect(&body));
    let connections = Connections::new(trusting(&certificates));
    let exchange = connections.exchange(request).await.unwrap();
    assert_eq!(text(exchange).await.as_bytes(), chunks.concat());
}

#[tokio::test]
async fn a_refused_request_is_sent_again_with_all_of_its_body() {
    let certificates = Certificates::new(&["secure.test"]);
    let uploads = Arc::new(AtomicUsize::new(0));
    let server = http2_server(&certificates, move |mut request, mut respond| {
        let refused =
            request.method() == Method::POST && uploads.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if refused {
                let _ = request.body_mut().data().await;
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            } else {
                let _ = measure(request.body_mut(), respond).await;
            }
        }
    })
    .await;
    let connections = Connections::new(trusting(&certificates));
    let first = connections.exchange(secure(&server, "/")).await.unwrap();
    assert_eq!(text(first).await, "0");
    let mut request = secure(&server, "/");
    request.method = Method::POST;
    request.body = Some(RequestBodyReader::from_bytes(vec![0; 300_000].into()));
    let exchange = connections.exchange(request).await.unwrap();
    assert!(!exchange.record.reused);
    assert_eq!(text(exchange).await, "300000");
}

#[tokio::test]
async fn a_request_that_waits_for_a_stream_goes_elsewhere_when_its_connection_ends() {
    let certificates = Certificates::new(&["secure.test"]);
    for round in 0..20 {
        let (report, mut reports) = mpsc::unbounded_channel();
        let end = Arc::new(tokio::sync::Notify::new());
        let acceptor = certificates.acceptor(&["h2"]);
        let ending = Arc::clone(&end);
        let server = Server::start(move |stream, index| {
            let (acceptor, report, end) = (acceptor.clone(), report.clone(), Arc::clone(&ending));
            async move {
                let stream: TlsStream<TcpStream> = acceptor.accept(stream).await?;
                let mut builder = h2::server::Builder::new();
                if index == 0 {
                    builder.max_concurrent_streams(0);
                }
                let mut connection = builder.handshake(stream).await.map_err(io::Error::other)?;
                if index == 0 {
                    let _ = report.send(());
                    tokio::select! {
                        _ = connection.accept() => {},
                        () = end.notified() => {},
                    }
                    return Ok(());
                }
                while let Some(request) = connection.accept().await {
                    let (_, respond) = request.map_err(io::Error::other)?;
                    answer(respond, Bytes::from_static(b"ok"))
                        .await
                        .map_err(io::Error::other)?;
                }
                Ok(())
            }
        })
        .await;
        let connections = Connections::new(trusting(&certificates));
        let mut first = Box::pin(connections.exchange(secure(&server, "/")));
        tokio::select! {
            _ = &mut first => panic!("there is no stream"),
            _ = reports.recv() => {},
        }
        drop(first);
        end.notify_one();
        let exchange = connections.exchange(secure(&server, "/")).await;
        let exchange = exchange.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(text(exchange).await, "ok");
    }
}
