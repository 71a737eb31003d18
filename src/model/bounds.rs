//! How large one push may be.

use super::GroupingKey;
use std::fmt;

/// The bounds of one push, its tenant's. What is over any of them is refused at the first byte that is, without reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushBounds {
    /// Bytes of the body, decompressed.
    pub body_bytes_max: u64,
    /// How many times as many bytes as were sent a compressed body may become, once it is longer than 64 KiB.
    pub decompression_ratio_max: u64,
    /// Families of one push. In protobuf every message counts, also one that a later one of its name replaces.
    pub families_per_push_max: u64,
    /// Lines that one push becomes: a histogram counts once for each bucket, the one to infinity always, its sum and its
    /// count. A native one counts as its classic form, which is how it is shown in text.
    pub series_per_push_max: u64,
    /// Bytes of one line of text, its end aside; and of a help text, in protobuf too.
    pub line_bytes_max: u64,
    /// Labels of one line as it was pushed, `le` and `quantile` included, and of its group.
    pub labels_per_series_max: u64,
    pub label_name_bytes_max: u64,
    /// Of a pushed label and of a grouping label, `job` too, with every escape resolved.
    pub label_value_bytes_max: u64,
    /// As pushed: a line may have a suffix as `_bucket` besides.
    pub metric_name_bytes_max: u64,
}

/// One of [`PushBounds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PushBound {
    BodyBytes,
    DecompressionRatio,
    Families,
    Series,
    LineBytes,
    Labels,
    LabelNameBytes,
    LabelValueBytes,
    MetricNameBytes,
}

/// A push is over one of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bound} is {limit}, found at least {found}")]
pub struct OverBound {
    pub bound: PushBound,
    pub limit: u64,
    /// As much as was looked at, always more than `limit`. What follows was not read.
    pub found: u64,
}

/// The bounds as they are for the push of one group, whose own labels are within them.
#[derive(Clone, Copy, Debug)]
pub struct GroupBounds {
    push: PushBounds,
    grouping_labels: u64,
}

impl Default for PushBounds {
    /// Far above what jobs send, and small enough that none of them alone fills a gateway of 512 MiB.
    fn default() -> Self {
        Self {
            body_bytes_max: 10 << 20,
            decompression_ratio_max: 200,
            families_per_push_max: 10_000,
            series_per_push_max: 100_000,
            line_bytes_max: 64 << 10,
            labels_per_series_max: 64,
            label_name_bytes_max: 256,
            label_value_bytes_max: 4 << 10,
            metric_name_bytes_max: 512,
        }
    }
}

impl PushBound {
    /// The configuration's key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::BodyBytes => "body_bytes_max",
            Self::DecompressionRatio => "decompression_ratio_max",
            Self::Families => "families_per_push_max",
            Self::Series => "series_per_push_max",
            Self::LineBytes => "line_bytes_max",
            Self::Labels => "labels_per_series_max",
            Self::LabelNameBytes => "label_name_bytes_max",
            Self::LabelValueBytes => "label_value_bytes_max",
            Self::MetricNameBytes => "metric_name_bytes_max",
        }
    }
}

impl fmt::Display for PushBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl PushBounds {
    const NONE: Self = Self {
        body_bytes_max: u64::MAX,
        decompression_ratio_max: u64::MAX,
        families_per_push_max: u64::MAX,
        series_per_push_max: u64::MAX,
        line_bytes_max: u64::MAX,
        labels_per_series_max: u64::MAX,
        label_name_bytes_max: u64::MAX,
        label_value_bytes_max: u64::MAX,
        metric_name_bytes_max: u64::MAX,
    };

    pub fn limit(&self, bound: PushBound) -> u64 {
        match bound {
            PushBound::BodyBytes => self.body_bytes_max,
            PushBound::DecompressionRatio => self.decompression_ratio_max,
            PushBound::Families => self.families_per_push_max,
            PushBound::Series => self.series_per_push_max,
            PushBound::LineBytes => self.line_bytes_max,
            PushBound::Labels => self.labels_per_series_max,
            PushBound::LabelNameBytes => self.label_name_bytes_max,
            PushBound::LabelValueBytes => self.label_value_bytes_max,
            PushBound::MetricNameBytes => self.metric_name_bytes_max,
        }
    }

    pub fn over(&self, bound: PushBound, found: u64) -> OverBound {
        OverBound { bound, limit: self.limit(bound), found }
    }

    fn check(&self, bound: PushBound, found: usize) -> Result<(), OverBound> {
        let found = found as u64;
        if found > self.limit(bound) { Err(self.over(bound, found)) } else { Ok(()) }
    }

    /// The bounds for a push of the group `key`, if its own labels are within them.
    pub fn of_group(&self, key: &GroupingKey) -> Result<GroupBounds, OverBound> {
        let count = key.labels().len();
        self.check(PushBound::Labels, count)?;
        // Where all of them together are no longer than one may be, as nearly always, none needs to be looked at.
        if key.text_bytes() as u64 > self.label_name_bytes_max.min(self.label_value_bytes_max) {
            for (name, value) in key.labels() {
                self.check(PushBound::LabelNameBytes, name.len())?;
                self.check(PushBound::LabelValueBytes, value.len())?;
            }
        }
        Ok(GroupBounds { push: *self, grouping_labels: count as u64 })
    }
}

impl GroupBounds {
    /// No bounds at all, for what was within them before it was stored.
    pub const NONE: Self = Self { push: PushBounds::NONE, grouping_labels: 0 };

    pub fn push(&self) -> &PushBounds {
        &self.push
    }

    /// The labels of a line of which so many were pushed, those of its group included: a label that the group replaces
    /// counts as well.
    pub fn labels(&self, pushed: usize) -> u64 {
        self.grouping_labels.saturating_add(pushed as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::GroupingKey;
    use super::OverBound;
    use super::PushBound;
    use super::PushBounds;
    use proptest::prelude::*;

    /// Each label for itself.
    fn one_by_one(bounds: &PushBounds, key: &GroupingKey) -> Result<(), OverBound> {
        bounds.check(PushBound::Labels, key.labels().len())?;
        key.labels().try_for_each(|(name, value)| {
            bounds.check(PushBound::LabelNameBytes, name.len())?;
            bounds.check(PushBound::LabelValueBytes, value.len())
        })
    }

    proptest! {
        #[test]
        fn a_group_of_short_labels_is_judged_as_if_each_was_looked_at(
            labels in prop::collection::vec(("[a-z]{1,12}", "[^\0]{0,12}"), 0..6),
            [count, name, value] in [0_u64..6, 0..30, 0..30],
        ) {
            let key = GroupingKey::new("j", labels).unwrap();
            let bounds = PushBounds {
                labels_per_series_max: count,
                label_name_bytes_max: name,
                label_value_bytes_max: value,
                ..PushBounds::default()
            };
            prop_assert_eq!(bounds.of_group(&key).map(drop), one_by_one(&bounds, &key));
        }
    }
}
