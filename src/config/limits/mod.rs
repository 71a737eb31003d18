//! `limits`: how much a tenant may use. The same names serve as defaults and in each tenant.

mod ceiling;
mod credential;
mod fraction;
mod pace;

pub(super) use self::ceiling::Ceiling;
#[cfg(test)]
pub(super) use self::credential::CREDENTIAL_LIMITS;
pub use self::credential::CredentialLimits;
pub use self::fraction::Percent;
pub use self::pace::OperatorLimits;
pub use self::pace::Pace;
pub use self::pace::Places;
pub use self::pace::Rate;
pub(super) use self::pace::number as rate;

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::units;
use crate::model::PushBounds;
use crate::model::Quota;
use std::fmt;
use std::time::Duration;

/// What this version limits.
pub(super) const LIMITS: Keys = Keys {
    known: &[
        "requests_per_second",
        "requests_burst",
        "bytes_per_second",
        "bytes_burst",
        "samples_per_second",
        "samples_burst",
        "in_flight_max",
        "scrapes_in_flight_max",
        "wait_max",
        "waiting_max",
        "body_bytes_max",
        "decompression_ratio_max",
        "families_per_push_max",
        "series_per_push_max",
        "line_bytes_max",
        "labels_per_series_max",
        "label_name_bytes_max",
        "label_value_bytes_max",
        "metric_name_bytes_max",
        "groups_max",
        "series_max",
        "stored_bytes_max",
        "soft_warning",
    ],
    later: &[],
};

/// An operator pushes nothing and stores nothing.
pub(super) const OPERATOR_LIMITS: Keys = Keys {
    known: &[
        "requests_per_second",
        "requests_burst",
        "in_flight_max",
        "scrapes_in_flight_max",
        "wait_max",
        "waiting_max",
    ],
    later: &[],
};

/// A body is held in memory while it is read: beyond this somebody wrote the wrong unit.
const BODY_BYTES_MAX: u64 = 4 << 30;
/// No count is a reason to stop counting exactly, and a float still holds it.
const COUNT_MAX: u64 = 1 << 50;

/// A tenant's limits: the defaults with the tenant's own in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time.
    pub pace: Pace,
    /// What one push may be.
    pub push: PushBounds,
    /// What the store keeps.
    pub quota: Quota,
    /// The part of each quota from which on the log says that it fills.
    pub soft_warning: Percent,
}

impl Default for Limits {
    fn default() -> Self {
        let quota = Quota { groups_max: 10_000, series_max: 500_000, stored_bytes_max: 256 << 20 };
        Self { pace: Pace::default(), push: PushBounds::default(), quota, soft_warning: Percent::eighty() }
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
            pace: self.pace.overridden(section, faults),
            push: bounds(self.push, section, faults),
            quota: quota(self.quota, section, faults),
            soft_warning: section
                .get("soft_warning")
                .and_then(|field| Percent::read(field, faults))
                .unwrap_or(self.soft_warning),
        }
    }

    /// Every limit by its key, in the order of the example.
    pub fn by_name(&self) -> Vec<(&'static str, Amount)> {
        let Pace { requests, kib, samples, places } = self.pace;
        let PushBounds { body_bytes_max, line_bytes_max, label_name_bytes_max, .. } = self.push;
        let count = |number: u32| Amount::Count(number.into());
        let bytes = |kib: u32| Amount::Bytes(u64::from(kib) << 10);
        vec![
            ("requests_per_second", count(requests.per_second.get())),
            ("requests_burst", count(requests.burst.get())),
            ("bytes_per_second", bytes(kib.per_second.get())),
            ("bytes_burst", bytes(kib.burst.get())),
            ("samples_per_second", count(samples.per_second.get())),
            ("samples_burst", count(samples.burst.get())),
            ("in_flight_max", count(places.in_flight_max)),
            ("scrapes_in_flight_max", count(places.scrapes_in_flight_max)),
            ("wait_max", Amount::Time(places.wait_max)),
            ("waiting_max", count(places.waiting_max)),
            ("body_bytes_max", Amount::Bytes(body_bytes_max)),
            ("decompression_ratio_max", Amount::Count(self.push.decompression_ratio_max)),
            ("families_per_push_max", Amount::Count(self.push.families_per_push_max)),
            ("series_per_push_max", Amount::Count(self.push.series_per_push_max)),
            ("line_bytes_max", Amount::Bytes(line_bytes_max)),
            ("labels_per_series_max", Amount::Count(self.push.labels_per_series_max)),
            ("label_name_bytes_max", Amount::Bytes(label_name_bytes_max)),
            ("label_value_bytes_max", Amount::Bytes(self.push.label_value_bytes_max)),
            ("metric_name_bytes_max", Amount::Bytes(self.push.metric_name_bytes_max)),
            ("groups_max", Amount::Count(self.quota.groups_max)),
            ("series_max", Amount::Count(self.quota.series_max)),
            ("stored_bytes_max", Amount::Bytes(self.quota.stored_bytes_max)),
            ("soft_warning", Amount::Part(self.soft_warning)),
        ]
    }
}

