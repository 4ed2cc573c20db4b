//! A proxy that leads to the other ports of the same server, by `CONNECT`, and to nowhere else. It keeps on record which
//! connections it makes, so that a server can say of a request that it came this way.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};

use crate::hosts;
use crate::ports::Ports;

/// The addresses that the proxy's own connections come from, for as long as they are open. A clone is another handle to the
/// same record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxied(Arc<Mutex<HashSet<SocketAddr>>>);

impl Proxied {
    /// Whether a connection from this address is one of the proxy's.
    pub(crate) fn contains(&self, peer: SocketAddr) -> bool {
        self.0.lock().contains(&peer)
    }
}

/// A connection of the proxy's. Its address is off the record when this is dropped.
struct Outgoing {
    stream: TcpStream,
    address: SocketAddr,
    proxied: Proxied,
}

impl Outgoing {
    async fn connect(port: u16, proxied: &Proxied) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        // On record before the other side can have accepted it.
        proxied.0.lock().insert(address);
        match socket.connect((Ipv4Addr::LOCALHOST, port).into()).await {
            Ok(stream) => Ok(Self {
                stream,
                address,
                proxied: proxied.clone(),
            }),
            Err(error) => {
                proxied.0.lock().remove(&address);
                Err(error)
            },
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.proxied.0.lock().remove(&self.address);
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, ports: Arc<Ports>, proxied: Proxied) -> Result<()> {
    let service = service_fn(move |request| {
        let (ports, proxied) = (ports.clone(), proxied.clone());
        async move { Ok::<_, Infallible>(answer(request, &ports, &proxied).await) }
    });
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    Ok(())
}

async fn answer(
    mut request: Request<Incoming>,
    ports: &Ports,
    proxied: &Proxied,
) -> Response<Empty<Bytes>> {
    if request.method() != Method::CONNECT {
        return refusal(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(port) = request
        .uri()
        .authority()
        .and_then(|authority| port_of(authority, ports))
    else {
        return refusal(StatusCode::BAD_GATEWAY);
    };
    match Outgoing::connect(port, proxied).await {
        Ok(outgoing) => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                if let Err(error) = tunnel(upgrade, outgoing).await {
                    log::debug!("a tunnel ended early: {error:#}");
                }
            });
            Response::new(Empty::new())
        },
        Err(error) => {
            log::debug!("the proxy does not reach port {port}: {error}");
            refusal(StatusCode::BAD_GATEWAY)
        },
    }
}

async fn tunnel(upgrade: OnUpgrade, mut outgoing: Outgoing) -> Result<()> {
    let mut client = TokioIo::new(upgrade.await?);
    copy_bidirectional(&mut client, &mut outgoing.stream).await?;
    Ok(())
}

/// The port on loopback that a host and port lead to; `None` if nothing of this server is there. Hosts are told by name: an
/// address in the place of one leads nowhere.
fn port_of(authority: &Authority, ports: &Ports) -> Option<u16> {
    let asked = authority.port_u16()?;
    let host = authority.host();
    hosts::all()
        .iter()
        .any(|known| known.eq_ignore_ascii_case(host))
        .then(|| ports.iter().find(|(_, number)| *number == asked))
        .flatten()
        .map(|(_, number)| number)
}

fn refusal(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_has_is_reached() {
        let mut ports = Ports::default();
        ports.add("https", 8443);
        for (authority, expected) in [
            ("www.not-web-platform.test:8443", Some(8443)),
            ("WWW.not-web-platform.test:8443", Some(8443)),
            ("www.not-web-platform.test:8444", None),
            ("www.not-web-platform.test", None),
            ("nonexistent.web-platform.test:8443", None),
            ("127.0.0.1:8443", None),
            ("[::1]:8443", None),
        ] {
            let parsed = authority.parse().expect(authority);
            assert_eq!(port_of(&parsed, &ports), expected, "{authority}");
        }
    }
}
