//! [Signature-based integrity](https://wicg.github.io/signature-based-sri/): what servers sign of their responses, by
//! [HTTP message signatures](https://www.rfc-editor.org/rfc/rfc9421) with Ed25519, and the keys that pages state for them.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use servo_url::ServoUrl;
use sfv::{BareItem, Dictionary, FieldType, InnerList, Item, ListEntry, Parameters, Parser};

use super::integrity;
use crate::fetch::headers::header_list;

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const UNENCODED_DIGEST: HeaderName = HeaderName::from_static("unencoded-digest");

/// How many bytes a public key has.
const KEY_LENGTH: usize = 32;
/// How many bytes a signature has.
const SIGNATURE_LENGTH: usize = 64;
/// How many keys of a request count. Each makes its header longer.
const KEYS_LIMIT: usize = 32;

/// The [tag](https://www.rfc-editor.org/rfc/rfc9421#name-signature-parameters) of these signatures.
const TAG: &str = "ed25519-integrity";
/// The tag that the first drafts had.
const EARLIER_TAG: &str = "sri";

/// A public key of Ed25519.
type PublicKey = [u8; KEY_LENGTH];

/// The public keys in a request's [integrity metadata](https://w3c.github.io/webappsec-subresource-integrity/#integrity-metadata):
/// one of them must have signed the response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrityKeys(Vec<PublicKey>);

impl IntegrityKeys {
    /// The keys that `metadata` names as `ed25519`. One that is no key is passed over, like a digest of an unknown algorithm.
    pub fn parse(metadata: &str) -> Self {
        let mut keys = Vec::new();
        for item in metadata.split_ascii_whitespace() {
            let expression = item.split('?').next().unwrap_or_default();
            let key = expression
                .split_once('-')
                .filter(|(token, _)| token.eq_ignore_ascii_case("ed25519"))
                .and_then(|(_, value)| integrity::decode(value))
                .and_then(|key| PublicKey::try_from(key).ok());
            if let Some(key) = key
                && !keys.contains(&key)
                && keys.len() < KEYS_LIMIT
            {
                keys.push(key);
            }
        }
        Self(keys)
    }

    /// Whether the page states none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of
    /// [`Accept-Signature`](https://wicg.github.io/signature-based-sri/#monkey-patch-http-network-or-cache-fetch), which asks
    /// for a signature by each of the keys; `None` if there is none.
    pub fn accept_signature(&self) -> Option<HeaderValue> {
        let members: Vec<String> = self
            .0
            .iter()
            .enumerate()
            .map(|(index, key)| {
                let key = STANDARD.encode(key);
                format!("sig{index}=(\"unencoded-digest\";sf);keyid=\"{key}\";tag=\"{TAG}\"")
            })
            .collect();
        if members.is_empty() {
            return None;
        }
        HeaderValue::try_from(members.join(", ")).ok()
    }
}

/// A response and what it answers, as far as a signature can cover them.
#[derive(Clone, Copy, Debug)]
pub struct SignedMessage<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The URL that was asked for.
    pub url: &'a ServoUrl,
    /// The response's status.
    pub status: u16,
    /// The response's headers.
    pub headers: &'a HeaderMap,
}

/// The signatures of a response that are made for integrity. Others are nobody's business here.
pub struct MessageSignatures(Vec<MessageSignature>);

struct MessageSignature {
    /// What is signed, with the parameters.
    input: InnerList,
    key: PublicKey,
    signature: Vec<u8>,
    /// In seconds since the Unix epoch.
    expires: Option<i64>,
}

impl fmt::Debug for MessageSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageSignatures({})", self.0.len())
    }
}

impl MessageSignatures {
    /// [Extracts the signatures](https://wicg.github.io/signature-based-sri/#extract-signature-metadata) that `headers` have. How
    /// many there can be is bounded by the size of a response's head.
    pub fn parse(headers: &HeaderMap) -> Self {
        let dictionary = |name| -> Option<Dictionary> {
            Parser::new(&header_list::get(headers, name)?).parse().ok()
        };
        let (Some(inputs), Some(signatures)) =
            (dictionary(&SIGNATURE_INPUT), dictionary(&SIGNATURE))
        else {
            return Self(Vec::new());
        };
        let signatures = inputs
            .into_iter()
            .filter_map(|(name, input)| {
                let ListEntry::InnerList(input) = input else {
                    return None;
                };
                let ListEntry::Item(Item {
                    bare_item: BareItem::ByteSequence(signature),
                    ..
                }) = signatures.get(&name)?
                else {
                    return None;
                };
                MessageSignature::new(input, signature)
            })
            .collect();
        Self(signatures)
    }

