//! Heads that are too much: of HTTP/1.1 as bytes, of HTTP/2 as header blocks.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::frames;
use crate::frames::CONTINUATION;
use crate::frames::END_HEADERS;
use crate::frames::END_STREAM;
use crate::frames::HEADERS;
use crate::frames::PAYLOAD_MAX;
use crate::target::Target;
use crate::wire;
use crate::wire::HTTP1;
use crate::wire::HTTP2;
use std::io::Write;

const MIB: usize = 1 << 20;

/// Most of what each costs is its handshake.
const HEAD: Attack = Attack { cpu_millis_each: 5, answers: &[400, 414, 431], ..Attack::COMMON };
/// A connection's worth of frames, and the connection ends.
const BLOCK: Attack = Attack { most: 2_000_000, ..Attack::COMMON };

attacks! {
    ten_thousand_headers_are_refused: Attack { name: "10,000 headers", run: many_headers, ..HEAD };
    a_header_of_a_mebibyte_is_refused: Attack { name: "a header of 1 MiB", run: huge_header, ..HEAD };
    a_path_of_a_mebibyte_is_refused: Attack { name: "a path of 1 MiB", run: huge_path, ..HEAD };
    a_header_block_without_end_ends_its_connection:
        Attack { name: "HTTP/2 CONTINUATION without end", run: continuations, ..BLOCK };
    a_header_block_of_nothing_ends_its_connection:
        Attack { name: "HTTP/2 CONTINUATION with nothing in it", run: empty_continuations, ..BLOCK };
    a_table_that_is_named_without_end_holds_no_memory: Attack { name: "HPACK bomb, 47 MiB of 16 KiB", run: hpack_bomb, ..BLOCK };
}

/// Ten thousand headers.
pub(crate) fn many_headers(target: &Target, force: Force) -> Tally {
    heads(target, force, &(wire::head("GET", "/metrics", "", &["a: b"; 10_000]) + "\r\n"))
}

/// One, of a mebibyte.
pub(crate) fn huge_header(target: &Target, force: Force) -> Tally {
    let header = format!("X-Huge: {}", "x".repeat(MIB));
    heads(target, force, &(wire::head("GET", "/metrics", "", &[&header]) + "\r\n"))
}

/// A path of a mebibyte.
pub(crate) fn huge_path(target: &Target, force: Force) -> Tally {
    heads(target, force, &(wire::head("GET", &format!("/{}", "x".repeat(MIB)), "", &[]) + "\r\n"))
}

fn heads(target: &Target, force: Force, head: &str) -> Tally {
    let mut tally = Tally::default();
    while force.goes_on(&tally) {
        tally.tries += 1;
        tally.bytes += head.len() as u64;
        let Ok(mut line) = target.attack(HTTP1) else { continue };
        // The rest of the head meets a closed door, and the answer may be lost with it.
        match wire::exchange(&mut line, head.as_bytes()) {
            Ok((status, _)) => tally.answered(status),
            Err(_) => tally.closed += 1,
        }
    }
    tally
}

/// A header block without end, in full frames.
pub(crate) fn continuations(target: &Target, force: Force) -> Tally {
    // A literal whose value is said to be longer than it ever gets, so that nothing of it can be decoded.
    endless_block(target, force, &[0; PAYLOAD_MAX])
}

/// The same in frames with nothing in them, which cost the attacker nine bytes each.
pub(crate) fn empty_continuations(target: &Target, force: Force) -> Tally {
    endless_block(target, force, b"")
}

fn endless_block(target: &Target, force: Force, payload: &[u8]) -> Tally {
    let begin = frames::frame(HEADERS, END_STREAM, 1, &frames::block("GET", "/metrics", ""));
    let opening = [frames::opening(), begin].concat();
    let more = frames::frame(CONTINUATION, 0, 1, payload);
    let frames_at_once = (PAYLOAD_MAX / more.len()).max(1);
    let batch = more.repeat(frames_at_once);
    let mut tally = Tally::default();
    while force.goes_on(&tally) {
        let Ok(mut line) = target.attack(HTTP2) else { continue };
        let mut sent = line.write_all(&opening).is_ok();
        while sent && force.goes_on(&tally) {
            tally.tries += frames_at_once as u64;
            tally.bytes += batch.len() as u64;
            sent = line.write_all(&batch).is_ok() && !wire::drain(&mut line).closed;
        }
        tally.closed += u64::from(!sent);
    }
    tally
}

/// One field of the dynamic table, and a block that names it thousands of times: megabytes from kilobytes.
pub(crate) fn hpack_bomb(target: &Target, force: Force) -> Tally {
    let filled = [frames::block("GET", "/metrics", ""), frames::remembered("a", &"x".repeat(4000))].concat();
    let named = vec![frames::LATEST; PAYLOAD_MAX - filled.len()];
    let block = frames::frame(HEADERS, END_STREAM | END_HEADERS, 1, &[filled, named].concat());
    let bytes = [frames::opening(), block].concat();
    let mut tally = Tally::default();
    while force.goes_on(&tally) {
        let Ok(mut line) = target.attack(HTTP2) else { continue };
        tally.tries += 1;
        tally.bytes += bytes.len() as u64;
        // Until the gateway says something about it: more than its own SETTINGS.
        let sent = line.write_all(&bytes).is_ok();
        tally.closed += u64::from(sent && wire::read_until_closed(&mut line, 64));
    }
    tally
}
