//! The store by itself: families are made by hand, journals fail on demand.

mod commit;
mod cost;
mod fleet;
mod history;
mod judgement;
mod names;
mod overwriting;
mod pages;
mod quota;
mod reading;
mod restore;
mod space;
mod tenants;
mod wipe;

use super::Entry;
use super::FleetPiece;
use super::Journal;
use super::JournalError;
use super::MemoryJournal;
use super::Method;
use super::Piece;
use super::Push;
use super::Refusal;
use super::Sheet;
use super::Snapshot;
use super::Store;
use super::TenantTerms;
use crate::config::Namespace;
use crate::model::Durability;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::IdentifySeries;
use crate::model::MetricKind;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::Quota;
use crate::model::Series;
use crate::model::SeriesHasher;
use crate::model::SeriesId;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROOMY: Quota = Quota { groups_max: 1000, series_max: 10_000, stored_bytes_max: 1 << 30 };

fn key(job: &str, labels: &[(&str, &str)]) -> GroupingKey {
    GroupingKey::new(job, labels.iter().copied()).unwrap()
}

/// A family with one line for each of `series`, a set of labels each, written the plain way.
fn family(key: &GroupingKey, name: &str, kind: MetricKind, help: &str, series: &[&[(&str, &str)]]) -> PreparedFamily {
    let hasher = SeriesHasher::with_key([3; 16]);
    let mut lines = String::new();
    let mut ids = Vec::new();
    for labels in series {
        let mut all: BTreeMap<&str, &str> = labels.iter().copied().collect();
        all.extend(key.labels());
        all.entry("instance").or_default();
        let text: Vec<String> = all.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let suffix = if kind == MetricKind::Histogram { "_count" } else { "" };
        lines.push_str(&format!("{name}{suffix}{{{}}} 1\n", text.join(",")));
        ids.push(hasher.id(name, all.into_iter()));
    }
    PreparedFamily::from(PreparedParts {
        name: name.into(),
        kind,
        help: help.into(),
        lines: lines.into_bytes().into(),
        line_count: u32::try_from(series.len()).unwrap(),
        series: ids.into(),
        renamed: false,
        proto: Box::default(),
        utf8: false,
    })
}

fn gauge(key: &GroupingKey, name: &str) -> PreparedFamily {
    family(key, name, MetricKind::Gauge, "", &[&[]])
}

/// `name{job="…"} seconds`, enough to be told apart.
fn own_gauge(gauge: OwnGauge, key: &GroupingKey, at: Option<Timestamp>) -> PreparedFamily {
    let seconds = at.map_or(0, Timestamp::unix_seconds);
    PreparedFamily::from(PreparedParts {
        name: gauge.name().into(),
        kind: MetricKind::Gauge,
        help: gauge.help().into(),
        lines: format!("{}{key:?} {seconds}\n", gauge.name()).into_bytes().into(),
        line_count: 1,
        series: Series::default(),
        renamed: false,
        proto: Box::default(),
        utf8: false,
    })
}

const OWN_GAUGES: WriteOwnGauge = WriteOwnGauge { whole: own_gauge, at_moment };

fn at_moment(line: &[u8], at: Option<Timestamp>) -> Vec<u8> {
    let line = std::str::from_utf8(line).unwrap();
    let (head, _) = line.rsplit_once(' ').unwrap();
    format!("{head} {}\n", at.map_or(0, Timestamp::unix_seconds)).into_bytes()
}

fn terms(tenants: &[&str], quota: Quota) -> Vec<(TenantId, TenantTerms)> {
    let terms = TenantTerms { quota, durability: Durability::Memory };
    tenants.iter().map(|name| (TenantId::parse(name).unwrap(), terms)).collect()
}

fn store_with(tenants: &[&str], quota: Quota, journal: Arc<dyn Journal>) -> Store {
    Store::new(terms(tenants, quota), &Namespace::default().names_reserved, journal, OWN_GAUGES, Arc::new(PlainSeries))
}

/// A store all of whose tenants' writes are journalled.
fn durable(tenants: &[&str], quota: Quota, journal: Arc<dyn Journal>) -> Store {
    let terms = TenantTerms { quota, durability: Durability::Fsync };
    let tenants = tenants.iter().map(|name| (TenantId::parse(name).unwrap(), terms));
    Store::new(tenants, &Namespace::default().names_reserved, journal, OWN_GAUGES, Arc::new(PlainSeries))
}

fn store(tenants: &[&str]) -> Store {
    store_with(tenants, ROOMY, Arc::new(MemoryJournal))
}

