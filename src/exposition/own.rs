//! The gauges the gateway keeps for each group.

use crate::exposition::float;
use crate::exposition::prepare::Forced;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::Series;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;

/// How own gauges are written.
pub const OWN_GAUGES: WriteOwnGauge = WriteOwnGauge { whole: own_gauge, at_moment };

/// Writes an own gauge of the group `key`.
///
/// It has no series identities: pushed families of its name are dropped, so none can be its twin.
fn own_gauge(gauge: OwnGauge, key: &GroupingKey, at: Option<Timestamp>) -> PreparedFamily {
    let labels = Forced::new(key).alone();
    let mut lines = Vec::with_capacity(labels.len() + 64);
    lines.extend_from_slice(gauge.name().as_bytes());
    lines.push(b'{');
    lines.extend_from_slice(&labels);
    lines.extend_from_slice(b"} ");
    end_line(&mut lines, at);
    PreparedFamily::from(PreparedParts {
        name: gauge.name().into(),
        kind: MetricKind::Gauge,
        help: gauge.help().into(),
        lines: lines.into(),
        line_count: 1,
        series: Series::default(),
        // The operator's label is not known here. What takes the careful way for nothing is still written right.
        renamed: key.labels().any(|(name, _)| !matches!(name, "job" | "instance")),
        proto: Box::default(),
        utf8: key.is_utf8(),
    })
}

/// Nothing but the number changes with the moment, and it stands behind the last blank.
fn at_moment(line: &[u8], at: Option<Timestamp>) -> Vec<u8> {
    let head = memchr::memrchr(b' ', line).map_or(0, |blank| blank + 1);
    let mut lines = Vec::with_capacity(line.len() + 32);
    lines.extend_from_slice(line.get(..head).unwrap_or_default());
    end_line(&mut lines, at);
    lines
}

fn end_line(lines: &mut Vec<u8>, at: Option<Timestamp>) {
    float::write(lines, at.map_or(0.0, Timestamp::as_unix_seconds_f64));
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::OWN_GAUGES;
    use crate::model::GroupingKey;
    use crate::model::OwnGauge;
    use crate::model::Timestamp;

    fn lines(labels: &[(&'static str, &'static str)], at: Option<Timestamp>) -> String {
        let key = GroupingKey::new("a\"b", labels.iter().copied()).unwrap();
        let family = (OWN_GAUGES.whole)(OwnGauge::PushTime, &key, at);
        assert_eq!(family.line_count(), 1);
        let first = (OWN_GAUGES.whole)(OwnGauge::PushTime, &key, Some(Timestamp::from_unix_seconds(1)));
        assert_eq!((OWN_GAUGES.at_moment)(first.lines(), at), family.lines(), "whatever the moment before");
        String::from_utf8(family.lines().to_vec()).unwrap()
    }

    #[test]
    fn an_own_gauge_is_written_in_seconds_with_the_labels_of_its_group() {
        let at = Timestamp::from_unix_nanos(1_583_872_347_716_605_700);
        assert_eq!(
            lines(&[("zone", "x")], Some(at)),
            "push_time_seconds{instance=\"\",job=\"a\\\"b\",zone=\"x\"} 1.5838723477166057e+09\n"
        );
        assert_eq!(lines(&[("instance", "i")], None), "push_time_seconds{instance=\"i\",job=\"a\\\"b\"} 0\n");
    }

    #[test]
    fn an_own_gauge_with_foreign_labels_takes_the_careful_way_to_the_operator() {
        let renamed = |labels: &[(&'static str, &'static str)]| {
            let key = GroupingKey::new("j", labels.iter().copied()).unwrap();
            (OWN_GAUGES.whole)(OwnGauge::PushFailureTime, &key, None).renamed()
        };
        assert!(!renamed(&[]));
        assert!(!renamed(&[("instance", "i")]));
        assert!(renamed(&[("tenant", "x")]));
    }
}
