//! OAuth 1.0a with HMAC-SHA1, the server's half: is this request signed by someone who holds the secrets?
//!
//! <https://www.rfc-editor.org/rfc/rfc5849>

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use url::{Url, form_urlencoded};

/// How far a request's clock may be from the server's.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// The most nonces that are remembered; each is worth remembering for the time of [`CLOCK_SKEW`] only.
const MAX_NONCES: usize = 4096;

/// What a client and the server share. Its `Debug` form shows no secret.
#[derive(Clone)]
pub struct Credentials {
    /// The client's name.
    pub consumer_key: String,
    /// The client's secret.
    pub consumer_secret: String,
    /// The name of what the user allowed the client.
    pub token: String,
    /// The secret that goes with the token.
    pub token_secret: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .finish_non_exhaustive()
    }
}

/// Why a request is not taken for its client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no `Authorization: OAuth`, or it cannot be read.
    Malformed,
    /// A parameter is missing or there twice.
    Parameters,
    /// It is signed by a method other than HMAC-SHA1, or by another version of OAuth.
    Unsupported,
    /// The client or the token is unknown.
    Unknown,
    /// Its time is too far from the server's.
    Time,
    /// Its nonce was used before.
    Replayed,
    /// The signature is not that of this request.
    Signature,
}

impl Refusal {
    /// What the client is told.
    pub fn message(self) -> &'static str {
        match self {
            Self::Malformed => "The Authorization header is no OAuth 1.0 header.",
            Self::Parameters => "An OAuth parameter is missing or repeated.",
            Self::Unsupported => "Only HMAC-SHA1 and OAuth 1.0 are understood here.",
            Self::Unknown => "The consumer key or the token is unknown.",
            Self::Time => "The timestamp is too far off.",
            Self::Replayed => "The nonce was used before.",
            Self::Signature => "The signature does not match the request.",
        }
    }
}

/// A request as far as its signature covers it.
pub struct SignedRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The URL that the client asked for.
    pub url: &'a Url,
    /// The value of `Authorization`.
    pub authorization: &'a str,
    /// The body, if it is `application/x-www-form-urlencoded`.
    pub form: &'a [u8],
}

/// The nonces of the last minutes.
#[derive(Debug, Default)]
pub struct Nonces {
    used: VecDeque<(u64, String)>,
}

impl Nonces {
    /// Remembers a nonce, unless it is remembered already: then it is not fresh.
    fn use_up(&mut self, timestamp: u64, nonce: &str, now: u64) -> bool {
        self.used
            .retain(|(used, _)| now.saturating_sub(*used) <= CLOCK_SKEW.as_secs());
        if self
            .used
            .iter()
            .any(|(used, other)| *used == timestamp && other == nonce)
        {
            return false;
        }
        if self.used.len() >= MAX_NONCES {
            self.used.pop_front();
        }
        self.used.push_back((timestamp, nonce.to_owned()));
        true
    }
}

/// Verifies a request.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.2>
///
/// # Errors
///
/// Why the request is refused.
pub fn verify(
    request: &SignedRequest<'_>,
    credentials: &Credentials,
    nonces: &mut Nonces,
    now: SystemTime,
) -> Result<(), Refusal> {
    let protocol = authorization_parameters(request.authorization).ok_or(Refusal::Malformed)?;
    let only = |name: &str| {
        let mut values = protocol
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Refusal::Parameters),
        }
    };
    let version_is_other = protocol
        .iter()
        .any(|(key, value)| key == "oauth_version" && value != "1.0");
    if only("oauth_signature_method")? != "HMAC-SHA1" || version_is_other {
        return Err(Refusal::Unsupported);
    }
    let known = only("oauth_consumer_key")? == credentials.consumer_key
        && only("oauth_token")? == credentials.token;
    if !known {
        return Err(Refusal::Unknown);
    }
    let timestamp: u64 = only("oauth_timestamp")?
        .parse()
        .map_err(|_| Refusal::Parameters)?;
    let nonce = only("oauth_nonce")?;
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    if now.abs_diff(timestamp) > CLOCK_SKEW.as_secs() {
        return Err(Refusal::Time);
    }

    let signature = STANDARD
        .decode(only("oauth_signature")?)
        .map_err(|_| Refusal::Signature)?;
    let base = signature_base_string(request, &protocol);
    // NB: In constant time: the comparison is the library's.
    hmac_sha1(credentials, &base)
        .verify_slice(&signature)
        .map_err(|_| Refusal::Signature)?;
    // The nonce goes last, so that nobody uses one up without the secrets.
    if nonces.use_up(timestamp, nonce, now) {
        Ok(())
    } else {
        Err(Refusal::Replayed)
    }
}