    /// Whether each of the signatures is that of its key over `message`: what a server signs holds, or its response is not used,
    /// whether or not the page asks for integrity.
    pub fn verify(&self, message: SignedMessage<'_>, now: SystemTime) -> bool {
        self.0
            .iter()
            .all(|signature| signature.verify(message, now))
    }

    /// Whether one of the signatures was made by one of `keys`.
    pub fn include_one_of(&self, keys: &IntegrityKeys) -> bool {
        self.0
            .iter()
            .any(|signature| keys.0.contains(&signature.key))
    }
}

impl MessageSignature {
    /// `None` if this is a signature for something else, or cannot be one at all.
    fn new(input: InnerList, signature: &[u8]) -> Option<Self> {
        let string = |name: &str| match input.params.get(name) {
            Some(BareItem::String(value)) => Some(value.as_str()),
            _ => None,
        };
        // AD-HOC: servers that were set up for the drafts are taken at their word, too.
        string("tag").filter(|tag| [TAG, EARLIER_TAG].contains(tag))?;
        let key = STANDARD.decode(string("keyid")?).ok()?;
        let key = PublicKey::try_from(key).ok()?;
        let time = |name: &str| match input.params.get(name) {
            None => Some(None),
            Some(BareItem::Integer(time)) => Some(Some(i64::from(*time))),
            Some(_) => None,
        };
        let expires = time("expires")?;
        time("created")?;
        // NOTE: the key says which algorithm it is for.
        if input.params.contains_key("alg") || signature.len() != SIGNATURE_LENGTH {
            return None;
        }
        let mut covered = HashSet::new();
        for component in &input.items {
            if !is_known(component) || !covered.insert(component.serialize()) {
                return None;
            }
        }
        // What does not cover the body is no signature of it.
        if !covered.contains("\"unencoded-digest\";sf") {
            return None;
        }
        Some(Self {
            input,
            key,
            signature: signature.to_vec(),
            expires,
        })
    }

    /// [Verifies](https://www.rfc-editor.org/rfc/rfc9421#name-verifying-a-signature) the signature.
    fn verify(&self, message: SignedMessage<'_>, now: SystemTime) -> bool {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(Duration::ZERO, |now| now);
        if self
            .expires
            .is_some_and(|expires| u64::try_from(expires).is_ok_and(|end| end < now.as_secs()))
            || self.expires.is_some_and(i64::is_negative)
        {
            return false;
        }
        self.signature_base(message).is_some_and(|base| {
            UnparsedPublicKey::new(&ED25519, self.key)
                .verify(base.as_bytes(), &self.signature)
                .is_ok()
        })
    }

    /// [Creates the signature base](https://www.rfc-editor.org/rfc/rfc9421#name-creating-the-signature-base); `None` if
    /// `message` has not all that is signed.
    fn signature_base(&self, message: SignedMessage<'_>) -> Option<String> {
        let mut base = String::new();
        for component in &self.input.items {
            let value = component_value(component, message)?;
            base.push_str(&format!("{}: {value}\n", component.serialize()));
        }
        let params = vec![ListEntry::InnerList(self.input.clone())].serialize()?;
        base.push_str(&format!("\"@signature-params\": {params}"));
        Some(base)
    }
}

/// Whether a signature for integrity may cover this component, in the way in which it does.
fn is_known(component: &Item) -> bool {
    let flags = |expected: &[&str]| {
        component.params.len() == expected.len()
            && expected
                .iter()
                .all(|name| has_flag(&component.params, name))
    };
    match name_of(component) {
        Some("unencoded-digest") => flags(&["sf"]),
        Some("@authority" | "@method" | "@path" | "@query" | "@scheme" | "@target-uri") => {
            flags(&["req"])
        },
        Some("@status") => flags(&[]),
        _ => false,
    }
}

fn has_flag(params: &Parameters, name: &str) -> bool {
    matches!(params.get(name), Some(BareItem::Boolean(true)))
}

fn name_of(component: &Item) -> Option<&str> {
    match &component.bare_item {
        BareItem::String(name) => Some(name.as_str()),
        _ => None,
    }
}

