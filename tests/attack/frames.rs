//! HTTP/2 frames by hand: what no library would send (RFC 9113, RFC 7541).

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// The largest payload there may be unless a larger one was agreed on.
pub(crate) const PAYLOAD_MAX: usize = 16 * 1024;
const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];

/// `payload` is at most 2^24 - 1 bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a connection begins with.
pub(crate) fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
}

/// The same, and no byte of an answer may be sent until the window is opened.
pub(crate) fn opening_without_window() -> Vec<u8> {
    let setting = [&INITIAL_WINDOW_SIZE[..], &0_u32.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
}

/// A whole request, without a body unless one is to follow.
pub(crate) fn request(stream: u32, method: &str, path: &str, authorization: &str, body_follows: bool) -> Vec<u8> {
    let flags = END_HEADERS | if body_follows { 0 } else { END_STREAM };
    frame(HEADERS, flags, stream, &block(method, path, authorization))
}

/// The fields of a request, each as a literal that is not indexed.
pub(crate) fn block(method: &str, path: &str, authorization: &str) -> Vec<u8> {
    let mut fields = vec![(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)];
    if !authorization.is_empty() {
        fields.push(("authorization", authorization));
    }
    fields.into_iter().flat_map(|(name, value)| literal(0, name, value)).collect()
}

/// A field that goes into the dynamic table, where it is then [`LATEST`].
pub(crate) fn remembered(name: &str, value: &str) -> Vec<u8> {
    literal(0x40, name, value)
}

/// The newest entry of the dynamic table: behind the 61 static ones.
pub(crate) const LATEST: u8 = 0x80 | 62;

fn literal(pattern: u8, name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![pattern];
    for text in [name, value] {
        field.extend(length(text.len()));
        field.extend(text.as_bytes());
    }
    field
}

/// An integer with a prefix of seven bits, as lengths have (RFC 7541 §5.1).
fn length(length: usize) -> Vec<u8> {
    if length < 127 {
        return vec![u8::try_from(length).unwrap()];
    }
    let (mut bytes, mut rest) = (vec![127], length - 127);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}
