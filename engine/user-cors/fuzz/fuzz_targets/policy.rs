//! The administrator's policy: a text is a policy, or an error that says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use user_cors::Policy;

fuzz_target!(|text: &str| {
    if let Err(error) = Policy::parse(text) {
        assert!(!error.message.is_empty());
    }
});