fn push(
    store: &Store,
    tenant: &str,
    key: &GroupingKey,
    method: Method,
    families: &[PreparedFamily],
    at: i64,
) -> Result<(), Refusal> {
    let push = Push::new(key.clone(), method, families.to_vec(), Timestamp::from_unix_seconds(at));
    store.push(&Scope::for_test(tenant), push).wait()
}

fn delete(store: &Store, tenant: &str, key: &GroupingKey) -> Result<(), Refusal> {
    store.delete(&Scope::for_test(tenant), key).wait()
}

/// Notes a refusal, which is its answer.
fn note_failure(store: &Store, tenant: &str, key: &GroupingKey, at: i64) -> Result<(), Refusal> {
    let refusal = Refusal::Inconsistent("elsewhere".to_owned());
    match store.refuse(&Scope::for_test(tenant), key, Timestamp::from_unix_seconds(at), refusal.clone()).wait() {
        Err(other) if other == refusal => Ok(()),
        other => other,
    }
}

fn replace(store: &Store, tenant: &str, key: &GroupingKey, families: &[PreparedFamily]) -> Result<(), Refusal> {
    push(store, tenant, key, Method::Replace, families, 7)
}

/// The lines of a page, run by run.
fn text_of(sheet: &Sheet) -> String {
    let (mut text, mut row) = (String::new(), 0);
    while let Some((family, next)) = sheet.run(row) {
        text.push_str(std::str::from_utf8(family.lines).unwrap());
        row = next;
    }
    text
}

/// The identities of lines as [`family`] writes them.
#[derive(Debug)]
struct PlainSeries;

impl IdentifySeries for PlainSeries {
    fn series(&self, family: FamilyView<'_>) -> Box<[SeriesId]> {
        let hasher = SeriesHasher::with_key([3; 16]);
        let lines = std::str::from_utf8(family.lines).unwrap().lines();
        let ids = lines.map(|line| {
            let labels = line.split_once('{').unwrap().1.split_once('}').unwrap().0;
            let labels = labels.split(',').map(|label| label.split_once('=').unwrap());
            hasher.id(family.name, labels.map(|(name, value)| (name, value.trim_matches('"'))))
        });
        ids.collect()
    }
}

/// A tenant's view as text, as plainly as can be.
fn view(store: &Store, scope: &Scope) -> String {
    text_from(store.snapshot(scope))
}

fn text_from(mut snapshot: Snapshot) -> String {
    let mut text = String::new();
    while let Some(piece) = snapshot.read() {
        match piece {
            Piece::Family { name, kind, help } => text.push_str(&format!("# {name} {kind} {help}\n")),
            Piece::Lines(sheet) => text.push_str(&text_of(&sheet)),
        }
    }
    text
}

fn tenant_view(store: &Store, tenant: &str) -> String {
    view(store, &Scope::for_test(tenant))
}

/// The fleet's view, each line behind its tenant's name, own gauges left out.
fn fleet_view(store: &Store, tenants: Option<&[&str]>) -> Vec<String> {
    let mut snapshot = store.fleet_snapshot(&FleetScope::for_test(tenants));
    let mut lines = Vec::new();
    while let Some(piece) = snapshot.read() {
        match piece {
            FleetPiece::Family { name, kind, help } => lines.push(format!("# {name} {kind} {help}")),
            FleetPiece::Lines { tenant, sheet, only } => {
                let text = text_of(&sheet);
                let wanted = |line: &&str| only.is_none_or(|only| line.split('{').next() == Some(only));
                lines.extend(text.lines().filter(wanted).map(|line| format!("{tenant}: {line}")));
            }
        }
    }
    lines.retain(|line| !line.contains("push_"));
    lines
}

/// Groups as their keys, each with its families and when they were pushed.
fn listed(mut groups: crate::store::Catalogue) -> Vec<String> {
    std::iter::from_fn(move || groups.read())
        .map(|group| {
            let families = (0..group.family_count()).filter_map(|nth| group.family(nth));
            let families: Vec<String> = families.map(|(f, at)| format!("{}@{}", f.name, at.unix_seconds())).collect();
            let (tenant, last) = (group.tenant(), group.last_push_successful());
            format!("{tenant} {:?} {last} {}", group.key(), families.join(" "))
        })
        .collect()
}

/// Refuses while it is told to.
#[derive(Debug, Default)]
struct Moody {
    refuses: Mutex<bool>,
    kept: Mutex<Vec<Entry>>,
}

impl Journal for Moody {
    fn commit(&self, batch: &[Entry], _: Durability) -> Result<(), JournalError> {
        if *self.refuses.lock() {
            return Err(JournalError("told to".into()));
        }
        self.kept.lock().extend(batch.iter().cloned());
        Ok(())
    }
}
