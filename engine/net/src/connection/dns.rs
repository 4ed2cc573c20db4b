//! From a host to the addresses of its server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Host;

use super::error::{ConnectionError, Phase};
use super::hosts::{HostTable, without_root};
use super::name_server;

/// How long a lookup may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);

/// How many lookups run at once; each occupies a thread of the runtime while the system's resolver works.
const CONCURRENT_LOOKUPS: usize = 32;

/// Looks names up with the system's resolver, or at the name server of a test. Nothing is remembered, so nothing about one site shows to another.
pub(super) struct Resolver {
    hosts: HostTable,
    name_server: Option<SocketAddr>,
    lookups: Semaphore,
}

impl Resolver {
    /// A resolver that looks into `hosts` first, and then asks `name_server`, or the system if there is none.
    pub(super) fn new(hosts: HostTable, name_server: Option<SocketAddr>) -> Self {
        Self {
            hosts,
            name_server,
            lookups: Semaphore::new(CONCURRENT_LOOKUPS),
        }
    }

    /// All addresses of `host`, in the order in which they should be tried; never none.
    ///
    /// # Errors
    /// [`ConnectionError::Lookup`] or a timeout.
    pub(super) async fn resolve(
        &self,
        host: &Host<String>,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ConnectionError> {
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address, port).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address, port).into()]),
            Host::Domain(name) => name,
        };
        let failure = || ConnectionError::Lookup { host: name.clone() };
        if let Some(addresses) = self.hosts.addresses(name) {
            return on_port(addresses, port).ok_or_else(failure);
        }
        // NB: the system's resolver need not know names below `localhost`, and could even ask the network for them.
        if is_localhost(name) {
            return Ok(vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ]);
        }
        let lookup = async {
            let _permit = self.lookups.acquire().await.map_err(|_| failure())?;
            look_up(name, self.name_server)
                .await
                .and_then(|addresses| on_port(addresses, port))
                .ok_or_else(failure)
        };
        let found =
            timeout(LOOKUP_TIMEOUT, lookup)
                .await
                .map_err(|_| ConnectionError::TimedOut {
                    phase: Phase::Lookup,
                })??;
        let mut addresses = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(failure());
        }
        Ok(addresses)
    }
}

/// What the name server, or without one the system, has for `name`; `None` if it cannot be asked or has nothing to say.
pub(crate) async fn look_up(name: &str, name_server: Option<SocketAddr>) -> Option<Vec<IpAddr>> {
    match name_server {
        Some(server) => name_server::ask(server, name)
            .await
            .inspect_err(|error| log::debug!("{name}: {error}"))
            .ok(),
        None => {
            let found = lookup_host((name, 0)).await.ok()?;
            Some(found.map(|socket| socket.ip()).collect())
        },
    }
}

/// `addresses` with a port, or `None` if there are none.
fn on_port(addresses: Vec<IpAddr>, port: u16) -> Option<Vec<SocketAddr>> {
    (!addresses.is_empty()).then(|| {
        addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect()
    })
}

/// Whether `name` is `localhost` or below it, and so always leads to this machine.
///
/// <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>
pub(super) fn is_localhost(name: &str) -> bool {
    let name = without_root(name);
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(hosts: &str) -> Resolver {
        Resolver::new(HostTable::parse(hosts), None)
    }

    fn domain(name: &str) -> Host<String> {
        Host::Domain(name.to_owned())
    }

    #[test]
    fn localhost_names() {
        let cases = [
            ("localhost", true),
            ("localhost.", true),
            ("a.b.localhost", true),
            ("LocalHost", true),
            ("notlocalhost", false),
            ("localhost.test", false),
            ("", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_localhost(name), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn localhost_is_not_looked_up() {
        let addresses = resolver("")
            .resolve(&domain("deep.below.localhost"), 80)
            .await
            .unwrap();
        assert_eq!(
            addresses,
            ["127.0.0.1:80", "[::1]:80"].map(|text| text.parse::<SocketAddr>().unwrap())
        );
    }

    #[tokio::test]
    async fn the_host_table_comes_first() {
        let resolver = resolver("127.0.0.9 mapped.test localhost\n0.0.0.0 nowhere.test");
        for name in ["mapped.test", "localhost"] {
            let addresses = resolver.resolve(&domain(name), 80).await.unwrap();
            assert_eq!(addresses, ["127.0.0.9:80".parse::<SocketAddr>().unwrap()]);
        }
        assert!(matches!(
            resolver.resolve(&domain("nowhere.test"), 80).await,
            Err(ConnectionError::Lookup { host }) if host == "nowhere.test"
        ));
    }

    #[tokio::test]
    async fn literals_are_their_own_address() {
        let resolver = resolver("");
        let cases = [
            (Host::parse("127.1").unwrap(), "127.0.0.1:81"),
            (Host::parse("[::1]").unwrap(), "[::1]:81"),
        ];
        for (host, expected) in cases {
            let addresses = resolver.resolve(&host, 81).await.unwrap();
            assert_eq!(addresses, [expected.parse::<SocketAddr>().unwrap()]);
        }
    }
}
