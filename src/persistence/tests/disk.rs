//! A disk in memory that loses power, tears and reorders writes, fills up and fails.
//!
//! What was written and not synced is *pending*: a power loss keeps any of it, in any order, by sectors. Names that came and
//! went are pending too, each by itself. A sync that fails leaves what was pending visible and forgets about it, as Linux
//! does: any part of it may be on the disk, and no later sync sees to the rest.

use crate::persistence::disk::Disk;
use crate::persistence::disk::DiskFile;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A disk writes so much at once or not at all.
const SECTOR: usize = 512;

/// Numbers that look random and come again with the same seed.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.roll(many) == 0
    }
}

#[derive(Clone, Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Is(String, usize),
    Goes(String),
}

/// Which calls fail by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// One call in so many fails.
    Sometimes(u64),
    /// Everything that changes anything fails.
    ReadOnly,
    /// A write takes what room there is, and fails; nothing else does.
    Full,
    /// After so many reads each fails.
    Unreadable(u64),
}

#[derive(Debug)]
struct State {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    quarantine: BTreeMap<String, Vec<u8>>,
    report: Vec<String>,
    dice: Dice,
    fault: Fault,
    /// So many calls more, and the power goes.
    power: Option<u64>,
    syncs: u64,
    calls: u64,
}

/// The disk. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

impl SimulatedDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            contents: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            quarantine: BTreeMap::new(),
            report: Vec::new(),
            dice: Dice::of(seed),
            fault: Fault::None,
            power: None,
            syncs: 0,
            calls: 0,
        })))
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.0.lock().fault = fault;
    }

    /// The power goes within the next so many calls, in the midst of one.
    pub(super) fn power_goes_in(&self, calls: u64) {
        self.0.lock().power = Some(calls);
    }

    pub(super) fn has_power(&self) -> bool {
        self.0.lock().power != Some(0)
    }

    pub(super) fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    pub(super) fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    pub(super) fn report(&self) -> Vec<String> {
        self.0.lock().report.clone()
    }

    pub(super) fn quarantine(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().quarantine.clone()
    }

    /// A file as it is seen.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock();
        state.contents[state.names[name]].seen.clone()
    }

    /// Writes over a file, behind everybody's back.
    pub(super) fn spoil(&self, name: &str, bytes: &[u8]) {
        let mut state = self.0.lock();
        let at = state.names[name];
        state.contents[at] = Content { seen: bytes.to_vec(), durable: bytes.to_vec(), pending: Vec::new() };
    }

    /// What a power loss leaves, with the power back.
    pub(super) fn lose_power(&self) {
        let mut state = self.0.lock();
        let State { contents, names, durable_names, pending_names, dice, .. } = &mut *state;
        for content in contents.iter_mut() {
            for pending in std::mem::take(&mut content.pending) {
                settle(&mut content.durable, &pending, dice);
            }
            content.seen = content.durable.clone();
        }
        for change in pending_names.drain(..) {
            if dice.one_in(2) {
                apply(durable_names, change);
            }
        }
        *names = durable_names.clone();
        state.power = None;
        state.fault = Fault::None;
    }

    /// The process was killed and the machine goes on: everything written is still there.
    pub(super) fn survive(&self) {
        let mut state = self.0.lock();
        state.power = None;
        state.fault = Fault::None;
    }
}

