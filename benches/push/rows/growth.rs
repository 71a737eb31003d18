//! Whether a push costs more for what is stored already.

use super::Bench;
use super::CONNECTIONS;
use super::stored::values;
use crate::body;
use crate::load;
use crate::load::Manner;
use crate::report::micros;
use crate::server::Server;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let few = Server::ours_of(bench.folder, "100 groups", 1);
    let many = Server::ours_of(bench.folder, "100,000 groups", 1);
    let bodies: Vec<Vec<u8>> = (0..4).map(|round| body::text_of(10, 1, round).into_bytes()).collect();
    let sides = [(&few, few.pushes(&bodies, 100)), (&many, many.pushes(&bodies, bench.of(100_000)))];
    for (_, target) in &sides {
        load::fill(target, &(0..target.groups).collect::<Vec<_>>(), |group| values(10, 1, group));
    }
    println!(
        "one push of 10 series, keep-alive, {CONNECTIONS} connections; every group has its turn, no two neighbours"
    );
    let rounds = bench.beside(&sides, Manner::KeepAlive, CONNECTIONS);
    let reached = rounds[1].cpu().to(&rounds[0].cpu());
    rounds.iter().zip(&sides).for_each(|(rounds, (server, _))| rounds.print(server.name, None));
    let [few, many] = [&rounds[0], &rounds[1]].map(|rounds| micros(rounds.cpu().median()));
    bench.report.line(
        "a push into 100,000 groups, to one into 100",
        "≤ 1.1",
        reached.spread(),
        format!("{many}; {few}"),
    );
}
