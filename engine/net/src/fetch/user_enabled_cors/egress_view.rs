//! What a server sees of whoever asks it by the way that anonymous requests take: a request of the person's own, outside of any
//! page.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};
use servo_url::{ImmutableOrigin, ServoUrl};
use thiserror::Error;
use user_cors::Egress;

use super::egress::{Way, through};
use crate::connection::{
    ConnectionCredentials, ConnectionError, ConnectionKey, Connections, Endpoint,
    NetworkPartitionKey, OutgoingRequest, decoding,
};
use crate::embedding::Embedding;
use crate::fetch::body::BodyError;
use crate::resource_manager::connections_options;

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 64 * 1024;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct EgressView {
    /// By which way it was asked.
    pub egress: Egress,
    /// Its status.
    pub status: u16,
    /// The body of its answer.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum EgressViewError {
    /// Only servers of HTTP are asked.
    #[error("the URL is neither http nor https")]
    Scheme,
    /// The server could not be reached, or not by this way.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The answer broke off or is too long.
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl Embedding {
    /// Asks the server of `url` by the way that anonymous requests take, and gives its answer. Follows no redirect. Must run on
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`EgressViewError`]. There is no other way than the one that settings and policy name.
    pub async fn egress_view(&'static self, url: &ServoUrl) -> Result<EgressView, EgressViewError> {
        let endpoint = Endpoint::of_url(url).ok_or(EgressViewError::Scheme)?;
        let connections = Connections::new(connections_options(None, false));
        let egress = self.user_cors().egress();
        let way = match egress.proxy() {
            Some(proxy) => through(self, proxy, Some(endpoint.clone()), &connections).await?,
            None => Way::default(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let outgoing = OutgoingRequest {
            key: ConnectionKey {
                partition: NetworkPartitionKey::default(),
                endpoint,
                credentials: ConnectionCredentials::Anonymous(Arc::new(
                    ImmutableOrigin::new_opaque(),
                )),
            },
            method: Method::GET,
            url: url.clone(),
            headers,
            body: None,
            pinned: way.pinned,
            egress: way.egress,
            admission: way.admission,
            interim: None,
            force_new_connection: true,
            upgrade: false,
        };
        let exchange = connections.exchange(outgoing).await?;
        let body = decoding::decode(&exchange.headers, exchange.body);
        Ok(EgressView {
            egress,
            status: exchange.status.as_u16(),
            body: body.read_all(MOST_BYTES).await?.to_vec(),
        })
    }
}
