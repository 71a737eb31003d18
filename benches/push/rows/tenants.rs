//! Many tenants beside one: a push, and a scrape of a tenant's own view.

use super::Bench;
use super::CONNECTIONS;
use super::stored::Shape;
use crate::body;
use crate::load::Manner;
use crate::load::Target;
use crate::reader::Reader;
use crate::report::Figures;
use crate::report::micros;
use crate::server::Server;
use std::time::Instant;

/// Of each tenant.
const GROUPS: usize = 100;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let tenants = bench.of(5_000);
    let one = Server::ours_of(bench.folder, "one tenant", 1);
    let many = Server::ours_of(bench.folder, "5,000 tenants", tenants);
    for server in [&one, &many] {
        let groups = GROUPS * server.authorizations.len();
        let shape = Shape { groups, families: 10, series: 1 };
        let target = Target { each_has_groups: true, ..server.target(&server.authorizations, "", GROUPS) };
        shape.push(&target, &(0..groups).collect::<Vec<_>>(), 0);
    }
    println!("{tenants} tenants of {GROUPS} groups of 10 series, each with its token, and one such tenant");
    let bodies: Vec<Vec<u8>> = (0..4).map(|round| body::text_of(10, 1, round).into_bytes()).collect();
    let sides =
        [&one, &many].map(|server| (server, Target { each_has_groups: true, ..server.pushes(&bodies, GROUPS) }));
    let rounds = bench.beside(&sides, Manner::KeepAlive, CONNECTIONS);
    rounds.iter().zip(&sides).for_each(|(rounds, (server, _))| rounds.print(server.name, None));
    let reached = rounds[1].cpu().to(&rounds[0].cpu());
    let [few, lots] = [&rounds[0], &rounds[1]].map(|rounds| micros(rounds.cpu().median()));
    bench.report.line(
        "a push, 5,000 tenants × 100 groups to one",
        "≤ 1.15",
        reached.spread(),
        format!("{lots}; {few}"),
    );

    let mut readers = [&one, &many].map(|server| (server, Reader::connect(server.door), 0_usize));
    let mut figures: [[Figures; 2]; 2] = Default::default();
    bench.in_turn(2, |side| {
        let (server, reader, next) = &mut readers[side];
        let (began, before, mut scrapes) = (Instant::now(), server.account(), 0);
        while began.elapsed() < bench.round {
            // A prime, so that no tenant comes again before all others.
            *next = (*next + 7919) % server.authorizations.len();
            reader.scrape(&server.authorizations[*next], false, |_| {});
            scrapes += 1;
        }
        let spent = before.until(&server.account());
        figures[side][0].push(spent.cpu.as_secs_f64() * 1e6 / f64::from(scrapes));
        figures[side][1].push(spent.wall.as_secs_f64() * 1e6 / f64::from(scrapes));
    });
    let [[few, few_wall], [lots, lots_wall]] = &figures;
    let beside = format!(
        "{}; {}; by the clock {}",
        micros(lots.median()),
        micros(few.median()),
        lots_wall.to(few_wall).spread()
    );
    bench.report.line("a tenant's scrape, the same", "≤ 1.15", lots.to(few).spread(), beside);
}
