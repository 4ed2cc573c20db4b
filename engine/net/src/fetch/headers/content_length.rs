//! [`Content-Length`](https://www.rfc-editor.org/rfc/rfc9110#name-content-length).

use http::header::{CONTENT_LENGTH, HeaderMap};
use thiserror::Error;

use super::header_list;

/// Several lengths that differ.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("Content-Length is given more than once, with different values")]
pub struct MalformedLength;

/// [Extracts a length](https://fetch.spec.whatwg.org/#header-list-extract-a-length) in bytes. `Ok(None)` if there is none,
/// or what there is is no number.
///
/// # Errors
/// [`MalformedLength`] if several values differ.
pub fn extract_length(headers: &HeaderMap) -> Result<Option<u64>, MalformedLength> {
    // OPTIMIZATION: one value of digits, as nearly every response has it, needs neither decoding nor splitting.
    let mut given = headers.get_all(CONTENT_LENGTH).iter();
    if let (Some(only), None) = (given.next(), given.next())
        && !only.is_empty()
        && only.as_bytes().iter().all(u8::is_ascii_digit)
    {
        return Ok(only.to_str().ok().and_then(|digits| digits.parse().ok()));
    }
    // 1 and 2. Without values: null.
    let Some(values) = header_list::get_decode_and_split(headers, &CONTENT_LENGTH) else {
        return Ok(None);
    };
    // 3 and 4. All values must be the same.
    let Some((candidate, others)) = values.split_first() else {
        return Ok(None);
    };
    if others.iter().any(|value| value != candidate) {
        return Err(MalformedLength);
    }
    // 5. Anything but digits: null.
    if candidate.is_empty() || !candidate.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    // 6. Return the number.
    // NB: a number that does not fit is as good as none.
    Ok(candidate.parse().ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn lengths_must_agree() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&["5"], Ok(Some(5))),
            (&["05"], Ok(Some(5))),
            (&["5", "5"], Ok(Some(5))),
            (&["5, 5"], Ok(Some(5))),
            (&["5", "6"], Err(MalformedLength)),
            (&["5,"], Err(MalformedLength)),
            (&[""], Ok(None)),
            (&["+5"], Ok(None)),
            (&["-1"], Ok(None)),
            (&["x", "x"], Ok(None)),
            (&["99999999999999999999999"], Ok(None)),
        ] {
            let headers: HeaderMap = values
                .iter()
                .map(|value| (CONTENT_LENGTH, HeaderValue::from_static(value)))
                .collect();
            assert_eq!(extract_length(&headers), expected, "{values:?}");
        }
    }
}
