//! A million series to begin with.

use super::Bench;
use crate::body;
use crate::load;
use crate::load::Target;
use crate::server::Server;
use std::time::Instant;

/// Tenants among whom they are.
pub(super) const TENANTS: usize = 10;

/// How the million is made up: each group has so many families of so many series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) groups: usize,
    pub(super) families: usize,
    pub(super) series: usize,
}

pub(super) const SMALL_GROUPS: Shape = Shape { groups: 100_000, families: 10, series: 1 };
pub(super) const LARGE_GROUPS: Shape = Shape { groups: 1_000, families: 20, series: 50 };

impl Bench<'_> {
    /// So many, or a tenth of them.
    pub(super) fn of(&self, all: usize) -> usize {
        if self.quick { all / 10 } else { all }
    }
}

pub(super) fn values(families: usize, series: usize, round: usize) -> Vec<u8> {
    body::text_of(families, series, round).into_bytes()
}

impl Shape {
    pub(super) fn target<'a>(&self, bench: &Bench<'_>, server: &'a Server) -> Target<'a> {
        let tenants = server.authorizations.len();
        Target { each_has_groups: true, ..server.target(&server.authorizations, "", bench.of(self.groups) / tenants) }
    }

    /// How many groups there are, of all tenants.
    pub(super) fn all(&self, bench: &Bench<'_>) -> usize {
        bench.of(self.groups)
    }

    /// Pushes these groups, with values that none of them had in another round.
    pub(super) fn push(&self, target: &Target<'_>, groups: &[usize], round: usize) {
        load::fill(target, groups, |group| values(self.families, self.series, group + round * 37));
    }

    pub(super) fn fill(&self, bench: &Bench<'_>, server: &Server) {
        let began = Instant::now();
        let all: Vec<usize> = (0..self.all(bench)).collect();
        self.push(&self.target(bench, server), &all, 0);
        let Self { families, series, .. } = self;
        println!(
            "{}: {} groups of {families} × {series} series in {} tenants, filled in {:.1} s",
            server.name,
            all.len(),
            server.authorizations.len(),
            began.elapsed().as_secs_f64()
        );
    }
}
