//! A client's chain of certificates, as it says of itself.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::seen::magnitude;
use pushward::fuzzing;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "certificate",
    run: certificate,
    bytes_max: 8 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"spiffe://edge.example.org/",
        b"spiffe://",
        b"/../",
        b"%2f",
        b"\x06\x03\x55\x1d\x11",
        b"\x06\x03\x55\x1d\x0f",
        b"\x06\x03\x55\x1d\x13",
        b"\x86",
        b"\x82",
        b"\x81",
        b"\x30\x80",
        b"\x30\x82",
        b"\x01\x01\xff",
        b"\x03\x02\x07\x80",
        b"\x84\xff\xff\xff\xff",
    ],
};

/// A name of two bytes takes a text and its place in a list; extensions are read into a map besides.
const BOUND: Bound = Bound { per_byte: 128, constant: 16 << 10 };

const DOMAIN: &str = "edge.example.org";

/// Reads `data` as a chain of one; and of two, cut in the middle.
pub fn certificate(data: &[u8]) -> Seen {
    let (front, back) = data.split_at(data.len() / 2);
    let two = BOUND.hold(data.len(), || fuzzing::certificate(&[front, back]));
    let one = BOUND.hold(data.len(), || fuzzing::certificate(&[data]));
    assert!(one.is_err() || two.is_err(), "half a certificate is none");
    if let Ok(read) = &one {
        assert!(read.serials.len() == 1 && read.serials[0].first() != Some(&0));
    }
    let spiffe = fuzzing::spiffe_id(&[data], DOMAIN);
    if let Ok(id) = &spiffe {
        let read = one.as_ref().expect("an SVID is a certificate");
        assert_eq!(read.uris, [&**id]);
        assert!(!read.is_ca);
        let path = id.strip_prefix("spiffe://edge.example.org/").expect("of the trust domain");
        assert!(path.split('/').all(|segment| !["", ".", ".."].contains(&segment)));
        assert!(id.len() <= 2048 && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%'));
    }
    match one.or(two) {
        Ok(read) => {
            let shape = (magnitude(read.uris.len()), magnitude(read.dns.len()), magnitude(read.emails.len()));
            Seen::taken((shape, magnitude(read.common_names.len()), read.is_ca, spiffe.err()), &read)
        }
        Err(why) => Seen::refused(why),
    }
}
