//! `Access-Control-Prevent-Origin`, a line of input for each field line: what is remembered stays within its bounds.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use user_cors::{ACCESS_CONTROL_PREVENT_ORIGIN, MAX_OPT_OUT_AGE, PreventOrigin};

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(ACCESS_CONTROL_PREVENT_ORIGIN, value);
        }
    }
    for member in PreventOrigin::parse(&headers).remembered() {
        assert!(member.max_age.is_none_or(|age| age <= MAX_OPT_OUT_AGE));
    }
});
