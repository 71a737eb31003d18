//! One thread writes to the journal for all tenants.
//!
//! Writes wait in one line, in the order of their arrival. The thread takes all that wait as one batch: rehearses them,
//! shelf by shelf; has the journal commit their entries; shows them; answers. While it is at that, the next batch gathers,
//! so however slow the disk is, a write waits for two commits at most. Nobody is judged on what may yet fail but those of
//! the same batch, and they fail together: then nothing has to be taken back, and all of them are told so.
//!
//! A wipe is the last of its tenant in a batch, so that what it takes away is not brought back to rehearse others. The line is
//! as long as there are requests under way: each waits with one write, and `limits` bounds their number. A disk that is so
//! fast that hardly anybody comes while it writes would have a batch for each write, and of those the processor has more to do
//! than of the writes themselves; so where several write at once a batch waits, for a moment, until some have gathered. Whoever
//! leaves while its write waits does not take it back. Who watches over the disk may have those refused who wait behind a
//! batch that does not come to an end.

use super::Entry;
use super::Journal;
use super::Refusal;
use super::claims::Claims;
use super::shelf::Shelf;
use super::write::Answer;
use super::write::Verdict;
use super::write::Write;
use super::write::Written;
use crate::model::Durability;
use crate::model::WriteOwnGauge;
use parking_lot::Condvar;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A batch waits until so many have gathered, if as many were about when the last one was over. Chosen: so many share what a batch
/// costs by itself, some hundred microseconds of the processor.
const GATHERED: usize = 32;
/// And no longer than this. Chosen: what a disk takes for one batch, mostly.
const GATHER_MAX: Duration = Duration::from_millis(1);

/// What the thread works with.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) claims: Arc<Claims>,
    pub(super) own_gauge: WriteOwnGauge,
}

/// The thread, and the line before it. When it is dropped, what waits is still committed.
pub(super) struct Committer {
    line: Arc<Line>,
    means: Means,
}

#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<Waiting>,
    /// Something waits, or the end has come.
    called: Condvar,
    /// A batch is over, or the thread is.
    rested: Condvar,
    /// The thread is, or never was.
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct Waiting {
    writes: Vec<Pending>,
    /// Batches begun, and those of them that are over.
    begun: u64,
    over: u64,
    /// The journal has had the batch under way for too long: nobody is to wait behind it.
    stuck: bool,
    /// The thread is to be called when so many wait.
    wanted: usize,
    thread: Thread,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Thread {
    /// Nobody has needed it.
    #[default]
    Unborn,
    Works,
    /// It takes what waits, and no more.
    Ends,
    /// Ended, or could not be started, or broke off.
    Gone,
}

/// What the journal has been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journalling {
    Nothing,
    /// This one, counted from the first on, and it is not over.
    Batch(u64),
    /// Nothing will be any more: the thread is gone.
    BrokeOff,
}

/// A write that waits.
#[derive(Debug)]
struct Pending {
    shelf: Arc<Shelf>,
    write: Write,
    answer: Answer,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.line.end();
    }
}

impl Committer {
    pub(super) fn new(means: Means) -> Self {
        Self { line: Arc::default(), means }
    }

    /// Puts a write in the line.
    pub(super) fn take(&self, shelf: Arc<Shelf>, write: Write) -> Written {
        let (answer, written) = Written::awaited();
        let mut waiting = self.line.waiting.lock();
        if waiting.thread == Thread::Unborn {
            waiting.thread = self.start();
        }
        match waiting.thread {
            _ if waiting.stuck => return Written::known(Err(Refusal::Unavailable)),
            Thread::Works => waiting.writes.push(Pending { shelf, write, answer }),
            Thread::Unborn | Thread::Ends | Thread::Gone => return Written::known(Err(Refusal::Unavailable)),
        }
        let is_called = waiting.writes.len() >= waiting.wanted;
        drop(waiting);
        if is_called {
            self.line.called.notify_one();
        }
        written
    }