/// The parameters of an `Authorization` header of the scheme OAuth, decoded.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.5.1>
fn authorization_parameters(value: &str) -> Option<Vec<(String, String)>> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("OAuth") {
        return None;
    }
    rest.split(',')
        .map(|parameter| {
            let (name, quoted) = parameter.trim().split_once('=')?;
            let value = quoted.strip_prefix('"')?.strip_suffix('"')?;
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// The text that is signed: the method, the base string URI, and all parameters.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.1>
fn signature_base_string(request: &SignedRequest<'_>, protocol: &[(String, String)]) -> String {
    // 1. The method.
    let method = request.method.to_ascii_uppercase();
    // 2. An ampersand, and the base string URI.
    let uri = encoded(&base_string_uri(request.url));
    // 3. An ampersand, and the normalized parameters.
    let parameters = encoded(&normalized_parameters(request, protocol));
    format!("{method}&{uri}&{parameters}")
}

/// The URL without query and fragment, the port only where it is not the scheme's own.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.2>
fn base_string_uri(url: &Url) -> String {
    // NOTE: The URL parser has lowercased scheme and host already, and dropped a default port.
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// The parameters of query, header and form, sorted and joined.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.3>
fn normalized_parameters(request: &SignedRequest<'_>, protocol: &[(String, String)]) -> String {
    let query = form_urlencoded::parse(request.url.query().unwrap_or_default().as_bytes());
    let form = form_urlencoded::parse(request.form);
    let header = protocol
        .iter()
        .filter(|(name, _)| name != "realm" && name != "oauth_signature");
    // 1. Encode each name and value.
    let mut pairs: Vec<(String, String)> = query
        .chain(form)
        .map(|(name, value)| (encoded(&name), encoded(&value)))
        .chain(header.map(|(name, value)| (encoded(name), encoded(value))))
        .collect();
    // 2. Sort by name, then by value, as bytes.
    pairs.sort_unstable();
    // 3. and 4. Join each pair, and the pairs.
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// The keyed digest of a text, before it is finished.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.2>
fn hmac_sha1(credentials: &Credentials, text: &str) -> Hmac<Sha1> {
    let key = format!(
        "{}&{}",
        encoded(&credentials.consumer_secret),
        encoded(&credentials.token_secret)
    );
    let mut mac = match Hmac::<Sha1>::new_from_slice(key.as_bytes()) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    };
    mac.update(text.as_bytes());
    mac
}

/// OAuth's percent-encoding: all but letters, digits, `-`, `.`, `_` and `~`, with upper-case digits.
///
/// <https://www.rfc-editor.org/rfc/rfc5849#section-3.6>
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            },
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// What [`encoded`] made, undone; none if it is not that or no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (
            char::from(rest.next()?).to_digit(16)?,
            char::from(rest.next()?).to_digit(16)?,
        );
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The resource owner's photos, <https://www.rfc-editor.org/rfc/rfc5849#section-1.2>.
    const PHOTOS_URL: &str = "http://photos.example.net/photos?file=vacation.jpg&size=original";
    const PHOTOS: &str = "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", \
        oauth_token=\"nnch734d00sl2jdk\", oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131202\", \
        oauth_nonce=\"chapoH\", oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\"";

    fn photos_credentials() -> Credentials {
        Credentials {
            consumer_key: "dpf43f3p2l4k3l03".into(),
            consumer_secret: "kd94hf93k423kf44".into(),
            token: "nnch734d00sl2jdk".into(),
            token_secret: "pfkkdhi9sl3r4s00".into(),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn verify_photos(url: &str, authorization: &str, now: u64) -> Result<(), Refusal> {
        let url = Url::parse(url).expect("a URL");
        let request = SignedRequest {
            method: "GET",
            url: &url,
            authorization,
            form: &[],
        };
        verify(
            &request,
            &photos_credentials(),
            &mut Nonces::default(),
            at(now),
        )
    }

    #[test]
    fn the_rfc_example_is_accepted() {
        assert_eq!(verify_photos(PHOTOS_URL, PHOTOS, 137_131_202), Ok(()));
    }

    #[test]
    fn whatever_is_changed_is_refused() {
        let now = 137_131_202;
        for (authorization, refusal) in [
            (PHOTOS.replace("chapoH", "chapoI"), Refusal::Signature),
            (PHOTOS.replace("MdpQ", "NdpQ"), Refusal::Signature),
            (
                PHOTOS.replace("MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D", "%%"),
                Refusal::Malformed,
            ),
            (
                PHOTOS.replace("MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D", ""),
                Refusal::Signature,
            ),
            (
                PHOTOS.replace("nnch734d00sl2jdk", "other"),
                Refusal::Unknown,
            ),
            (
                PHOTOS.replace("dpf43f3p2l4k3l03", "other"),
                Refusal::Unknown,
            ),
            (
                PHOTOS.replace("HMAC-SHA1", "PLAINTEXT"),
                Refusal::Unsupported,
            ),
            (
                format!("{PHOTOS}, oauth_version=\"2.0\""),
                Refusal::Unsupported,
            ),
            (
                format!("{PHOTOS}, oauth_nonce=\"chapoH\""),
                Refusal::Parameters,
            ),
            (
                PHOTOS.replace("oauth_nonce=\"chapoH\", ", ""),
                Refusal::Parameters,
            ),
            (PHOTOS.replace("OAuth ", "Basic "), Refusal::Malformed),
            (PHOTOS.replace('"', ""), Refusal::Malformed),
            (String::new(), Refusal::Malformed),
        ] {
            assert_eq!(
                verify_photos(PHOTOS_URL, &authorization, now),
                Err(refusal),
                "{authorization}"
            );
        }
        let other_url = PHOTOS_URL.replace("vacation", "holiday");
        assert_eq!(
            verify_photos(&other_url, PHOTOS, now),
            Err(Refusal::Signature)
        );
    }

    #[test]
    fn old_and_future_requests_are_refused() {
        for (now, verdict) in [
            (137_131_202 + 300, Ok(())),
            (137_131_202 + 301, Err(Refusal::Time)),
            (137_131_202 - 300, Ok(())),
            (137_131_202 - 301, Err(Refusal::Time)),
        ] {
            assert_eq!(verify_photos(PHOTOS_URL, PHOTOS, now), verdict, "{now}");
        }
    }

    #[test]
    fn a_nonce_serves_once() {
        let url = Url::parse(PHOTOS_URL).expect("a URL");
        let request = SignedRequest {
            method: "GET",
            url: &url,
            authorization: PHOTOS,
            form: &[],
        };
        let mut nonces = Nonces::default();
        let now = at(137_131_202);
        assert_eq!(
            verify(&request, &photos_credentials(), &mut nonces, now),
            Ok(())
        );
        assert_eq!(
            verify(&request, &photos_credentials(), &mut nonces, now),
            Err(Refusal::Replayed)
        );
    }

    #[test]
    fn the_rfc_base_string() {
        // <https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1.1>
        let url = Url::parse("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b")
            .expect("a URL");
        let authorization = "OAuth realm=\"Example\", oauth_consumer_key=\"9djdj82h48djs9d2\", \
            oauth_token=\"kkk9d7dh3k39sjv7\", oauth_signature_method=\"HMAC-SHA1\", \
            oauth_timestamp=\"137131201\", oauth_nonce=\"7d8f3e4a\", oauth_signature=\"bYT5CMsGcbgUdFHObYMEfcx6bsw%3D\"";
        let request = SignedRequest {
            method: "post",
            url: &url,
            authorization,
            form: b"c2&a3=2+q",
        };
        let protocol = authorization_parameters(authorization).expect("an OAuth header");
        assert_eq!(
            signature_base_string(&request, &protocol),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540\
             %3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method\
             %3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
        // The secrets and the signature that go with it are in erratum 2550.
        let credentials = Credentials {
            consumer_key: "9djdj82h48djs9d2".into(),
            consumer_secret: "j49sk3j29djd".into(),
            token: "kkk9d7dh3k39sjv7".into(),
            token_secret: "dh893hdasih9".into(),
        };
        let digest =
            hmac_sha1(&credentials, &signature_base_string(&request, &protocol)).finalize();
        assert_eq!(
            STANDARD.encode(digest.into_bytes()),
            "r6/TJjbCOr97/+UU0NsvSne7s5g="
        );
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        assert!(!format!("{:?}", photos_credentials()).contains("kd94"));
    }

    #[test]
    fn decoding_undoes_encoding_and_refuses_the_rest() {
        for text in ["", "a b&c=d/é~", "%"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
