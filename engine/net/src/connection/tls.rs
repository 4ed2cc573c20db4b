//! TLS: handshakes, session stores that are split like the connection pool, and what is known of a connection afterwards.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use net_traits::{
    ServoCipherSuite, ServoNamedGroup, ServoProtocolVersion, TlsSecurityInfo, TlsSecurityState,
};
use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::certificate_verifier::{
    JUDGEMENT, Judgement, JudgementCell, Trust, Verifier, crypto_provider, describe,
    system_verifier,
};
use super::error::{ConnectionError, LeafCertificate, Phase};
use super::key::{ConnectionCredentials, ConnectionKey, NetworkPartitionKey};
use super::proxy::ProxyServer;
use super::transport::Transport;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many session stores are kept, one for each partition and authority; the one unused for longest goes first.
const SESSION_STORES: usize = 128;

/// How many servers one session store remembers.
const SESSIONS: usize = 64;

/// The name of HTTP/2 in ALPN.
const ALPN_HTTP2: &[u8] = b"h2";

/// The name of HTTP/1.1 in ALPN.
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Why a file of certificates cannot be used.
#[derive(Debug, Error)]
pub enum CertificateFileError {
    /// It cannot be read, or is not PEM.
    #[error("the file of certificates cannot be read: {0}")]
    Pem(#[from] pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in the file")]
    Empty,
}

/// Reads the certificates in a PEM file.
///
/// # Errors
/// [`CertificateFileError`] if the file cannot be read, is malformed or has no certificate.
pub fn load_certificates(
    path: impl AsRef<Path>,
) -> Result<Vec<CertificateDer<'static>>, CertificateFileError> {
    let certificates = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        return Err(CertificateFileError::Empty);
    }
    Ok(certificates)
}

/// Reads the system's certificate authorities, so that the first connection need not wait for them. Takes tens of
/// milliseconds.
pub fn prewarm_tls() {
    system_verifier();
}

/// Which versions of HTTP to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Any,
    /// HTTP/1.1 only: WebSocket.
    Http1,
}

/// The TLS clients of this process.
pub(super) struct TlsClients {
    trust: Arc<Trust>,
    verifier: Arc<Verifier>,
    /// The one used last is at the back.
    stores: Mutex<VecDeque<(SessionKey, Client)>>,
}

/// Whose sessions a store holds: a resumed session tells the server that it is the same client.
#[derive(Clone, PartialEq, Eq)]
struct SessionKey {
    partition: NetworkPartitionKey,
    credentials: ConnectionCredentials,
    /// NB: a server that sees two addresses must not learn from a session that they are one client's.
    proxy: Option<ProxyServer>,
}

#[derive(Clone)]
struct Client {
    any: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// A TLS connection and what is recorded about it.
pub(super) struct Secured {
    /// The connection.
    pub(super) stream: Box<dyn Transport>,
    /// Whether the server chose HTTP/2.
    pub(super) http2: bool,
    /// What the handshake showed.
    pub(super) facts: TlsFacts,
}

/// The facts of TLS in an exchange's record.
#[derive(Clone, Debug)]
pub(super) struct TlsFacts {
    /// What pages and developer tools are shown.
    pub(super) info: TlsSecurityInfo,
    /// Whether a session was resumed.
    pub(super) resumed: bool,
    /// Whether a certificate error was overridden.
    pub(super) certificate_error_overridden: bool,
    /// Whether the chain also verifies against the public roots.
    pub(super) verified_by_public_roots: bool,
}

impl TlsClients {
    /// Clients that trust as `trust` says.
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self {
            verifier: Arc::new(Verifier(Arc::clone(&trust))),
            trust,
            stores: Mutex::default(),
        }
    }

    /// What is trusted.
    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Forgets all sessions.
    pub(super) fn forget_sessions(&self) {
        self.stores.lock().clear();
    }

    /// Speaks TLS over `stream`, which leads through `proxy`, with the session store that belongs to it and to `key`.
    ///
    /// # Errors
    /// [`ConnectionError::Certificate`], [`ConnectionError::Tls`], a reset or a timeout.
    pub(super) async fn handshake(
        &self,
        key: &ConnectionKey,
        proxy: Option<&ProxyServer>,
        host: &Host<String>,
        offer: Offer,
        stream: Box<dyn Transport>,
    ) -> Result<Secured, ConnectionError> {
        let server_name = server_name(host)?;
        let client = self.client(key, proxy)?;
        let config = match offer {
            Offer::Any => client.any,
            Offer::Http1 => client.http1,
        };
        let judgement = JudgementCell::default();
        let handshake = TlsConnector::from(config).connect(server_name.clone(), stream);
        let result = timeout(
            HANDSHAKE_TIMEOUT,
            JUDGEMENT.scope(Arc::clone(&judgement), handshake),
        )
        .await
        .map_err(|_| ConnectionError::TimedOut { phase: Phase::Tls })?;
        let judgement = judgement.lock().take();
        let stream = match result {
            Ok(stream) => stream,
            Err(error) => return Err(handshake_error(&error, host, judgement)),
        };
        self.conclude(stream, host, &server_name, judgement)
    }

