//! What a million series cost in the store: memory for each byte of their tenants' views, and the time of a push.
//!
//!     cargo bench --bench store -- groups|series [rounds]
//!     cargo bench --bench store -- groups|series scrapes
//!
//! In one process, without sockets, so that `/proc/self` and callgrind see the store and little else. `groups` are 100,000
//! groups of 10 families of one series, `series` are 1,000 groups of 20 families of 50.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench says what it found and how long it took, and may fail"
)]

mod scrapes;

use pushward::exposition;
use pushward::exposition::Escaping;
use pushward::exposition::FleetLabels;
use pushward::exposition::Shown;
use pushward::exposition::write_header;
use pushward::exposition::write_lines;
use pushward::model::Durability;
use pushward::model::GroupingKey;
use pushward::model::NameScheme;
use pushward::model::Quota;
use pushward::model::SeriesHasher;
use pushward::model::TenantId;
use pushward::model::TextDialect;
use pushward::model::Timestamp;
use pushward::namespace::FleetScope;
use pushward::namespace::Scope;
use pushward::store::FleetPiece;
use pushward::store::MemoryJournal;
use pushward::store::Method;
use pushward::store::Piece;
use pushward::store::Push;
use pushward::store::Store;
use pushward::store::TenantTerms;
use std::fmt::Write;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// Between how many tenants the groups are divided.
const TENANTS: usize = 10;

#[derive(Clone, Copy)]
struct Shape {
    groups: usize,
    families: usize,
    series: usize,
}

impl Shape {
    fn key(group: usize) -> GroupingKey {
        let instance = format!("host-{:04}.example:9100", group % 5_000);
        GroupingKey::new(&format!("backup-{}", group / 5_000), [("instance", instance)]).unwrap()
    }

    fn body(self, round: usize, group: usize) -> String {
        let mut body = String::new();
        for family in 0..self.families {
            let name = format!("backup_step_{family:02}_duration_seconds");
            writeln!(body, "# HELP {name} How long this step took.\n# TYPE {name} gauge").unwrap();
            for series in 0..self.series {
                let value = (group * 31 + series * 7 + family + round * 13) % 100_000;
                match self.series {
                    1 => writeln!(body, "{name} {value}.{round}").unwrap(),
                    _ => writeln!(body, "{name}{{part=\"p{series:02}\"}} {value}.{round}").unwrap(),
                }
            }
        }
        body
    }
}

struct Bench {
    shape: Shape,
    store: Store,
    hasher: SeriesHasher,
    scopes: Vec<Scope>,
}

impl Bench {
    fn new(shape: Shape) -> Self {
        let quota = Quota { groups_max: 1 << 40, series_max: 1 << 40, stored_bytes_max: 1 << 40 };
        let terms = TenantTerms { quota, durability: Durability::Memory };
        let names: Vec<String> = (0..TENANTS).map(|n| format!("tenant-{n}")).collect();
        let tenants = names.iter().map(|name| (TenantId::parse(name).unwrap(), terms));
        let hasher = SeriesHasher::with_key([7; 16]);
        let identify = Arc::new(exposition::StoredSeries(hasher.clone()));
        let store = Store::new(tenants, &[], Arc::new(MemoryJournal), exposition::OWN_GAUGES, identify);
        let scopes = names.iter().map(|name| Scope::for_test(name)).collect();
        Self { shape, store, hasher, scopes }
    }

    fn push(&self, round: usize, group: usize) {
        let body = self.shape.body(round, group);
        let key = Shape::key(group);
        let parsed = exposition::text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        let families = exposition::prepare(parsed, &key, &self.hasher, "tenant", u64::MAX).unwrap();
        let push = Push::new(key, Method::Replace, families, Timestamp::from_unix_nanos(1_700_000_000_123_456_789));
        self.store.push(&self.scopes[group % TENANTS], push).wait().unwrap();
    }

    fn tenant_view(&self, scope: &Scope, mut sink: impl FnMut(&[u8])) {
        let mut snapshot = self.store.snapshot(scope);
        let shown = Shown::to_tenant(Escaping::Underscores);
        let mut out = Vec::new();
        while let Some(piece) = snapshot.read() {
            match piece {
                Piece::Family { name, kind, help } => write_header(&mut out, name, kind, help, Escaping::Underscores),
                Piece::Lines(sheet) => {
                    let mut row = 0;
                    while let Some((family, next)) = sheet.run(row) {
                        write_lines(&mut out, family, family.lines, &shown, None);
                        row = next;
                    }
                }
            }
            if out.len() > 64 << 10 {
                sink(&out);
                out.clear();
            }
        }
        sink(&out);
    }

    fn fleet_view(&self, mut sink: impl FnMut(&[u8])) {
        let mut snapshot = self.store.fleet_snapshot(&FleetScope::for_test(None));
        let mut out = Vec::new();
        while let Some(piece) = snapshot.read() {
            match piece {
                FleetPiece::Family { name, kind, help } => {
                    write_header(&mut out, name, kind, help, Escaping::Underscores);
                }
                FleetPiece::Lines { tenant, sheet, only } => {
                    let labels = FleetLabels::new("tenant", tenant, false);
                    let shown = Shown::to_operator(Escaping::Underscores, &labels);
                    let mut row = 0;
                    while let Some((family, next)) = sheet.run(row) {
                        write_lines(&mut out, family, family.lines, &shown, only);
                        row = next;
                    }
                }
            }
            if out.len() > 64 << 10 {
                sink(&out);
                out.clear();
            }
        }
        sink(&out);
    }
}

/// Of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// On the processor, of this thread.
fn spent() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let before = spent();
    let done = work();
    println!("{what}: {:?}", spent() - before);
    done
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let shape = match words.next().as_deref() {
        Some("series") => Shape { groups: 1_000, families: 20, series: 50 },
        _ => Shape { groups: 100_000, families: 10, series: 1 },
    };
    let rounds: usize = match words.next().as_deref() {
        Some("scrapes") => return scrapes::run(shape, 1),
        rounds => rounds.map_or(3, |rounds| rounds.parse().unwrap()),
    };
    let bench = Bench::new(shape);
    let before = resident();
    for round in 0..rounds {
        timed(&format!("push of all groups, round {round}"), || {
            (0..shape.groups).for_each(|group| bench.push(round, group))
        });
        println!("  resident {} MiB", (resident() - before) >> 20);
        if round == 0 {
            timed("fleet, identity", || bench.fleet_view(|_| ()));
        }
    }
    let mut views = 0;
    timed("tenants, identity", || {
        bench.scopes.iter().for_each(|scope| bench.tenant_view(scope, |out| views += out.len()));
    });
    let mut fleet = 0;
    timed("fleet, identity", || bench.fleet_view(|out| fleet += out.len()));
    timed("fleet, identity", || bench.fleet_view(|_| ()));
    let taken = resident() - before;
    let accounted = bench.store.stored_bytes();
    println!("views {views}, fleet {fleet}, resident {taken}, accounted {accounted}");
    println!("resident / views {:.2}", taken as f64 / views as f64);
    println!("accounted / resident {:.2}", accounted as f64 / taken as f64);
}
