//! The moulds of what one tenant pushes.

use crate::exposition::Cast;
use crate::exposition::Mould;
use crate::exposition::PushFormat;
use crate::model::GroupingKey;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// What the moulds of all tenants take together at most, in bytes; the README's sum of the memory has it. Chosen: room for one of
/// ten series for each of 5,000 tenants.
const ALL_BYTES_MAX: usize = 32 << 20;

/// Of one tenant, however few there are. Chosen: eight kinds of pushes of 300 series.
const BYTES_MAX: usize = 1 << 20;

/// A tenant's moulds are tried one after the other. Chosen: nearly all that do not fit are told by the first name.
const MOULDS_MAX: usize = 8;

/// One in so many pushes that are no casts makes a mould, which costs some four times what reading the push does. Chosen: half as
/// much again for reading those, where others are casts.
const EVERY: u64 = 8;

/// Nor more than one in so many where nothing comes of it: while no push is a cast, each mould that is tried doubles how long it
/// is to the next.
const RARELY: u64 = 1024;

/// What a tenant pushes again and again, each with other numbers. Clones share it.
///
/// Nothing is lost where there is no mould but the time to decode a body. A tenant's own are made of its own pushes alone, so
/// that nobody can tell by the time his push takes what others push.
#[derive(Clone)]
pub(super) struct Moulds(Arc<Shared>);

struct Shared {
    bytes_max: usize,
    /// Few, and in no order.
    kept: ArcSwap<Vec<Kept>>,
    /// How many pushes were no cast, which is the clock here.
    missed: AtomicU64,
    /// Whether any push was a cast since a mould was last tried.
    of_use: AtomicBool,
    attempts: Mutex<Attempts>,
}

/// When a mould is made.
#[derive(Debug)]
struct Attempts {
    /// Not before so many pushes were no cast.
    due: u64,
    /// So many later the next one.
    every: u64,
    /// One is being made.
    under_way: bool,
}

/// A mould that is due.
pub(super) struct Attempt {
    moulds: Moulds,
    kept: bool,
}

#[derive(Clone)]
struct Kept {
    mould: Arc<Mould>,
    /// When it was last of use.
    used: Arc<AtomicU64>,
}

impl Moulds {
    /// None yet, for one of so many tenants.
    pub(super) fn among(tenants: usize) -> Self {
        let bytes_max = (ALL_BYTES_MAX / tenants.max(1)).min(BYTES_MAX);
        // The second push that is no cast makes the first one: many tenants push but once.
        let attempts = Mutex::new(Attempts { due: 2, every: EVERY, under_way: false });
        Self(Arc::new(Shared {
            bytes_max,
            kept: ArcSwap::default(),
            missed: AtomicU64::new(0),
            of_use: AtomicBool::new(false),
            attempts,
        }))
    }

    /// The body as a cast of one of them.
    pub(super) fn cast<'a>(&self, format: PushFormat, body: &'a [u8], key: &GroupingKey) -> Option<Cast<'a>> {
        let kept = self.0.kept.load();
        let (kept, cast) = kept.iter().find_map(|kept| Some((kept, kept.mould.cast(format, body, key)?)))?;
        let now = self.0.missed.load(Ordering::Relaxed);
        // Nearly always it was, and what many processors look at stays as it is.
        if kept.used.load(Ordering::Relaxed) != now {
            kept.used.store(now, Ordering::Relaxed);
        }
        if !self.0.of_use.load(Ordering::Relaxed) {
            self.0.of_use.store(true, Ordering::Relaxed);
        }
        Some(cast)
    }

    /// A push of a body of so many bytes and families was no cast, and stands: perhaps a mould is due. Of what would be too large
    /// none is.
    pub(super) fn missed(&self, body_bytes: usize, families: usize) -> Option<Attempt> {
        let missed = self.0.missed.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if Mould::bytes_at_least(body_bytes, families) > self.0.bytes_max {
            return None;
        }
        let mut attempts = self.0.attempts.lock();
        if attempts.under_way || missed < attempts.due {
            return None;
        }
        attempts.under_way = true;
        Some(Attempt { moulds: self.clone(), kept: false })
    }
}

impl Attempt {
    /// What came of it.
    pub(super) fn keep(mut self, mould: Option<Mould>) {
        let Shared { bytes_max, kept, missed, .. } = &*self.moulds.0;
        let Some(mould) = mould.filter(|mould| mould.bytes() <= *bytes_max) else { return };
        let used = Arc::new(AtomicU64::new(missed.load(Ordering::Relaxed)));
        let more = Kept { mould: Arc::new(mould), used };
        kept.rcu(|all| with(all, &more, *bytes_max));
        self.kept = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let of_use = self.moulds.0.of_use.swap(false, Ordering::Relaxed);
        let mut attempts = self.moulds.0.attempts.lock();
        attempts.every = if self.kept && of_use { EVERY } else { (attempts.every * 2).min(RARELY) };
        attempts.due = self.moulds.0.missed.load(Ordering::Relaxed).saturating_add(attempts.every);
        attempts.under_way = false;
    }
}

