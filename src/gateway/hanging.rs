//! A disk that does not answer: nobody is to wait behind it for ever, and whoever watches the gateway is told.
//!
//! It is found out beside the writes, by looking at what is being journalled: a push pays nothing for it.

use crate::model::SharedClock;
use crate::model::Tick;
use crate::store::Journalling;
use crate::store::Store;
use crate::telemetry::Health;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Chosen: a batch takes milliseconds on a disk that is well, and a client that waits for longer wants to be told.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// Chosen: so much longer may it take to be found out.
const EVERY: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    /// The batch under way, and since when.
    batch: Option<(u64, Tick)>,
    hangs: bool,
    broke_off: bool,
}

/// From when a batch has been under way for too long, who waits behind it is refused, and so is who comes, until it is over.
/// Never returns.
pub(super) async fn watch_over(store: Arc<Store>, health: Health, clock: SharedClock) -> Infallible {
    let mut seen = Seen::default();
    loop {
        seen.look(&store, &health, clock.tick());
        clock.sleep_until(clock.tick().after(EVERY)).await;
    }
}

impl Seen {
    fn look(&mut self, store: &Store, health: &Health, now: Tick) {
        let journalling = store.journalling();
        self.batch = match (journalling, self.batch) {
            (Journalling::Batch(batch), Some((same, since))) if same == batch => Some((batch, since)),
            (Journalling::Batch(batch), _) => Some((batch, now)),
            (Journalling::Nothing | Journalling::BrokeOff, _) => None,
        };
        let hanging = self.batch.filter(|(_, since)| now.since(*since) >= HANGS_AFTER);
        if let Some((batch, _)) = hanging {
            store.refuse_behind(batch);
        }
        match (self.hangs, hanging.is_some()) {
            (false, true) => tracing::error!("the storage does not answer: no push is accepted until it does"),
            (true, false) => tracing::info!("the storage answers again"),
            _ => {}
        }
        self.hangs = hanging.is_some();
        health.set_degraded("storage_hangs", self.hangs);
        if journalling == Journalling::BrokeOff && !self.broke_off {
            self.broke_off = true;
            tracing::error!("nothing can be journalled any more: no push is accepted until a restart");
            health.set_degraded("storage_broke_off", true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition;
    use crate::model::Durability;
    use crate::model::GroupingKey;
    use crate::model::Quota;
    use crate::model::SeriesHasher;
    use crate::model::TenantId;
    use crate::model::Timestamp;
    use crate::namespace::Scope;
    use crate::store::Entry;
    use crate::store::Journal;
    use crate::store::JournalError;
    use crate::store::Refusal;
    use crate::store::TenantTerms;
    use crate::store::Written;
    use parking_lot::Condvar;
    use parking_lot::Mutex;

    /// Answers when it is let go, and panics when it is told to.
    #[derive(Debug, Default)]
    struct Disk {
        /// How many batches came, and how many may go.
        batches: Mutex<(u64, u64)>,
        moved: Condvar,
    }

    impl Disk {
        fn let_go(&self, batches: u64) {
            self.batches.lock().1 = batches;
            self.moved.notify_all();
        }

        fn has(&self, batches: u64) {
            let mut now = self.batches.lock();
            while now.0 < batches {
                self.moved.wait(&mut now);
            }
        }
    }

    impl Journal for Disk {
        fn commit(&self, _: &[Entry], _: Durability) -> Result<(), JournalError> {
            let mut now = self.batches.lock();
            now.0 += 1;
            self.moved.notify_all();
            while now.1 < now.0 {
                self.moved.wait(&mut now);
            }
            assert!(now.1 < 100, "told to");
            Ok(())
        }
    }

    fn store(disk: &Arc<Disk>) -> Store {
        let quota = Quota { groups_max: 9, series_max: 999, stored_bytes_max: 1 << 20 };
        let terms = TenantTerms { quota, durability: Durability::Fsync };
        let identify = Arc::new(exposition::StoredSeries(SeriesHasher::with_key([1; 16])));
        Store::new([(TenantId::parse("red").unwrap(), terms)], &[], disk.clone(), exposition::OWN_GAUGES, identify)
    }

    /// A failure to be noted in a group, which is journalled as a push is.
    fn write(store: &Store) -> Written {
        let key = GroupingKey::new("a", [("l", "v")]).unwrap();
        store.refuse(&Scope::for_test("red"), &key, Timestamp::default(), Refusal::Inconsistent("so".into()))
    }

    fn is_written(written: Written) -> bool {
        match written.wait() {
            Err(Refusal::Inconsistent(_)) => true,
            Err(Refusal::Unavailable) => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nobody_waits_behind_a_batch_that_does_not_come_to_an_end() {
        let (disk, health) = (Arc::new(Disk::default()), Health::default());
        let (store, mut seen) = (store(&disk), Seen::default());
        let at = |seconds| Tick::from_nanos(0).after(Duration::from_secs(seconds));
        seen.look(&store, &health, at(0));
        let first = write(&store);
        disk.has(1);
        let behind = write(&store);
        for second in 1..6 {
            seen.look(&store, &health, at(second));
            assert!(health.degraded().is_empty());
        }
        seen.look(&store, &health, at(6));
        assert_eq!(health.degraded(), ["storage_hangs"]);
        assert!(!is_written(behind));
        assert!(!is_written(write(&store)), "who comes is told at once");
        // What is in the batch is told what became of it, and all is well afterwards.
        disk.let_go(50);
        assert!(is_written(first));
        store.settle();
        seen.look(&store, &health, at(7));
        assert!(health.degraded().is_empty());
        assert!(is_written(write(&store)));
        assert_eq!(disk.batches.lock().0, 2, "what was refused did not reach the disk");
    }

    #[test]
    fn a_slow_disk_that_goes_on_does_not_hang() {
        let (disk, health) = (Arc::new(Disk::default()), Health::default());
        let (store, mut seen) = (store(&disk), Seen::default());
        let mut waits = write(&store);
        for batch in 1..20 {
            disk.has(batch);
            let next = write(&store);
            for half in 0..2 {
                seen.look(&store, &health, Tick::from_nanos(0).after(Duration::from_secs(batch * 4 + half * 2)));
            }
            disk.let_go(batch);
            assert!(is_written(std::mem::replace(&mut waits, next)));
        }
        assert!(health.degraded().is_empty());
        disk.let_go(50);
        assert!(is_written(waits));
    }

    #[test]
    fn a_journal_that_broke_off_is_told_of() {
        let (disk, health) = (Arc::new(Disk::default()), Health::default());
        let (store, mut seen) = (store(&disk), Seen::default());
        disk.let_go(100);
        assert!(!is_written(write(&store)));
        // The thread ends after it has let go of what waited.
        while store.journalling() != Journalling::BrokeOff {
            std::thread::yield_now();
        }
        seen.look(&store, &health, Tick::from_nanos(0));
        assert_eq!(health.degraded(), ["storage_broke_off"]);
    }
}
