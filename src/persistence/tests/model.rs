//! What should be kept, kept in the plainest way, and a journal to hold against it.

use super::disk::Dice;
use super::disk::SimulatedDisk;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::persistence::DiskJournal;
use crate::persistence::LoadError;
use crate::persistence::Loaded;
use crate::persistence::Restoring;
use crate::persistence::StoredFamily;
use crate::store::Entry;
use crate::store::Gone;
use crate::store::GroupTimes;
use crate::store::RestoredGroup;
use crate::telemetry::Health;
use crate::testkit::MockClock;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A family by its texts: name, kind, help, lines, protobuf, and when it was pushed.
pub(super) type Family = (String, MetricKind, String, Vec<u8>, Vec<u8>, Timestamp);

/// A group: how its key is spelled, what happened to it, and its families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) labels: Vec<(String, String)>,
    pub(super) times: GroupTimes,
    pub(super) families: BTreeMap<String, Family>,
}

/// Everything.
pub(super) type State = BTreeMap<(TenantId, GroupingKey), Group>;

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub(super) fn prepared(stored: StoredFamily) -> PreparedFamily {
    let StoredFamily { name, kind, help, lines, proto } = stored;
    let line_count = u32::try_from(lines.iter().filter(|byte| **byte == b'\n').count()).unwrap();
    PreparedParts { name, kind, help, lines, line_count, series: [].into(), renamed: false, proto, utf8: false }.into()
}

fn text_of(family: &PreparedFamily, at: Timestamp) -> Family {
    let proto = family.proto().unwrap_or_default().to_vec();
    (family.name().to_string(), family.kind(), family.help().to_owned(), family.lines().to_vec(), proto, at)
}

