//! Overrides of address spaces from the command line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use user_cors::AddressSpaceOverrides;

fuzz_target!(|text: &str| {
    if let Ok(overrides) = text.parse::<AddressSpaceOverrides>() {
        let written = overrides.to_string();
        assert_eq!(written.parse::<AddressSpaceOverrides>(), Ok(overrides));
    }
});
