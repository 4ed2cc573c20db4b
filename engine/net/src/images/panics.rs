//! Decoders that panic: an image that trips one is broken, and nothing else is.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::warn;

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the panic that is being reported happened in an image decoder, where it is caught: a program whose panic hook
/// ends the process asks this first.
pub fn should_panic_hook_suppress_termination() -> bool {
    DECODING.get()
}

/// What `work` returns, or `None` if it panics. `what` says in the log what it was doing.
///
/// NB: whatever `work` shares must be used no more after a panic. The callers hand in values that end with it, and trees
/// that are only read.
pub(super) fn contain<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    let outer = DECODING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DECODING.set(outer);
    if outcome.is_err() {
        warn!("{what} panicked");
    }
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decoding_is_exempt() {
        assert!(!should_panic_hook_suppress_termination());
        assert_eq!(
            contain("nothing", should_panic_hook_suppress_termination),
            Some(true)
        );
        assert!(!should_panic_hook_suppress_termination());
    }

    #[test]
    fn a_panic_ends_with_the_work() {
        let outcome = contain("the outer work", || {
            let inner: Option<()> = contain("the inner work", || panic!("a broken image"));
            (inner, should_panic_hook_suppress_termination())
        });
        assert_eq!(outcome, Some((None, true)));
        assert!(!should_panic_hook_suppress_termination());
    }
}
