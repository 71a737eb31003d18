//! A prepared family from what was kept of it: its lines say all but what is of this process and this configuration.

use super::fleet;
use super::stored;
use super::stored::StoredLine;
use super::stored::unescaped;
use crate::model::FamilyName;
use crate::model::FamilyView;
use crate::model::IdentifySeries;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::Series;
use crate::model::SeriesHasher;
use crate::model::SeriesId;
use crate::model::is_label_name;
use crate::model::is_metric_name;
use crate::model::underscored_label;
use crate::model::underscored_metric;
use std::borrow::Cow;

/// What is kept of a family, as [`PreparedParts`] describe it.
#[derive(Debug)]
pub struct KeptFamily {
    pub name: FamilyName,
    pub kind: MetricKind,
    pub help: Box<str>,
    pub lines: Box<[u8]>,
    pub proto: Box<[u8]>,
}

/// The family as it was when it was prepared, with the identities of `hasher` and its labels looked at for the operator's
/// view under this `namespace_label`. `None`: the lines are none of such a family.
pub fn revive(kept: KeptFamily, hasher: &SeriesHasher, namespace_label: &str) -> Option<PreparedFamily> {
    let KeptFamily { name, kind, help, lines, proto } = kept;
    if name.is_empty() || lines.last() != Some(&b'\n') {
        return None;
    }
    let compared = underscored_metric(&name);
    let place = place_of(kind);
    let (mut series, mut line_count): (Vec<SeriesId>, u32) = (Vec::new(), 0);
    let (mut renamed, mut utf8) = (false, !is_metric_name(&name));
    let mut labels = Vec::new();
    for line in stored::lines(&lines) {
        let mut line = StoredLine::of(line);
        let suffix = line.name.strip_prefix(&*name)?;
        kind.line_suffixes().contains(&suffix).then_some(())?;
        labels.clear();
        while let Some((label, value)) = line.label() {
            if place == Some(&*label) {
                continue;
            }
            utf8 |= !is_label_name(&label);
            let label = underscored(label);
            renamed |= fleet::renames(namespace_label, &label);
            labels.push((label, unescaped(value)));
        }
        line.tail().strip_prefix(b"} ")?;
        line_count = line_count.checked_add(1)?;
        labels.sort_unstable();
        let id = hasher.id(&compared, labels.iter().map(|(label, value)| (&**label, &**value)));
        // A distribution's lines stand together and are one metric.
        if place.is_none() || series.last() != Some(&id) {
            series.push(id);
        }
    }
    let series = Series::from(series);
    Some(PreparedParts { name, kind, help, lines, line_count, series, renamed, proto, utf8 }.into())
}

/// The identities of a family's series, which its lines say; an [`Identify`](crate::model::Series::to_be_found).
pub(super) fn identify(family: &PreparedFamily, hasher: &SeriesHasher) -> Box<[SeriesId]> {
    identities(family.into(), hasher)
}

/// Finds the identities of stored lines again, with the key of this process.
#[derive(Debug)]
pub struct StoredSeries(pub SeriesHasher);

impl IdentifySeries for StoredSeries {
    fn series(&self, family: FamilyView<'_>) -> Box<[SeriesId]> {
        identities(family, &self.0)
    }
}

fn identities(family: FamilyView<'_>, hasher: &SeriesHasher) -> Box<[SeriesId]> {
    let compared = underscored_metric(family.name);
    let (mut series, mut labels, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    let place = place_of(family.kind);
    for line in stored::lines(family.lines) {
        let mut line = StoredLine::of(line);
        labels.clear();
        while let Some((label, value)) = line.label() {
            if place != Some(&*label) {
                labels.push((underscored(label), unescaped(value)));
            }
        }
        labels.sort_unstable();
        let pairs = labels.iter().map(|(label, value)| (&**label, &**value));
        let id = hasher.id_in(&mut buffer, &compared, pairs);
        // A distribution's lines stand together and are one metric.
        if place.is_none() || series.last() != Some(&id) {
            series.push(id);
        }
    }
    series.into()
}

/// The label that tells the lines of one metric apart.
fn place_of(kind: MetricKind) -> Option<&'static str> {
    match kind {
        MetricKind::Summary => Some("quantile"),
        MetricKind::Histogram | MetricKind::GaugeHistogram => Some("le"),
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => None,
    }
}