    /// Takes these as one batch, on this thread; what each is told.
    #[cfg(test)]
    pub(super) fn take_together(&self, writes: Vec<(Arc<Shelf>, Write)>) -> Vec<Result<(), Refusal>> {
        let (mut batch, mut told) = (Vec::new(), Vec::new());
        for (shelf, write) in writes {
            let (answer, written) = Written::awaited();
            batch.push(Pending { shelf, write, answer });
            told.push(written);
        }
        while !batch.is_empty() {
            batch = self.means.commit(batch);
        }
        told.into_iter().map(Written::wait).collect()
    }

    /// How many wait for the next batch.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.line.waiting.lock().writes.len()
    }

    fn start(&self) -> Thread {
        let (line, means) = (self.line.clone(), self.means.clone());
        let work = move || {
            let _gone = Gone(&line);
            line.work(&means);
        };
        match thread::Builder::new().name("pushward-commit".to_owned()).spawn(work) {
            Ok(_) => Thread::Works,
            Err(error) => {
                tracing::error!(%error, "no thread for the journal: nothing is accepted that would be journalled");
                self.line.gone.cancel();
                Thread::Gone
            }
        }
    }

    /// Returns when the batch that is under way now, if any, is over. Blocks as long as the journal does.
    pub(super) fn settle(&self) {
        let mut waiting = self.line.waiting.lock();
        let begun = waiting.begun;
        while waiting.over < begun && waiting.thread != Thread::Gone {
            self.line.rested.wait(&mut waiting);
        }
    }

    /// What the thread is at.
    pub(super) fn journalling(&self) -> Journalling {
        let waiting = self.line.waiting.lock();
        match waiting.thread {
            Thread::Gone => Journalling::BrokeOff,
            _ if waiting.over < waiting.begun => Journalling::Batch(waiting.begun),
            _ => Journalling::Nothing,
        }
    }

    /// Refuses what waits behind this batch, and what comes, until it is over; nothing if it is. What is in the batch waits
    /// on: nobody can say what becomes of it.
    pub(super) fn refuse_behind(&self, batch: u64) {
        let mut waiting = self.line.waiting.lock();
        if waiting.begun != batch || waiting.over == batch {
            return;
        }
        waiting.stuck = true;
        let refused = std::mem::take(&mut waiting.writes);
        drop(waiting);
        drop(refused);
    }

    /// Refuses further writes; ready when those that wait are committed and answered.
    pub(super) async fn finish(&self) {
        self.line.end();
        self.line.gone.cancelled().await;
    }
}

/// However the thread ends, nobody waits for it any more.
struct Gone<'a>(&'a Line);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.thread = Thread::Gone;
        let unanswered = std::mem::take(&mut waiting.writes);
        drop(waiting);
        drop(unanswered);
        self.0.rested.notify_all();
        self.0.gone.cancel();
    }
}

impl Line {
    fn end(&self) {
        let mut waiting = self.waiting.lock();
        match waiting.thread {
            Thread::Works => waiting.thread = Thread::Ends,
            Thread::Unborn => {
                waiting.thread = Thread::Gone;
                self.gone.cancel();
            }
            Thread::Ends | Thread::Gone => {}
        }
        drop(waiting);
        self.called.notify_one();
    }

    fn work(&self, means: &Means) {
        let (mut behind, mut about) = (Vec::new(), 0);
        while let Some(batch) = self.next(behind, about) {
            let writes = batch.len();
            behind = means.commit(batch);
            let mut waiting = self.waiting.lock();
            about = writes.saturating_add(waiting.writes.len());
            waiting.over += 1;
            waiting.stuck = false;
            drop(waiting);
            self.rested.notify_all();
        }
    }

