//! The rows of the comparison, each of which can be run by itself.

mod during;
mod growth;
mod gzip;
mod memory;
mod pushes;
mod scrape;
mod stored;
mod tenants;

pub(crate) use during::scrape_on;

use super::load::Manner;
use super::load::Target;
use super::peers::Peers;
use super::report::Report;
use super::report::Rounds;
use super::server::Server;
use std::path::Path;
use std::time::Duration;

type Row = fn(&mut Bench<'_>);

/// By the name that asks for it.
pub(crate) const ALL: [(&str, Row); 11] = [
    ("keep-alive", pushes::keep_alive),
    ("fresh", pushes::fresh),
    ("resumed", pushes::resumed),
    ("thousand", pushes::thousand),
    ("growth", growth::measure),
    ("scrape", scrape::measure),
    ("gzip", gzip::measure),
    ("during", during::measure),
    ("memory", memory::measure),
    ("tenants", tenants::measure),
    ("peers", scrape::peers),
];

/// Connections of those rows that ask how many pushes there can be.
const CONNECTIONS: usize = 16;

pub(crate) struct Bench<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) round: Duration,
    pub(crate) rounds: usize,
    /// A tenth of everything that is stored.
    pub(crate) quick: bool,
    pub(crate) peers: Peers,
    pub(crate) report: Report,
}

impl Bench<'_> {
    /// Runs those of the rows that are asked for.
    pub(crate) fn run(&mut self, asked: impl Fn(&str) -> bool) {
        for (name, row) in ALL {
            if asked(name) {
                println!("\n# {name}");
                row(self);
            }
        }
        self.report.print();
    }

    /// The sides take turns, each round begun by another.
    fn beside(&self, sides: &[(&Server, Target<'_>)], manner: Manner, connections: usize) -> Vec<Rounds> {
        let mut figures = vec![Rounds::default(); sides.len()];
        self.in_turn(sides.len(), |side| {
            let (server, target) = &sides[side];
            figures[side].push(server.load_as(target, manner, connections, self.round));
        });
        figures
    }

    /// Calls `each` once for every side and round.
    fn in_turn(&self, sides: usize, mut each: impl FnMut(usize)) {
        for round in 0..self.rounds {
            for side in 0..sides {
                each((side + round) % sides);
            }
        }
    }
}