/// Nearly always they are borrowed, of millions of lines.
fn underscored(label: Cow<'_, str>) -> Cow<'_, str> {
    match label {
        Cow::Borrowed(label) => underscored_label(label),
        Cow::Owned(label) => Cow::Owned(underscored_label(&label).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::KeptFamily;
    use super::revive;
    use crate::exposition::prepare;
    use crate::exposition::text;
    use crate::model::GroupingKey;
    use crate::model::MetricKind;
    use crate::model::NameScheme;
    use crate::model::PreparedFamily;
    use crate::model::SeriesHasher;
    use crate::model::TextDialect;
    use proptest::prelude::*;

    fn prepared(text: &str, scheme: NameScheme, label: &str) -> Vec<PreparedFamily> {
        let key = GroupingKey::in_scheme(scheme, "j\"\\\n", [("instance", ""), ("zone", "é\n")]).unwrap();
        let parsed = text::parse(text.as_bytes(), TextDialect::Lenient, scheme).unwrap();
        prepare(parsed, &key, &SeriesHasher::with_key([1; 16]), label, u64::MAX).unwrap()
    }

    fn kept(family: &PreparedFamily) -> KeptFamily {
        KeptFamily {
            name: family.name().into(),
            kind: family.kind(),
            help: family.help().into(),
            lines: family.lines().into(),
            proto: family.proto().unwrap_or_default().into(),
        }
    }

    #[track_caller]
    fn comes_back(text: &str, scheme: NameScheme) {
        for label in ["tenant", "l"] {
            for family in prepared(text, scheme, label) {
                let back = revive(kept(&family), &SeriesHasher::with_key([1; 16]), label).unwrap();
                assert!(back == family, "{family:?}{back:?}");
                let other = revive(kept(&family), &SeriesHasher::with_key([2; 16]), label).unwrap();
                assert!(other.series() != family.series(), "the key of the process counts");
            }
        }
    }

    #[test]
    fn a_family_comes_back_as_it_was_prepared() {
        let text = "# HELP h of \\n h\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
                    h_bucket{a=\"1\",le=\"+Inf\"} 2\nh_sum{a=\"1\"} 3\nh_count{a=\"1\"} 2\n\
                    # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\ns_sum{le=\"x\"} 1\ns_count{le=\"x\"} 1\n\
                    # TYPE g gauge\ng{l=\"a\\\"b\\\\c\\nd\",exported_tenant=\"\"} NaN\ng{l=\"\"} 1\nu{quantile=\"a\",le=\"b\"} -Inf\n";
        comes_back(text, NameScheme::Classic);
        comes_back(text, NameScheme::Utf8);
        comes_back(
            "{\"a.b\",\"c.d\"=\"1\",\"l\"=\"2\"} 1\n{\"a.b\",\"c.d\"=\"2\",\"e f\"=\"}\"} 1\n",
            NameScheme::Utf8,
        );
    }

    #[test]
    fn what_is_no_family_does_not_come_back() {
        let good = || kept(&prepared("m 1\n", NameScheme::Classic, "tenant")[0]);
        let hasher = SeriesHasher::with_key([1; 16]);
        assert!(revive(good(), &hasher, "tenant").is_some());
        let bad = [
            KeptFamily { name: "n".into(), ..good() },
            KeptFamily { name: "".into(), ..good() },
            KeptFamily { lines: [][..].into(), ..good() },
            KeptFamily { lines: b"m{a=\"1\"} 1"[..].into(), ..good() },
            KeptFamily { lines: b"m{a=\"1\" 1\n"[..].into(), ..good() },
            KeptFamily { lines: b"m\n"[..].into(), ..good() },
        ];
        for kept in bad {
            let shown = format!("{kept:?}");
            assert!(revive(kept, &hasher, "tenant").is_none(), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(lines in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..3) {
            let kind = [MetricKind::Gauge, MetricKind::Histogram, MetricKind::Summary][kind as usize];
            let kept = KeptFamily { name: "m".into(), kind, help: "".into(), lines: lines.into(), proto: [][..].into() };
            let _ = revive(kept, &SeriesHasher::with_key([1; 16]), "tenant");
        }
    }
}
