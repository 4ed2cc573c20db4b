//! What handlers have seen, by tokens that tests make up.
//!
//! <https://web-platform-tests.org/tools/wptserve/docs/stash.html> has the idea; here a token keeps a list, since what
//! tests want to know is which requests there were. Beside the lists are the [gates](crate::gate) that tests open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::gate::Gate;

/// How many tokens are kept, and how many values of each; a page decides how many it makes up.
const MAX_TOKENS: usize = 10_000;
const MAX_VALUES: usize = 1000;

/// How many gates there may be.
const MAX_GATES: usize = 10_000;

/// Lists of values by token. Clones are the same stash.
#[derive(Clone, Debug, Default)]
pub struct Stash {
    lists: Arc<Mutex<HashMap<String, Vec<Value>>>>,
    gates: Arc<Mutex<HashMap<String, Gate>>>,
}

impl Stash {
    /// Adds a value to a token's list. Whether there was place for it.
    pub fn add(&self, token: &str, value: Value) -> bool {
        let mut lists = self.lists.lock();
        if lists.len() >= MAX_TOKENS && !lists.contains_key(token) {
            return false;
        }
        let list = lists.entry(token.to_owned()).or_default();
        if list.len() >= MAX_VALUES {
            return false;
        }
        list.push(value);
        true
    }

    /// A token's list, in the order of its making.
    pub fn list(&self, token: &str) -> Vec<Value> {
        self.lists.lock().get(token).cloned().unwrap_or_default()
    }

    /// A token's list, which is empty from then on.
    pub fn take(&self, token: &str) -> Vec<Value> {
        self.lists.lock().remove(token).unwrap_or_default()
    }

    /// The gate of a name, which is closed when it is named first. Nothing if there are too many.
    pub fn gate(&self, name: &str) -> Option<Gate> {
        let mut gates = self.gates.lock();
        if gates.len() >= MAX_GATES && !gates.contains_key(name) {
            return None;
        }
        Some(gates.entry(name.to_owned()).or_default().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_kept_by_token_until_they_are_taken() {
        let stash = Stash::default();
        assert!(stash.add("a", 1.into()) && stash.add("b", 2.into()));
        assert!(stash.clone().add("a", 3.into()));
        assert_eq!(stash.list("a"), [1, 3]);
        assert_eq!(stash.take("a"), [1, 3]);
        assert!(stash.take("a").is_empty());
        assert_eq!(stash.take("b"), [2]);
    }

    #[test]
    fn lists_are_bounded() {
        let stash = Stash::default();
        let kept = (0..2 * MAX_VALUES)
            .filter(|_| stash.add("a", Value::Null))
            .count();
        assert_eq!(kept, MAX_VALUES);
        let kept = (0..2 * MAX_TOKENS)
            .filter(|token| stash.add(&token.to_string(), Value::Null))
            .count();
        assert_eq!(kept, MAX_TOKENS - 1);
    }

    #[test]
    fn a_name_has_one_gate_and_there_are_not_too_many() {
        let stash = Stash::default();
        let gate = stash.gate("a").expect("a gate");
        assert_eq!(stash.clone().gate("a"), Some(gate.clone()));
        assert_ne!(stash.gate("b"), Some(gate));
        let made = (0..2 * MAX_GATES)
            .filter(|name| stash.gate(&name.to_string()).is_some())
            .count();
        assert_eq!(made, MAX_GATES - 2);
    }
}
