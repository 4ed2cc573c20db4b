//! The hosts that are known from the start.

use std::sync::LazyLock;

use embedder_traits::resources::{self, Resource};
use fst::Map;

/// The [preload list](https://hstspreload.org/) that Servo ships: a map from host to a number that is odd if subdomains
/// are included.
static PRELOAD_LIST: LazyLock<Option<Map<Vec<u8>>>> = LazyLock::new(|| {
    let list = Map::new(resources::read_bytes(Resource::HstsPreloadList));
    list.inspect_err(|error| log::error!("the HSTS preload list is not used: {error}"))
        .ok()
});

/// Whether the list has `host`, and if so, whether its subdomains are included.
pub(super) fn includes_subdomains(host: &str) -> Option<bool> {
    let number = PRELOAD_LIST.as_ref()?.get(host)?;
    Some(number % 2 == 1)
}

/// The bytes that the preload list takes in memory.
pub fn preload_list_size_of() -> usize {
    PRELOAD_LIST
        .as_ref()
        .map_or(0, |list| list.as_fst().as_bytes().len())
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::*;

    #[test]
    fn the_shipped_list_is_readable() {
        assert!(preload_list_size_of() > 100_000);
        assert_eq!(includes_subdomains("github.com"), Some(true));
        assert_eq!(includes_subdomains("example.invalid"), None);
    }
}
