//! Everything here that reads bytes of others, as functions of bytes: for the fuzz targets in `engine/net/fuzz`, and for
//! tests that none of them panics. Not part of any build but those.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use content_security_policy::{CspList, PolicyDisposition, PolicySource};
use http::header::{HeaderName, HeaderValue, PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, StatusCode};
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::policy_container::{PolicyContainer, RequestPolicyContainer};
use net_traits::request::{CredentialsMode, Referrer, Request, RequestBuilder};
use net_traits::response::Response;
use net_traits::{ResourceFetchTiming, ResourceTimingType};
use servo_url::ServoUrl;

pub use crate::connection::fuzzing::{http1_response, http2_response};
use crate::connection::hosts::HostTable;
use crate::connection::{CertificateSummary, ConnectionCredentials, NetworkPartitionKey};
use crate::cookies::{CookieJar, SameSiteContext};
use crate::fetch::checks::cors_check::cors_check;
use crate::fetch::checks::cors_preflight_check::cors_preflight_check;
use crate::fetch::checks::embedder_policy::EmbedderPolicy;
use crate::fetch::checks::integrity::do_bytes_match;
use crate::fetch::checks::integrity_policy::IntegrityPolicy;
use crate::fetch::checks::unencoded_digest::UnencodedDigests;
use crate::fetch::checks::{cross_origin_resource_policy, csp, nosniff, referrer, timing_allow};
use crate::fetch::headers::{
    access_control, content_length, content_range, header_list, location, mime_type, range,
    safelist,
};
use crate::hsts::HstsList;
use crate::http_authentication::{
    AuthenticationEntries, Credentials, ProtectedBy, parse_challenges, strongest_challenge,
};
use crate::http_cache::{CacheKey, CacheRequest, HttpCache, ResponseHead, conditional_headers};
use crate::reporting::process_reporting_endpoints;
pub use crate::websocket::fuzzing::{websocket_frames, websocket_handshake};

/// A function that must not panic, whatever its input.
pub type Target = fn(&[u8]);

/// All targets by name. Each has a file of that name in `engine/net/fuzz/fuzz_targets`.
pub const TARGETS: &[(&str, Target)] = &[
    ("header_grammars", header_grammars),
    ("access_control", access_control),
    ("set_cookie", set_cookie),
    ("strict_transport_security", strict_transport_security),
    ("challenge", challenge),
    ("cache", cache),
    ("location", location),
    ("content_security_policy", content_security_policy),
    ("integrity", integrity),
    ("cookie_file", cookie_file),
    ("hsts_file", hsts_file),
    ("hosts_file", hosts_file),
    ("certificate", certificate),
    ("http1_response", http1_response),
    ("http2_response", http2_response),
    ("websocket_handshake", websocket_handshake),
    ("websocket_frames", websocket_frames),
];

/// When everything happens: late in 2026.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// Lines of a name, a colon and a value. A line that is none is left out.
pub(crate) fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(1000) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        if let Ok(name) = HeaderName::from_bytes(name)
            && let Ok(value) =
                HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii())
        {
            headers.append(name, value);
        }
    }
    headers
}

fn url(text: &str) -> ServoUrl {
    ServoUrl::parse(text).expect("a URL of our own")
}

fn request() -> Request {
    let url = url("https://server.example/path?query#fragment");
    let origin = ServoUrl::parse("https://page.example/")
        .expect("a URL of our own")
        .origin();
    let url = UrlWithBlobClaim::from_url_without_having_claimed_blob(url);
    RequestBuilder::new(None, url, Referrer::NoReferrer)
        .origin(origin)
        .build()
}

