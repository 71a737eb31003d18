//! A body in the text format.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::exposition;
use crate::seen::hash_of;
use crate::seen::magnitude;
use pushward::exposition::PushFormat;
use pushward::exposition::PushedFamilies;
use pushward::fuzzing;
use pushward::model::NameScheme;
use pushward::model::TextDialect;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "text",
    run: text,
    bytes_max: 4 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"# TYPE ",
        b"# HELP ",
        b"# EOF",
        b" counter\n",
        b" gauge\n",
        b" summary\n",
        b" untyped\n",
        b" histogram\n",
        b" gaugehistogram\n",
        b"_bucket",
        b"_sum",
        b"_count",
        b"le=\"",
        b"quantile=\"",
        b"+Inf",
        b"-Inf",
        b"NaN",
        b"\n",
        b"\r\n",
        b"{",
        b"}",
        b"\",",
        b"\\n",
        b"\\\\",
        b"\\\"",
        b"\t",
        b"1e308",
        b"-0",
        b"{\"a.b\",",
        b"\"u.v\"=\"",
        b"__name__=\"",
        b"instance=\"\"",
        b"job=\"x\"",
        b"push_time_seconds",
        b" 1700000000000\n",
        b"5e-324",
        b"18446744073709551616",
        b"tenant=\"",
        b"exported_tenant=\"",
        b"\xc3\xbc",
        b"\xff",
        b"\0",
        b"\xe2\x80\xa8",
    ],
};

/// A family of a byte's name takes a place in each of four columns and two maps, and columns double.
const BOUND: Bound = Bound { per_byte: 192, constant: 16 << 10 };

/// What an error may be long: of the body it repeats 64 bytes, each as four at most.
const ERROR_MAX: usize = 512;

/// Reads `data` in both dialects and both schemes of names.
pub fn text(data: &[u8]) -> Seen {
    let strict = read(data, TextDialect::Strict, NameScheme::Classic);
    let lenient = read(data, TextDialect::Lenient, NameScheme::Classic);
    let utf8 = read(data, TextDialect::Lenient, NameScheme::Utf8);
    // Who takes less takes nothing that the other one refuses, and reads it the same.
    let (strict, lenient) = (strict.as_ref().map(shown), lenient.as_ref().map(shown));
    if let (Ok(strict), false) = (&strict, data.contains(&b'\r')) {
        assert_eq!(Some(strict), lenient.as_ref().ok());
    }
    if let Ok(lenient) = &lenient {
        assert_eq!(Some(lenient), utf8.as_ref().map(shown).as_ref().ok());
    }
    let pushed = match utf8 {
        Ok(pushed) => pushed,
        Err(why) => return Seen::refused(&why),
    };
    let metrics = magnitude(pushed.metric_count());
    match exposition::prepared(pushed) {
        Ok(families) => {
            let digest = exposition::hold(&families);
            exposition::hold_casts(PushFormat::Text, data, |body| {
                fuzzing::text(body, TextDialect::Lenient, NameScheme::Utf8).ok()
            });
            let kinds: Vec<_> = families.iter().map(|family| family.kind()).take(3).collect();
            Seen::taken((metrics, kinds.len(), kinds, strict.is_ok(), lenient.is_ok()), digest)
        }
        Err(why) => Seen::refused(&why),
    }
}

fn shown(pushed: &PushedFamilies<'_>) -> u64 {
    hash_of(format!("{pushed:?}"))
}

fn read(data: &[u8], dialect: TextDialect, names: NameScheme) -> Result<PushedFamilies<'_>, String> {
    let read = BOUND.hold(data.len(), || fuzzing::text(data, dialect, names));
    if let Err(error) = &read {
        assert!(error.len() <= ERROR_MAX && !error.contains('\n'), "{error:?}");
    }
    let within = BOUND.hold(data.len(), || fuzzing::text_within(data, dialect, names, &exposition::TIGHT));
    exposition::hold_bounds(&read, &within);
    read
}
