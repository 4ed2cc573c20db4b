//! [Port blocking](https://fetch.spec.whatwg.org/#port-blocking): ports of servers that a confused HTTP request could
//! talk to.

use servo_url::ServoUrl;

use super::request_kind::is_http_scheme;

/// The [bad ports](https://fetch.spec.whatwg.org/#bad-port), in ascending order.
#[rustfmt::skip]
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79,
    87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
    389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190,
    5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// [Should a request be blocked due to a bad port](https://fetch.spec.whatwg.org/#block-bad-port), given its current URL?
pub fn should_be_blocked(url: &ServoUrl) -> bool {
    // 1 and 2. Only HTTP(S) and its WebSocket spelling have ports that matter here.
    (is_http_scheme(url.scheme()) || matches!(url.scheme(), "ws" | "wss"))
        && url.port().is_some_and(is_bad_port)
}

/// Whether `port` is a [bad port](https://fetch.spec.whatwg.org/#bad-port).
pub fn is_bad_port(port: u16) -> bool {
    BAD_PORTS.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::test_requests::url;
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BAD_PORTS.is_sorted());
    }

    #[test]
    fn blocks_by_port_and_scheme() {
        for (text, blocked) in [
            ("http://a.example:22/", true),
            ("https://a.example:10080/", true),
            ("http://a.example:0/", true),
            ("ws://a.example:6667/", true),
            ("http://a.example/", false),
            ("https://a.example:8443/", false),
            ("https://a.example:6696/", false),
            ("ftp://a.example:22/", false),
        ] {
            assert_eq!(should_be_blocked(&url(text)), blocked, "{text}");
        }
    }
}
