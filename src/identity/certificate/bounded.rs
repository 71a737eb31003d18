//! A map that forgets what was put in first: what a stranger can make us remember has an end.

use parking_lot::RwLock;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;

/// Holds so many entries at most.
pub(super) struct Bounded<K, V> {
    max: usize,
    held: RwLock<Held<K, V>>,
}

struct Held<K, V> {
    entries: HashMap<K, V>,
    /// Every key of `entries` once, the oldest first.
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V: Clone> Bounded<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, held: RwLock::new(Held { entries: HashMap::new(), order: VecDeque::new() }) }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.held.read().entries.get(key).cloned()
    }

    /// Puts it in, in place of what was there under this key; when there is no room the oldest key goes.
    pub(super) fn insert(&self, key: K, value: V) {
        let mut held = self.held.write();
        if held.entries.insert(key, value).is_none() {
            held.order.push_back(key);
        }
        while held.order.len() > self.max {
            if let Some(oldest) = held.order.pop_front() {
                held.entries.remove(&oldest);
            }
        }
    }
}

impl<K, V> fmt::Debug for Bounded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({} of {})", self.held.read().order.len(), self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_oldest_key_goes_and_a_replaced_one_keeps_its_age() {
        let map = Bounded::new(2);
        map.insert(1, "a");
        map.insert(2, "b");
        map.insert(1, "c");
        assert_eq!((map.get(&1), map.get(&2)), (Some("c"), Some("b")));
        map.insert(3, "d");
        assert_eq!((map.get(&1), map.get(&2), map.get(&3)), (None, Some("b"), Some("d")));
        assert_eq!(format!("{map:?}"), "Bounded(2 of 2)");
    }
}
