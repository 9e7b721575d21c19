//! What a look at the catalog changes in what is stored: pure, so that "gone" is decided in one tested place.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::Resource;
use crate::snapshot::Complete;

/// What to open, replace and close.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<S, N> {
    pub created: Vec<N>,
    pub altered: Vec<(S, N)>,
    pub gone: Vec<S>,
    pub unchanged: usize,
}

/// Compares what is stored with what was seen. `is_same` compares two of one key; `is_gone` says whether the look was complete
/// enough that not seeing it means it is not there.
pub fn difference<K: Ord, S, N>(
    mut stored: BTreeMap<K, S>,
    seen: BTreeMap<K, N>,
    is_same: impl Fn(&S, &N) -> bool,
    is_gone: impl Fn(&K) -> bool,
) -> Difference<S, N> {
    let mut difference = Difference { created: Vec::new(), altered: Vec::new(), gone: Vec::new(), unchanged: 0 };
    for (key, new) in seen {
        match stored.remove(&key) {
            None => difference.created.push(new),
            Some(old) if is_same(&old, &new) => difference.unchanged += 1,
            Some(old) => difference.altered.push((old, new)),
        }
    }
    difference.gone.extend(stored.into_iter().filter(|(key, _)| is_gone(key)).map(|(_, old)| old));
    difference
}

/// A table nobody listed is there; one of a complete listing, or of a database that is gone, is not.
pub fn is_table_gone(complete: &Complete, databases_seen: &BTreeSet<&str>, database: &str) -> bool {
    complete.tables_of.contains(database) || (complete.databases && !databases_seen.contains(database))
}

/// A permission is gone where permissions on its kind of resource were listed to the end.
pub fn is_grant_gone(complete: &Complete, kind: &str) -> bool {
    debug_assert!(Resource::KINDS.contains(&kind), "{kind}");
    complete.grants_on.contains(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, i32)]) -> BTreeMap<&'static str, i32> {
        pairs.iter().copied().collect()
    }

    #[test]
    fn the_same_look_twice_changes_nothing() {
        let state = map(&[("a", 1), ("b", 2)]);
        let difference = difference(state.clone(), state, |old, new| old == new, |_| true);
        let Difference { created, altered, gone, unchanged } = difference;
        assert_eq!((created.len() + altered.len() + gone.len(), unchanged), (0, 2));
    }

    #[test]
    fn what_an_incomplete_look_did_not_see_stays() {
        let stored = map(&[("a", 1), ("b", 2), ("c", 3)]);
        let seen = map(&[("a", 9), ("d", 4)]);
        let difference = difference(stored, seen, |old, new| old == new, |key| *key == "b");
        assert_eq!(difference.created, [4]);
        assert_eq!(difference.altered, [(1, 9)]);
        assert_eq!(difference.gone, [2], "c was not looked at");
    }

    #[test]
    fn tables_of_a_database_that_is_gone_are_gone_with_it() {
        let mut complete = Complete { databases: true, ..Complete::default() };
        let seen = BTreeSet::from(["kept"]);
        assert!(is_table_gone(&complete, &seen, "dropped"));
        assert!(!is_table_gone(&complete, &seen, "kept"), "its tables could not be listed");
        complete.tables_of.insert("kept".into());
        assert!(is_table_gone(&complete, &seen, "kept"));
        complete = Complete::default();
        assert!(!is_table_gone(&complete, &BTreeSet::new(), "dropped"), "databases could not be listed");
    }
}
