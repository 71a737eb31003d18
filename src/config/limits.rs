//! `limits`: how much a tenant may use. The same names serve as defaults and in each tenant.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::units;
use crate::model::Quota;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// What this version limits. The other limits come with their own issue.
pub(super) const LIMITS: Keys = Keys {
    known: &[
        "requests_per_second",
        "requests_burst",
        "in_flight_max",
        "body_bytes_max",
        "groups_max",
        "series_max",
        "stored_bytes_max",
    ],
    later: LATER,
};

/// An operator stores nothing, so it has limits in time alone.
pub(super) const OPERATOR_LIMITS: Keys =
    Keys { known: &["requests_per_second", "requests_burst", "in_flight_max"], later: LATER };

const LATER: &[&str] = &[
    "bytes_per_second",
    "bytes_burst",
    "samples_per_second",
    "samples_burst",
    "scrapes_in_flight_max",
    "wait_max",
    "waiting_max",
    "labels_per_series_max",
    "label_name_bytes_max",
    "label_value_bytes_max",
    "metric_name_bytes_max",
    "soft_warning",
];

/// A body is held in memory while it is read: beyond this somebody wrote the wrong unit.
const BODY_BYTES_MAX: u64 = 4 << 30;
/// No count is a reason to stop counting exactly, and a float still holds it.
const COUNT_MAX: u64 = 1 << 50;

/// A tenant's limits: the defaults with the tenant's own in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The rate at which requests are let in for ever.
    pub requests_per_second: NonZeroU32,
    /// How many may come at once after a rest.
    pub requests_burst: NonZeroU32,
    /// Requests under way at one time.
    pub in_flight_max: u32,
    /// A pushed body, decompressed.
    pub body_bytes_max: u64,
    /// What the store keeps.
    pub quota: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::MIN.saturating_add(99),
            requests_burst: NonZeroU32::MIN.saturating_add(599),
            in_flight_max: 64,
            body_bytes_max: 10 << 20,
            quota: Quota { groups_max: 10_000, series_max: 500_000, stored_bytes_max: 256 << 20 },
        }
    }
}

impl Limits {
    /// These limits, with what `field` says in their place.
    pub(super) fn overridden(self, field: &Field<'_>, faults: &mut Faults) -> Self {
        field.section(&LIMITS, faults).map_or(self, |section| self.of_section(&section, faults))
    }

    /// As [`Limits::overridden`], by a section of [`LIMITS`].
    pub(super) fn of_section(self, section: &Section<'_>, faults: &mut Faults) -> Self {
        Self {
            requests_per_second: rate(section, "requests_per_second", faults).unwrap_or(self.requests_per_second),
            requests_burst: rate(section, "requests_burst", faults).unwrap_or(self.requests_burst),
            in_flight_max: in_flight_max(section, faults).unwrap_or(self.in_flight_max),
            body_bytes_max: section.size("body_bytes_max", 1..=BODY_BYTES_MAX, faults).unwrap_or(self.body_bytes_max),
            quota: Quota {
                groups_max: section.whole("groups_max", 1..=COUNT_MAX, faults).unwrap_or(self.quota.groups_max),
                series_max: section.whole("series_max", 1..=COUNT_MAX, faults).unwrap_or(self.quota.series_max),
                stored_bytes_max: section
                    .size("stored_bytes_max", 1..=COUNT_MAX, faults)
                    .unwrap_or(self.quota.stored_bytes_max),
            },
        }
    }
}

impl Limits {
    fn by_name(&self) -> [(&'static str, u64); 7] {
        [
            ("requests_per_second", self.requests_per_second.get().into()),
            ("requests_burst", self.requests_burst.get().into()),
            ("in_flight_max", self.in_flight_max.into()),
            ("body_bytes_max", self.body_bytes_max),
            ("groups_max", self.quota.groups_max),
            ("series_max", self.quota.series_max),
            ("stored_bytes_max", self.quota.stored_bytes_max),
        ]
    }
}

/// A number that is never zero.
pub(super) fn rate(section: &Section<'_>, key: &str, faults: &mut Faults) -> Option<NonZeroU32> {
    let number = section.whole(key, 1..=u32::MAX.into(), faults)?;
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}

/// `limits_ceiling`: what the limits that a file of `tenants_dir` writes may not exceed, by their names.
#[derive(Debug, Default)]
pub(super) struct Ceiling(BTreeMap<&'static str, u64>);

impl Ceiling {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let Some(section) = field.section(&LIMITS, faults) else {
            return Self::default();
        };
        // An unknown key has its fault by now; that it has it twice would help nobody.
        let written = Limits::default().of_section(&section, faults);
        Self(written.by_name().into_iter().filter(|(key, _)| section.get(key).is_some()).collect())
    }

    /// Notes the limits written in `section` that are above it.
    pub(super) fn judge(&self, limits: &Limits, section: &Section<'_>, faults: &mut Faults) {
        for (key, value) in limits.by_name() {
            let max = self.0.get(key).copied().unwrap_or(u64::MAX);
            if let Some(field) = section.get(key)
                && value > max
            {
                let spell = |number| if key.contains("bytes") { units::spell_size(number) } else { number.to_string() };
                let text = format!("is {}, above `limits_ceiling`, expected at most {}", spell(value), spell(max));
                field.fault(faults, text);
            }
        }
    }
}

fn in_flight_max(section: &Section<'_>, faults: &mut Faults) -> Option<u32> {
    let number = section.whole("in_flight_max", 1..=u32::MAX.into(), faults)?;
    u32::try_from(number).ok()
}

/// An operator's limits: it pushes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorLimits {
    pub requests_per_second: NonZeroU32,
    pub requests_burst: NonZeroU32,
    pub in_flight_max: u32,
}

impl Default for OperatorLimits {
    fn default() -> Self {
        let Limits { requests_per_second, requests_burst, in_flight_max, .. } = Limits::default();
        Self { requests_per_second, requests_burst, in_flight_max }
    }
}

impl OperatorLimits {
    /// These limits, with what `field` says in their place.
    pub(super) fn overridden(self, field: &Field<'_>, faults: &mut Faults) -> Self {
        let Some(section) = field.section(&OPERATOR_LIMITS, faults) else {
            return self;
        };
        Self {
            requests_per_second: rate(&section, "requests_per_second", faults).unwrap_or(self.requests_per_second),
            requests_burst: rate(&section, "requests_burst", faults).unwrap_or(self.requests_burst),
            in_flight_max: in_flight_max(&section, faults).unwrap_or(self.in_flight_max),
        }
    }
}