/// The grammars of values, each by itself.
pub fn header_grammars(bytes: &[u8]) {
    let headers = headers(bytes);
    for name in headers.keys() {
        let _ = header_list::get(&headers, name);
        let _ = header_list::get_decode_and_split(&headers, name);
        let _ = header_list::extract_tokens(&headers, name);
        let _ = safelist::is_cors_safelisted_request_header(name, bytes);
        let _ = safelist::is_no_cors_safelisted_request_header(name, bytes);
        let _ = safelist::is_forbidden_request_header(name, bytes);
    }
    assert_eq!(
        header_list::combined_and_sorted(&headers).keys_len(),
        headers.keys_len()
    );
    let _ = safelist::cors_unsafe_request_header_names(&headers);
    let _ = content_length::extract_length(&headers);
    if let Some(mime) = mime_type::extract(&headers) {
        let _ = mime_type::essence(&mime);
    }
    let _ = header_list::normalize(bytes);
    if let Some(found) = content_range::parse(bytes) {
        assert!(found.first <= found.last);
    }
    for allow_whitespace in [false, true] {
        if let Some(found) = range::parse_single_range(bytes, allow_whitespace)
            && let Some((first, last)) = found.resolve(1000)
        {
            assert!(first <= last && last < 1000);
        }
    }
    let _ = nosniff::determine_nosniff(&headers);
    let _ = referrer::parse_referrer_policy(&headers);
    let _ = timing_allow::tao_check(&request(), &headers);
    let server = url("https://server.example/");
    let mut response = Response::new(
        server.clone(),
        ResourceFetchTiming::new(ResourceTimingType::None),
    );
    response.headers.clone_from(&headers);
    let policy = EmbedderPolicy::obtain(&headers, true);
    let mut reports = 0;
    let report = |_, _: &str| reports += 1;
    let _ = cross_origin_resource_policy::check_request(
        &request(),
        &policy,
        &server,
        &response,
        report,
    );
    assert!(reports <= 2);
    let _ = IntegrityPolicy::parse(&headers);
    let endpoints = process_reporting_endpoints(&server, &headers, |_| false);
    assert!(endpoints.len() <= 32);
    let _ = UnencodedDigests::parse(&headers).map(|digests| digests.verify(bytes));
}

/// A server's certificate, as a person is shown it.
pub fn certificate(bytes: &[u8]) {
    if let Ok(summary) = CertificateSummary::parse(bytes) {
        assert!(summary.names.len() <= 64);
        assert_eq!(summary.fingerprint.len(), 95);
        assert!(
            summary
                .lines()
                .iter()
                .all(|(_, text)| text.chars().count() < 20_000)
        );
    }
}

/// The headers of CORS, and what becomes of them.
pub fn access_control(bytes: &[u8]) {
    let headers = headers(bytes);
    let request = request();
    let _ = access_control::is_silent(&headers);
    let _ = access_control::max_age(&headers);
    for credentials in [CredentialsMode::Omit, CredentialsMode::Include] {
        let _ = cors_check("https://page.example", credentials, &headers);
    }
    let _ = cors_preflight_check(&request, "https://page.example", 204, &headers);
    for includes_credentials in [false, true] {
        let names = access_control::cors_exposed_header_names(includes_credentials, &headers);
        assert!(names.len() <= bytes.len());
    }
}

/// `Set-Cookie`, one field to a line, and the cookies that come of it.
pub fn set_cookie(bytes: &[u8]) {
    let mut jar = CookieJar::new();
    let server = url("https://www.server.example/path/");
    for line in bytes.split(|byte| *byte == b'\n') {
        let _ = jar.set_from_header(&server, line, SameSiteContext::SameSite, now());
    }
    if let Some(header) = jar.cookie_header(&server, SameSiteContext::SameSite, now()) {
        assert!(!header.as_bytes().contains(&b'\n'));
    }
    let _ = jar.sites(now());
}

/// `Strict-Transport-Security`.
pub fn strict_transport_security(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("strict-transport-security", value);
        }
    }
    let mut list = HstsList::new();
    list.update(&url("https://server.example/"), &headers, now());
    let _ = list.is_known_host("sub.server.example", now());
}

