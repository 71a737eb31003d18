//! What stands in a request's head, and before it.

use crate::Seed;
use crate::texts;

pub(crate) fn url_paths() -> Vec<Seed> {
    texts(&[
        ("plain", "/x"),
        ("instance", "/x/instance/10.0.0.1:9100"),
        ("trailing-empty", "/x/a/"),
        ("empty-label", "/x/instance//a/b"),
        ("base64-job", "@base64/dGVzdC9qb2I=/instance@base64/dGVzdGluc3RhbmNl"),
        ("base64-empty", "/x/a@base64/=/b/c"),
        ("base64-bits", "@base64/eB/a@base64/e%0Aw"),
        ("twice", "/x/a/1/a/2/job/y"),
        ("percent", "/a%2Fb%2Fc/Bj%C3%B6rn/x"),
        ("escaped-name", "/x/U__a_2e_b@base64/eA/%C3%BC/1"),
        ("escaped-twins", "/x/a_b/1/U__a_2e_b/2"),
        ("not-escaped", "/x/U__a_110000_/v/U__a_d800_/v"),
        ("odd", "/x/a"),
        ("not-utf8", "/%FF"),
        ("nul", "/x/a/%00"),
        ("no-job", "@base64/="),
        ("reserved", "/x/__a/v"),
        ("bad-percent", "/x%2"),
    ])
}

pub(crate) fn accepts() -> Vec<Seed> {
    texts(&[
        ("any", "*/*"),
        ("text", "text/plain;version=0.0.4"),
        ("text-one", "text/plain;version=\"1.0.0\";escaping=allow-utf-8"),
        (
            "scraper",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.3,*/*;q=0.1",
        ),
        (
            "protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=dots;q=0.6",
        ),
        ("two-headers", "text/html;escaping=values\ntext/plain;q=0.5"),
        ("quotes", ";;;,,,=;q=;\"\\\";\",text/plain;x=\",\""),
    ])
}

pub(crate) fn proxies() -> Vec<Seed> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    let second = |rest: &[u8]| [SIGNATURE, rest].concat();
    vec![
        ("one-tcp4", b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\r\n".to_vec()),
        ("one-tcp6", b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 443\r\n".to_vec()),
        ("one-mapped", b"PROXY TCP6 ::ffff:192.0.2.1 ::1 0 1\r\n".to_vec()),
        ("one-unknown", b"PROXY UNKNOWN ffff:f 65535\r\n".to_vec()),
        ("one-cut", b"PROXY TCP4 192.0.2.1 ".to_vec()),
        ("two-tcp4", second(b"\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\xc8\x22\x01\xbb")),
        ("two-tlv", second(b"\x21\x11\0\x10\xc0\0\x02\x01\xc0\0\x02\x02\xc8\x22\x01\xbb\x04\0\x01\0")),
        ("two-tcp6", second(&[b"\x21\x21\0\x24".as_slice(), &[0x20; 16], &[1; 16], b"\xc8\x22\x01\xbb"].concat())),
        ("two-local", second(b"\x20\0\0\0")),
        ("two-datagram", second(b"\x21\x12\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\xc8\x22\x01\xbb")),
        ("two-cut", SIGNATURE.to_vec()),
        ("tls", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("http", b"PUT /metrics/job/x HTTP/1.1\r\n\r\n".to_vec()),
    ]
}
