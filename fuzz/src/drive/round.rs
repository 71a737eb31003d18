//! One target, driven until its time is over or a promise is broken.

use crate::Plan;
use crate::Random;
use crate::corpus;
use crate::mutate::mutate;
use pushward_fuzz::Seen;
use pushward_fuzz::Target;
use pushward_fuzz::allocation;
use std::collections::HashSet;
use std::fs;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

/// Inputs kept of those that went a way that none before them went. One more takes the place of another.
const KEPT_MAX: usize = 4096;

/// What a byte of input may take, besides what its target says.
const TIME_PER_BYTE_MAX: Duration = Duration::from_micros(20);
/// One that took longer is run so often again, since a shared machine takes breaks of its own.
const TRIES: usize = 4;

struct Round<'t> {
    target: &'t Target,
    traced: bool,
    pool: Vec<Vec<u8>>,
    /// Those of the pool that were taken: most changes to one of them are refused, so they are picked more often.
    good: Vec<Vec<u8>>,
    shapes: HashSet<u64>,
    executions: u64,
    taken: u64,
    slowest: Duration,
}

/// Whether every promise was kept. What was broken is told, and its input kept.
pub(crate) fn run(target: &Target, plan: &Plan) -> bool {
    let began = Instant::now();
    let mut round = Round {
        target,
        traced: plan.traced,
        pool: Vec::new(),
        good: Vec::new(),
        shapes: HashSet::new(),
        executions: 0,
        taken: 0,
        slowest: Duration::ZERO,
    };
    let mut random = Random::of(plan.seed, target.name);
    let seeds = corpus::seeds(target);
    if seeds.is_empty() {
        eprintln!("{}: no seed in fuzz/corpus/{}", target.name, target.name);
        return false;
    }
    for path in corpus::regressions(target).iter().chain(&seeds) {
        let input = fs::read(path).expect("a seed can be read");
        let Some(seen) = round.seen(&input) else {
            eprintln!("{}: {} breaks a promise", target.name, path.display());
            return false;
        };
        round.shapes.insert(seen.shape);
        round.keep(input, seen, &mut random);
    }
    let mut good = true;
    while good && began.elapsed() < plan.seconds {
        let from = if random.below(4) == 0 { &round.pool } else { &round.good };
        let mut input = random.pick(from).cloned().unwrap_or_default();
        mutate(&mut input, target.dictionary, &round.pool, &mut random);
        input.truncate(target.bytes_max);
        let seen = round.seen(&input);
        good = seen.is_some();
        if let Some(seen) = seen.filter(|seen| round.shapes.insert(seen.shape)) {
            round.keep(input, seen, &mut random);
        }
    }
    round.report(began.elapsed(), seeds.len(), good);
    good
}

/// Runs the input of a file, and tells what was seen.
pub(crate) fn once(target: &Target, file: &Path) -> bool {
    let input = fs::read(file).expect("the file can be read");
    println!("{}: {}: {:?}", target.name, file.display(), (target.run)(&input));
    true
}

impl Round<'_> {
    /// What was seen in the input, within its time; `None` where it broke a promise.
    fn seen(&mut self, input: &[u8]) -> Option<Seen> {
        if self.traced {
            corpus::write(&corpus::last(self.target), input);
        }
        self.executions += 1;
        let allowed = self.target.time_max + TIME_PER_BYTE_MAX * u32::try_from(input.len()).unwrap_or(u32::MAX);
        let mut quickest = Duration::MAX;
        for _ in 0..TRIES {
            let began = Instant::now();
            let Some(seen) = self.seen_once(input) else {
                self.broken(input);
                return None;
            };
            quickest = quickest.min(began.elapsed());
            if quickest <= allowed {
                self.slowest = self.slowest.max(quickest);
                self.taken += u64::from(seen.taken);
                return Some(seen);
            }
        }
        eprintln!("{}: {} bytes took {quickest:?}, more than {allowed:?}", self.target.name, input.len());
        self.broken(input);
        None
    }

    /// Once, and again where it is its turn.
    fn seen_once(&self, input: &[u8]) -> Option<Seen> {
        let run = || (self.target.run)(input);
        let seen = panic::catch_unwind(AssertUnwindSafe(|| {
            let first = run();
            if self.executions.is_multiple_of(8) {
                assert_eq!(run(), first, "the second time it saw another thing");
            }
            first
        }));
        seen.ok()
    }

    fn broken(&self, input: &[u8]) {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = corpus::keep(self.target, input, hasher.finish());
        eprintln!("{}: a promise is broken by {}", self.target.name, path.display());
    }

    fn keep(&mut self, input: Vec<u8>, seen: Seen, random: &mut Random) {
        let good = seen.taken.then_some(&mut self.good);
        for pool in good.into_iter().chain([&mut self.pool]) {
            if pool.len() < KEPT_MAX {
                pool.push(input.clone());
            } else {
                let at = random.below(pool.len());
                pool[at].clone_from(&input);
            }
        }
    }

    fn report(&self, took: Duration, seeds: usize, good: bool) {
        println!(
            "{:<14} {:>9} executions {:>5.1} s  {:>3} seeds {:>5} ways  {:>3} % taken  {:>5.1} % of the memory allowed  slowest {:?}{}",
            self.target.name,
            self.executions,
            took.as_secs_f64(),
            seeds,
            self.shapes.len(),
            self.taken * 100 / self.executions.max(1),
            allocation::worst() as f64 / 10.0,
            self.slowest,
            if good { "" } else { "  BROKEN" },
        );
    }
}
