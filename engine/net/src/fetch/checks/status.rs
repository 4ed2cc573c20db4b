//! [Statuses](https://fetch.spec.whatwg.org/#statuses) that have a name.

/// Whether this is a [null body status](https://fetch.spec.whatwg.org/#null-body-status).
pub fn is_null_body_status(status: u16) -> bool {
    matches!(status, 101 | 103 | 204 | 205 | 304)
}

/// Whether this is an [ok status](https://fetch.spec.whatwg.org/#ok-status).
pub fn is_ok_status(status: u16) -> bool {
    (200..=299).contains(&status)
}

/// Whether this is a [range status](https://fetch.spec.whatwg.org/#range-status).
pub fn is_range_status(status: u16) -> bool {
    matches!(status, 206 | 416)
}

/// Whether this is a [redirect status](https://fetch.spec.whatwg.org/#redirect-status).
pub fn is_redirect_status(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_statuses() {
        let all = |check: fn(u16) -> bool| (0..=999).filter(|s| check(*s)).collect::<Vec<_>>();
        assert_eq!(all(is_null_body_status), [101, 103, 204, 205, 304]);
        assert_eq!(all(is_redirect_status), [301, 302, 303, 307, 308]);
        assert_eq!(all(is_range_status), [206, 416]);
        assert_eq!(all(is_ok_status), (200..300).collect::<Vec<_>>());
    }
}
