//! Bodies as jobs send them.

use std::fmt::Write;

/// The content type of [`protobuf`].
pub(crate) const DELIMITED: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// `families` gauges with a help text each, `series` of them with three labels under each name.
pub(crate) fn text(families: usize, series: usize) -> String {
    text_of(families, series, 0)
}

/// The same series with other values: no two of these are alike for different `round`s.
pub(crate) fn text_of(families: usize, series: usize, round: usize) -> String {
    let mut body = String::with_capacity(families * (110 + series * 90));
    for family in 0..families {
        let name = format!("backup_step_{family}_duration_seconds");
        writeln!(body, "# HELP {name} How long step {family} of the backup took.\n# TYPE {name} gauge").unwrap();
        for n in 0..series {
            let value = value(family, n, round);
            writeln!(body, "{name}{{database=\"db{n}\",region=\"eu-west-1\",step=\"copy\"}} {value}").unwrap();
        }
    }
    body
}

/// What [`text_of`] says, as delimited messages.
pub(crate) fn protobuf_of(families: usize, series: usize, round: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for family in 0..families {
        let mut message = Vec::new();
        field(&mut message, 1, format!("backup_step_{family}_duration_seconds").as_bytes());
        field(&mut message, 2, format!("How long step {family} of the backup took.").as_bytes());
        // A gauge.
        message.extend([3 << 3, 1]);
        for n in 0..series {
            let mut metric = Vec::new();
            for (name, value) in [("database", format!("db{n}").as_str()), ("region", "eu-west-1"), ("step", "copy")] {
                let mut label = Vec::new();
                field(&mut label, 1, name.as_bytes());
                field(&mut label, 2, value.as_bytes());
                field(&mut metric, 1, &label);
            }
            let mut gauge = vec![1 << 3 | 1];
            gauge.extend(value(family, n, round).to_le_bytes());
            field(&mut metric, 2, &gauge);
            field(&mut message, 4, &metric);
        }
        length(&mut body, message.len());
        body.extend(message);
    }
    body
}

/// Of as many digits whatever the round.
fn value(family: usize, n: usize, round: usize) -> f64 {
    (100 + (family * 31 + n * 7 + round * 13) % 800) as f64 + 0.25
}

fn field(message: &mut Vec<u8>, number: u8, value: &[u8]) {
    message.push(number << 3 | 2);
    length(message, value.len());
    message.extend(value);
}

fn length(message: &mut Vec<u8>, mut value: usize) {
    while value > 127 {
        message.push(value as u8 | 128);
        value >>= 7;
    }
    message.push(value as u8);
}
