//! Bombs, sent one behind the other by a tenant, and bodies of those who are nobody.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::bombs;
use crate::force::Force;
use crate::force::Tally;
use crate::target::Target;
use crate::wire;
use crate::wire::HTTP1;

const GZIP: &[&str] = &["Content-Encoding: gzip"];
const PROTOBUF: &[&str] =
    &["Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"];

/// A bomb's kind: none may be taken, and none may be our fault.
const BOMB: Attack =
    Attack { by: "tenant", memory_mib: 160, cpu_millis_each: 400, answers: &[400, 413, 429], ..Attack::COMMON };

attacks! {
    a_gzip_bomb_is_refused_at_its_limit:
        Attack { name: "gzip bomb, 32 MiB", run: |t, f| sent(t, f, GZIP, &bombs::gzip()), ..BOMB };
    a_snappy_bomb_is_refused_at_its_limit:
        Attack { name: "snappy bomb, 32 MiB", run: |t, f| sent(t, f, &["Content-Encoding: snappy"], &bombs::snappy()), ..BOMB };
    a_zstd_bomb_is_refused_at_its_limit:
        Attack { name: "zstd bomb, 32 MiB of 1 KiB", run: |t, f| sent(t, f, &["Content-Encoding: zstd"], &bombs::zstd()), ..BOMB };
    a_bomb_within_a_bomb_is_not_opened: Attack {
        name: "gzip in gzip",
        run: |t, f| sent(t, f, &["Content-Encoding: gzip, gzip"], &bombs::gzip()),
        answers: &[400, 413, 415, 429],
        ..BOMB
    };
    a_line_without_end_is_refused:
        Attack { name: "a line of 9 MiB", run: |t, f| sent(t, f, &[], &bombs::long_line()), ..BOMB };
    a_series_of_endless_labels_is_bounded: Attack {
        name: "600,000 labels",
        run: |t, f| sent(t, f, &[], &bombs::many_labels()),
        memory_mib: 256,
        cpu_millis_each: 2000,
        answers: &[200, 400, 413, 429],
        ..BOMB
    };
    a_label_again_and_again_is_refused:
        Attack { name: "one label 1.5 million times", run: |t, f| sent(t, f, &[], &bombs::same_label()), ..BOMB };
    families_without_end_are_bounded: Attack {
        name: "a million families",
        run: |t, f| sent(t, f, &[], &bombs::many_families()),
        memory_mib: 1024,
        cpu_millis_each: 5000,
        answers: &[400, 403, 413, 429],
        ..BOMB
    };
    series_without_end_are_bounded: Attack {
        name: "600,000 series",
        run: |t, f| sent(t, f, &[], &bombs::many_series()),
        memory_mib: 512,
        cpu_millis_each: 5000,
        answers: &[400, 403, 413, 429],
        ..BOMB
    };
    a_length_that_is_claimed_is_not_believed:
        Attack { name: "protobuf that claims 2^62 bytes", run: |t, f| sent(t, f, PROTOBUF, &bombs::claimed_length()), ..BOMB };
    a_message_in_a_message_without_end_is_refused:
        Attack { name: "protobuf groups, a million deep", run: |t, f| sent(t, f, PROTOBUF, &bombs::deep_groups()), ..BOMB };
    metrics_of_two_bytes_are_bounded: Attack {
        name: "protobuf, 4.7 million empty metrics",
        run: |t, f| sent(t, f, PROTOBUF, &bombs::empty_metrics()),
        memory_mib: 1024,
        cpu_millis_each: 5000,
        answers: &[400, 403, 413, 429],
        ..BOMB
    };
    labels_of_two_bytes_are_bounded: Attack {
        name: "protobuf, 4.7 million empty labels",
        run: |t, f| sent(t, f, PROTOBUF, &bombs::empty_labels()),
        ..BOMB
    };
    a_body_of_nobody_is_not_read_into_memory: Attack {
        name: "bodies of 9 MiB without credentials",
        run: bodies_of_a_stranger,
        memory_mib: 32,
        cpu_millis_each: 200,
        answers: &[401],
        ..Attack::COMMON
    };
}

fn sent(target: &Target, force: Force, headers: &[&str], body: &[u8]) -> Tally {
    // The bomb took its time to be made.
    let force = force.begun();
    requests(target, force, &wire::request("PUT", "/metrics/job/bomb", &target.bad, headers, body))
}

fn bodies_of_a_stranger(target: &Target, force: Force) -> Tally {
    requests(target, force, &wire::request("PUT", "/metrics/job/bomb", "", &[], &bombs::long_line()))
}

fn requests(target: &Target, force: Force, request: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let mut line = None;
    while force.goes_on(&tally) {
        let Some(mut open) = line.take().or_else(|| target.attack(HTTP1).ok()) else { continue };
        tally.tries += 1;
        tally.bytes += request.len() as u64;
        match wire::exchange(&mut open, request) {
            Ok((status, kept)) => {
                tally.answered(status);
                line = kept.then_some(open);
            }
            Err(_) => tally.closed += 1,
        }
    }
    tally
}
