//! Rules for automation: a text is a list of rules, or an error that says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use user_cors::{Choice, Rules, TupleOrigin};

fuzz_target!(|text: &str| {
    match Rules::parse(text) {
        Ok(rules) => {
            let origin = TupleOrigin::parse("https://app.example").expect("an origin");
            assert_eq!(rules.answer(&origin, []), Choice::NotNow);
            let _ = rules.answer(&origin, [&origin]);
        },
        Err(error) => assert!(!error.message.is_empty()),
    }
});
