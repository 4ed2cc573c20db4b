//! All the services at once, and what the browser has to be told about them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr;

use anyhow::{Context, Result};
use url::Url;

use crate::ca::{TestCa, random_token};
use crate::oauth::Credentials;
use crate::server::{Server, Site};
use crate::services::commons::Commons;
use crate::services::garden::Garden;
use crate::services::partner::Partner;
use crate::services::photos::Photos;
use crate::services::printer::Printer;
use crate::services::timeline::Timeline;
use crate::services::vault::Vault;

/// Which ports the servers take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Any that are free.
    Free,
    /// This one and those that follow.
    From(u16),
}

impl Ports {
    fn nth(self, index: u16) -> Result<u16> {
        match self {
            Self::Free => Ok(0),
            Self::From(base) => base
                .checked_add(index)
                .context("the first port is too high for all servers"),
        }
    }
}

/// The services' origins, as URLs with the path `/`.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The app that the user visits.
    pub garden: Url,
    /// The photo host.
    pub photos: Url,
    /// The API that wants signed requests.
    pub timeline: Url,
    /// The service that opted out.
    pub vault: Url,
    /// The device on the local network.
    pub printer: Url,
    /// The service with proper CORS.
    pub commons: Url,
    /// The service that names another origin.
    pub partner: Url,
}

/// The running services. They stop when it is dropped.
pub struct World {
    /// The certificate authority that the browser has to trust.
    pub ca: TestCa,
    /// The app that the user visits.
    pub garden: Server,
    /// The photo host.
    pub photos: Server,
    /// The API that wants signed requests.
    pub timeline: Server,
    /// The service that opted out.
    pub vault: Server,
    /// The device on the local network.
    pub printer: Server,
    /// The service with proper CORS.
    pub commons: Server,
    /// The service that names another origin.
    pub partner: Server,
}

impl World {
    /// Starts every service on loopback, each under a registrable domain of its own.
    ///
    /// # Errors
    ///
    /// If a port is taken, or the system gives no random numbers.
    pub async fn start(ports: Ports) -> Result<Self> {
        // All ports are taken before the first service starts: services know each other's origins.
        let garden = Site::bind("app.garden.localhost", ports.nth(0)?).await?;
        let photos = Site::bind("photos.lumen.localhost", ports.nth(1)?).await?;
        let timeline = Site::bind("api.chirp.localhost", ports.nth(2)?).await?;
        let vault = Site::bind("vault.nokeep.localhost", ports.nth(3)?).await?;
        let printer = Site::bind("printer.home.localhost", ports.nth(4)?).await?;
        let commons = Site::bind("open.commons.localhost", ports.nth(5)?).await?;
        let partner = Site::bind("partner.elsewhere.localhost", ports.nth(6)?).await?;
        let origins = Origins {
            garden: garden.origin()?,
            photos: photos.origin()?,
            timeline: timeline.origin()?,
            vault: vault.origin()?,
            printer: printer.origin()?,
            commons: commons.origin()?,
            partner: partner.origin()?,
        };

        let ca = TestCa::new()?;
        let credentials = Credentials {
            consumer_key: "garden".to_owned(),
            consumer_secret: random_token()?,
            token: "ada".to_owned(),
            token_secret: random_token()?,
        };
        let bearer = random_token()?;
        let app = Garden::new(&origins, &credentials, &bearer);
        let api = Timeline::new(origins.timeline.clone(), credentials, bearer);
        Ok(Self {
            garden: garden.serve(&ca, app)?,
            photos: photos.serve(&ca, Photos::new(origins.garden.clone())?)?,
            timeline: timeline.serve(&ca, api)?,
            vault: vault.serve(&ca, Vault)?,
            printer: printer.serve(&ca, Printer)?,
            commons: commons.serve(&ca, Commons)?,
            partner: partner.serve(&ca, Partner)?,
            ca,
        })
    }

    /// Every server.
    pub fn servers(&self) -> [&Server; 7] {
        [
            &self.garden,
            &self.photos,
            &self.timeline,
            &self.vault,
            &self.printer,
            &self.commons,
            &self.partner,
        ]
    }

    /// The value of `--address-space-overrides`: all are public but the printer, which is on the local network.
    ///
    /// Names below `localhost` stand for both loopback addresses, so both are listed, though the servers listen on one.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>
    pub fn address_space_overrides(&self) -> String {
        let entries = self.servers().map(|server| {
            let port = server.address().port();
            let space = if ptr::eq(server, &self.printer) {
                "local"
            } else {
                "public"
            };
            let (v4, v6) = (
                SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
            );
            format!("{v4}={space},{v6}={space}")
        });
        entries.join(",")
    }

    /// Forgets what every server has seen.
    pub fn forget_requests(&self) {
        for server in self.servers() {
            server.log().take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_ports_end_where_ports_end() {
        assert_eq!(Ports::From(8100).nth(6).expect("a port"), 8106);
        assert!(Ports::From(65_530).nth(6).is_err());
        assert_eq!(Ports::Free.nth(6).expect("a port"), 0);
    }

    #[tokio::test]
    async fn every_service_is_on_a_site_of_its_own() {
        let world = World::start(Ports::Free).await.expect("the services start");
        let mut sites: Vec<String> = world
            .servers()
            .iter()
            .filter_map(|server| {
                server
                    .origin()
                    .host_str()?
                    .split_once('.')
                    .map(|(_, site)| site.to_owned())
            })
            .collect();
        sites.sort_unstable();
        sites.dedup();
        assert_eq!(sites.len(), 7);
    }

    #[tokio::test]
    async fn only_the_printer_is_local() {
        let world = World::start(Ports::Free).await.expect("the services start");
        let overrides = world.address_space_overrides();
        let local: Vec<&str> = overrides
            .split(',')
            .filter_map(|entry| entry.strip_suffix("=local"))
            .collect();
        let port = world.printer.address().port();
        assert_eq!(
            local,
            [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
        );
        assert_eq!(overrides.matches("=public").count(), 12);
    }
}
