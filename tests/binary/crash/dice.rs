//! Numbers that only look like chance: a run is named by its seed.

use std::time::Duration;

/// A xorshift of 64 bits.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    /// Passes up to so much time: what is met after it is met at any moment.
    pub(super) fn pause(&mut self, longest: Duration) {
        let micros = self.below(longest.as_micros().try_into().unwrap());
        std::thread::sleep(Duration::from_micros(micros));
    }
}
