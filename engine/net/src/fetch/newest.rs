//! What is remembered of documents and workers of which nobody tells the end: the newest, and of no owner so many that what one
//! tab's pages do makes those of the others forgotten.

use std::collections::VecDeque;

/// How many entries of one owner are remembered.
pub(crate) const OF_ONE_OWNER: usize = 512;

/// How many entries are remembered.
const OF_ALL: usize = 16 * OF_ONE_OWNER;

/// Adds an entry, and forgets the oldest of its owner's, or of all, if there are too many.
pub(crate) fn push_newest<T, Owner: PartialEq>(
    entries: &mut VecDeque<T>,
    entry: T,
    owner: impl Fn(&T) -> Owner,
) {
    let own = owner(&entry);
    let mut of_owner = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| owner(entry) == own)
        .map(|(index, _)| index);
    let oldest = of_owner.next();
    // The oldest is one of them.
    if of_owner.count() + 1 >= OF_ONE_OWNER
        && let Some(oldest) = oldest
    {
        entries.remove(oldest);
    } else if entries.len() >= OF_ALL {
        entries.pop_front();
    }
    entries.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_forgets_its_own() {
        let mut entries = VecDeque::new();
        let mut push = |owner: &'static str, number: usize| {
            push_newest(&mut entries, (owner, number), |(owner, _)| *owner);
        };
        push("other", 0);
        for number in 0..2 * OF_ONE_OWNER {
            push("hostile", number);
        }
        push("other", 1);
        assert_eq!(entries.len(), OF_ONE_OWNER + 2);
        assert_eq!(entries.front(), Some(&("other", 0)));
        assert_eq!(entries.get(1), Some(&("hostile", OF_ONE_OWNER)));
        assert_eq!(entries.back(), Some(&("other", 1)));
    }

    #[test]
    fn all_together_are_bounded() {
        let mut entries = VecDeque::new();
        for number in 0..OF_ALL + 100 {
            push_newest(&mut entries, number, |number| *number);
        }
        assert_eq!((entries.len(), entries.front()), (OF_ALL, Some(&100)));
    }
}
