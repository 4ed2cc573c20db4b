//! Exported permissions: what is read is written and read back alike, and merges with itself to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use user_cors::PermissionsFile;

fuzz_target!(|text: &str| {
    match PermissionsFile::parse(text) {
        Ok(file) => {
            assert_eq!(PermissionsFile::parse(&file.to_json()).as_ref(), Ok(&file));
            let merged = file.clone().merge(file);
            assert_eq!(merged.clone().merge(merged.clone()), merged);
        },
        Err(error) => assert!(!error.message.is_empty()),
    }
});
