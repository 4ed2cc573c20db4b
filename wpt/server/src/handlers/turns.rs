//! `turns.py`: another answer each time.

use super::{Slip, broken, respond};
use crate::reply::Reply;
use crate::request::Request;
use crate::stash::Stash;

/// `turns.py?token=…&turn=…&turn=…`: answers as `respond.py` would with the query in the first `turn`, the next time with that
/// in the second, and with the last one from then on; a turn may have a `break`. It counts what was seen under the token; preflights take no turn, and are
/// answered as the request after them would be.
pub(super) fn turns(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    let token = request.parameter("token").ok_or(Slip::Missing("token"))?;
    let turns: Vec<String> = request.parameters("turn").collect();
    let before = stash
        .list(&token)
        .iter()
        .filter(|seen| seen["isPreflight"] == false)
        .count();
    // This request was recorded before it is answered.
    let index = if request.is_preflight() {
        before
    } else {
        before.saturating_sub(1)
    };
    let query = turns.get(index).or(turns.last());
    let mut request = request.clone();
    request
        .url
        .set_query(Some(query.ok_or(Slip::Missing("turn"))?));
    match broken::instead(&request)? {
        Some(reply) => Ok(reply),
        None => respond::respond(&request, stash),
    }
}

#[cfg(test)]
mod tests {
    use crate::handlers::answer;
    use crate::reply::{Reply, Response};
    use crate::request::fake;
    use crate::stash::Stash;
    use http::{HeaderValue, Method};

    const URL: &str = "http://a.test/resources/turns.py?token=t&turn=body%3D1%26preflight-status%3D201&turn=body%3D2%26status%3D404";

    fn response(reply: Option<Reply>) -> Response {
        match reply {
            Some(Reply::Http(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_request_takes_a_turn_and_a_preflight_none() {
        let stash = Stash::default();
        let mut preflight = fake::get(URL);
        preflight.method = Method::OPTIONS;
        for name in ["origin", "access-control-request-method"] {
            preflight
                .headers
                .insert(name, HeaderValue::from_static("PUT"));
        }
        assert_eq!(response(answer(&preflight, &stash)).status, 201);
        let request = fake::get(URL);
        for (status, body) in [(200, "1"), (404, "2"), (404, "2")] {
            let response = response(answer(&request, &stash));
            assert_eq!(response.status, status);
            assert_eq!(response.bytes(), body.as_bytes());
        }
    }

    #[test]
    fn a_turn_may_be_broken() {
        let stash = Stash::default();
        let url = "http://a.test/resources/turns.py?token=t&turn=break%3Dcut-body&turn=body%3D2";
        let request = fake::get(url);
        assert!(matches!(answer(&request, &stash), Some(Reply::Raw { .. })));
        assert_eq!(response(answer(&request, &stash)).bytes(), b"2");
    }
}
