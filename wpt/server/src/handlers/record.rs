//! What was seen of a request, `records.py`, which tells it, and `release.py`, which opens gates.

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Slip;
use crate::gate::Gate;
use crate::reply::{Reply, Response};
use crate::request::Request;
use crate::stash::Stash;

/// How much of a body is recorded, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// What is seen of a request.
pub(super) fn record(request: &Request) -> Value {
    let headers: Vec<Value> = request
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let body = request.body.get(..MAX_BODY).unwrap_or(&request.body);
    json!({
        "method": request.method.as_str(),
        "url": request.url.as_str(),
        "headers": headers,
        "body": String::from_utf8_lossy(body),
        "bodyLength": request.body.len(),
        "isPreflight": request.is_preflight(),
        "version": format!("{:?}", request.version),
        "connection": request.connection,
    })
}

/// Adds what is seen to the list of the request's token, if it has one.
pub(super) fn add(request: &Request, stash: &Stash) -> Result<(), Slip> {
    match request.parameter("token") {
        Some(token) if !stash.add(&token, record(request)) => Err(Slip::StashIsFull),
        _ => Ok(()),
    }
}

/// `records.py?token=…[&take]`: what was seen under a token, as a JSON array; with `take` the list is empty from then on.
/// Any origin may read it.
pub(super) fn records(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    let token = request.parameter("token").ok_or(Slip::Missing("token"))?;
    let list = if request.parameter("take").is_some() {
        stash.take(&token)
    } else {
        stash.list(&token)
    };
    Ok(open(Value::from(list)))
}

/// `release.py?gate=…`: opens a gate, for those who wait there and who will come. Any origin may read the answer.
pub(super) fn release(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    gate(request, stash, "gate")?
        .ok_or(Slip::Missing("gate"))?
        .open();
    Ok(open(json!({})))
}

/// The gate that a parameter names, if it is there.
pub(super) fn gate(
    request: &Request,
    stash: &Stash,
    parameter: &str,
) -> Result<Option<Gate>, Slip> {
    request
        .parameter(parameter)
        .map(|name| stash.gate(&name).ok_or(Slip::StashIsFull))
        .transpose()
}

/// JSON that any origin may read.
fn open(value: Value) -> Reply {
    let mut response = Response::typed("application/json", value.to_string());
    response.status = StatusCode::OK;
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("cache-control", "no-store"),
    ] {
        response
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    response.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::answer;
    use crate::request::fake;

    #[test]
    fn what_was_seen_is_told() {
        let stash = Stash::default();
        let mut request = fake::get("http://web-platform.test:8000/resources/respond.py?token=t&x");
        request
            .headers
            .insert("x-test", HeaderValue::from_static("1"));
        request.body = "body".into();
        answer(&request, &stash).expect("a reply");

        let question = fake::get("http://web-platform.test:8000/resources/records.py?token=t&take");
        for expected in [1, 0] {
            let Some(Reply::Http(response)) = answer(&question, &stash) else {
                panic!("no response");
            };
            let list: Vec<Value> = serde_json::from_slice(&response.bytes()).expect("JSON");
            assert_eq!(list.len(), expected);
            if let [seen] = list.as_slice() {
                assert_eq!(seen["method"], "GET");
                assert_eq!(seen["headers"], json!([["x-test", "1"]]));
                assert_eq!(seen["body"], "body");
                assert_eq!(seen["connection"]["number"], 7);
                assert_eq!(seen["version"], "HTTP/1.1");
            }
        }
    }

    #[tokio::test]
    async fn gates_are_opened() {
        let stash = Stash::default();
        let held = fake::get("http://web-platform.test/resources/respond.py?hold=g");
        let Some(Reply::Http(response)) = answer(&held, &stash) else {
            panic!("no response");
        };
        let request = fake::get("http://web-platform.test/resources/release.py?gate=g");
        assert!(matches!(answer(&request, &stash), Some(Reply::Http(_))));
        response.gate.expect("a gate").pass().await;
    }

    #[test]
    fn long_bodies_are_cut() {
        let mut request = fake::get("http://web-platform.test/");
        request.body = vec![b'x'; MAX_BODY + 1].into();
        let seen = record(&request);
        assert_eq!(seen["bodyLength"], MAX_BODY + 1);
        assert_eq!(seen["body"].as_str().map(str::len), Some(MAX_BODY));
    }
}
