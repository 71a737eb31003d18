//! A part of a whole, exact to the hundredth.

use crate::config::fault::Faults;
use crate::config::field::Field;
use std::fmt;

/// Hundredths of a whole, from one to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// Written as a fraction: 0.8.
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Option<Self> {
        field.percent(faults).map(Self)
    }

    pub(super) const fn eighty() -> Self {
        Self(80)
    }

    /// As many of `whole` as reach this part of it.
    pub fn of(self, whole: u64) -> u64 {
        let part = (u128::from(whole) * u128::from(self.0)).div_ceil(100);
        u64::try_from(part).unwrap_or(whole)
    }

    /// From 0.01 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fraction().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Percent;

    #[test]
    fn a_part_is_reached_and_not_almost_reached() {
        for (percent, whole, part) in
            [(80, 10, 8), (80, 9, 8), (80, 1, 1), (1, 10_000, 100), (100, u64::MAX, u64::MAX), (50, u64::MAX, 1 << 63)]
        {
            assert_eq!(Percent(percent).of(whole), part, "{percent} of {whole}");
        }
        assert_eq!((Percent(80).to_string(), Percent(100).to_string()), ("0.8".to_owned(), "1".to_owned()));
    }
}
