//! Whom to trust: the system's certificate authorities, the person's overrides, and beside them the verdict of the public
//! roots that user-enabled CORS asks for.

use std::fmt;
use std::sync::{Arc, OnceLock};

use log::{error, warn};
use parking_lot::{Mutex, RwLock};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{
    CertificateError, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use url::Host;

use super::certificate_overrides::CertificateOverrides;

/// The cryptography of all TLS connections.
pub(super) fn crypto_provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// A verifier that trusts the system's authorities and nothing else. Reading them takes a while, so it is done once.
pub(super) fn system_verifier() -> Arc<dyn ServerCertVerifier> {
    static VERIFIER: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
    Arc::clone(VERIFIER.get_or_init(|| platform_verifier(&[])))
}

/// A verifier that trusts the system's authorities and `extra_roots`.
fn platform_verifier(extra_roots: &[CertificateDer<'static>]) -> Arc<dyn ServerCertVerifier> {
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(
        extra_roots.iter().cloned(),
        crypto_provider(),
    );
    match verifier {
        Ok(verifier) => Arc::new(verifier),
        Err(problem) => {
            warn!("The system's certificate authorities cannot be used: {problem}");
            builtin_verifier(extra_roots)
        },
    }
}

/// A verifier that trusts the built-in public roots and `extra_roots`.
fn builtin_verifier(extra_roots: &[CertificateDer<'static>]) -> Arc<dyn ServerCertVerifier> {
    let mut store = builtin_roots();
    store.add_parsable_certificates(extra_roots.iter().cloned());
    verifier_of_roots(store).unwrap_or_else(|| Arc::new(DistrustAll))
}

fn builtin_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// A verifier that trusts `store`; `None` if it is empty.
fn verifier_of_roots(store: RootCertStore) -> Option<Arc<dyn ServerCertVerifier>> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), crypto_provider())
        .build()
        .inspect_err(|problem| error!("No certificate can be verified: {problem}"))
        .ok()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
}

/// What the process trusts.
pub(super) struct Trust {
    extra_roots: Vec<CertificateDer<'static>>,
    ignore_errors: bool,
    overrides: CertificateOverrides,
    /// Made at the first handshake.
    platform: OnceLock<Arc<dyn ServerCertVerifier>>,
    public: RwLock<Option<Arc<dyn ServerCertVerifier>>>,
}

impl Trust {
    /// Trust in the system's authorities and `extra_roots`. `public_roots` takes the place of the built-in public roots,
    /// which decide nothing but the verdict of [`Trust::verified_by_public_roots`].
    pub(super) fn new(
        extra_roots: Vec<CertificateDer<'static>>,
        public_roots: Option<&[CertificateDer<'static>]>,
        ignore_errors: bool,
    ) -> Self {
        let trust = Self {
            extra_roots,
            ignore_errors,
            overrides: CertificateOverrides::default(),
            platform: OnceLock::new(),
            public: RwLock::new(None),
        };
        trust.set_public_roots(public_roots, &[]);
        trust
    }

    /// The person's overrides.
    pub(super) fn overrides(&self) -> &CertificateOverrides {
        &self.overrides
    }

    /// Sets the public roots: `roots`, or the built-in ones, and `added`.
    pub(super) fn set_public_roots(
        &self,
        roots: Option<&[CertificateDer<'static>]>,
        added: &[CertificateDer<'static>],
    ) {
        let mut store = match roots {
            Some(roots) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(roots.iter().cloned());
                store
            },
            None => builtin_roots(),
        };
        store.add_parsable_certificates(added.iter().cloned());
        *self.public.write() = (!store.is_empty())
            .then(|| verifier_of_roots(store))
            .flatten();
    }

    fn platform(&self) -> &Arc<dyn ServerCertVerifier> {
        self.platform.get_or_init(|| {
            if servo_config::pref!(network_use_webpki_roots) {
                builtin_verifier(&self.extra_roots)
            } else if self.extra_roots.is_empty() {
                system_verifier()
            } else {
                platform_verifier(&self.extra_roots)
            }
        })
    }

    /// Whether `chain` (leaf first) also verifies for `host` against the public roots.
    pub(super) fn verified_by_public_roots(
        &self,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
    ) -> bool {
        let (Some(public), Some((leaf, intermediates))) =
            (self.public.read().clone(), chain.split_first())
        else {
            return false;
        };
        public
            .verify_server_cert(leaf, intermediates, host, &[], UnixTime::now())
            .is_ok()
    }

    /// Judges a chain (leaf first) for `host`.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Judgement {
        let Err(problem) =
            self.platform()
                .verify_server_cert(leaf, intermediates, host, ocsp_response, now)
        else {
            return Judgement::Valid;
        };
        if self.ignore_errors || self.overrides.contains(&host_of_server_name(host), leaf) {
            return Judgement::Overridden;
        }
        Judgement::Invalid {
            leaf: leaf.to_vec(),
            problem,
        }
    }
}

/// What was found about a server's certificate.
#[derive(Clone, Debug)]
pub(super) enum Judgement {
    /// It is good.
    Valid,
    /// It is not, and the person said that this does not matter.
    Overridden,
    /// It is not.
    Invalid {
        /// The certificate.
        leaf: Vec<u8>,
        /// What is wrong with it.
        problem: TlsError,
    },
}

/// Where [`Verifier`] leaves what it found, for the handshake that is under way in this task. One verifier serves all
/// handshakes of a session store: rustls resumes a session only under the verifier that it began with.
pub(super) type JudgementCell = Arc<Mutex<Option<Judgement>>>;

tokio::task_local! {
    pub(super) static JUDGEMENT: JudgementCell;
}

/// [`Trust`] in the form in which rustls asks for it.
pub(super) struct Verifier(pub(super) Arc<Trust>);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let judgement = self
            .0
            .judge(end_entity, intermediates, server_name, ocsp_response, now);
        let verdict = match &judgement {
            Judgement::Valid | Judgement::Overridden => Ok(ServerCertVerified::assertion()),
            Judgement::Invalid { problem, .. } => Err(problem.clone()),
        };
        let _ = JUDGEMENT.try_with(|cell| *cell.lock() = Some(judgement));
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.platform().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.platform().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.platform().supported_verify_schemes()
    }
}

/// For the case that no root at all can be read.
#[derive(Debug)]
struct DistrustAll;

impl ServerCertVerifier for DistrustAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What is wrong with a certificate, in words for a person.
pub(super) fn describe(problem: &TlsError) -> String {
    let TlsError::InvalidCertificate(problem) = problem else {
        return format!("it could not be checked ({problem})");
    };
    let text = match problem {
        CertificateError::BadEncoding => "it is malformed",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        },
        CertificateError::Revoked => "it was revoked",
        CertificateError::UnknownIssuer => "its issuer is not trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        },
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers"
        },
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => "it is an authority's and not a server's",
            _ => "it could not be accepted",
        },
        other => return format!("it could not be accepted ({other})"),
    };
    text.to_owned()
}

/// The host that a name in a TLS handshake stands for.
fn host_of_server_name(name: &ServerName<'_>) -> Host<String> {
    match name {
        ServerName::IpAddress(address) => match std::net::IpAddr::from(*address) {
            std::net::IpAddr::V4(address) => Host::Ipv4(address),
            std::net::IpAddr::V6(address) => Host::Ipv6(address),
        },
        name => Host::Domain(name.to_str().into_owned()),
    }
}
