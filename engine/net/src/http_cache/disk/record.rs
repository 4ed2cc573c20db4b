//! What is written for a response.
//!
//! A record has three parts, each [postcard](https://postcard.jamesmunns.com/wire-format) of a type here, and a body. A
//! checksum goes over the parts, and one over the body, since SQLite has none of its own.

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use net_traits::TlsSecurityInfo;
use serde::{Deserialize, Serialize};
use servo_url::ServoUrl;
use thiserror::Error;
use user_cors::Site;

use crate::connection::{ConnectionCredentials, NetworkPartitionKey};
use crate::http_cache::cache_control::CacheControl;
use crate::http_cache::key::CacheKey;
use crate::http_cache::no_vary_search::without_query;
use crate::http_cache::range::PartialContent;
use crate::http_cache::stored_response::ResponseHead;
use crate::http_cache::vary::{SelectingHeaders, ValueDigest};

/// A stored response with its key.
#[derive(Clone)]
pub(in crate::http_cache) struct Record {
    /// The primary key.
    pub key: CacheKey,
    /// Which requests for the key select it.
    pub selecting: SelectingHeaders,
    /// Its head, without what belongs to a connection.
    pub head: ResponseHead,
    /// Its body, as it was transferred.
    pub body: Bytes,
    /// What part of the complete body that is; `None` if it is all of it.
    pub part: Option<PartialContent>,
    /// When the request was sent, and when the response's head arrived.
    pub times: (SystemTime, SystemTime),
}

/// The contents stay out of it: they may be secrets.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("head", &self.head)
            .field("selecting", &self.selecting)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Whether a stored response may be kept on disk, as far as key and heads tell.
pub(in crate::http_cache) fn may_last(
    key: &CacheKey,
    selecting: &SelectingHeaders,
    headers: &HeaderMap,
) -> bool {
    !matches!(key.credentials(), ConnectionCredentials::Anonymous(_))
        && !selecting.name_authorization()
        // Where it is stored nevertheless, by `must-understand`, that is for this run.
        && !CacheControl::of(headers).has("no-store")
}

/// A number by which the records of a key are found. Keys may share one: the key in the record decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyDigest(pub(super) i64);

impl KeyDigest {
    /// That of a key.
    pub(super) fn of(key: &CacheKey) -> Self {
        Self::of_parts("key", key, key.url().as_str())
    }

    /// That of all keys that differ in the query only.
    pub(super) fn of_equivalents(key: &CacheKey) -> Self {
        Self::of_parts("equivalents", key, key.without_query().url().as_str())
    }

    /// That of all keys with this URL.
    pub(super) fn of_url(url: &ServoUrl) -> Self {
        let mut url = url.clone();
        url.set_fragment(None);
        Self::of_text(&format!("url {url}"))
    }

    /// That of all keys whose URLs differ from this one in the query only.
    pub(super) fn of_equivalent_urls(url: &ServoUrl) -> Self {
        Self::of_text(&format!("equivalent-urls {}", without_query(url)))
    }

    fn of_parts(what: &str, key: &CacheKey, url: &str) -> Self {
        let site = key.partition().0.as_ref().map(Site::to_string);
        // Neither a site nor a URL has a space in it.
        Self::of_text(&format!(
            "{what} {} {} {url}",
            site.as_deref().unwrap_or("-"),
            match key.credentials() {
                ConnectionCredentials::Included => "included",
                ConnectionCredentials::Excluded => "excluded",
                ConnectionCredentials::Anonymous(_) => "anonymous",
            },
        ))
    }

    fn of_text(text: &str) -> Self {
        let digest = digest(&SHA256, text.as_bytes());
        let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
        Self(i64::from_le_bytes(bytes))
    }
}

/// A record as it is in the database.
pub(super) struct EncodedRecord {
    /// The key.
    pub key: Vec<u8>,
    /// The selecting headers.
    pub selecting: Vec<u8>,
    /// Everything else but the body.
    pub head: Vec<u8>,
    /// Over the three.
    pub checksum: u32,
}

