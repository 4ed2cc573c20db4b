//! What a person is shown of a server's certificate: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>.
//!
//! Whether a certificate is good is the business of `certificate_verifier`, which reads it by itself. What is read here is for
//! the eyes only, so that what a field has that is not understood leaves that field out.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use thiserror::Error;
use time::OffsetDateTime;
use user_cors::bounded_escaped;

use super::error::LeafCertificate;

/// How many of a certificate's names are kept.
const MAX_NAMES: usize = 64;

/// The longest part of a name that is kept, in characters.
const MAX_PART: usize = 256;

/// How many names are shown.
const MAX_SHOWN_NAMES: usize = 12;

/// The longest part of a name that is shown, in characters.
const MAX_SHOWN_PART: usize = 80;

/// `id-at-commonName`, <https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1>, as it is encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// `id-at-organizationName`.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// `id-ce-subjectAltName`, <https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6>.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A certificate's fields for a person to read. All text is as its issuer wrote it: whoever shows it escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Whom it was issued to.
    pub subject: EntityName,
    /// Who issued it.
    pub issuer: EntityName,
    /// From when it is valid.
    pub not_before: Option<SystemTime>,
    /// Until when it is valid.
    pub not_after: Option<SystemTime>,
    /// The hosts that it is for, the first 64 of them: names and addresses.
    pub names: Vec<String>,
    /// How many hosts more it is for.
    pub more_names: usize,
    /// The [fingerprint](LeafCertificate::fingerprint).
    pub fingerprint: String,
}

/// What is shown of a [distinguished name](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityName {
    /// The first common name.
    pub common_name: Option<String>,
    /// The first organization.
    pub organization: Option<String>,
}

