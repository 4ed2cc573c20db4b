//! Releasable exchanges: those whose response is what a stranger at this address would have got.
//!
//! Computed from what the fetch stack recorded about how the exchange was made, never from whether cookies happened to
//! exist: otherwise asking or not asking would tell the page whether they do.

use thiserror::Error;

use crate::egress::WayOut;

/// What the exchange was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The request itself.
    Request,
    /// A CORS-preflight request.
    Preflight,
}

/// Fetch's includeCredentials for the exchange.
///
/// <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncludeCredentials {
    /// True.
    True,
    /// False.
    False,
}

/// Whether something of the user's was sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Nothing was.
    Nothing,
    /// Something was.
    Something,
}

/// From which pool the connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionPool {
    /// The pool of this partition for requests without credentials.
    Uncredentialed,
    /// The pool of this partition for anonymous requests.
    Anonymous,
    /// A pool that credentialed requests use.
    Credentialed,
}

/// Which TLS session the connection resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsSession {
    /// None, or there is no TLS.
    Fresh,
    /// One of the same pool.
    ResumedFromSamePool,
    /// One of another pool, or one not known.
    ResumedFromElsewhere,
}

/// Where the response came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseSource {
    /// Wholly from the network.
    Network,
    /// A stored response.
    Cache,
    /// A stored response that the network confirmed.
    Revalidated,
    /// A preload.
    Preload,
    /// A service worker.
    ServiceWorker,
}

/// For whom the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionHost {
    /// For this host.
    ThisHost,
    /// For another host, and used for this one because its certificate covers both.
    Coalesced,
    /// For an alternative service.
    AlternativeService,
}

/// Whether the peer was classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKnowledge {
    /// It was.
    Classified,
    /// It was not.
    Unclassified,
}

/// Whether a proxy of any kind was between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// None was.
    No,
    /// The egress of anonymous requests was.
    ByEgress,
    /// Another one was.
    Yes,
}

/// What was recorded about one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// What it was.
    pub exchange: Exchange,
    /// Fetch's includeCredentials.
    pub include_credentials: IncludeCredentials,
    /// Cookies.
    pub cookies: Attached,
    /// Authentication entries of the user. An `Authorization` header that the page set is not one.
    pub authentication: Attached,
    /// TLS client certificates.
    pub client_certificate: Attached,
    /// The connection's pool.
    pub pool: ConnectionPool,
    /// Its TLS session.
    pub tls_session: TlsSession,
    /// Where the response came from.
    pub source: ResponseSource,
    /// Whether it went through a proxy.
    pub proxied: Proxied,
    /// For whom the connection was made.
    pub connection: ConnectionHost,
    /// Whether its peer was classified.
    pub peer: PeerKnowledge,
}

/// What keeps an exchange from being releasable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReleasable {
    /// It was a preflight.
    #[error("it was a preflight")]
    Preflight,
    /// includeCredentials was true.
    #[error("it was made with credentials in mind")]
    CredentialsIncluded,
    /// Cookies were sent.
    #[error("cookies were sent")]
    CookiesSent,
    /// An authentication entry was sent.
    #[error("a login was sent")]
    AuthenticationSent,
    /// A client certificate was sent.
    #[error("a client certificate was sent")]
    ClientCertificateSent,
    /// The connection is shared with requests that carry credentials.
    #[error("its connection is shared with requests that carry credentials")]
    CredentialedConnection,
    /// The TLS session is shared with requests that may carry credentials.
    #[error("its encrypted session is shared with other requests")]
    SharedTlsSession,
    /// The response did not come wholly from the network.
    #[error("the answer did not come from the network")]
    NotFromNetwork,
    /// It went through a proxy.
    #[error("it went through a proxy")]
    Proxied,
    /// There is an egress, and it went around it.
    #[error("it did not go through the egress")]
    AroundEgress,
    /// The connection was made for another host or to an alternative service.
    #[error("its connection was made for another host")]
    ForeignConnection,
    /// The peer was not classified.
    #[error("it is not known which address answered")]
    UnclassifiedPeer,
}

