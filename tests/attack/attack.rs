//! What an attack is, and what is asserted of each: the good tenant is unharmed, and we pay no more than is said.

use crate::force::Force;
use crate::force::Tally;
use crate::good;
use crate::good::Figures;
use crate::target::Setup;
use crate::target::Target;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// So much slower is a program that is built without optimisation; measured, some ten times.
const UNOPTIMISED: u64 = if cfg!(debug_assertions) { 10 } else { 1 };
/// What the gateway may use beside an attack: the good tenant, and the start of whatever it is.
const CPU_OF_OTHERS: Duration = Duration::from_millis(900);
/// No good push or scrape takes so long, on however busy a machine. The drill measures; this only tells slow from stuck.
const UNHARMED: Duration = Duration::from_secs(UNOPTIMISED);

#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// `stranger` or `tenant`.
    pub(crate) by: &'static str,
    /// What is to be there before anything is measured.
    pub(crate) prepare: fn(&Target),
    pub(crate) run: fn(&Target, Force) -> Tally,
    /// So long is the quick form.
    pub(crate) time: Duration,
    /// Tries in a second, at most.
    pub(crate) most: u64,
    /// Connections at one time: in the quick form, and in the drill.
    pub(crate) lines: [usize; 2],
    /// What the process may grow by.
    pub(crate) memory_mib: u64,
    /// CPU time of one try, in an optimised program.
    pub(crate) cpu_millis_each: u64,
    /// The statuses that an attacker may be answered, if any.
    pub(crate) answers: &'static [u16],
    /// Why we end the attacker's connections, where we are to end all of them.
    pub(crate) closed_for: Option<&'static str>,
    /// Whether the gateway has so few connections that some addresses are enough to take all of them.
    pub(crate) few_slots: bool,
}

impl Attack {
    /// What is so of most: by a stranger, a second and a half, and 32 MiB.
    pub(crate) const COMMON: Self = Self {
        name: "",
        by: "stranger",
        prepare: |_| (),
        run: |_, _| Tally::default(),
        time: Duration::from_millis(1500),
        most: 50_000,
        lines: [64, 250],
        memory_mib: 32,
        cpu_millis_each: 5,
        answers: &[],
        closed_for: None,
        few_slots: false,
    };
}

/// A sentence and an attack each: a test, and a row of the drill.
macro_rules! attacks {
    ($($promise:ident: $attack:expr;)*) => {
        pub(crate) const ALL: &[Attack] = &[$($attack),*];
        $(
            #[test]
            #[ignore = "wants the machine to itself: ./tests/run"]
            fn $promise() {
                crate::attack::withstand(&$attack);
            }
        )*
    };
}
pub(crate) use attacks;

/// What was measured while somebody attacked, or nobody did.
pub(crate) struct Phase {
    pub(crate) good: Figures,
    pub(crate) tally: Tally,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// How long the gateway was kept from its core by others: what runs beside the drill.
    pub(crate) kept_waiting: Duration,
    /// The highest resident memory, less what there was at first.
    pub(crate) grown_kib: u64,
}

/// The good tenant for so long, alone or beside an attack.
pub(crate) fn observe(target: &Target, attack: Option<(&Attack, Force)>, time: Duration) -> Phase {
    target.forget_peak();
    let (resident, cpu, kept, began) = (target.resident_kib(), target.cpu(), target.kept_waiting(), Instant::now());
    let (good, tally) = thread::scope(|scope| {
        let attacker = attack.map(|(attack, force)| {
            scope.spawn(move || {
                if !force.stays {
                    // Of this thread and those it makes: it takes what the good tenant leaves of this core.
                    rustix::process::nice(19).expect("anybody may be nicer");
                }
                (attack.run)(target, force.begun())
            })
        });
        let good = good::goes_on(target, time);
        (good, attacker.map(|attacker| attacker.join().unwrap()).unwrap_or_default())
    });
    let (wall, cpu) = (began.elapsed(), target.cpu().saturating_sub(cpu));
    // A thread that has ended takes its count with it.
    let kept_waiting = target.kept_waiting().saturating_sub(kept);
    Phase { good, tally, wall, cpu, kept_waiting, grown_kib: target.peak_kib().saturating_sub(resident) }
}

/// The quick form, as a test.
pub(crate) fn withstand(attack: &Attack) {
    let target = Target::start(if attack.few_slots { &Setup::SHORT_AND_FEW } else { &Setup::SHORT });
    (attack.prepare)(&target);
    observe(&target, None, Duration::from_millis(200));
    let most = attack.most * attack.time.as_millis() as u64 / 1000;
    let force = Force::new(attack.time, most, attack.lines[0]).staying();
    let phase = observe(&target, Some((attack, force)), attack.time);
    let Phase { good, tally, cpu, grown_kib, .. } = &phase;
    println!("{}: {tally:?}, {cpu:?} of CPU, {} KiB, p99 {:?}", attack.name, grown_kib, Figures::p99(&good.pushes));

    assert!(tally.tries > 0, "nothing was attacked");
    assert!(good.failures.is_empty(), "the good tenant had {:?}", good.failures);
    let slowest = good.pushes.last().max(good.scrapes.last());
    assert!(slowest < Some(&UNHARMED), "the good tenant waited {slowest:?}");
    let allowed = CPU_OF_OTHERS + Duration::from_millis(attack.cpu_millis_each * tally.tries) * UNOPTIMISED as u32;
    assert!(*cpu < allowed, "{cpu:?} of CPU, and {allowed:?} would be generous");
    assert!(*grown_kib < attack.memory_mib * 1024, "grown by {grown_kib} KiB");
    let foreign = tally.answers.keys().find(|status| !attack.answers.contains(status));
    assert!(foreign.is_none(), "answered {foreign:?}, expected {:?}", attack.answers);
    assert!(!tally.answers.is_empty() || attack.answers.is_empty(), "nothing was answered");
    if let Some(reason) = attack.closed_for {
        assert_eq!(tally.closed, tally.opened, "some were left open");
        assert_eq!(target.closed(reason), tally.opened, "closed for {reason}");
    }
    target.is_left_alone();
}