/// Why a record cannot be written or read.
#[derive(Debug, Error)]
pub(super) enum RecordError {
    /// It is nothing that goes on disk.
    #[error("the response is not one for the disk")]
    NotForDisk,
    /// Its bytes are not what was written.
    #[error("the checksum does not fit")]
    Checksum,
    /// Its bytes are not of the format.
    #[error("the format is wrong")]
    Format(#[from] postcard::Error),
    /// A field has no meaning.
    #[error("the {0} is invalid")]
    Field(&'static str),
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    top_level_site: Option<String>,
    credentials_included: bool,
    url: String,
}

#[derive(Serialize, Deserialize)]
struct StoredHead {
    status: u16,
    reason: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    tls: Option<TlsSecurityInfo>,
    part: Option<PartialContent>,
    request_time: SystemTime,
    response_time: SystemTime,
}

impl Record {
    /// The record in the form that is written. The body is written as it is.
    ///
    /// # Errors
    /// [`RecordError::NotForDisk`] for an anonymous request's, and what postcard does not encode.
    pub(super) fn encode(&self) -> Result<EncodedRecord, RecordError> {
        let key = encode_key(&self.key)?;
        let selecting = encode_selecting(&self.selecting)?;
        let headers = self.head.headers.iter();
        let head = postcard::to_allocvec(&StoredHead {
            status: self.head.status.as_u16(),
            reason: self.head.reason.clone(),
            headers: headers
                // The jar has them, and decides which of them last.
                .filter(|(name, _)| **name != SET_COOKIE)
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            tls: self.head.tls.clone(),
            part: self.part,
            request_time: self.times.0,
            response_time: self.times.1,
        })?;
        let checksum = checksum(&key, &selecting, &head);
        Ok(EncodedRecord {
            key,
            selecting,
            head,
            checksum,
        })
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// What is wrong with it. Then it is to be removed.
    pub(super) fn decode(encoded: &EncodedRecord, body: Bytes) -> Result<Self, RecordError> {
        let EncodedRecord {
            key,
            selecting,
            head,
            checksum: expected,
        } = encoded;
        if checksum(key, selecting, head) != *expected {
            return Err(RecordError::Checksum);
        }
        let stored: StoredHead = postcard::from_bytes(head)?;
        let mut headers = HeaderMap::try_with_capacity(stored.headers.len())
            .map_err(|_| RecordError::Field("number of headers"))?;
        for (name, value) in &stored.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| RecordError::Field("header name"))?;
            let value =
                HeaderValue::from_bytes(value).map_err(|_| RecordError::Field("header value"))?;
            headers
                .try_append(name, value)
                .map_err(|_| RecordError::Field("number of headers"))?;
        }
        let is_partial = StatusCode::PARTIAL_CONTENT.as_u16() == stored.status;
        let part_fits = stored
            .part
            .map_or(!is_partial, |part| is_partial && part.is_of(body.len()));
        if !part_fits {
            return Err(RecordError::Field("part"));
        }
        Ok(Self {
            key: decode_key(key)?,
            selecting: decode_selecting(selecting)?,
            head: ResponseHead {
                status: StatusCode::from_u16(stored.status)
                    .map_err(|_| RecordError::Field("status"))?,
                reason: stored.reason,
                headers,
                tls: stored.tls,
            },
            body,
            part: stored.part,
            times: (stored.request_time, stored.response_time),
        })
    }
}

/// Writes a key.
///
/// # Errors
/// [`RecordError::NotForDisk`] for an anonymous request's.
pub(super) fn encode_key(key: &CacheKey) -> Result<Vec<u8>, RecordError> {
    let credentials_included = match key.credentials() {
        ConnectionCredentials::Included => true,
        ConnectionCredentials::Excluded => false,
        ConnectionCredentials::Anonymous(_) => return Err(RecordError::NotForDisk),
    };
    Ok(postcard::to_allocvec(&StoredKey {
        top_level_site: key.partition().0.as_ref().map(Site::to_string),
        credentials_included,
        url: key.url().to_string(),
    })?)
}

/// Reads a key.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode_key(bytes: &[u8]) -> Result<CacheKey, RecordError> {
    let stored: StoredKey = postcard::from_bytes(bytes)?;
    let site = match &stored.top_level_site {
        Some(site) => Some(Site::parse(site).ok_or(RecordError::Field("site"))?),
        None => None,
    };
    let url = ServoUrl::parse(&stored.url).map_err(|_| RecordError::Field("URL"))?;
    let credentials = if stored.credentials_included {
        ConnectionCredentials::Included
    } else {
        ConnectionCredentials::Excluded
    };
    Ok(CacheKey::new(NetworkPartitionKey(site), credentials, &url))
}

/// Writes selecting headers.
///
/// # Errors
/// [`RecordError::NotForDisk`] if `Authorization` is one of them.
fn encode_selecting(selecting: &SelectingHeaders) -> Result<Vec<u8>, RecordError> {
    if selecting.name_authorization() {
        return Err(RecordError::NotForDisk);
    }
    let headers: Vec<(&str, Option<ValueDigest>)> = selecting
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    Ok(postcard::to_allocvec(&headers)?)
}

/// Reads selecting headers.
///
/// # Errors
/// What is wrong with them.
pub(super) fn decode_selecting(bytes: &[u8]) -> Result<SelectingHeaders, RecordError> {
    let headers: Vec<(String, Option<ValueDigest>)> = postcard::from_bytes(bytes)?;
    let headers = headers.into_iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes());
        Ok((
            name.map_err(|_| RecordError::Field("selecting header"))?,
            value,
        ))
    });
    Ok(SelectingHeaders::from_digests(
        headers.collect::<Result<_, RecordError>>()?,
    ))
}