/// Challenges for a password, and the answers to them.
pub fn challenge(bytes: &[u8]) {
    let headers = headers(bytes);
    let by = ProtectedBy::Server(url("https://server.example/").origin());
    for name in [WWW_AUTHENTICATE, PROXY_AUTHENTICATE] {
        let challenges = parse_challenges(&headers, &name);
        let Some(challenge) = strongest_challenge(&challenges) else {
            continue;
        };
        let mut entries = AuthenticationEntries::new();
        let credentials = Credentials {
            username: "name".to_owned(),
            password: "word".to_owned(),
        };
        entries.insert(by.clone(), challenge, "/path?query", credentials);
        let sent = entries.authorization(&by, &Method::GET, "/path/more");
        let _ = entries.retry(&by, challenge, "/path", sent.as_ref());
    }
}

/// A response in the cache: stored, found, freshened, invalidated. The headers of the response and those of the next
/// request are parted by an empty line.
pub fn cache(bytes: &[u8]) {
    let middle = bytes
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .unwrap_or(bytes.len());
    let (first, second) = bytes.split_at(middle);
    let (response, asked) = (headers(first), headers(second));
    let cache = HttpCache::default();
    let server = url("https://server.example/path?query");
    let key = CacheKey::new(
        NetworkPartitionKey::default(),
        ConnectionCredentials::Included,
        &server,
    );
    let stored = CacheRequest {
        key: &key,
        method: &Method::GET,
        headers: &HeaderMap::new(),
    };
    for status in [200, 206, 304, 410] {
        let head = ResponseHead {
            status: StatusCode::from_u16(status).expect("a status of our own"),
            reason: Vec::new(),
            headers: response.clone(),
            tls: None,
        };
        if let Some(mut writer) = cache.begin_store(&stored, &head, now(), now()) {
            writer.write(&Bytes::from_static(b"hello"));
            writer.finish();
        }
    }
    let request = CacheRequest {
        headers: &asked,
        ..stored
    };
    let _ = request.is_only_if_cached();
    for later in [0, 100, 100_000_000] {
        let time = now() + Duration::from_secs(later);
        if let Some(found) = cache.lookup(&request, time) {
            let _ = conditional_headers(&found);
            let _ = cache.freshen(&stored, found, &asked, time, time);
        }
    }
    cache.invalidate(&key, &response);
}

/// `Location`.
pub fn location(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let headers = HeaderMap::from_iter([(http::header::LOCATION, value)]);
    let from = url("https://server.example/path?query");
    if let Some(Ok(to)) = location::location_url(302, &from, &headers, Some("fragment")) {
        assert!(to.as_str().is_ascii());
    }
}

/// A policy, and a request that it is asked about.
pub fn content_security_policy(bytes: &[u8]) {
    let text = header_list::isomorphic_decode(bytes);
    let list = CspList::parse(&text, PolicySource::Header, PolicyDisposition::Enforce);
    let mut request = request();
    request.policy_container = RequestPolicyContainer::PolicyContainer(PolicyContainer {
        csp_list: Some(list),
        ..PolicyContainer::default()
    });
    let _ = csp::report_only_violations(&request);
    let _ = csp::should_request_be_blocked(&request);
    let elsewhere = url("http://elsewhere.example:8080/path");
    let _ = csp::should_response_be_blocked(&request, &elsewhere);
}

/// Integrity metadata.
pub fn integrity(bytes: &[u8]) {
    let _ = do_bytes_match(b"hello", &String::from_utf8_lossy(bytes));
}

/// The profile's cookies.
pub fn cookie_file(bytes: &[u8]) {
    as_file("cookies.json", bytes, |directory| {
        let mut jar = CookieJar::load(directory, now());
        let server = url("https://server.example/");
        let _ = jar.cookie_header(&server, SameSiteContext::SameSite, now());
        jar.save(directory, now()).expect("it can be saved");
        assert!(CookieJar::load(directory, now()).len() <= jar.len());
    });
}