/// Whether the exchange is releasable, where anonymous requests leave by this way.
///
/// # Errors
/// The first recorded fact that keeps it from being so.
pub fn releasable(provenance: &Provenance, way_out: WayOut) -> Result<(), NotReleasable> {
    if provenance.exchange == Exchange::Preflight {
        return Err(NotReleasable::Preflight);
    }
    if provenance.include_credentials == IncludeCredentials::True {
        return Err(NotReleasable::CredentialsIncluded);
    }
    if provenance.cookies == Attached::Something {
        return Err(NotReleasable::CookiesSent);
    }
    if provenance.authentication == Attached::Something {
        return Err(NotReleasable::AuthenticationSent);
    }
    if provenance.client_certificate == Attached::Something {
        return Err(NotReleasable::ClientCertificateSent);
    }
    // An anonymous request's connection is at least as clean as an uncredentialed one's.
    if provenance.pool == ConnectionPool::Credentialed {
        return Err(NotReleasable::CredentialedConnection);
    }
    if provenance.tls_session == TlsSession::ResumedFromElsewhere {
        return Err(NotReleasable::SharedTlsSession);
    }
    if provenance.source != ResponseSource::Network {
        return Err(NotReleasable::NotFromNetwork);
    }
    match (provenance.proxied, way_out) {
        (Proxied::No, WayOut::Direct) | (Proxied::ByEgress, WayOut::Egress) => {},
        (Proxied::No, WayOut::Egress) => return Err(NotReleasable::AroundEgress),
        (Proxied::ByEgress, WayOut::Direct) | (Proxied::Yes, _) => {
            return Err(NotReleasable::Proxied);
        },
    }
    if provenance.connection != ConnectionHost::ThisHost {
        return Err(NotReleasable::ForeignConnection);
    }
    if provenance.peer == PeerKnowledge::Unclassified {
        return Err(NotReleasable::UnclassifiedPeer);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) const RELEASABLE: Provenance = Provenance {
    exchange: Exchange::Request,
    include_credentials: IncludeCredentials::False,
    cookies: Attached::Nothing,
    authentication: Attached::Nothing,
    client_certificate: Attached::Nothing,
    pool: ConnectionPool::Uncredentialed,
    tls_session: TlsSession::Fresh,
    source: ResponseSource::Network,
    proxied: Proxied::No,
    connection: ConnectionHost::ThisHost,
    peer: PeerKnowledge::Classified,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_alone_takes_it_away() {
        assert_eq!(releasable(&RELEASABLE, WayOut::Direct), Ok(()));
        let base = RELEASABLE;
        for (provenance, reason) in [
            (
                Provenance {
                    exchange: Exchange::Preflight,
                    ..base
                },
                NotReleasable::Preflight,
            ),
            (
                Provenance {
                    include_credentials: IncludeCredentials::True,
                    ..base
                },
                NotReleasable::CredentialsIncluded,
            ),
            (
                Provenance {
                    cookies: Attached::Something,
                    ..base
                },
                NotReleasable::CookiesSent,
            ),
            (
                Provenance {
                    authentication: Attached::Something,
                    ..base
                },
                NotReleasable::AuthenticationSent,
            ),
            (
                Provenance {
                    client_certificate: Attached::Something,
                    ..base
                },
                NotReleasable::ClientCertificateSent,
            ),
            (
                Provenance {
                    pool: ConnectionPool::Credentialed,
                    ..base
                },
                NotReleasable::CredentialedConnection,
            ),
            (
                Provenance {
                    tls_session: TlsSession::ResumedFromElsewhere,
                    ..base
                },
                NotReleasable::SharedTlsSession,
            ),
            (
                Provenance {
                    source: ResponseSource::Cache,
                    ..base
                },
                NotReleasable::NotFromNetwork,
            ),
            (
                Provenance {
                    source: ResponseSource::Revalidated,
                    ..base
                },
                NotReleasable::NotFromNetwork,
            ),
            (
                Provenance {
                    source: ResponseSource::Preload,
                    ..base
                },
                NotReleasable::NotFromNetwork,
            ),
            (
                Provenance {
                    source: ResponseSource::ServiceWorker,
                    ..base
                },
                NotReleasable::NotFromNetwork,
            ),
            (
                Provenance {
                    proxied: Proxied::Yes,
                    ..base
                },
                NotReleasable::Proxied,
            ),
            (
                Provenance {
                    connection: ConnectionHost::Coalesced,
                    ..base
                },
                NotReleasable::ForeignConnection,
            ),
            (
                Provenance {
                    connection: ConnectionHost::AlternativeService,
                    ..base
                },
                NotReleasable::ForeignConnection,
            ),
            (
                Provenance {
                    peer: PeerKnowledge::Unclassified,
                    ..base
                },
                NotReleasable::UnclassifiedPeer,
            ),
        ] {
            assert_eq!(releasable(&provenance, WayOut::Direct), Err(reason));
        }
        assert_eq!(
            releasable(
                &Provenance {
                    pool: ConnectionPool::Anonymous,
                    ..base
                },
                WayOut::Direct
            ),
            Ok(())
        );
        assert_eq!(
            releasable(
                &Provenance {
                    tls_session: TlsSession::ResumedFromSamePool,
                    ..base
                },
                WayOut::Direct
            ),
            Ok(())
        );
    }

    #[test]
    fn with_an_egress_only_what_went_through_it() {
        for (proxied, way_out, expected) in [
            (Proxied::No, WayOut::Direct, Ok(())),
            (
                Proxied::No,
                WayOut::Egress,
                Err(NotReleasable::AroundEgress),
            ),
            (Proxied::ByEgress, WayOut::Egress, Ok(())),
            (
                Proxied::ByEgress,
                WayOut::Direct,
                Err(NotReleasable::Proxied),
            ),
            (Proxied::Yes, WayOut::Direct, Err(NotReleasable::Proxied)),
            (Proxied::Yes, WayOut::Egress, Err(NotReleasable::Proxied)),
        ] {
            let provenance = Provenance {
                proxied,
                ..RELEASABLE
            };
            assert_eq!(releasable(&provenance, way_out), expected);
        }
    }
}
