//! Delimited MetricFamily messages written by hand, so that a case can hold what no library writes.
//! The numbers are those of `io.prometheus.client`.

pub(crate) const DELIMITED: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

pub(crate) const COUNTER: u64 = 0;
pub(crate) const GAUGE: u64 = 1;
pub(crate) const SUMMARY: u64 = 2;
pub(crate) const UNTYPED: u64 = 3;
pub(crate) const HISTOGRAM: u64 = 4;

/// A message under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn key(mut self, number: u64, wire_type: u64) -> Self {
        self.0.extend(varint((number << 3) | wire_type));
        self
    }

    pub(crate) fn uint(self, number: u64, value: u64) -> Self {
        let mut with = self.key(number, 0);
        with.0.extend(varint(value));
        with
    }

    pub(crate) fn sint(self, number: u64, value: i64) -> Self {
        self.uint(number, ((value << 1) ^ (value >> 63)).cast_unsigned())
    }

    pub(crate) fn double(self, number: u64, value: f64) -> Self {
        let mut with = self.key(number, 1);
        with.0.extend(value.to_le_bytes());
        with
    }

    pub(crate) fn bytes(self, number: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut with = self.key(number, 2);
        with.0.extend(varint(value.len() as u64));
        with.0.extend(value);
        with
    }

    pub(crate) fn part(self, number: u64, value: &Self) -> Self {
        self.bytes(number, &value.0)
    }

    /// As a body holds it: its length first.
    pub(crate) fn delimited(&self) -> Vec<u8> {
        let mut bytes = varint(self.0.len() as u64);
        bytes.extend(&self.0);
        bytes
    }
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

pub(crate) fn message() -> Message {
    Message::default()
}

/// A family of these metrics.
pub(crate) fn family(name: &str, kind: u64, metrics: &[Message]) -> Message {
    let family = message().bytes(1, name).uint(3, kind);
    metrics.iter().fold(family, |family, metric| family.part(4, metric))
}

/// A metric with these labels; its value is added by one of those below.
pub(crate) fn metric(labels: &[(&str, &str)]) -> Message {
    labels.iter().fold(message(), |metric, (name, value)| metric.part(1, &message().bytes(1, name).bytes(2, value)))
}

impl Message {
    pub(crate) fn gauge(self, value: f64) -> Self {
        self.part(2, &message().double(1, value))
    }

    pub(crate) fn counter(self, value: f64) -> Self {
        self.part(3, &message().double(1, value))
    }

    pub(crate) fn untyped(self, value: f64) -> Self {
        self.part(5, &message().double(1, value))
    }

    pub(crate) fn summary(self, count: u64, sum: f64, quantiles: &[(f64, f64)]) -> Self {
        let summary = quantiles.iter().fold(message().uint(1, count).double(2, sum), |summary, (quantile, value)| {
            summary.part(3, &message().double(1, *quantile).double(2, *value))
        });
        self.part(4, &summary)
    }

    pub(crate) fn histogram(self, count: u64, sum: f64, buckets: &[(f64, u64)]) -> Self {
        self.part(7, &histogram(count, sum, buckets))
    }
}

pub(crate) fn histogram(count: u64, sum: f64, buckets: &[(f64, u64)]) -> Message {
    buckets.iter().fold(message().uint(1, count).double(2, sum), |histogram, (bound, cumulative)| {
        histogram.part(3, &message().uint(1, *cumulative).double(2, *bound))
    })
}

/// Schema 0, a zero bucket, one span of two buckets: five observations.
pub(crate) fn native() -> Message {
    let span = message().sint(1, 0).uint(2, 2);
    let scale = message().uint(1, 5).double(2, 7.5).sint(5, 0).double(6, 0.001).uint(7, 1);
    scale.part(12, &span).sint(13, 3).sint(13, -2)
}

#[test]
fn numbers_are_written_as_protobuf_has_them() {
    assert_eq!(varint(300), [0xac, 0x02]);
    assert_eq!(message().sint(1, -2).0, [0x08, 0x03]);
    assert_eq!(message().uint(3, 1).delimited(), [0x02, 0x18, 0x01]);
    assert_eq!(family("m", GAUGE, &[metric(&[("a", "b")])]).0, b"\x0a\x01m\x18\x01\x22\x08\x0a\x06\x0a\x01a\x12\x01b");
}
