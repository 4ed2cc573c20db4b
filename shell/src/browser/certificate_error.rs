//! A server whose certificate is not valid, and what the person may do about it.

use net::connection::{ConnectionError, LeafCertificate};
use net::embedding::Embedding;
use net::fetch::Cause;
use url::Host;

use super::Browser;
use super::tab::TabKey;

/// Why the document of a tab could not be loaded, if its server's certificate was the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateError {
    /// The host that was asked for.
    pub host: Host<String>,
    /// What is wrong with its certificate, in words.
    pub problem: String,
    /// The certificate.
    pub leaf: LeafCertificate,
    /// Whether the person may go on all the same.
    pub may_be_accepted: bool,
}

impl CertificateError {
    /// The certificate error that a fetch ended in, if it was one.
    pub fn of(cause: &Cause) -> Option<Self> {
        let Cause::Connection(ConnectionError::Certificate {
            host,
            problem,
            leaf,
        }) = cause
        else {
            return None;
        };
        Some(Self {
            may_be_accepted: Embedding::get()
                .is_some_and(|embedding| embedding.may_accept_certificates_of(host)),
            host: host.clone(),
            problem: problem.clone(),
            leaf: leaf.clone(),
        })
    }
}

impl Browser {
    /// The person accepts the certificate over which the document of a tab could not be loaded, and goes on.
    pub(super) fn accept_certificate(&mut self, tab: TabKey) {
        let Some(tab) = self.selected_tab().filter(|front| front.key == tab) else {
            return;
        };
        let (Some(error), Some(url)) = (tab.state.certificate_error(), &tab.state.url) else {
            return;
        };
        let is_accepted = Embedding::get()
            .is_some_and(|embedding| embedding.accept_certificate(&error.host, &error.leaf));
        if is_accepted {
            self.load(url.clone());
        }
    }
}
