//! Going on in spite of a certificate error, when the person in front of the browser says so.

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use parking_lot::Mutex;
use url::Host;

use super::Embedding;
use crate::connection::LeafCertificate;
use crate::network_state::NetworkState;

/// The stores of the resource threads of this process, which may end before it.
#[derive(Default)]
pub(super) struct AttachedStates(Mutex<Vec<Weak<NetworkState>>>);

impl AttachedStates {
    fn all(&self) -> Vec<Arc<NetworkState>> {
        self.0.lock().iter().filter_map(Weak::upgrade).collect()
    }
}

impl Embedding {
    /// The stores of resource threads, which begin now.
    pub(crate) fn attach_state(&self, state: &Arc<NetworkState>) {
        let mut states = self.states.0.lock();
        states.retain(|state| state.strong_count() > 0);
        states.push(Arc::downgrade(state));
    }

    /// Whether the person may disregard a certificate error at `host`: not where the host has asked browsers to allow
    /// [no recourse](https://www.rfc-editor.org/rfc/rfc6797#section-8.4).
    pub fn may_accept_certificates_of(&self, host: &Host<String>) -> bool {
        let Host::Domain(name) = host else {
            return true;
        };
        let now = SystemTime::now();
        self.states
            .all()
            .iter()
            .all(|state| !state.hsts.read().is_known_host(name, now))
    }

    /// The person accepts this certificate at `host` and nowhere else, whatever is wrong with it, until the browser ends. Returns
    /// whether it is [accepted](Self::may_accept_certificates_of).
    ///
    /// NB: What comes over such a connection is never shared by user-enabled CORS, and not written to disk.
    pub fn accept_certificate(&self, host: &Host<String>, leaf: &LeafCertificate) -> bool {
        if !self.may_accept_certificates_of(host) {
            return false;
        }
        for state in self.states.all() {
            state
                .connections
                .certificate_overrides()
                .add(host.clone(), &leaf.0);
        }
        true
    }
}
