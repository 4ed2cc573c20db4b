//! Exchanges with servers on the loopback interface that are written out byte by byte.

mod broken_servers;
mod egress;
mod http1;
mod http2;
mod proxies;
mod proxy_authentication;
mod socks;
mod uploads;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Method};
use servo_url::ServoUrl;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};

use super::hosts::HostTable;
use super::proxy::ProxySettings;
use super::{
    ConnectionCredentials, ConnectionKey, Connections, ConnectionsOptions, Endpoint, Exchange,
    NetworkPartitionKey, OutgoingRequest,
};

/// Options that depend on nothing outside of the test; `hosts` maps names.
fn options(hosts: &str) -> ConnectionsOptions {
    ConnectionsOptions {
        hosts: Some(HostTable::parse(hosts)),
        proxies: Some(ProxySettings::default()),
        ..ConnectionsOptions::default()
    }
}

/// A GET request.
fn get(url: &str) -> OutgoingRequest {
    let url = ServoUrl::parse(url).unwrap();
    OutgoingRequest {
        key: ConnectionKey {
            partition: NetworkPartitionKey::default(),
            endpoint: Endpoint::of_url(&url).unwrap(),
            credentials: ConnectionCredentials::Included,
        },
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: None,
        pinned: None,
        egress: None,
        interim: None,
        admission: None,
        force_new_connection: false,
        upgrade: false,
    }
}

/// A server that runs `handler` for each connection, with the number of connections before it.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F, R>(handler: F) -> Self
    where
        F: Fn(TcpStream, usize) -> R + Send + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = count.fetch_add(1, Ordering::SeqCst);
                // What a server does not manage to send shows in what its client got.
                tokio::spawn(handler(stream, index));
            }
        });
        Self {
            address,
            connections,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The head of a request; an error if the connection ends instead.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The whole body of an exchange.
async fn text(exchange: Exchange) -> String {
    let bytes = exchange.body.read_all(1 << 20).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until `count` connections of HTTP/1.1 are free to be used again.
async fn until_idle(connections: &Connections, count: usize) {
    while connections.idle_count() != count {
        tokio::task::yield_now().await;
    }
}

/// Makes an exchange after which one connection is free to be used again.
async fn leave_idle(connections: &Connections, request: OutgoingRequest) {
    text(connections.exchange(request).await.unwrap()).await;
    until_idle(connections, 1).await;
}