    /// Records what a handshake showed.
    fn conclude(
        &self,
        stream: TlsStream<Box<dyn Transport>>,
        host: &Host<String>,
        server_name: &ServerName<'static>,
        judgement: Option<Judgement>,
    ) -> Result<Secured, ConnectionError> {
        let connection = stream.get_ref().1;
        let chain = connection.peer_certificates().unwrap_or_default();
        // NB: rustls does not verify the certificate of a session that it resumes, while an override may have been made or
        // taken back, or the certificate may have expired, since the session began.
        let judgement = match (judgement, chain.split_first()) {
            (Some(judgement), _) => judgement,
            (None, Some((leaf, intermediates))) => {
                self.trust
                    .judge(leaf, intermediates, server_name, &[], UnixTime::now())
            },
            (None, None) => {
                return Err(ConnectionError::Tls {
                    text: "the server sent no certificate".to_owned(),
                });
            },
        };
        let overridden = match judgement {
            Judgement::Valid => false,
            Judgement::Overridden => true,
            Judgement::Invalid { leaf, problem } => {
                return Err(certificate_error(host, leaf, &problem));
            },
        };
        let facts = TlsFacts {
            info: security_info(connection, overridden),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            certificate_error_overridden: overridden,
            verified_by_public_roots: self.trust.verified_by_public_roots(chain, server_name),
        };
        let http2 = connection.alpn_protocol() == Some(ALPN_HTTP2);
        Ok(Secured {
            stream: Box::new(stream),
            http2,
            facts,
        })
    }

    /// The client whose session store belongs to `key` and the proxy.
    fn client(
        &self,
        key: &ConnectionKey,
        proxy: Option<&ProxyServer>,
    ) -> Result<Client, ConnectionError> {
        let session_key = SessionKey {
            partition: key.partition.clone(),
            credentials: key.credentials.clone(),
            proxy: proxy.cloned(),
        };
        let mut stores = self.stores.lock();
        if let Some(index) = stores.iter().position(|(known, _)| *known == session_key)
            && let Some(entry) = stores.remove(index)
        {
            let client = entry.1.clone();
            stores.push_back(entry);
            return Ok(client);
        }
        let client = self.new_client()?;
        if stores.len() >= SESSION_STORES {
            stores.pop_front();
        }
        stores.push_back((session_key, client.clone()));
        Ok(client)
    }

    fn new_client(&self) -> Result<Client, ConnectionError> {
        let mut config = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectionError::Tls {
                text: error.to_string(),
            })?
            .dangerous()
            .with_custom_certificate_verifier(
                Arc::clone(&self.verifier) as Arc<dyn rustls::client::danger::ServerCertVerifier>
            )
            .with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        config.alpn_protocols = vec![ALPN_HTTP1.to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
        Ok(Client {
            any: Arc::new(config),
            http1,
        })
    }
}

/// The name that a server's certificate must be for.
fn server_name(host: &Host<String>) -> Result<ServerName<'static>, ConnectionError> {
    match host {
        Host::Domain(name) => ServerName::try_from(super::hosts::without_root(name).to_owned())
            .map_err(|_| ConnectionError::Tls {
                text: "the server's name cannot be in a certificate".to_owned(),
            }),
        Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

fn handshake_error(
    error: &io::Error,
    host: &Host<String>,
    judgement: Option<Judgement>,
) -> ConnectionError {
    if let Some(Judgement::Invalid { leaf, problem }) = judgement {
        return certificate_error(host, leaf, &problem);
    }
    match error
        .get_ref()
        .and_then(|error| error.downcast_ref::<rustls::Error>())
    {
        Some(error) => ConnectionError::Tls {
            text: error.to_string(),
        },
        None => ConnectionError::of_io(error, Phase::Tls),
    }
}

fn certificate_error(
    host: &Host<String>,
    leaf: Vec<u8>,
    problem: &rustls::Error,
) -> ConnectionError {
    ConnectionError::Certificate {
        host: host.clone(),
        problem: describe(problem),
        leaf: LeafCertificate(leaf),
    }
}

/// What pages and developer tools are shown of a TLS connection.
fn security_info(connection: &ClientConnection, overridden: bool) -> TlsSecurityInfo {
    TlsSecurityInfo {
        state: if overridden {
            TlsSecurityState::Weak
        } else {
            TlsSecurityState::Secure
        },
        weakness_reasons: overridden
            .then(|| "the certificate is not valid".to_owned())
            .into_iter()
            .collect(),
        protocol_version: connection.protocol_version().map(ServoProtocolVersion),
        cipher_suite: connection
            .negotiated_cipher_suite()
            .map(|suite| ServoCipherSuite(suite.suite())),
        kea_group_name: connection
            .negotiated_key_exchange_group()
            .map(|group| ServoNamedGroup(group.name())),
        alpn_protocol: connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        certificate_chain_der: connection
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect(),
        ..TlsSecurityInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let certificate = |name: &str| {
            rcgen::generate_simple_self_signed([name.to_owned()])
                .unwrap()
                .cert
        };
        let (first, second) = (certificate("a.test"), certificate("b.test"));

        fs::write(&path, format!("{}\n{}", first.pem(), second.pem())).unwrap();
        assert_eq!(
            load_certificates(&path).unwrap(),
            [first.der().clone(), second.der().clone()]
        );
        fs::write(&path, "no certificate").unwrap();
        assert!(matches!(
            load_certificates(&path),
            Err(CertificateFileError::Empty)
        ));
        assert!(matches!(
            load_certificates(folder.path().join("missing.pem")),
            Err(CertificateFileError::Pem(_))
        ));
    }

    #[test]
    fn names_for_certificates() {
        let name = |host: &str| server_name(&Host::parse(host).unwrap());
        assert_eq!(name("a.test.").unwrap(), name("a.test").unwrap());
        assert!(matches!(name("127.0.0.1"), Ok(ServerName::IpAddress(_))));
        assert!(matches!(name("[::1]"), Ok(ServerName::IpAddress(_))));
    }
}
