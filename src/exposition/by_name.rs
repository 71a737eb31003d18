//! Families of a push, found by their names.

use std::hash::BuildHasher;
use std::hash::RandomState;

/// Places in a column of families. Names stand there and not here, so a new one is hashed once and not copied.
#[derive(Default)]
pub(super) struct ByName {
    keyed: RandomState,
    /// A hash and a place, counted from 1; 0 where there is none. At most half are taken, their number is a power of two, and
    /// who finds a slot taken goes on to the next.
    slots: Vec<(u32, u32)>,
    taken: usize,
}

impl ByName {
    const SLOTS_MIN: usize = 64;

    #[expect(clippy::cast_possible_truncation, reason = "32 bits of it are enough")]
    pub(super) fn hash_of(&self, name: &str) -> u32 {
        self.keyed.hash_one(name) as u32
    }

    /// The place that was put there for a name of this hash and is `called` by that name.
    pub(super) fn find(&self, hash: u32, called: impl Fn(u32) -> bool) -> Option<u32> {
        let (_, place) = self.slots.get(self.slot_of(hash, called))?;
        place.checked_sub(1)
    }

    /// Puts `place` there, instead of what is `called` by its name.
    pub(super) fn put(&mut self, hash: u32, place: u32, called: impl Fn(u32) -> bool) {
        if self.taken * 2 >= self.slots.len() {
            let more = vec![(0, 0); (self.slots.len() * 2).max(Self::SLOTS_MIN)];
            for known in std::mem::replace(&mut self.slots, more).into_iter().filter(|(_, place)| *place > 0) {
                let slot = self.slot_of(known.0, |_| false);
                self.set(slot, known);
            }
        }
        let slot = self.slot_of(hash, called);
        self.taken += usize::from(self.slots.get(slot).is_some_and(|(_, place)| *place == 0));
        self.set(slot, (hash, place + 1));
    }

    /// The slot that has it, or would have it.
    fn slot_of(&self, hash: u32, called: impl Fn(u32) -> bool) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some((found, place)) = self.slots.get(slot)
            && let Some(place) = place.checked_sub(1)
            && !(*found == hash && called(place))
        {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn set(&mut self, slot: usize, to: (u32, u32)) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ByName;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(names in proptest::collection::vec("[a-d]{0,4}", 0..400), other in "[a-d]{0,4}") {
            let (mut table, mut map) = (ByName::default(), HashMap::new());
            let find = |table: &ByName, name: &str| table.find(table.hash_of(name), |place| names[place as usize] == name);
            for (place, name) in (0..).zip(&names) {
                prop_assert_eq!(find(&table, name), map.insert(name, place));
                table.put(table.hash_of(name), place, |place| names[place as usize] == *name);
            }
            for name in names.iter().chain([&other]) {
                prop_assert_eq!(find(&table, name), map.get(name).copied());
            }
        }
    }
}
