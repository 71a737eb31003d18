//! An operator's scrape of everything, beside the same bytes sent ready-made.

use super::Bench;
use super::stored::SMALL_GROUPS;
use super::stored::TENANTS;
use crate::process::Account;
use crate::reader::Reader;
use crate::reader::Scrape;
use crate::report::Figures;
use crate::report::mib;
use crate::report::micros;
use crate::server::Door;
use crate::server::Server;
use std::time::Instant;

/// One scraper of one server.
pub(super) struct Side<'a> {
    pub(super) name: String,
    server: &'a Server,
    reader: Reader,
    gzip: bool,
    pub(super) cpu: Figures,
    pub(super) first: Figures,
    pub(super) total: Figures,
    pub(super) bytes: u64,
}

impl<'a> Side<'a> {
    pub(super) fn new(server: &'a Server, door: Door, gzip: bool) -> Self {
        let name = format!(
            "{}, {}, {}",
            server.name,
            if door.secure { "TLS" } else { "in clear" },
            if gzip { "gzip" } else { "identity" }
        );
        let (cpu, first, total) = <(Figures, Figures, Figures)>::default();
        Self { name, server, reader: Reader::connect(door), gzip, cpu, first, total, bytes: 0 }
    }

    /// One scrape, and what it cost the server in microseconds.
    pub(super) fn once(&mut self) -> (Scrape, f64) {
        let before = self.server.account();
        let scrape = self.reader.scrape(&self.server.operator, self.gzip, |_| {});
        let spent = before.until(&Account::of(&self.server.processes));
        (scrape, spent.cpu.as_secs_f64() * 1e6)
    }

    /// Scrapes one after the other for a round, one at least.
    fn round(&mut self, round: std::time::Duration) {
        let (began, mut cpu, mut first, mut total) = (Instant::now(), vec![], vec![], vec![]);
        while cpu.is_empty() || began.elapsed() < round {
            let (scrape, spent) = self.once();
            self.bytes = scrape.bytes;
            cpu.push(spent);
            first.push(scrape.first.as_secs_f64() * 1e6);
            total.push(scrape.total.as_secs_f64() * 1e6);
        }
        self.note(Figures(cpu).median(), Figures(first).median(), Figures(total).median());
    }

    pub(super) fn note(&mut self, cpu: f64, first: f64, total: f64) {
        self.cpu.push(cpu);
        self.first.push(first);
        self.total.push(total);
    }

    pub(super) fn brief(&self) -> String {
        format!(
            "{} {} of CPU, {} in all, first byte {}, {}",
            self.name,
            micros(self.cpu.median()),
            micros(self.total.median()),
            micros(self.first.median()),
            mib(self.bytes)
        )
    }
}

/// Ours with a million series, and the limit with what it answers an operator, who has scraped it once in both encodings;
/// the CPU of the scrape in gzip, when nothing of it was there.
pub(super) fn servers(bench: &Bench<'_>) -> (Server, Server, f64) {
    let ours = Server::ours_of(bench.folder, "ours", TENANTS);
    SMALL_GROUPS.fill(bench, &ours);
    let mut reader = Reader::connect(ours.door);
    let identity = reader.fetch(&ours.operator, false);
    let before = ours.account();
    let gzip = reader.fetch(&ours.operator, true);
    let everything = before.until(&ours.account()).cpu.as_secs_f64() * 1e6;
    println!(
        "the operator's view: {}, in gzip {}, for which the first time took {} of CPU",
        mib(identity.len() as u64),
        mib(gzip.len() as u64),
        micros(everything)
    );
    let limit = Server::limit_with(bench.folder, &identity, &gzip);
    (ours, limit, everything)
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    let (ours, limit, everything) = servers(bench);
    for (what, gzip, target) in [
        ("a scrape of 1,000,000 series, identity", false, "≤ 1.5 of the limit; first byte ≤ 10 ms"),
        ("the same in gzip, nothing changed", true, "≤ 1.5 of the limit"),
    ] {
        let doors = [ours.door, limit.door, ours.plain.unwrap(), limit.plain.unwrap()];
        let mut sides: Vec<Side<'_>> = [&ours, &limit, &ours, &limit]
            .iter()
            .zip(doors)
            .map(|(server, door)| Side::new(server, door, gzip))
            .collect();
        bench.in_turn(sides.len(), |side| sides[side].round(bench.round / 2));
        sides.iter().for_each(|side| println!("  {}", side.brief()));
        let [secure, plain] = [0, 2].map(|n| sides[n].cpu.to(&sides[n + 1].cpu));
        let [wall, plain_wall] = [0, 2].map(|n| sides[n].total.to(&sides[n + 1].total));
        let mut beside = format!(
            "by the clock {}; in clear {} of its limit, by the clock {}",
            wall.spread(),
            plain.spread(),
            plain_wall.spread()
        );
        beside += &sides.iter().map(|side| format!("; {}", side.brief())).collect::<String>();
        if gzip {
            let part = Figures(sides[0].cpu.0.iter().map(|cpu| cpu / everything).collect());
            beside += &format!("; {} of the first scrape in gzip", part.spread());
        }
        bench.report.line(what, target, secure.spread(), beside);
    }
}

/// What Pushgateway takes for the same.
pub(super) fn peers(bench: &mut Bench<'_>) {
    let Some(pushgateway) = bench.peers.pushgateway(bench.folder, "Pushgateway, unchecked", false) else {
        return;
    };
    SMALL_GROUPS.fill(bench, &pushgateway);
    let mut figures = Vec::new();
    for gzip in [false, true] {
        let mut side = Side::new(&pushgateway, pushgateway.door, gzip);
        let (scrape, cpu) = side.once();
        side.bytes = scrape.bytes;
        side.note(cpu, scrape.first.as_secs_f64() * 1e6, scrape.total.as_secs_f64() * 1e6);
        figures.push(side.brief());
    }
    bench.report.line("Pushgateway's scrape of 1,000,000 series", "", "", figures.join("; "));
}
