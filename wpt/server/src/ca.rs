//! A certificate authority of one run: its root is handed to the browser, and its key never leaves the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The protocols that every server offers, best first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The first and the last year of certificates. Keys live for minutes; the dates only have to be ones that every verifier
/// accepts.
const FIRST_YEAR: i32 = 2024;
const LAST_YEAR: i32 = 2049;

/// A root certificate and the key that signs the servers' certificates.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem: String,
}

impl TestCa {
    /// Makes a root with a key of its own.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn new() -> Result<Self> {
        Self::with_name("Latchkey test root")
    }

    /// Makes a root of another name, with a key of its own.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn with_name(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(&mut params, LAST_YEAR);
        let key = KeyPair::generate().context("no key for the root")?;
        let root = params
            .self_signed(&key)
            .context("the root cannot be signed")?;
        Ok(Self {
            pem: root.pem(),
            root: root.into(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The root certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the root certificate into a folder and returns the file's path.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_pem(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("root.pem");
        fs::write(&path, &self.pem).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// A certificate for these hosts and its key, both in PEM, for a server of another make.
    ///
    /// # Errors
    ///
    /// If a host is no DNS name, or the system gives no random numbers.
    pub fn server_pem(&self, hosts: &[&str]) -> Result<(String, String)> {
        let (leaf, key) = self.identity(hosts)?;
        Ok((leaf.pem(), key.serialize_pem()))
    }

    fn identity(&self, hosts: &[&str]) -> Result<(Certificate, KeyPair)> {
        self.identity_until(hosts, LAST_YEAR)
    }

    /// A certificate that ends with the given year.
    fn identity_until(&self, hosts: &[&str], last_year: i32) -> Result<(Certificate, KeyPair)> {
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("a host is no DNS name")?;
        params.distinguished_name = named(hosts.first().copied().unwrap_or_default());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, last_year);
        let key = KeyPair::generate().context("no key for a server")?;
        let leaf = params
            .signed_by(&key, &self.issuer)
            .context("a certificate cannot be signed")?;
        Ok((leaf, key))
    }

    /// What a server of these hosts needs for TLS: a certificate that names them, HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// # Errors
    ///
    /// If a host is no DNS name, or the system gives no random numbers.
    pub fn server_config(&self, hosts: &[&str]) -> Result<Arc<ServerConfig>> {
        Self::config(&self.identity(hosts)?)
    }

    /// The same with a certificate that has ended.
    ///
    /// # Errors
    ///
    /// If a host is no DNS name, or the system gives no random numbers.
    pub fn expired_server_config(&self, hosts: &[&str]) -> Result<Arc<ServerConfig>> {
        Self::config(&self.identity_until(hosts, FIRST_YEAR)?)
    }

    fn config((leaf, key): &(Certificate, KeyPair)) -> Result<Arc<ServerConfig>> {
        let private = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|problem| anyhow::anyhow!("a key that was just made: {problem}"))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .context("the certificate and its key do not agree")?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }

    /// What a client needs to trust this root, and no other, for `protocols` by ALPN.
    ///
    /// # Errors
    ///
    /// If the root that was just made is not one.
    pub fn client_config(&self, protocols: &[&[u8]]) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// The cryptography of every server and client here.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Random bytes from the system, in hexadecimal: sessions and tokens are made of them.
///
/// # Errors
///
/// If the system gives none.
pub fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn set_validity(params: &mut CertificateParams, last_year: i32) {
    params.not_before = date_time_ymd(FIRST_YEAR, 1, 1);
    params.not_after = date_time_ymd(last_year, 12, 31);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls_pki_types::{ServerName, UnixTime, pem::PemObject};
    use std::time::Duration;

    fn leaf(ca: &TestCa, host: &str) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params
            .signed_by(&key, &ca.issuer)
            .expect("a certificate")
            .into()
    }

    fn verify(ca: &TestCa, leaf: &CertificateDer<'_>, host: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(ca.root.clone()).expect("a root");
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("a verifier");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        // 2026-01-01.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600));
        verifier
            .verify_server_cert(leaf, &[], &name, &[], now)
            .is_ok()
    }

    #[test]
    fn its_certificates_are_good_for_their_host_alone() {
        let ca = TestCa::new().expect("a root");
        let leaf = leaf(&ca, "photos.lumen.localhost");
        assert!(verify(&ca, &leaf, "photos.lumen.localhost"));
        assert!(!verify(&ca, &leaf, "api.chirp.localhost"));
    }

    #[test]
    fn another_root_does_not_vouch_for_them() {
        let (ca, other) = (
            TestCa::new().expect("a root"),
            TestCa::new().expect("a root"),
        );
        let leaf = leaf(&ca, "photos.lumen.localhost");
        assert!(!verify(&other, &leaf, "photos.lumen.localhost"));
    }

    #[test]
    fn the_pem_is_the_root() {
        let ca = TestCa::new().expect("a root");
        let read = CertificateDer::from_pem_slice(ca.pem().as_bytes()).expect("PEM");
        assert_eq!(read, ca.root);
    }

    #[test]
    fn tokens_differ() {
        let (one, other) = (
            random_token().expect("a token"),
            random_token().expect("a token"),
        );
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
