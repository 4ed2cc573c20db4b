//! What answers under `resources/*.py`, in whatever folder: the names are those of handlers in Python, which WPT's own server
//! would need to have for the fixtures.
//!
//! All take `token`: what is seen of the request is added to that token's list in the [stash](crate::stash). All but
//! `records.py`, `release.py` and `broken.py` take what [`respond`] takes. None sends a header field of CORS that it was not
//! asked for, but for `records.py` and `release.py`, which any origin may read.

mod broken;
mod record;
mod respond;
mod turns;

use http::StatusCode;
use thiserror::Error;

use crate::reply::{Reply, Response};
use crate::request::Request;
use crate::stash::Stash;

/// A request that a handler does not understand: a slip in a test.
#[derive(Debug, Error)]
enum Slip {
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    #[error("the parameter {0} has a value that is not understood")]
    Value(&'static str),
    #[error("the stash is full")]
    StashIsFull,
}

type Handler = fn(&Request, &Stash) -> Result<Reply, Slip>;

/// Those that tell what was seen and open gates, and are not seen themselves.
const RECORDS: &str = "records.py";
const RELEASE: &str = "release.py";

const HANDLERS: &[(&str, Handler)] = &[
    ("authentication.py", respond::authentication),
    ("broken.py", broken::broken),
    ("cookies.py", respond::cookies),
    ("echo.py", respond::echo),
    (RECORDS, record::records),
    ("redirect.py", respond::redirect),
    (RELEASE, record::release),
    ("respond.py", respond::respond),
    ("turns.py", turns::turns),
];

/// Answers a request for a handler; with nothing if its path is not one's.
pub fn answer(request: &Request, stash: &Stash) -> Option<Reply> {
    let path = request.path();
    let (folder, name) = path.rsplit_once('/')?;
    if !folder.ends_with("/resources") {
        return None;
    }
    let (_, handler) = HANDLERS.iter().find(|(handler, _)| *handler == name)?;
    let reply = if [RECORDS, RELEASE].contains(&name) {
        handler(request, stash)
    } else {
        seen(request, stash, *handler)
    };
    Some(match reply {
        Ok(reply) => reply,
        Err(slip) => Response::text(StatusCode::BAD_REQUEST, slip.to_string()).into(),
    })
}

/// Records a request and answers it.
fn seen(request: &Request, stash: &Stash, handler: Handler) -> Result<Reply, Slip> {
    record::add(request, stash)?;
    match broken::instead(request)? {
        Some(reply) => Ok(reply),
        None => handler(request, stash),
    }
}

/// Records a request that no handler answers, such as a WebSocket's.
///
/// # Errors
///
/// If there is no place for it.
pub(crate) fn record(request: &Request, stash: &Stash) -> Result<(), StashIsFull> {
    record::add(request, stash).map_err(|_| StashIsFull)
}

/// There is no place in the stash.
#[derive(Debug)]
pub(crate) struct StashIsFull;

/// The value of a parameter, read as a number or the like.
fn parsed<T: std::str::FromStr>(request: &Request, name: &'static str) -> Result<Option<T>, Slip> {
    request
        .parameter(name)
        .map(|value| value.parse().map_err(|_| Slip::Value(name)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::fake;

    #[test]
    fn handlers_answer_in_folders_of_resources_only() {
        let stash = Stash::default();
        for (path, is_answered) in [
            ("/a/resources/respond.py", true),
            ("/a/b/resources/echo.py?x", true),
            ("/a/respond.py", false),
            ("/a/resources/other.py", false),
            ("/resources.py", false),
        ] {
            let request = fake::get(&format!("http://web-platform.test{path}"));
            assert_eq!(answer(&request, &stash).is_some(), is_answered, "{path}");
        }
    }

    #[test]
    fn slips_are_told() {
        for query in [
            "respond.py?status=abc",
            "respond.py?header=none",
            "respond.py?delay=-1",
            "redirect.py",
            "redirect.py?location=/&count=x",
            "records.py",
            "release.py",
            "turns.py?turn=body=1",
            "turns.py?token=t",
            "broken.py?kind=other",
            "respond.py?break=other",
        ] {
            let request = fake::get(&format!("http://web-platform.test/resources/{query}"));
            match answer(&request, &Stash::default()) {
                Some(Reply::Http(response)) => {
                    assert_eq!(response.status, StatusCode::BAD_REQUEST, "{query}");
                },
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
