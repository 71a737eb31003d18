//! The moulds of what one tenant pushes.

use crate::exposition::Cast;
use crate::exposition::Mould;
use crate::exposition::PushFormat;
use crate::model::GroupingKey;
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

/// What the moulds of all tenants take together at most, in bytes; the README's sum of the memory has it. Chosen: room for one of
/// ten series for each of 5,000 tenants.
const ALL_BYTES_MAX: usize = 32 << 20;

/// Of one tenant, however few there are. Chosen: eight kinds of pushes of 300 series.
const BYTES_MAX: usize = 1 << 20;

/// A tenant's moulds are tried one after the other. Chosen: nearly all that do not fit are told by the first name.
const MOULDS_MAX: usize = 8;

/// One in so many pushes that are no casts makes a mould, which costs three times as much as the push does. Chosen: who never
/// pushes anything alike pays three eighths more.
const EVERY: u32 = 8;

/// A mould takes about so many times what its body does, or more: where there is no room for that, none is tried.
const BODY_TO_MOULD: usize = 2;

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
    missed: AtomicU32,
}

#[derive(Clone)]
struct Kept {
    mould: Arc<Mould>,
    /// When it was last of use.
    used: Arc<AtomicU32>,
}

impl Moulds {
    /// None yet, for one of so many tenants.
    pub(super) fn among(tenants: usize) -> Self {
        let bytes_max = (ALL_BYTES_MAX / tenants.max(1)).min(BYTES_MAX);
        Self(Arc::new(Shared { bytes_max, kept: ArcSwap::default(), missed: AtomicU32::new(0) }))
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
        Some(cast)
    }

    /// A push of such a body was no cast, and was decoded and prepared: perhaps a mould is made of it. That the store may yet
    /// refuse it is no matter to its mould. The second one of a tenant makes the first, for many tenants push but once.
    pub(super) fn missed(&self, body: &[u8], mould: impl FnOnce() -> Option<Mould>) {
        let missed = self.0.missed.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let is_due = missed == 2 || missed.is_multiple_of(EVERY);
        if !is_due || body.len().saturating_mul(BODY_TO_MOULD) > self.0.bytes_max {
            return;
        }
        let Some(mould) = mould().filter(|mould| mould.bytes() <= self.0.bytes_max) else { return };
        let kept = Kept { mould: Arc::new(mould), used: Arc::new(AtomicU32::new(missed)) };
        self.0.kept.rcu(|all| with(all, &kept, self.0.bytes_max));
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
            moulds.missed(body, mould);
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
