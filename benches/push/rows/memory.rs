//! What a million series take of memory, beside their text, and what a scrape takes more.

use super::Bench;
use super::stored::LARGE_GROUPS;
use super::stored::SMALL_GROUPS;
use super::stored::Shape;
use super::stored::TENANTS;
use crate::process::forget_peak;
use crate::process::resident;
use crate::reader::Reader;
use crate::report::mib;
use crate::server::Server;

pub(super) fn measure(bench: &mut Bench<'_>) {
    for (what, shape) in [("100,000 groups × 10 × 1", SMALL_GROUPS), ("1,000 groups × 20 × 50", LARGE_GROUPS)] {
        of(bench, what, shape);
    }
}

fn of(bench: &mut Bench<'_>, what: &str, shape: Shape) {
    let server = Server::ours_of(bench.folder, "ours", TENANTS);
    let now = || resident(server.id())[0];
    let empty = now();
    shape.fill(bench, &server);
    let filled = now();
    let view: u64 = server
        .authorizations
        .iter()
        .map(|tenant| Reader::connect(server.door).scrape(tenant, false, |_| {}).bytes)
        .sum();
    let in_both = || [false, true].map(|gzip| extra(&server, gzip));
    let cold = in_both();
    let target = shape.target(bench, &server);
    let all: Vec<usize> = (0..shape.all(bench)).collect();
    shape.push(&target, &all, 1);
    shape.push(&target, &all, 2);
    let pushed = now();
    let warm = in_both();
    let end = now();
    let of_view = |bytes: u64| bytes as f64 / view as f64;
    let beside = format!(
        "views {}; resident {} empty, {} filled ({:.2}), {} pushed twice again ({:.2}), {} after two scrapes more",
        mib(view),
        mib(empty),
        mib(filled),
        of_view(filled),
        mib(pushed),
        of_view(pushed),
        mib(end)
    );
    let reached = format!("{:.2}", of_view(pushed.max(end)));
    bench.report.line(&format!("memory of 1,000,000 series, {what}"), "≤ 2.0 of the tenants' views", reached, beside);
    let [[identity, gzip], [identity_again, gzip_again]] = [cold, warm].map(|extras| extras.map(mib));
    let reached = format!("identity {identity}, then {identity_again}; gzip {gzip}, then {gzip_again}");
    bench.report.line(&format!("more memory during a scrape, {what}"), "≤ 16 MiB each", reached, "");
}

/// How far an operator's scrape lifts what is resident over what it was before.
fn extra(server: &Server, gzip: bool) -> u64 {
    let mut reader = Reader::connect(server.door);
    forget_peak(server.id());
    let [before, _] = resident(server.id());
    reader.scrape(&server.operator, gzip, |_| {});
    let [_, peak] = resident(server.id());
    peak.saturating_sub(before)
}