fn checksum(key: &[u8], selecting: &[u8], head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [key, selecting, head] {
        // With their lengths, so that no byte can change sides.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let header = ("[a-z][a-z0-9-]{0,12}", "[ -~\u{80}-\u{ff}]{0,20}");
        let time = (0_u64..1 << 40, 0_u32..1_000_000_000)
            .prop_map(|(seconds, nanos)| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        let tls =
            prop::option::of(prop::collection::vec(any::<u8>(), 0..50)).prop_map(|certificate| {
                certificate.map(|certificate| TlsSecurityInfo {
                    certificate_chain_der: vec![certificate],
                    alpn_protocol: Some("h2".to_owned()),
                    hsts: true,
                    ..TlsSecurityInfo::default()
                })
            });
        let head = (
            100_u16..600,
            prop::collection::vec(any::<u8>(), 0..20),
            prop::collection::vec(header, 0..8),
            tls,
        );
        let key = (
            prop::option::of("[a-z]{1,8}\\.example"),
            any::<bool>(),
            "[!-~\u{e4}]{0,20}",
        );
        (
            key,
            head,
            prop::collection::vec(any::<u8>(), 1..100),
            (time.clone(), time),
            "[a-z]{1,5}(, [a-z]{1,5}){0,3}",
        )
            .prop_map(|((site, included, path), head, body, times, vary)| {
                let (status, reason, fields, tls) = head;
                let status = StatusCode::from_u16(status).unwrap();
                let credentials = if included {
                    ConnectionCredentials::Included
                } else {
                    ConnectionCredentials::Excluded
                };
                let headers: HeaderMap = fields
                    .iter()
                    .map(|(name, value)| {
                        let value = value.chars().map(|char| char as u8).collect::<Vec<_>>();
                        (
                            name.parse::<HeaderName>().unwrap(),
                            HeaderValue::from_bytes(&value).unwrap(),
                        )
                    })
                    .filter(|(name, _)| *name != http::header::SET_COOKIE)
                    .collect();
                let vary = HeaderMap::from_iter([(
                    http::header::VARY,
                    HeaderValue::from_str(&vary).unwrap(),
                )]);
                let last = body.len() - 1;
                let part = (status == StatusCode::PARTIAL_CONTENT).then(|| {
                    let [request, response] = [
                        field("Range", &format!("bytes=0-{last}")),
                        field("Content-Range", &format!("bytes 0-{last}/1000")),
                    ];
                    PartialContent::of(&request, &response).unwrap()
                });
                Record {
                    key: CacheKey::new(
                        NetworkPartitionKey(
                            site.map(|site| Site::parse(&format!("https://{site}")).unwrap()),
                        ),
                        credentials,
                        &ServoUrl::parse(&format!("https://example.com/{path}")).unwrap(),
                    ),
                    selecting: SelectingHeaders::of(&headers, &vary).unwrap(),
                    head: ResponseHead {
                        status,
                        reason,
                        headers,
                        tls,
                    },
                    body: body.into(),
                    part,
                    times,
                }
            })
            .prop_filter("only what goes on disk", |record| {
                may_last(&record.key, &record.selecting, &HeaderMap::new())
            })
    }

    fn field(name: &str, value: &str) -> HeaderMap {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn assert_equal(one: &Record, other: &Record) {
        assert_eq!(one.key, other.key);
        assert_eq!(one.selecting, other.selecting);
        assert_eq!(one.head.status, other.head.status);
        assert_eq!(one.head.reason, other.head.reason);
        assert_eq!(one.head.headers, other.head.headers);
        assert_eq!(one.head.tls, other.head.tls);
        assert_eq!(one.body, other.body);
        assert_eq!(one.part, other.part);
        assert_eq!(one.times, other.times);
    }

    proptest! {
        #[test]
        fn records_come_out_as_they_went_in(record in any_record()) {
            let encoded = record.encode().unwrap();
            assert_equal(&Record::decode(&encoded, record.body.clone()).unwrap(), &record);
        }

        #[test]
        fn changed_records_do_not_come_out(record in any_record(), part in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut encoded = record.encode().unwrap();
            let bytes = [&mut encoded.key, &mut encoded.selecting, &mut encoded.head];
            let bytes = bytes.into_iter().nth(part).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(Record::decode(&encoded, record.body).is_err());
        }

        #[test]
        fn no_bytes_are_too_odd(key in any::<Vec<u8>>(), selecting in any::<Vec<u8>>(), head in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
            let checksum = checksum(&key, &selecting, &head);
            let encoded = EncodedRecord { key, selecting, head, checksum };
            let _ = Record::decode(&encoded, body.into());
        }
    }
}
