//! What a metric family measures.

use std::fmt;

/// The type of a metric family, as in `# TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricKind {
    Counter,
    Gauge,
    Summary,
    Untyped,
    Histogram,
    GaugeHistogram,
}

impl MetricKind {
    /// The word in a `# TYPE` line of the text format 0.0.4, which has no gauge histogram and calls it a histogram.
    pub const fn text_name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
            Self::Histogram | Self::GaugeHistogram => "histogram",
        }
    }

    /// The name in client_model's protobuf enum, which the JSON API and Pushgateway's error texts use.
    pub const fn proto_name(self) -> &'static str {
        match self {
            Self::Counter => "COUNTER",
            Self::Gauge => "GAUGE",
            Self::Summary => "SUMMARY",
            Self::Untyped => "UNTYPED",
            Self::Histogram => "HISTOGRAM",
            Self::GaugeHistogram => "GAUGE_HISTOGRAM",
        }
    }

    /// What a line of this family may have behind the family's name.
    ///
    /// A family *claims* its name with each of these behind it: no other family of the same tenant may write such a
    /// line. The first is always the empty one.
    pub const fn line_suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter | Self::Gauge | Self::Untyped => &[""],
            Self::Summary => &["", "_sum", "_count"],
            Self::Histogram | Self::GaugeHistogram => &["", "_bucket", "_sum", "_count"],
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text_name())
    }
}