/// Some of a write, by sectors, in an order of its own.
fn settle(durable: &mut Vec<u8>, pending: &Pending, dice: &mut Dice) {
    match pending {
        Pending::Cut(length) if dice.one_in(2) => durable.truncate(*length),
        Pending::Cut(_) => {}
        Pending::Write(offset, bytes) => {
            // All, nothing, the beginning, or any sectors.
            let fate = dice.roll(4);
            let until = dice.roll(bytes.len() as u64 + 1) as usize;
            for (nth, sector) in bytes.chunks(SECTOR).enumerate() {
                let (start, end) = (nth * SECTOR, nth * SECTOR + sector.len());
                let kept = match fate {
                    0 => sector,
                    1 => &[],
                    2 => &sector[..until.clamp(start, end) - start],
                    _ if dice.one_in(2) => sector,
                    _ => &[],
                };
                if !kept.is_empty() {
                    put(durable, offset + start, kept);
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(offset + written.len()), 0);
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

fn apply(names: &mut BTreeMap<String, usize>, change: NameChange) {
    match change {
        NameChange::Is(name, at) => drop(names.insert(name, at)),
        NameChange::Goes(name) => drop(names.remove(&name)),
    }
}

fn failure(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

impl State {
    /// Whether a call that changes something goes through; `Err(true)`: the power goes in the midst of it.
    fn call(&mut self) -> Result<(), (io::Error, bool)> {
        self.calls += 1;
        match &mut self.power {
            Some(0) => return Err((failure("no power"), false)),
            Some(calls) => {
                *calls -= 1;
                if *calls == 0 {
                    return Err((failure("the power goes"), true));
                }
            }
            None => {}
        }
        match self.fault {
            Fault::Sometimes(many) if self.dice.one_in(many) => Err((failure("an injected fault"), true)),
            Fault::ReadOnly => Err((io::ErrorKind::ReadOnlyFilesystem.into(), false)),
            Fault::None | Fault::Sometimes(_) | Fault::Full | Fault::Unreadable(_) => Ok(()),
        }
    }

    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        match self.call() {
            Ok(()) => {}
            Err((error, true)) if self.dice.one_in(2) => {
                apply(&mut self.names, change.clone());
                self.pending_names.push(change);
                return Err(error);
            }
            Err((error, _)) => return Err(error),
        }
        apply(&mut self.names, change.clone());
        self.pending_names.push(change);
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.contents.push(Content::default());
        let at = state.contents.len() - 1;
        state.change_name(NameChange::Is(name.to_owned(), at))?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), at }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let at = *self.0.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), at }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        let at = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        // One change: a power loss finds the one name or the other.
        state.change_name(NameChange::Is(to.to_owned(), at))?;
        state.names.remove(from);
        state.pending_names.push(NameChange::Goes(from.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Goes(name.to_owned()))
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.syncs += 1;
        state.call().map_err(|(error, _)| error)?;
        let changes = std::mem::take(&mut state.pending_names);
        changes.into_iter().for_each(|change| apply(&mut state.durable_names, change));
        Ok(())
    }

    fn keep(&self, name: &str) -> io::Result<bool> {
        let mut state = self.0.lock();
        state.call().map_err(|(error, _)| error)?;
        let bytes = state.contents[state.names[name]].seen.clone();
        Ok(state.quarantine.insert(name.to_owned(), bytes).is_none())
    }

    fn report(&self, line: &str) -> io::Result<()> {
        self.0.lock().report.push(line.to_owned());
        Ok(())
    }

    fn keeps_any(&self) -> bool {
        !self.0.lock().report.is_empty()
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    at: usize,
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().contents[self.at].seen.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        if let Fault::Unreadable(reads) = &mut state.fault {
            *reads = reads.checked_sub(1).ok_or_else(|| failure("unreadable"))?;
        }
        let seen = &state.contents[self.at].seen;
        let from = seen.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let read = from.len().min(buffer.len());
        buffer[..read].copy_from_slice(&from[..read]);
        Ok(read)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let outcome = match state.fault {
            Fault::Full => Err((io::ErrorKind::StorageFull.into(), true)),
            _ => state.call(),
        };
        let written = match &outcome {
            Ok(()) => bytes.len(),
            Err((_, true)) => state.dice.roll(bytes.len() as u64 + 1) as usize,
            Err((_, false)) => 0,
        };
        let content = &mut state.contents[self.at];
        let offset = content.seen.len();
        put(&mut content.seen, offset, &bytes[..written]);
        content.pending.push(Pending::Write(offset, bytes[..written].to_vec()));
        outcome.map_err(|(error, _)| error)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.call().map_err(|(error, _)| error)?;
        let length = usize::try_from(length).unwrap();
        state.contents[self.at].seen.truncate(length);
        state.contents[self.at].pending.push(Pending::Cut(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.syncs += 1;
        let outcome = state.call();
        let State { contents, dice, .. } = &mut *state;
        let content = &mut contents[self.at];
        match outcome {
            Ok(()) => {
                for pending in std::mem::take(&mut content.pending) {
                    match pending {
                        Pending::Write(offset, bytes) => put(&mut content.durable, offset, &bytes),
                        Pending::Cut(length) => content.durable.truncate(length),
                    }
                }
                Ok(())
            }
            Err((error, true)) => {
                for pending in std::mem::take(&mut content.pending) {
                    settle(&mut content.durable, &pending, dice);
                }
                Err(error)
            }
            Err((error, false)) => Err(error),
        }
    }
}
