//! `limits_ceiling`: what the limits that a file of `tenants_dir` writes may not exceed, by their names.

use super::Amount;
use super::LIMITS;
use super::Limits;
use crate::config::fault::Faults;
use crate::config::field::Field;
use crate::config::field::Section;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(in crate::config) struct Ceiling(BTreeMap<&'static str, Amount>);

impl Ceiling {
    pub(in crate::config) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let Some(section) = field.section(&LIMITS, faults) else {
            return Self::default();
        };
        // An unknown key has its fault by now; that it has it twice would help nobody.
        let written = Limits::default().of_section(&section, faults);
        Self(written.by_name().into_iter().filter(|(key, _)| section.get(key).is_some()).collect())
    }

    /// Notes the limits written in `section` that are above it.
    pub(in crate::config) fn judge(&self, limits: &Limits, section: &Section<'_>, faults: &mut Faults) {
        for (key, value) in limits.by_name() {
            if let Some(field) = section.get(key)
                && let Some(max) = self.0.get(key)
                && value > *max
            {
                field.fault(faults, format!("is {value}, above `limits_ceiling`, expected at most {max}"));
            }
        }
    }
}
