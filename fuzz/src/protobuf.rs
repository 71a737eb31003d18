//! A body of delimited protobuf messages.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::exposition;
use crate::seen::magnitude;
use pushward::exposition::PushFormat;
use pushward::fuzzing;
use pushward::model::NameScheme;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "protobuf",
    run: protobuf,
    bytes_max: 4 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"\x0a\x01a",
        b"\x12\x01h",
        b"\x18\x04",
        b"\x18\x00",
        b"\x18\x05",
        b"\x22\x00",
        b"\x22\x0b\x12\x09\x09\0\0\0\0\0\0\xf0\x3f",
        b"\x0a\x06\x0a\x01l\x12\x01v",
        b"\x3a\x02\x08\x01",
        b"\x1a\x00",
        b"\x30\x00",
        b"\x28\x10",
        b"\x6a\x01\x02",
        b"\x62\x04\x08\x00\x10\x01",
        b"\xff\xff\xff\xff\x0f",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x80\x00",
        b"\0\0\0\0\0\0\xf8\x7f",
        b"\0\0\0\0\0\0\xf0\x7f",
    ],
};

/// A label of two bytes takes 48 in its column, and columns double.
const BOUND: Bound = Bound { per_byte: 192, constant: 16 << 10 };

const ERROR_MAX: usize = 512;

/// Reads `data` in both schemes of names.
pub fn protobuf(data: &[u8]) -> Seen {
    let classic = BOUND.hold(data.len(), || fuzzing::protobuf(data, NameScheme::Classic));
    let pushed = BOUND.hold(data.len(), || fuzzing::protobuf(data, NameScheme::Utf8));
    if let Ok(classic) = &classic {
        let utf8 = pushed.as_ref().expect("what is classic is UTF-8");
        assert_eq!(format!("{classic:?}"), format!("{utf8:?}"));
    }
    let within = BOUND.hold(data.len(), || fuzzing::protobuf_within(data, NameScheme::Utf8, &exposition::TIGHT));
    exposition::hold_bounds(&pushed, &within);
    let why = match pushed {
        Ok(pushed) => {
            let metrics = magnitude(pushed.metric_count());
            match exposition::prepared(pushed) {
                Ok(families) => {
                    let digest = exposition::hold(&families);
                    exposition::hold_casts(PushFormat::Protobuf, data, |body| {
                        fuzzing::protobuf(body, NameScheme::Utf8).ok()
                    });
                    let kinds: Vec<_> =
                        families.iter().map(|family| (family.kind(), family.proto().is_some())).take(3).collect();
                    return Seen::taken((metrics, kinds, classic.is_ok()), digest);
                }
                Err(why) => why,
            }
        }
        Err(why) => why,
    };
    assert!(why.len() <= ERROR_MAX && !why.contains('\n'), "{why:?}");
    Seen::refused(&why)
}
