//! Commands to a WebDriver server: one HTTP request each, as <https://w3c.github.io/webdriver/> has them.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use url::Url;

use crate::interruption::{Interrupted, Interruption};
use crate::outcome::Browser;

/// The longest answer that is read, in bytes. A page decides how long its report is.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// How many characters of an error's message are kept.
const KEPT_CHARACTERS: usize = 2000;

/// Why a command came to nothing.
#[derive(Debug, Error)]
pub enum CommandError {
    /// There was no answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    TooLate(Duration),
    /// A signal ends the run.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The server has gone, or has never been there.
    #[error("the WebDriver server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's answer is not one of WebDriver's.
    #[error("the answer is not understood: {0}")]
    Malformed(String),
    /// The server refused, with an error code of
    /// <https://w3c.github.io/webdriver/#errors> or one of its own.
    #[error("{code}: {message}")]
    Refused {
        /// What kind of error it is.
        code: String,
        /// What the server says of it.
        message: String,
    },
}

/// A WebDriver server.
pub struct Client {
    runtime: Runtime,
    host: String,
    port: u16,
    /// What stands before the commands' paths.
    base: String,
    interruption: Interruption,
}

impl Client {
    /// For the server at this address.
    ///
    /// # Errors
    ///
    /// If the address is not one of HTTP without TLS.
    pub fn new(url: &Url, interruption: &Interruption) -> anyhow::Result<Self> {
        let (Some(host), "http") = (url.host_str(), url.scheme()) else {
            bail!("{url} is no address of a WebDriver server: it has to begin with http://");
        };
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("no runtime")?,
            host: host.to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            base: url.path().trim_end_matches('/').to_owned(),
            interruption: interruption.clone(),
        })
    }

    /// Sends a command, and returns its value. A signal does not cut it short: commands that start a browser and end it are
    /// given in this way, so that no server is left with one.
    ///
    /// # Errors
    ///
    /// If there is no answer in time, or it is an error.
    pub fn command(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Value, CommandError> {
        let exchange = async { timeout(limit, self.exchange(method, path, body)).await };
        let (status, answer) = self
            .runtime
            .block_on(exchange)
            .map_err(|_| CommandError::TooLate(limit))??;
        value_of(status, &answer)
    }

    /// Sends a command, and returns its value.
    ///
    /// # Errors
    ///
    /// If there is no answer in time, or it is an error, or a signal ends the run.
    fn command_of_the_run(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Value, CommandError> {
        let exchange = async {
            tokio::select! {
                answer = timeout(limit, self.exchange(method, path, body)) => {
                    answer.map_err(|_| CommandError::TooLate(limit))?
                },
                interrupted = self.interruption.wait() => Err(interrupted.into()),
            }
        };
        let (status, answer) = self.runtime.block_on(exchange)?;
        value_of(status, &answer)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Bytes), CommandError> {
        let unreachable =
            |error: &dyn std::error::Error| CommandError::Unreachable(error.to_string());
        let stream = TcpStream::connect((self.host.trim_matches(['[', ']']), self.port))
            .await
            .map_err(|error| unreachable(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::new(body.map_or_else(Bytes::new, |body| {
                Bytes::from(body.to_string())
            })))
            .map_err(|error| CommandError::Malformed(error.to_string()))?;
        let answer = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| unreachable(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER)
                .collect()
                .await
                .map_err(|error| unreachable(error.as_ref()))?;
            Ok((status, body.to_bytes()))
        };
        // The connection is driven for as long as the answer is awaited, and closed with it.
        tokio::pin!(answer, connection);
        tokio::select! {
            answer = &mut answer => answer,
            _ = &mut connection => answer.await,
        }
    }

    /// Starts a browser.
    ///
    /// # Errors
    ///
    /// If the server does not.
    pub fn new_session(
        &self,
        always_match: &Value,
        limit: Duration,
    ) -> Result<Session<'_>, CommandError> {
        let body = json!({"capabilities": {"alwaysMatch": always_match}});
        let value = self.command(Method::POST, "/session", Some(&body), limit)?;
        let answer: NewSession = serde_json::from_value(value)
            .map_err(|error| CommandError::Malformed(error.to_string()))?;
        // It becomes a part of paths.
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if answer.session_id.is_empty() || !answer.session_id.chars().all(is_plain) {
            return Err(CommandError::Malformed(
                "a session without a name".to_owned(),
            ));
        }
        Ok(Session {
            client: self,
            id: answer.session_id,
            browser: Browser {
                product: answer.capabilities.browser_name,
                version: answer.capabilities.browser_version,
            },
        })
    }

    /// Whether the server says that it can take a session.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn is_ready(&self, limit: Duration) -> Result<bool, CommandError> {
        let value = self.command_of_the_run(Method::GET, "/status", None, limit)?;
        Ok(value.get("ready").and_then(Value::as_bool).unwrap_or(false))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSession {
    session_id: String,
    capabilities: Capabilities,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    browser_name: String,
    browser_version: String,
}

/// <https://w3c.github.io/webdriver/#dfn-send-a-response>, <https://w3c.github.io/webdriver/#dfn-send-an-error>
fn value_of(status: StatusCode, answer: &[u8]) -> Result<Value, CommandError> {
    #[derive(Deserialize)]
    struct Answer {
        value: Value,
    }
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        message: String,
    }
    let Answer { value } = serde_json::from_slice(answer)
        .map_err(|error| CommandError::Malformed(format!("{status}, {error}")))?;
    if status.is_success() {
        return Ok(value);
    }
    let Refusal { error, message } = serde_json::from_value(value)
        .map_err(|error| CommandError::Malformed(format!("{status}, {error}")))?;
    Err(CommandError::Refused {
        code: cut(&error),
        message: cut(&message),
    })
}

