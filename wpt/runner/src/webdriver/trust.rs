//! How Chromium is told to trust a server's certificate, without a change to the machine's certificates: by the hash of its
//! public key, `--ignore-certificate-errors-spki-list`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

/// The hash of the public key of the server's certificate, which has to be good for the host by the root in this file.
///
/// # Errors
///
/// If the server cannot be reached, or its certificate does not hold.
pub fn public_key_hash(root: &Path, host: &str, port: u16) -> Result<String> {
    let context = || format!("the certificate of {host}:{port}");
    let certificate = certificate_of(root, host, port).with_context(context)?;
    let certificate = EndEntityCert::try_from(&certificate).with_context(context)?;
    let key = certificate.subject_public_key_info();
    Ok(STANDARD.encode(digest(&SHA256, key.as_ref())))
}

fn certificate_of(root: &Path, host: &str, port: u16) -> Result<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    let connection = ClientConnection::new(Arc::new(config), name)?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut stream = StreamOwned::new(connection, stream);
    // Something is asked, so that the server has no broken connection to complain of.
    stream.write_all(
        format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    stream.read_exact(&mut [0])?;
    let certificates = stream.conn.peer_certificates().unwrap_or_default();
    let leaf = certificates.first().context("there is none")?;
    Ok(leaf.clone().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wpt_server::ca::TestCa;
    use wpt_server::files::Roots;
    use wpt_server::server::{Numbers, Server};

    #[test]
    fn only_a_certificate_of_the_root_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = TestCa::new().expect("a root");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let server = runtime
            .block_on(Server::start(Roots::default(), Numbers::Free, &ca))
            .expect("it listens");
        let port = server.ports().get("https", 0).expect("a port");
        let root = ca.write_pem(folder.path()).expect("a file");
        let hash = public_key_hash(&root, "web-platform.test", port).expect("a hash");
        assert_eq!(STANDARD.decode(&hash).expect("base64").len(), 32);
        // All ports have one certificate.
        let other_port = server.ports().get("https", 1).expect("a port");
        let again = public_key_hash(&root, "www1.not-web-platform.test", other_port);
        assert_eq!(again.expect("a hash"), hash);

        assert!(public_key_hash(&root, "another.example", port).is_err());
        let other = TestCa::new().expect("a root");
        let root = other.write_pem(folder.path()).expect("a file");
        assert!(public_key_hash(&root, "web-platform.test", port).is_err());
    }
}