/// The profile's HSTS hosts.
pub fn hsts_file(bytes: &[u8]) {
    as_file("hsts.json", bytes, |directory| {
        let list = HstsList::load(directory, now());
        list.save(directory, now()).expect("it can be saved");
        assert_eq!(HstsList::load(directory, now()).len(), list.len());
    });
}

/// A table of hosts, as the system has one.
pub fn hosts_file(bytes: &[u8]) {
    let _ = HostTable::parse(&String::from_utf8_lossy(bytes));
}

fn as_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join(name), bytes).expect("a file");
    read(directory.path());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What has a meaning somewhere.
    const WORDS: [&str; 60] = [
        "\n",
        "\n\n",
        "\r\n",
        ": ",
        ", ",
        "; ",
        "=",
        "\"",
        "\\",
        " ",
        "\t",
        "*",
        "-",
        "/",
        "0",
        "1",
        "99999999999999999999",
        "{\"version\":1,\"data\":[",
        "{}",
        "]}",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 103 Hints\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\n",
        "Content-Encoding: gzip, br\r\n",
        "Content-Type: text/html;charset=",
        "Content-Range: bytes 0-4/",
        "bytes=",
        "Access-Control-Allow-Origin: ",
        "Access-Control-Allow-Headers: ",
        "Access-Control-Allow-Methods: ",
        "Access-Control-Allow-Credentials: true",
        "Access-Control-Expose-Headers: ",
        "Access-Control-Max-Age: ",
        "https://page.example",
        "a=b; Max-Age=",
        "; Domain=server.example",
        "; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        "__Host-a=b; Secure; Path=/",
        "; SameSite=None; Partitioned; HttpOnly",
        "max-age=",
        "includeSubDomains",
        "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", algorithm=SHA-256, qop=\"auth\"",
        "WWW-Authenticate: Basic realm=x",
        "Cache-Control: max-age=60, stale-while-revalidate=",
        "ETag: \"e\"",
        "Vary: a, b",
        "Range: bytes=1-2",
        "If-Range: \"e\"",
        "Date: Thu, 01 Jan 2026 00:00:00 GMT",
        "Age: ",
        "No-Vary-Search: params=(\"a\"), except=(",
        "Location: //",
        "script-src 'self' 'nonce-a' https://*.example:*/path; ",
        "sha256-",
        "127.0.0.1 a.test\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "Sec-WebSocket-Accept: ",
        "\u{81}\u{85}",
    ];

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..12),
        ]
    }

    fn input() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
    }

    /// What a target's seed is, if it has one.
    fn seed(name: &str) -> Option<Vec<u8>> {
        fs::read(format!(
            "{}/fuzz/seeds/{name}/one",
            env!("CARGO_MANIFEST_DIR")
        ))
        .ok()
    }

    /// A place in a text, and what stands there instead of so many bytes.
    type Change = (prop::sample::Index, usize, Vec<u8>);

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, piece()), 1..6)
    }

    fn changed(mut text: Vec<u8>, changes: &[Change]) -> Vec<u8> {
        for (place, length, piece) in changes {
            let start = place.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.iter().copied());
        }
        text
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in input()) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }

        #[test]
        fn nothing_panics_near_the_seeds(changes in changes()) {
            for (name, target) in TARGETS {
                if let Some(seed) = seed(name) {
                    target(&changed(seed, &changes));
                }
            }
        }
    }

    #[test]
    fn each_target_has_its_file_and_a_seed() {
        for (name, _) in TARGETS {
            let path = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            let file = fs::read_to_string(&path).unwrap_or_default();
            assert!(file.contains(&format!("net::fuzzing::{name}")), "{path}");
            // A certificate has a key of its own, and is made when it is needed.
            assert!(*name == "certificate" || seed(name).is_some(), "{name}");
        }
    }
}