fn labels(key: &GroupingKey) -> Vec<(String, String)> {
    key.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Does what an entry says.
pub(super) fn apply(state: &mut State, entry: &Entry) {
    match entry {
        Entry::Push { tenant, key, gone, families, times } => {
            let at = (tenant.clone(), (**key).clone());
            let new = || Group { labels: labels(key), times: *times, families: BTreeMap::new() };
            let group = state.entry(at).or_insert_with(new);
            group.times = *times;
            match gone {
                Gone::AllOthers => group.families.clear(),
                Gone::These(names) => names.iter().for_each(|name| drop(group.families.remove(&**name))),
            }
            for family in &**families {
                let text = text_of(family, times.pushed_at.unwrap());
                group.families.insert(family.escaped_name().to_string(), text);
            }
        }
        Entry::Failure { tenant, key, times } => {
            let new = || Group { labels: labels(key), times: *times, families: BTreeMap::new() };
            state.entry((tenant.clone(), (**key).clone())).or_insert_with(new).times = *times;
        }
        Entry::Delete { tenant, key } => drop(state.remove(&(tenant.clone(), (**key).clone()))),
        Entry::Wipe { tenant, keys } => {
            keys.iter().for_each(|key| drop(state.remove(&(tenant.clone(), (**key).clone()))));
        }
    }
}

/// Who is there.
pub(super) fn everybody() -> BTreeSet<TenantId> {
    ["red", "blue"].map(tenant).into()
}

/// A journal on this disk, loaded without a thread of its own, and what it loaded.
pub(super) fn open(disk: &SimulatedDisk) -> Result<(DiskJournal, State, Loaded), LoadError> {
    open_for(disk, &everybody())
}

pub(super) fn open_for(
    disk: &SimulatedDisk,
    tenants: &BTreeSet<TenantId>,
) -> Result<(DiskJournal, State, Loaded), LoadError> {
    open_at(disk, tenants, &MockClock::new(), &Health::default())
}

pub(super) fn open_at(
    disk: &SimulatedDisk,
    tenants: &BTreeSet<TenantId>,
    clock: &MockClock,
    health: &Health,
) -> Result<(DiskJournal, State, Loaded), LoadError> {
    let keep = Duration::from_secs(3600);
    let journal = DiskJournal::on(Box::new(disk.clone()), keep, Arc::new(clock.clone()), health.clone());
    let (state, loaded) = into_state(|restoring| journal.load_once(tenants, restoring));
    Ok((journal, state, loaded?))
}

/// What is handed on.
pub(super) fn into_state<T>(load: impl FnOnce(&Restoring<'_>) -> T) -> (State, T) {
    let state = Mutex::new(State::new());
    let revive = |stored: StoredFamily| (stored.name.len() < 100).then(|| prepared(stored));
    let restore = |tenant: &TenantId, group: RestoredGroup| {
        let families =
            group.families.iter().map(|(family, at)| (family.escaped_name().to_string(), text_of(family, *at)));
        let kept = Group { labels: labels(&group.key), times: group.times, families: families.collect() };
        assert!(state.lock().insert((tenant.clone(), group.key), kept).is_none(), "a group comes twice");
        Ok(())
    };
    let loaded = load(&Restoring { revive: &revive, restore: &restore });
    (state.into_inner(), loaded)
}

/// A batch of writes that may follow on `state`, of one or several entries.
pub(super) fn batch(state: &State, dice: &mut Dice, moment: &mut i64) -> Vec<Entry> {
    let mut state = state.clone();
    let many = if dice.one_in(3) { 1 + dice.roll(6) } else { 1 };
    let mut entries = Vec::new();
    for _ in 0..many {
        *moment += 1;
        let entry = entry(&state, dice, Timestamp::from_unix_nanos(*moment));
        apply(&mut state, &entry);
        entries.push(entry);
    }
    entries
}

fn entry(state: &State, dice: &mut Dice, at: Timestamp) -> Entry {
    let tenant = tenant(["red", "blue"][dice.roll(2) as usize]);
    let empty = [("instance", "")];
    let labels = if dice.one_in(2) { &empty[..] } else { &[] };
    let key = GroupingKey::new(&format!("job-{}", dice.roll(4)), labels.iter().copied()).unwrap();
    let held = state.get_key_value(&(tenant.clone(), key.clone()));
    // As the group holds it.
    let key = Arc::new(held.map_or(key, |((_, key), _)| key.clone()));
    let before = held.map(|(_, group)| group.times);
    let before = before.unwrap_or(GroupTimes { came_at: at, pushed_at: None, failed_at: None });
    match dice.roll(10) {
        0 if held.is_some() => Entry::Delete { tenant, key },
        1 => {
            let keys = state.keys().filter(|(of, _)| *of == tenant).map(|(_, key)| Arc::new(key.clone()));
            Entry::Wipe { keys: keys.collect(), tenant }
        }
        2 => Entry::Failure { tenant, key, times: GroupTimes { failed_at: Some(at), ..before } },
        nth => {
            let names = ["a", "b.c", "d", "ü"];
            let carried: BTreeSet<_> = (0..dice.roll(4)).map(|_| names[dice.roll(4) as usize]).collect();
            let families = carried.iter().map(|name| family(name, dice, at)).collect();
            let held = held.map(|(_, group)| group.families.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
            let others = held.iter().filter(|name| dice.one_in(4) && !carried.contains(name.as_str()));
            let these = others.map(|name| FamilyName::from(name.as_str())).collect();
            let gone = if nth < 6 { Gone::AllOthers } else { Gone::These(these) };
            Entry::Push { tenant, key, gone, families, times: GroupTimes { pushed_at: Some(at), ..before } }
        }
    }
}

fn family(name: &str, dice: &mut Dice, at: Timestamp) -> PreparedFamily {
    let kinds = [
        MetricKind::Counter,
        MetricKind::Gauge,
        MetricKind::Summary,
        MetricKind::Untyped,
        MetricKind::Histogram,
        MetricKind::GaugeHistogram,
    ];
    // Every sector says which push it is of, so that no mixture of two is taken for one.
    let line = format!("{name}{{at=\"{}\"}} 1\n", at.unix_nanos());
    let many = if dice.one_in(4) { 200 } else { 4 };
    let lines = line.repeat(1 + dice.roll(many) as usize);
    prepared(StoredFamily {
        name: name.into(),
        kind: kinds[dice.roll(6) as usize],
        help: if dice.one_in(2) { "".into() } else { format!("of {name}\n").into() },
        lines: lines.into_bytes().into(),
        proto: if dice.one_in(3) { vec![0xfe; 40].into() } else { [][..].into() },
    })
}
