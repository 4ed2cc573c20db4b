//! [SOCKS5](https://www.rfc-editor.org/rfc/rfc1928), with
//! [user name and password](https://www.rfc-editor.org/rfc/rfc1929). The server's name goes to the proxy as it is: nothing is
//! looked up here.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Host;

use super::in_time;
use crate::connection::error::{ConnectionError, ProxyError};
use crate::connection::key::Endpoint;
use crate::connection::transport::Transport;
use crate::http_authentication::Credentials;

/// The version of the protocol.
const VERSION: u8 = 5;

/// The version of the exchange of user name and password.
const PASSWORD_VERSION: u8 = 1;

/// The method “no authentication required”.
const NO_AUTHENTICATION: u8 = 0;

/// The method “user name and password”.
const USER_AND_PASSWORD: u8 = 2;

/// What a proxy answers that takes none of the methods.
const NO_METHOD: u8 = 0xff;

/// The command “connect”.
const CONNECT: u8 = 1;

/// The types of addresses.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The most bytes of a name, a user name or a password: the protocol gives their length in one byte.
const MOST_BYTES: usize = 255;

/// What a proxy made of a request to connect.
pub(in crate::connection) enum Socks {
    /// This leads to the server.
    Open(Box<dyn Transport>),
    /// It wants a user name and a password, or others than these.
    Unauthenticated,
}

/// Asks the proxy, at the other end of `stream`, to connect to `endpoint`.
///
/// # Errors
/// Why it does not, but for authentication.
pub(in crate::connection) async fn socks_connect(
    stream: Box<dyn Transport>,
    endpoint: &Endpoint,
    credentials: Option<&Credentials>,
) -> Result<Socks, ConnectionError> {
    in_time(connect(stream, endpoint, credentials)).await
}

async fn connect(
    mut stream: Box<dyn Transport>,
    endpoint: &Endpoint,
    credentials: Option<&Credentials>,
) -> Result<Socks, ProxyError> {
    let request = request(endpoint)?;
    // RFC 1928, section 3. The methods that are offered, and the proxy's choice.
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    write(&mut stream, methods).await?;
    let [version, method] = read(&mut stream).await?;
    if version != VERSION {
        return Err(ProxyError::NotSocks);
    }
    match (method, credentials) {
        (NO_AUTHENTICATION, _) => {},
        (USER_AND_PASSWORD, Some(credentials)) => {
            if !authenticate(&mut stream, credentials).await? {
                return Ok(Socks::Unauthenticated);
            }
        },
        // NB: a proxy that takes other methods only, such as GSSAPI, answers in the same way.
        (NO_METHOD, _) => return Ok(Socks::Unauthenticated),
        _ => return Err(ProxyError::NotSocks),
    }
    // RFC 1928, sections 4 and 6. The request and the reply.
    write(&mut stream, &request).await?;
    let [version, reply, _reserved, address_type] = read(&mut stream).await?;
    if version != VERSION {
        return Err(ProxyError::NotSocks);
    }
    if reply != 0 {
        return Err(ProxyError::SocksRefused { reply });
    }
    // The address from which the proxy connected tells nothing, but has to be read: the server's bytes follow.
    match address_type {
        IPV4 => drop(read::<{ 4 + 2 }>(&mut stream).await?),
        IPV6 => drop(read::<{ 16 + 2 }>(&mut stream).await?),
        NAME => {
            let [length] = read(&mut stream).await?;
            for _ in 0..usize::from(length) + 2 {
                let [_] = read(&mut stream).await?;
            }
        },
        _ => return Err(ProxyError::NotSocks),
    }
    Ok(Socks::Open(stream))
}

/// <https://www.rfc-editor.org/rfc/rfc1929#section-2>
async fn authenticate(
    stream: &mut Box<dyn Transport>,
    credentials: &Credentials,
) -> Result<bool, ProxyError> {
    let mut message = vec![PASSWORD_VERSION];
    for text in [&credentials.username, &credentials.password] {
        push_short(&mut message, text.as_bytes()).ok_or(ProxyError::Malformed)?;
    }
    write(stream, &message).await?;
    let [version, status] = read(stream).await?;
    if version != PASSWORD_VERSION {
        return Err(ProxyError::NotSocks);
    }
    Ok(status == 0)
}

/// <https://www.rfc-editor.org/rfc/rfc1928#section-4>
fn request(endpoint: &Endpoint) -> Result<Vec<u8>, ProxyError> {
    let mut request = vec![VERSION, CONNECT, 0];
    match &endpoint.host {
        Host::Domain(name) => {
            request.push(NAME);
            push_short(&mut request, name.as_bytes()).ok_or(ProxyError::UnsendableName)?;
        },
        Host::Ipv4(address) => push_ipv4(&mut request, *address),
        Host::Ipv6(address) => push_ipv6(&mut request, *address),
    }
    request.extend(endpoint.port.to_be_bytes());
    Ok(request)
}

fn push_ipv4(request: &mut Vec<u8>, address: Ipv4Addr) {
    request.push(IPV4);
    request.extend(address.octets());
}

fn push_ipv6(request: &mut Vec<u8>, address: Ipv6Addr) {
    request.push(IPV6);
    request.extend(address.octets());
}

/// Appends `bytes` after their length; `None` if they are too many or none.
fn push_short(message: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    if bytes.len() > MOST_BYTES {
        return None;
    }
    message.push(u8::try_from(bytes.len()).ok()?);
    message.extend(bytes);
    Some(())
}

async fn write(stream: &mut Box<dyn Transport>, bytes: &[u8]) -> Result<(), ProxyError> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    written.await.map_err(|_| ProxyError::NotSocks)
}

async fn read<const COUNT: usize>(
    stream: &mut Box<dyn Transport>,
) -> Result<[u8; COUNT], ProxyError> {
    let mut bytes = [0; COUNT];
    stream
        .read_exact(&mut bytes)
        .await
        .map_err(|_| ProxyError::NotSocks)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            secure: true,
            host: Host::parse(host).unwrap(),
            port: 0x01bb,
        }
    }

    #[test]
    fn requests_carry_names_and_literals_as_they_are() {
        let cases: [(&str, &[u8]); 3] = [
            ("a.test", b"\x05\x01\x00\x03\x06a.test\x01\xbb"),
            ("127.0.0.1", b"\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb"),
            (
                "[::1]",
                b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
            ),
        ];
        for (host, expected) in cases {
            assert_eq!(request(&endpoint(host)).unwrap(), expected, "{host}");
        }
        let long = format!("{}test", "a.".repeat(126));
        assert_eq!(
            request(&endpoint(&long)),
            Err(ProxyError::UnsendableName),
            "{} bytes",
            long.len()
        );
    }

    proptest! {
        #[test]
        fn no_answer_panics(answer in prop::collection::vec(any::<u8>(), 0..64), password in any::<bool>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let credentials = Credentials { username: "u".to_owned(), password: "p".to_owned() };
            let credentials = password.then_some(&credentials);
            runtime.block_on(async {
                let (near, mut far) = tokio::io::duplex(1024);
                far.write_all(&answer).await.unwrap();
                far.shutdown().await.unwrap();
                let _ = socks_connect(Box::new(near), &endpoint("a.test"), credentials).await;
            });
        }
    }
}
