//! `limits` of one credential: a part of its tenant's pace.

use super::Rate;
use super::pace::count;
use crate::config::fault::Faults;
use crate::config::field::Field;
use crate::config::field::Keys;
use crate::config::field::Section;

pub(in crate::config) const CREDENTIAL_LIMITS: Keys = Keys {
    known: &[
        "requests_per_second",
        "requests_burst",
        "bytes_per_second",
        "bytes_burst",
        "samples_per_second",
        "samples_burst",
        "in_flight_max",
    ],
    later: &[],
};

/// What one credential may take of its tenant's pace. Its tenant's limits hold besides, so one above them changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialLimits {
    pub requests: Option<Rate>,
    /// As [`Pace::kib`](super::Pace).
    pub kib: Option<Rate>,
    pub samples: Option<Rate>,
    pub in_flight_max: Option<u32>,
}

impl CredentialLimits {
    /// Narrows, so it is not empty, and a rate says both how fast and how much at once.
    pub(in crate::config) fn read(field: &Field<'_>, faults: &mut Faults) -> Option<Self> {
        let section = field.section(&CREDENTIAL_LIMITS, faults)?;
        if CREDENTIAL_LIMITS.known.iter().all(|key| section.get(key).is_none()) {
            field.fault(
                faults,
                "is an empty map, expected limits of this credential, or no such key for its tenant's alone",
            );
            return None;
        }
        let requests = rate(&section, ["requests_per_second", "requests_burst"], Rate::read, faults);
        let kib = rate(&section, ["bytes_per_second", "bytes_burst"], Rate::read_in_kib, faults);
        let samples = rate(&section, ["samples_per_second", "samples_burst"], Rate::read, faults);
        let in_flight_max = section.get("in_flight_max").map(|_| count(&section, "in_flight_max", faults));
        Some(Self {
            requests: requests?,
            kib: kib?,
            samples: samples?,
            in_flight_max: in_flight_max.map_or(Some(None), |read| read.map(Some))?,
        })
    }
}

/// `Some(None)`: neither key is there. Where one of the two stands alone it has no default to go with.
fn rate(
    section: &Section<'_>,
    keys: [&str; 2],
    read: fn(&Section<'_>, [&str; 2], &mut Faults) -> Option<Rate>,
    faults: &mut Faults,
) -> Option<Option<Rate>> {
    if keys.iter().all(|key| section.get(key).is_none()) {
        return Some(None);
    }
    let [per_second, burst] = keys;
    for (key, other) in [(per_second, burst), (burst, per_second)] {
        section.required(key, &format!("a number, since `{other}` is there"), faults)?;
    }
    read(section, keys, faults).map(Some)
}
