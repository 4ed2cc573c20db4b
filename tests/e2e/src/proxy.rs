//! A proxy on loopback that notes where it was asked to connect, and connects to one server whatever the name.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP's `CONNECT`.
    HttpConnect,
    /// SOCKS5.
    Socks5,
}

/// A running proxy. It stops when dropped.
pub struct Proxy {
    address: SocketAddr,
    protocol: ProxyProtocol,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Proxy {
    /// The address from which servers see what comes through a proxy.
    pub const SEEN_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

    /// Starts a proxy for which every name leads to `server`.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(protocol: ProxyProtocol, server: SocketAddr) -> Result<Self> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                // A client that leaves is no failure of the proxy.
                tokio::spawn(async move {
                    let _ = serve(stream, protocol, server, &log).await;
                });
            }
        });
        Ok(Self {
            address,
            protocol,
            asked,
            _runtime: runtime,
        })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as in a setting.
    pub fn url(&self) -> String {
        match self.protocol {
            ProxyProtocol::HttpConnect => format!("http://{}", self.address),
            ProxyProtocol::Socks5 => format!("socks5://{}", self.address),
        }
    }

    /// Where it was asked to connect so far: hosts with ports.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    protocol: ProxyProtocol,
    server: SocketAddr,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let (asked, consent): (String, &[u8]) = match protocol {
        ProxyProtocol::HttpConnect => (connect(&mut stream).await?, b"HTTP/1.1 200 Go\r\n\r\n"),
        ProxyProtocol::Socks5 => (socks(&mut stream).await?, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    log.lock().push(asked);
    let socket = TcpSocket::new_v4()?;
    socket.bind((Proxy::SEEN_FROM, 0).into())?;
    let mut onward = socket.connect(server).await?;
    stream.write_all(consent).await?;
    copy_bidirectional(&mut stream, &mut onward).await?;
    Ok(())
}

async fn connect(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split(' ').skip(1);
    Ok(words.next().unwrap_or_default().to_owned())
}

async fn socks(stream: &mut TcpStream) -> io::Result<String> {
    let _version = stream.read_u8().await?;
    let _methods = read_string(stream).await?;
    stream.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let [.., kind] = request;
    let host = match kind {
        1 => {
            let mut address = [0; 4];
            stream.read_exact(&mut address).await?;
            Ipv4Addr::from(address).to_string()
        },
        3 => String::from_utf8_lossy(&read_string(stream).await?).into_owned(),
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let port = stream.read_u16().await?;
    Ok(format!("{host}:{port}"))
}

async fn read_string(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u8().await?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