    /// All that waits, behind those that had to stand back; where so many are about, they are given the time to gather. None at
    /// the end.
    fn next(&self, mut batch: Vec<Pending>, about: usize) -> Option<Vec<Pending>> {
        let mut waiting = self.waiting.lock();
        while batch.is_empty() && waiting.writes.is_empty() {
            if waiting.thread != Thread::Works {
                return None;
            }
            waiting.wanted = 1;
            self.called.wait(&mut waiting);
        }
        let wanted = about.min(GATHERED);
        if batch.is_empty() && waiting.writes.len() < wanted && waiting.thread == Thread::Works {
            waiting.wanted = wanted;
            self.called.wait_for(&mut waiting, GATHER_MAX);
        }
        batch.append(&mut waiting.writes);
        waiting.begun += 1;
        Some(batch)
    }
}

/// The writes of one shelf in a batch.
struct Part {
    shelf: Arc<Shelf>,
    writes: Vec<Write>,
    answers: Vec<Answer>,
}

impl Means {
    /// Takes a batch from judgement to answer. Hands back those that stand behind a wipe of their tenant.
    fn commit(&self, batch: Vec<Pending>) -> Vec<Pending> {
        let (parts, behind) = by_shelf(batch);
        let (mut entries, mut durability, mut judged) = (Vec::new(), Durability::Os, Vec::new());
        for part in &parts {
            let verdicts = part.shelf.rehearse(&part.writes, self.own_gauge).map(|rehearsed| {
                let mut verdicts = Vec::with_capacity(rehearsed.len());
                for (verdict, entry) in rehearsed {
                    entries.extend(entry);
                    verdicts.push(verdict);
                }
                verdicts
            });
            durability = durability.max(part.shelf.durability());
            judged.push(verdicts);
        }
        let kept = entries.is_empty() || self.journalled(&entries, durability);
        // The entries share what is stored; let go of here, no show has to make room for what they hold.
        drop(entries);
        let outcomes: Vec<_> = parts
            .iter()
            .zip(judged)
            .map(|(part, verdicts)| match verdicts {
                Err(gone) => vec![Err(gone); part.writes.len()],
                Ok(verdicts) if kept => part.shelf.show(verdicts, &self.claims, self.own_gauge),
                Ok(verdicts) => unkept(verdicts),
            })
            .collect();
        for (answer, outcome) in parts.into_iter().flat_map(|part| part.answers).zip(outcomes.into_iter().flatten()) {
            // Whoever has left does not need it.
            let _ = answer.send(outcome);
        }
        behind
    }

    fn journalled(&self, entries: &[Entry], durability: Durability) -> bool {
        match self.journal.commit(entries, durability) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, writes = entries.len(), "a batch was not journalled");
                false
            }
        }
    }
}

/// What the writes of a shelf are told when their batch was not kept: whoever was judged on the state as it stays is told
/// what it came to.
fn unkept(verdicts: Vec<Verdict<'_>>) -> Vec<Result<(), Refusal>> {
    let mut stands = true;
    let told = verdicts.into_iter().map(|verdict| {
        stands &= verdict.effect.is_none();
        if stands { verdict.answer } else { Err(Refusal::Unavailable) }
    });
    told.collect()
}

/// In the order in which the shelves came, and on each in that of the writes.
fn by_shelf(batch: Vec<Pending>) -> (Vec<Part>, Vec<Pending>) {
    let mut parts: Vec<Part> = Vec::new();
    let mut behind = Vec::new();
    let mut found: HashMap<*const Shelf, usize> = HashMap::new();
    for pending in batch {
        let at = *found.entry(Arc::as_ptr(&pending.shelf)).or_insert(parts.len());
        match parts.get_mut(at) {
            Some(part) if matches!(part.writes.last(), Some(Write::Wipe { .. })) => behind.push(pending),
            Some(part) => {
                part.writes.push(pending.write);
                part.answers.push(pending.answer);
            }
            None => {
                let Pending { shelf, write, answer } = pending;
                parts.push(Part { shelf, writes: vec![write], answers: vec![answer] });
            }
        }
    }
    (parts, behind)
}
