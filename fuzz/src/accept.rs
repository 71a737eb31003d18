//! `Accept` of a scrape, and `Content-Type` of a push.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use pushward::exposition::Negotiated;
use pushward::exposition::PushFormat;
use pushward::exposition::ScrapeFormat;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "accept",
    run: accept,
    bytes_max: 4 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"text/plain",
        b";version=0.0.4",
        b";version=1.0.0",
        b"application/vnd.google.protobuf",
        b";encoding=delimited",
        b";proto=io.prometheus.client.MetricFamily",
        b";escaping=allow-utf-8",
        b";escaping=dots",
        b";escaping=values",
        b";q=0.5",
        b";q=0",
        b";q=1e9",
        b";q=NaN",
        b"*/*",
        b",",
        b"\"",
        b"\\\"",
        b"application/openmetrics-text",
    ],
};

/// The clauses that are looked at, and the values of parameters without their quotes.
const BOUND: Bound = Bound { per_byte: 4, constant: 4 << 10 };

/// Reads `data` as both headers, and each of its lines as one `Accept` of several.
pub fn accept(data: &[u8]) -> Seen {
    let Ok(text) = std::str::from_utf8(data) else { return Seen::refused("not UTF-8") };
    let negotiated = BOUND.hold(text.len(), || Negotiated::of(text.split('\n')));
    let pushed = BOUND.hold(text.len(), || PushFormat::of(Some(text)));
    // Who asks for exactly what we have answered gets that.
    let content_type = negotiated.content_type();
    assert_eq!(Negotiated::of([&*content_type]), negotiated, "{content_type}");
    let protobuf = negotiated.format == ScrapeFormat::Protobuf;
    assert_eq!(PushFormat::of(Some(&content_type)) == PushFormat::Protobuf, protobuf);
    Seen::taken((&content_type, pushed == PushFormat::Protobuf), &content_type)
}
