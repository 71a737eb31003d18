//! What a tenant takes of its quota.

use super::Refusal;
use crate::model::Quota;
use crate::model::QuotaKind;

/// Space taken, in the terms of [`Quota`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub groups: u64,
    /// Lines of a scrape, the gateway's own gauges aside.
    pub series: u64,
    pub stored_bytes: u64,
}

impl Usage {
    /// This usage with `taken` more and `given` less.
    #[must_use]
    pub(super) fn changed(self, taken: Self, given: Self) -> Self {
        let change = |now: u64, taken: u64, given: u64| now.saturating_add(taken).saturating_sub(given);
        Self {
            groups: change(self.groups, taken.groups, given.groups),
            series: change(self.series, taken.series, given.series),
            stored_bytes: change(self.stored_bytes, taken.stored_bytes, given.stored_bytes),
        }
    }

    /// Whether a tenant may come from this usage to `after`. What grows must stay within the quota; what shrinks or
    /// stays is always fine, so a tenant that is full can go on replacing and deleting.
    pub(super) fn may_become(self, after: Self, quota: &Quota) -> Result<(), Refusal> {
        let kinds = [
            (QuotaKind::Groups, self.groups, after.groups, quota.groups_max),
            (QuotaKind::Series, self.series, after.series, quota.series_max),
            (QuotaKind::StoredBytes, self.stored_bytes, after.stored_bytes, quota.stored_bytes_max),
        ];
        for (kind, before, needed, limit) in kinds {
            if needed > limit && needed > before {
                return Err(Refusal::QuotaFull { kind, limit, used: Some(before), needed: Some(needed) });
            }
        }
        Ok(())
    }

    pub(super) fn add(&mut self, other: Self) {
        *self = self.changed(other, Self::default());
    }
}
