//! Exchanges through the egress of user-enabled CORS.

use std::net::IpAddr;

use user_cors::Egress;

use super::socks::SocksProxy;
use super::*;
use crate::connection::{ConnectionError, EgressPath, ProxyError, Route};

fn path(text: &str) -> EgressPath {
    match text.parse().unwrap() {
        Egress::Proxy(proxy) => EgressPath::new(&proxy, vec!["127.0.0.1".parse().unwrap()]),
        Egress::Direct => panic!("no proxy"),
    }
}

fn through(egress: &EgressPath, url: &str) -> OutgoingRequest {
    let mut request = get(url);
    request.egress = Some(egress.clone());
    request
}

fn refusal(result: Result<Exchange, ConnectionError>) -> ProxyError {
    match result {
        Err(ConnectionError::Proxy(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_name_goes_to_the_egress_and_tls_to_the_server() {
    let (connections, server) = super::http2::secure_server().await;
    let proxy = SocksProxy::start(server.address, None).await;
    let egress = path(&format!("socks5://{}", proxy.server.address));
    let url = format!("https://secure.test:{}/", server.address.port());
    let exchange = connections.exchange(through(&egress, &url)).await.unwrap();
    assert_eq!(exchange.record.route, Route::Egress);
    assert!(exchange.record.resolved.is_empty());
    assert!(exchange.record.tls.is_some());
    assert_eq!(text(exchange).await, "ok");
    // The same request without the egress has a connection of its own.
    let exchange = connections.exchange(get(&url)).await.unwrap();
    assert_eq!(exchange.record.route, Route::Direct);
    assert!(!exchange.record.reused);
    assert!(!exchange.record.tls_resumed);
    let told = proxy.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].address, (3, b"secure.test".to_vec()));
}

#[tokio::test]
async fn there_is_no_other_way_than_the_egress() {
    let (connections, server) = super::http2::secure_server().await;
    let url = format!("https://secure.test:{}/", server.address.port());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "socks5"] {
        let egress = path(&format!("{scheme}://{closed}"));
        let result = connections.exchange(through(&egress, &url)).await;
        assert_eq!(refusal(result), ProxyError::Unreachable);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn nothing_goes_through_it_in_clear() {
    let server = Server::start(|_, _| async { Ok(()) }).await;
    let egress = path(&format!("http://{}", server.address));
    let connections = Connections::new(options(""));
    let result = connections
        .exchange(through(&egress, "http://far.test/"))
        .await;
    assert_eq!(refusal(result), ProxyError::EgressWithoutTls);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn only_the_addresses_that_were_checked_are_connected_to() {
    let server = Server::start(|_, _| async { Ok(()) }).await;
    let egress = path(&format!("http://{}", server.address));
    let elsewhere = EgressPath {
        addresses: vec![IpAddr::from([127, 0, 0, 7])],
        ..egress
    };
    let connections = Connections::new(options(""));
    let result = connections
        .exchange(through(&elsewhere, "https://far.test/"))
        .await;
    assert_eq!(refusal(result), ProxyError::Unreachable);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_egress_learns_nothing_that_other_proxies_know() {
    let proxy = SocksProxy::start("127.0.0.1:9".parse().unwrap(), Some(("user", "secret"))).await;
    let address = proxy.server.address;
    let connections = Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: String::new(),
            https: format!("socks5://user:secret@{address}"),
            exceptions: String::new(),
        }),
        ..options("")
    });
    let egress = path(&format!("socks5://{address}"));
    let result = connections
        .exchange(through(&egress, "https://far.test/"))
        .await;
    assert_eq!(
        refusal(result),
        ProxyError::Authentication { challenge: None }
    );
    assert_eq!(proxy.told(), []);
}