fn cut(text: &str) -> String {
    text.chars().take(KEPT_CHARACTERS).collect()
}

/// A browser that the server has started.
pub struct Session<'a> {
    client: &'a Client,
    id: String,
    /// What it says that it is.
    pub browser: Browser,
}

impl Session<'_> {
    /// Opens an address.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn navigate(&self, url: &Url, limit: Duration) -> Result<(), CommandError> {
        self.post("url", &json!({"url": url.as_str()}), limit)?;
        Ok(())
    }

    /// Runs the body of a function in the page, and returns what that returns.
    ///
    /// # Errors
    ///
    /// If it cannot be run, or throws.
    pub fn execute(&self, script: &str, limit: Duration) -> Result<Value, CommandError> {
        self.post(
            "execute/sync",
            &json!({"script": script, "args": []}),
            limit,
        )
    }

    /// Ends the browser.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn delete(&self, limit: Duration) -> Result<(), CommandError> {
        let path = format!("/session/{}", self.id);
        self.client.command(Method::DELETE, &path, None, limit)?;
        Ok(())
    }

    fn post(&self, command: &str, body: &Value, limit: Duration) -> Result<Value, CommandError> {
        let path = format!("/session/{}/{command}", self.id);
        self.client
            .command_of_the_run(Method::POST, &path, Some(body), limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_refusals() {
        let value = value_of(StatusCode::OK, br#"{"value":[1]}"#).expect("a value");
        assert_eq!(value, json!([1]));
        let refusal = br#"{"value":{"error":"no such window","message":"gone","stacktrace":""}}"#;
        match value_of(StatusCode::NOT_FOUND, refusal) {
            Err(CommandError::Refused { code, message }) => {
                assert_eq!(
                    (code.as_str(), message.as_str()),
                    ("no such window", "gone")
                );
            },
            other => panic!("{other:?}"),
        }
        for (status, text) in [
            (StatusCode::OK, "{}"),
            (StatusCode::OK, "hello"),
            (StatusCode::NOT_FOUND, r#"{"value":null}"#),
            (StatusCode::BAD_GATEWAY, "<h1>no</h1>"),
        ] {
            assert!(
                matches!(
                    value_of(status, text.as_bytes()),
                    Err(CommandError::Malformed(_))
                ),
                "{status} {text}"
            );
        }
    }

    #[test]
    fn addresses() {
        for (address, is_one) in [
            ("http://127.0.0.1:4444", true),
            ("http://[::1]:4444/wd/hub/", true),
            ("https://127.0.0.1:4444", false),
            ("data:,x", false),
        ] {
            let url = Url::parse(address).expect("a URL");
            let client = Client::new(&url, &Interruption::never());
            assert_eq!(client.is_ok(), is_one, "{address}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL");
        let error = Client::new(&url, &Interruption::never())
            .expect("a client")
            .is_ready(Duration::from_secs(30))
            .expect_err("nobody answers");
        assert!(matches!(error, CommandError::Unreachable(_)), "{error}");
    }
}