/// The value of a [component](https://www.rfc-editor.org/rfc/rfc9421#name-derived-components).
fn component_value(component: &Item, message: SignedMessage<'_>) -> Option<String> {
    let url = message.url;
    Some(match name_of(component)? {
        "unencoded-digest" => {
            let value = header_list::get(message.headers, &UNENCODED_DIGEST)?;
            let digests: Dictionary = Parser::new(&value).parse().ok()?;
            digests.serialize()?
        },
        "@authority" => match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        },
        "@method" => message.method.as_str().to_owned(),
        "@path" => url.path().to_owned(),
        "@query" => format!("?{}", url.query().unwrap_or_default()),
        "@scheme" => url.scheme().to_owned(),
        "@status" => format!("{:03}", message.status),
        "@target-uri" => {
            let mut url = url.clone();
            url.set_fragment(None);
            url.into_string()
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use proptest::prelude::*;

    use super::super::test_requests::url;
    use super::*;

    // Made with `openssl genpkey -algorithm ed25519`, and `openssl pkeyutl -sign -rawin` of a base that was written by hand.
    const KEY: &str = "yUmTIbGec2sAmG3cndo926CRCyDqeselTECOJVnnXAE=";
    const SIGNED: &str =
        "aKM7N2kJnJC9SEVieMwOA+E9JBuCBbpik72CqLmj36uYZM1SLxBoQardUM6RhWMpKqcL6I1urueH7Y/pIyNCAw==";
    const COMPONENTS: &str = "\"unencoded-digest\";sf \"@method\";req \"@scheme\";req \
         \"@authority\";req \"@path\";req \"@query\";req \"@target-uri\";req \"@status\"";
    const DIGEST: &str = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    const NOW: u64 = 1_700_000_100;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn headers(input: &str, signature: &str) -> HeaderMap {
        [
            (UNENCODED_DIGEST, DIGEST),
            (SIGNATURE_INPUT, input),
            (SIGNATURE, signature),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()))
        .collect()
    }

    fn verify(headers: &HeaderMap, method: &Method, target: &str, status: u16) -> bool {
        let message = SignedMessage {
            method,
            url: &url(target),
            status,
            headers,
        };
        MessageSignatures::parse(headers).verify(message, now())
    }

    #[test]
    fn what_another_program_signed() {
        let input = format!(
            "a=({COMPONENTS}); created=1700000000; keyid=\"{KEY}\"; tag=\"ed25519-integrity\""
        );
        let headers = headers(&input, &format!("a=:{SIGNED}:"));
        let target = "https://b.example:8443/a/b?c=d#e";
        let keys = IntegrityKeys::parse(&format!("ed25519-{KEY}"));
        assert!(MessageSignatures::parse(&headers).include_one_of(&keys));
        assert!(verify(&headers, &Method::GET, target, 200));
        for (method, target, status) in [
            (Method::HEAD, target, 200),
            (Method::GET, "https://b.example/a/b?c=d", 200),
            (Method::GET, "http://b.example:8443/a/b?c=d", 200),
            (Method::GET, "https://b.example:8443/a?c=d", 200),
            (Method::GET, "https://b.example:8443/a/b", 200),
            (Method::GET, target, 201),
        ] {
            assert!(!verify(&headers, &method, target, status), "{target}");
        }
        let mut other_digest = headers.clone();
        other_digest.insert(UNENCODED_DIGEST, HeaderValue::from_static("sha-256=:AAAA:"));
        assert!(!verify(&other_digest, &Method::GET, target, 200));
        other_digest.remove(UNENCODED_DIGEST);
        assert!(!verify(&other_digest, &Method::GET, target, 200));
    }

    /// Headers with a signature of the digest, by a key of the tests, with `params` after the key.
    fn signed(components: &str, params: &str) -> (HeaderMap, IntegrityKeys) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = STANDARD.encode(pair.public_key());
        let input = format!("({components});keyid=\"{key}\"{params}");
        let base = format!("\"unencoded-digest\";sf: {DIGEST}\n\"@signature-params\": {input}");
        let signature = STANDARD.encode(pair.sign(base.as_bytes()));
        let keys = IntegrityKeys::parse(&format!("ed25519-{key}"));
        (
            headers(&format!("a={input}"), &format!("a=:{signature}:")),
            keys,
        )
    }

    #[test]
    fn only_signatures_for_integrity_count() {
        let digest = "\"unencoded-digest\";sf";
        let tag = ";tag=\"ed25519-integrity\"";
        // With whether it counts, and whether it is right.
        for (components, params, counts, verified) in [
            (digest, tag.to_owned(), true, true),
            (digest, ";tag=\"sri\"".to_owned(), true, true),
            (digest, format!("{tag};unknown=1"), true, true),
            (digest, format!("{tag};expires={NOW}"), true, true),
            (digest, format!("{tag};expires=1700000099"), true, false),
            (digest, format!("{tag};expires=-1"), true, false),
            (digest, format!("{tag};expires=\"x\""), false, true),
            (digest, format!("{tag};created=1.5"), false, true),
            (digest, format!("{tag};alg=\"ed25519\""), false, true),
            (digest, String::new(), false, true),
            (digest, ";tag=sri".to_owned(), false, true),
            (digest, ";tag=\"other\"".to_owned(), false, true),
            ("", tag.to_owned(), false, true),
            ("\"unencoded-digest\"", tag.to_owned(), false, true),
            ("\"unencoded-digest\";sf;req", tag.to_owned(), false, true),
            (
                "\"unencoded-digest\";sf \"date\"",
                tag.to_owned(),
                false,
                true,
            ),
            (
                "\"unencoded-digest\";sf \"@path\"",
                tag.to_owned(),
                false,
                true,
            ),
            (
                "\"unencoded-digest\";sf \"unencoded-digest\";sf",
                tag.to_owned(),
                false,
                true,
            ),
        ] {
            let (headers, keys) = signed(components, &params);
            let signatures = MessageSignatures::parse(&headers);
            let case = format!("{components} {params}");
            assert_eq!(signatures.include_one_of(&keys), counts, "{case}");
            let is_right = verify(&headers, &Method::GET, "https://b.example/", 200);
            assert_eq!(is_right, verified, "{case}");
        }
    }

    #[test]
    fn all_signatures_must_be_right() {
        let (mut headers, keys) = signed("\"unencoded-digest\";sf", ";tag=\"sri\"");
        let target = "https://b.example/";
        let input = headers[SIGNATURE_INPUT].to_str().unwrap().to_owned();
        let more = format!("{input}, b={}", input.trim_start_matches("a="));
        headers.insert(SIGNATURE_INPUT, HeaderValue::from_str(&more).unwrap());
        // Without a signature there is nothing to it.
        assert!(verify(&headers, &Method::GET, target, 200));
        let wrong = format!("b=:{}:", STANDARD.encode([0; SIGNATURE_LENGTH]));
        headers.append(SIGNATURE, HeaderValue::from_str(&wrong).unwrap());
        assert!(!verify(&headers, &Method::GET, target, 200));
        let other = IntegrityKeys::parse(&format!("ed25519-{KEY}"));
        let signatures = MessageSignatures::parse(&headers);
        assert!(signatures.include_one_of(&keys) && !signatures.include_one_of(&other));
    }

    #[test]
    fn keys_of_metadata() {
        let zeros = STANDARD.encode([0; KEY_LENGTH]);
        let asked = |metadata: &str| {
            IntegrityKeys::parse(metadata)
                .accept_signature()
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let member = |index, key: &str| {
            format!("sig{index}=(\"unencoded-digest\";sf);keyid=\"{key}\";tag=\"{TAG}\"")
        };
        for metadata in [
            "",
            "sha256-AAAA",
            "ed25519",
            "ed25519-",
            "ed25519-???",
            "ed25519-!!!",
            "ed25519-AAAA",
        ] {
            assert_eq!(asked(metadata), None, "{metadata}");
        }
        assert_eq!(asked(&format!("ED25519-{KEY}")), Some(member(0, KEY)));
        assert_eq!(
            asked(&format!("ed25519-{KEY} x ed25519-{KEY}")),
            Some(member(0, KEY))
        );
        assert_eq!(
            asked(&format!("ed25519-{zeros}?x sha256-AAAA ed25519-{KEY}")),
            Some(format!("{}, {}", member(0, &zeros), member(1, KEY)))
        );
        let many: String = (0..40u8)
            .map(|byte| format!(" ed25519-{}", STANDARD.encode([byte; KEY_LENGTH])))
            .collect();
        assert_eq!(IntegrityKeys::parse(&many).0.len(), KEYS_LIMIT);
    }

    proptest! {
        #[test]
        fn takes_any_headers(
            input in "(a=\\((\"@[a-z]{0,6}\"(;req)?)?\\)(;keyid=\"[A-Za-z=]{0,4}\")?)?[ -~]{0,60}",
            signature in "(a=:)?[ -~]{0,60}",
        ) {
            let headers = headers(&input, &signature);
            let _ = verify(&headers, &Method::GET, "https://b.example/", 200);
        }
    }
}