impl OperatorLimits {
    /// These limits, with what `field` says in their place.
    pub(super) fn overridden(self, field: &Field<'_>, faults: &mut Faults) -> Self {
        field.section(&OPERATOR_LIMITS, faults).map_or(self, |section| self.of_section(&section, faults))
    }

    /// Every limit by its key.
    pub fn by_name(&self) -> Vec<(&'static str, Amount)> {
        let Self { requests, places } = *self;
        let pace = Pace { requests, places, ..Pace::default() };
        let mut all = Limits { pace, ..Limits::default() }.by_name();
        all.retain(|(key, _)| OPERATOR_LIMITS.known.contains(key));
        all
    }
}

fn bounds(push: PushBounds, section: &Section<'_>, faults: &mut Faults) -> PushBounds {
    let mut size = |key, now| section.size(key, 1..=BODY_BYTES_MAX, faults).unwrap_or(now);
    let body_bytes_max = size("body_bytes_max", push.body_bytes_max);
    let line_bytes_max = size("line_bytes_max", push.line_bytes_max);
    let label_name_bytes_max = size("label_name_bytes_max", push.label_name_bytes_max);
    let label_value_bytes_max = size("label_value_bytes_max", push.label_value_bytes_max);
    let metric_name_bytes_max = size("metric_name_bytes_max", push.metric_name_bytes_max);
    let mut whole = |key, now| section.whole(key, 1..=COUNT_MAX, faults).unwrap_or(now);
    PushBounds {
        body_bytes_max,
        decompression_ratio_max: whole("decompression_ratio_max", push.decompression_ratio_max),
        families_per_push_max: whole("families_per_push_max", push.families_per_push_max),
        series_per_push_max: whole("series_per_push_max", push.series_per_push_max),
        line_bytes_max,
        labels_per_series_max: whole("labels_per_series_max", push.labels_per_series_max),
        label_name_bytes_max,
        label_value_bytes_max,
        metric_name_bytes_max,
    }
}

fn quota(quota: Quota, section: &Section<'_>, faults: &mut Faults) -> Quota {
    Quota {
        groups_max: section.whole("groups_max", 1..=COUNT_MAX, faults).unwrap_or(quota.groups_max),
        series_max: section.whole("series_max", 1..=COUNT_MAX, faults).unwrap_or(quota.series_max),
        stored_bytes_max: section.size("stored_bytes_max", 1..=COUNT_MAX, faults).unwrap_or(quota.stored_bytes_max),
    }
}

/// How much a limit is. Shown as it is written in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    Count(u64),
    Bytes(u64),
    Time(Duration),
    Part(Percent),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(number) => number.fmt(f),
            Self::Bytes(bytes) => f.write_str(&units::spell_size(bytes)),
            Self::Time(time) => f.write_str(&units::spell_duration(time)),
            Self::Part(part) => part.fmt(f),
        }
    }
}