/// Bytes that are no certificate.
#[derive(Clone, Debug, Error)]
#[error("this is no certificate in DER")]
pub struct CertificateSyntaxError(#[from] der::Error);

type Parsed<T> = Result<T, der::Error>;

impl CertificateSummary {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateSyntaxError`] if the bytes do not have a certificate's structure.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateSyntaxError> {
        let mut signed = inside(AnyRef::from_der(bytes)?, Tag::Sequence)?;
        let mut fields = inside(next(&mut signed)?, Tag::Sequence)?;
        // The version is left out where it is 1.
        if Tag::peek(&fields)? == context(0, true) {
            next(&mut fields)?;
        }
        let _serial_number = next(&mut fields)?;
        let _signature_algorithm = next(&mut fields)?;
        let issuer = entity_name(next(&mut fields)?)?;
        let mut validity = inside(next(&mut fields)?, Tag::Sequence)?;
        let not_before = time(next(&mut validity)?);
        let not_after = time(next(&mut validity)?);
        let subject = entity_name(next(&mut fields)?)?;
        let _public_key = next(&mut fields)?;
        let mut names = HostNames::default();
        while !fields.is_finished() {
            let field = next(&mut fields)?;
            if field.tag() == context(3, true) {
                names.read_extensions(field)?;
            }
        }
        Ok(Self {
            subject,
            issuer,
            not_before,
            not_after,
            names: names.kept,
            more_names: names.more,
            fingerprint: LeafCertificate(bytes.to_vec()).fingerprint(),
        })
    }
}

impl CertificateSummary {
    /// All of it as names and values for the eyes. What is in a certificate is cut and escaped.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut names: Vec<String> = self
            .names
            .iter()
            .take(MAX_SHOWN_NAMES)
            .map(|name| bounded_escaped(name, MAX_SHOWN_PART))
            .collect();
        let more = self.names.len() - names.len() + self.more_names;
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        if names.is_empty() {
            names.push("none".to_owned());
        }
        let day = |time: Option<SystemTime>| {
            time.map_or_else(
                || "an unknown day".to_owned(),
                |time| OffsetDateTime::from(time).date().to_string(),
            )
        };
        let (from, to) = (day(self.not_before), day(self.not_after));
        vec![
            ("Issued to", self.subject.shown()),
            ("Issued by", self.issuer.shown()),
            ("Valid", format!("{from} to {to} (UTC)")),
            ("Names", names.join(", ")),
            ("SHA-256", self.fingerprint.clone()),
        ]
    }
}

impl EntityName {
    fn shown(&self) -> String {
        let parts: Vec<String> = [&self.common_name, &self.organization]
            .into_iter()
            .flatten()
            .map(|part| bounded_escaped(part, MAX_SHOWN_PART))
            .collect();
        if parts.is_empty() {
            "nobody that it names".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// The hosts of a subject alternative name, as far as they are kept.
#[derive(Default)]
struct HostNames {
    kept: Vec<String>,
    more: usize,
}

impl HostNames {
    /// <https://www.rfc-editor.org/rfc/rfc5280#section-4.2>
    fn read_extensions(&mut self, field: AnyRef<'_>) -> Parsed<()> {
        let mut field = SliceReader::new(field.value())?;
        let mut extensions = inside(next(&mut field)?, Tag::Sequence)?;
        while !extensions.is_finished() {
            let mut extension = inside(next(&mut extensions)?, Tag::Sequence)?;
            let id = next(&mut extension)?;
            if id.value() != SUBJECT_ALTERNATIVE_NAME {
                continue;
            }
            let mut value = next(&mut extension)?;
            if value.tag() == Tag::Boolean {
                value = next(&mut extension)?;
            }
            let names = AnyRef::from_der(value.value())?;
            let mut names = inside(names, Tag::Sequence)?;
            while !names.is_finished() {
                if let Some(name) = host_name(next(&mut names)?) {
                    self.add(name);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String) {
        if self.kept.len() < MAX_NAMES {
            self.kept.push(name);
        } else {
            self.more += 1;
        }
    }
}

/// The host that a general name is; `None` for mail addresses, URLs and the like.
fn host_name(name: AnyRef<'_>) -> Option<String> {
    let Tag::ContextSpecific { number, .. } = name.tag() else {
        return None;
    };
    match (number.value(), name.value()) {
        (2, name) => Some(bounded(&String::from_utf8_lossy(name))),
        (7, address) => {
            if let Ok(octets) = <[u8; 4]>::try_from(address) {
                Some(Ipv4Addr::from(octets).to_string())
            } else {
                let octets = <[u8; 16]>::try_from(address).ok()?;
                Some(Ipv6Addr::from(octets).to_string())
            }
        },
        _ => None,
    }
}

fn entity_name(name: AnyRef<'_>) -> Parsed<EntityName> {
    let mut sets = inside(name, Tag::Sequence)?;
    let mut entity = EntityName::default();
    while !sets.is_finished() {
        let mut attributes = inside(next(&mut sets)?, Tag::Set)?;
        while !attributes.is_finished() {
            let mut attribute = inside(next(&mut attributes)?, Tag::Sequence)?;
            let kind = next(&mut attribute)?;
            let value = next(&mut attribute)?;
            let place = match kind.value() {
                COMMON_NAME => &mut entity.common_name,
                ORGANIZATION => &mut entity.organization,
                _ => continue,
            };
            if place.is_none() {
                *place = text(value);
            }
        }
    }
    Ok(entity)
}

/// A [`DirectoryString`](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4), or what stands in the place of one.
fn text(value: AnyRef<'_>) -> Option<String> {
    let bytes = value.value();
    let text = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8_lossy(bytes).into_owned()
        },
        // Officially T.61; in practice ISO 8859-1.
        Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
        Tag::BmpString => {
            let units = bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(units)
                .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        },
        _ => return None,
    };
    Some(bounded(&text)).filter(|text| !text.is_empty())
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_PART).collect()
}

/// <https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5>
fn time(value: AnyRef<'_>) -> Option<SystemTime> {
    let since = match value.tag() {
        Tag::UtcTime => value.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => value
            .decode_as::<GeneralizedTime>()
            .ok()?
            .to_unix_duration(),
        _ => return None,
    };
    SystemTime::UNIX_EPOCH.checked_add(since)
}

fn next<'a>(reader: &mut SliceReader<'a>) -> Parsed<AnyRef<'a>> {
    AnyRef::decode(reader)
}

/// What is inside a value of this kind.
fn inside<'a>(value: AnyRef<'a>, tag: Tag) -> Parsed<SliceReader<'a>> {
    value.tag().assert_eq(tag)?;
    SliceReader::new(value.value())
}

fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific {
        constructed,
        number: TagNumber(number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{
        CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType, date_time_ymd,
    };

    use super::*;

    fn certificate(names: &[&str]) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CountryName, "XX");
        subject.push(DnType::OrganizationName, "Example & Söhne");
        let common_name = DnValue::BmpString("näme.example".try_into().unwrap());
        subject.push(DnType::CommonName, common_name);
        params.distinguished_name = subject;
        params.not_before = date_time_ymd(2026, 2, 3);
        params.not_after = date_time_ymd(2061, 4, 5);
        params
            .subject_alt_names
            .push(SanType::Rfc822Name("a@b.example".try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn fields_are_read() {
        let bytes = certificate(&["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"]);
        let summary = CertificateSummary::parse(&bytes).unwrap();
        let name = EntityName {
            common_name: Some("näme.example".to_owned()),
            organization: Some("Example & Söhne".to_owned()),
        };
        assert_eq!((&summary.subject, &summary.issuer), (&name, &name));
        assert_eq!(
            summary.names,
            ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"]
        );
        assert_eq!(summary.more_names, 0);
        // The second is beyond what a UTCTime can say.
        assert_eq!(summary.not_before, Some(date_time_ymd(2026, 2, 3).into()));
        assert_eq!(summary.not_after, Some(date_time_ymd(2061, 4, 5).into()));
        assert_eq!(summary.fingerprint, LeafCertificate(bytes).fingerprint());
    }

    #[test]
    fn names_are_bounded() {
        let names: Vec<String> = (0..70).map(|number| format!("n{number}.example")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let summary = CertificateSummary::parse(&certificate(&names)).unwrap();
        assert_eq!((summary.names.len(), summary.more_names), (MAX_NAMES, 6));
        let long = AnyRef::new(Tag::Utf8String, &[b'x'; 1000]).unwrap();
        assert_eq!(text(long).unwrap().len(), MAX_PART);
    }

    #[test]
    fn what_is_shown_is_cut_and_escaped() {
        let summary = CertificateSummary {
            subject: EntityName {
                common_name: Some("app.example\u{202e}".to_owned()),
                organization: Some("x".repeat(100)),
            },
            issuer: EntityName::default(),
            not_before: Some(SystemTime::UNIX_EPOCH),
            not_after: None,
            names: (0..20).map(|number| format!("n{number}.example")).collect(),
            more_names: 3,
            fingerprint: "AB:01".to_owned(),
        };
        let lines = summary.lines();
        let texts: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            texts[0],
            format!("app.example\\u{{202e}}, {}…", "x".repeat(80))
        );
        assert_eq!(texts[1], "nobody that it names");
        assert_eq!(texts[2], "1970-01-01 to an unknown day (UTC)");
        assert!(
            texts[3].starts_with("n0.example, n1.example, "),
            "{texts:?}"
        );
        assert!(texts[3].ends_with("n11.example, and 11 more"), "{texts:?}");
        assert_eq!(texts[4], "AB:01");
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        let bytes = certificate(&["a.example"]);
        for wrong in [&[][..], b"x", &bytes[1..], &bytes[..bytes.len() - 1]] {
            assert!(CertificateSummary::parse(wrong).is_err());
        }
    }

    proptest! {
        #[test]
        fn damage_does_not_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = certificate(&["a.example", "192.0.2.1"]);
            let place = at.index(bytes.len());
            bytes[place] = byte;
            if let Ok(summary) = CertificateSummary::parse(&bytes) {
                prop_assert!(summary.names.len() <= MAX_NAMES);
            }
            let _ = CertificateSummary::parse(&bytes[..cut.index(bytes.len())]);
        }
    }
}