/// With one more; those go that were longest of no use, until there is room.
fn with(all: &[Kept], more: &Kept, bytes_max: usize) -> Vec<Kept> {
    let now = more.used.load(Ordering::Relaxed);
    let mut kept = all.to_vec();
    kept.sort_by_cached_key(|kept| now.wrapping_sub(kept.used.load(Ordering::Relaxed)));
    kept.insert(0, more.clone());
    let mut bytes = 0;
    let fitting = kept.iter().take(MOULDS_MAX).take_while(|kept| {
        bytes += kept.mould.bytes();
        bytes <= bytes_max
    });
    let fitting = fitting.count();
    kept.truncate(fitting);
    kept
}

impl fmt::Debug for Moulds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moulds({})", self.0.kept.load().len())
    }
}

#[cfg(test)]
mod tests {
    use super::EVERY;
    use super::MOULDS_MAX;
    use super::Moulds;
    use crate::exposition;
    use crate::exposition::Original;
    use crate::exposition::PushFormat;
    use crate::model::GroupingKey;
    use crate::model::NameScheme;
    use crate::model::SeriesHasher;
    use crate::model::TextDialect;
    use std::ops::Range;
    use std::sync::Arc;

    /// Whether it is a cast; if not, it may make a mould.
    fn push(moulds: &Moulds, body: &str) -> bool {
        let key = GroupingKey::new::<&str, &str>("j", []).unwrap();
        let cast = moulds.cast(PushFormat::Text, body.as_bytes(), &key).is_some();
        if !cast {
            let hasher = SeriesHasher::with_key([1; 16]);
            let body = body.as_bytes();
            let original = Original {
                format: PushFormat::Text,
                body,
                key: &key,
                hasher: &hasher,
                namespace_label: "tenant",
                line_bytes_max: 1000,
            };
            let mould =
                || original.mould(|body| exposition::text::parse(body, TextDialect::Strict, NameScheme::Classic).ok());
            if let Some(attempt) = moulds.missed(body.len(), body.iter().filter(|byte| **byte == b'\n').count()) {
                attempt.keep(mould());
            }
        }
        cast
    }

    #[test]
    fn what_is_pushed_a_third_time_is_a_cast() {
        let moulds = Moulds::among(1);
        assert_eq!(["a 1\n", "a 2\n", "a 3\n"].map(|body| push(&moulds, body)), [false, false, true]);
    }

    #[test]
    fn moulds_that_are_of_use_stay_and_others_go() {
        let moulds = Moulds::among(1);
        (0..2).for_each(|_| assert!(!push(&moulds, "a 1\n")));
        for other in 0..100 {
            assert!(push(&moulds, "a 1\n"), "{other}");
            for nth in 0..EVERY {
                assert!(!push(&moulds, &format!("b{other}x{nth} 1\n")));
            }
        }
        assert_eq!(moulds.0.kept.load().len(), MOULDS_MAX);
        assert!(push(&moulds, "b99x7 1\n") || push(&moulds, "b99x5 1\n"), "the last one is kept, too");
    }

    #[test]
    fn what_makes_no_mould_is_tried_ever_more_rarely() {
        let moulds = Moulds::among(1);
        let mut tried = 0;
        for _ in 0..10_000 {
            if let Some(attempt) = moulds.missed(100, 1) {
                assert!(moulds.missed(100, 1).is_none(), "one at a time");
                attempt.keep(None);
                tried += 1;
            }
        }
        assert!((10..=20).contains(&tried), "{tried}");
        while moulds.missed(100, 1).map(drop).is_none() {}
        assert!(moulds.missed(100, 10_000).is_none() && moulds.missed(2 << 20, 1).is_none(), "too large for any");
    }

    #[test]
    fn who_never_pushes_anything_alike_makes_ever_fewer_moulds_until_something_is_a_cast() {
        let moulds = Moulds::among(1);
        let made = |others: Range<u32>| {
            let times = others.filter(|other| {
                let before = moulds.0.kept.load_full();
                assert!(!push(&moulds, &format!("b{other}x 1\n")));
                !Arc::ptr_eq(&before, &moulds.0.kept.load_full())
            });
            times.count()
        };
        assert!((5..=9).contains(&made(0..1000)));
        while !push(&moulds, "a 1\n") {}
        let often = (1000..4000).filter(|other| push(&moulds, "a 1\n") && made(*other..*other + 1) > 0).count();
        assert!(often >= 100, "{often}");
    }

    #[test]
    fn many_tenants_have_little_room_each_and_large_pushes_none() {
        for (tenants, names, fits) in [(1, 1000, true), (5_000, 10, true), (5_000, 100, false), (1, 20_000, false)] {
            let moulds = Moulds::among(tenants);
            let family = |name| {
                let name = format!("backup_step_{name}_duration_seconds");
                let labels = "database=\"db0\",region=\"eu-west-1\",step=\"copy\"";
                format!(
                    "# HELP {name} How long step 0 of the backup took.\n# TYPE {name} gauge\n{name}{{{labels}}} 1\n"
                )
            };
            let body: String = (0..names).map(family).collect();
            let casts = (0..20).filter(|_| push(&moulds, &body)).count();
            assert_eq!(casts > 0, fits);
            assert_eq!(push(&moulds, &body), fits, "{tenants} {names}");
            let bytes: usize = moulds.0.kept.load().iter().map(|kept| kept.mould.bytes()).sum();
            assert!(bytes <= moulds.0.bytes_max, "{bytes}");
        }
    }
}
