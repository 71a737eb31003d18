//! How fast a party may be, and how much of it at once.

use crate::config::fault::Faults;
use crate::config::field::Section;
use std::num::NonZeroU32;
use std::time::Duration;

/// A rate of arrival, in whatever is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What is let in for ever.
    pub per_second: NonZeroU32,
    /// What may come at once after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    pub(super) const fn of(per_second: u32, burst: u32) -> Self {
        let one_more = NonZeroU32::MIN;
        Self {
            per_second: one_more.saturating_add(per_second.saturating_sub(1)),
            burst: one_more.saturating_add(burst.saturating_sub(1)),
        }
    }

    /// What both keys say.
    pub(super) fn read(section: &Section<'_>, [per_second, burst]: [&str; 2], faults: &mut Faults) -> Option<Self> {
        let (per_second, burst) = (number(section, per_second, faults), number(section, burst, faults));
        Some(Self { per_second: per_second?, burst: burst? })
    }

    /// As [`Rate::read`], of bytes.
    pub(super) fn read_in_kib(
        section: &Section<'_>,
        [per_second, burst]: [&str; 2],
        faults: &mut Faults,
    ) -> Option<Self> {
        let (per_second, burst) = (kib(section, per_second, faults), kib(section, burst, faults));
        Some(Self { per_second: per_second?, burst: burst? })
    }

    /// This rate, with what `PREFIX_per_second` and `PREFIX_burst` say in its place.
    fn overridden(self, section: &Section<'_>, [per_second, burst]: [&str; 2], faults: &mut Faults) -> Self {
        Self {
            per_second: number(section, per_second, faults).unwrap_or(self.per_second),
            burst: number(section, burst, faults).unwrap_or(self.burst),
        }
    }

    /// As [`Rate::overridden`], of bytes, which are written as sizes and counted in KiB.
    fn overridden_in_kib(self, section: &Section<'_>, [per_second, burst]: [&str; 2], faults: &mut Faults) -> Self {
        Self {
            per_second: kib(section, per_second, faults).unwrap_or(self.per_second),
            burst: kib(section, burst, faults).unwrap_or(self.burst),
        }
    }
}

/// How a line of waiting requests is kept, and what may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Requests under way at one time.
    pub in_flight_max: u32,
    /// Of them, scrapes.
    pub scrapes_in_flight_max: u32,
    /// How long a request waits for its rate or its place before it is refused; zero: not at all.
    pub wait_max: Duration,
    /// How many requests may wait at one time.
    pub waiting_max: u32,
}

impl Default for Places {
    fn default() -> Self {
        Self { in_flight_max: 64, scrapes_in_flight_max: 4, wait_max: Duration::from_secs(5), waiting_max: 1024 }
    }
}

impl Places {
    fn overridden(self, section: &Section<'_>, faults: &mut Faults) -> Self {
        Self {
            in_flight_max: count(section, "in_flight_max", faults).unwrap_or(self.in_flight_max),
            scrapes_in_flight_max: count(section, "scrapes_in_flight_max", faults)
                .unwrap_or(self.scrapes_in_flight_max),
            wait_max: section.duration("wait_max", Duration::ZERO..=WAIT_MAX, faults).unwrap_or(self.wait_max),
            waiting_max: section
                .whole("waiting_max", 0..=u32::MAX.into(), faults)
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(self.waiting_max),
        }
    }
}

/// Longer than this no client of this protocol waits for an answer.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// A tenant's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub requests: Rate,
    /// Of decompressed bodies, in KiB, each begun one counted.
    pub kib: Rate,
    pub samples: Rate,
    pub places: Places,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            requests: Rate::of(100, 600),
            kib: Rate::of(10 << 10, 50 << 10),
            samples: Rate::of(100_000, 1_000_000),
            places: Places::default(),
        }
    }
}

impl Pace {
    pub(super) fn overridden(self, section: &Section<'_>, faults: &mut Faults) -> Self {
        Self {
            requests: self.requests.overridden(section, ["requests_per_second", "requests_burst"], faults),
            kib: self.kib.overridden_in_kib(section, ["bytes_per_second", "bytes_burst"], faults),
            samples: self.samples.overridden(section, ["samples_per_second", "samples_burst"], faults),
            places: self.places.overridden(section, faults),
        }
    }
}

/// An operator's limits: it pushes nothing and stores nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorLimits {
    pub requests: Rate,
    pub places: Places,
}

impl Default for OperatorLimits {
    fn default() -> Self {
        let Pace { requests, places, .. } = Pace::default();
        Self { requests, places }
    }
}

impl OperatorLimits {
    pub(super) fn of_section(self, section: &Section<'_>, faults: &mut Faults) -> Self {
        Self {
            requests: self.requests.overridden(section, ["requests_per_second", "requests_burst"], faults),
            places: self.places.overridden(section, faults),
        }
    }
}

/// A number that is never zero.
pub(in crate::config) fn number(section: &Section<'_>, key: &str, faults: &mut Faults) -> Option<NonZeroU32> {
    count(section, key, faults).and_then(NonZeroU32::new)
}

pub(super) fn count(section: &Section<'_>, key: &str, faults: &mut Faults) -> Option<u32> {
    let number = section.whole(key, 1..=u32::MAX.into(), faults)?;
    u32::try_from(number).ok()
}

fn kib(section: &Section<'_>, key: &str, faults: &mut Faults) -> Option<NonZeroU32> {
    let bytes = section.size(key, 1..=u64::from(u32::MAX) << 10, faults)?;
    u32::try_from(bytes.div_ceil(1 << 10)).ok().and_then(NonZeroU32::new)
}
