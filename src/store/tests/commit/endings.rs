//! Whoever leaves, goes or ends while a write is under way.

use super::*;

fn finish(store: &Store) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.finish());
}

#[test]
fn a_write_whose_client_has_left_is_written_whole() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    let (a, b) = (key("a", &[]), key("b", &[]));
    let first = begin(&store, "red", &a, &[gauge(&a, "m")]);
    journal.has_entered(1);
    drop(begin(&store, "red", &b, &[gauge(&b, "m"), gauge(&b, "n")]));
    drop(first);
    journal.open();
    finish(&store);
    assert_eq!(journal.sizes(), [1, 1]);
    let (_, groups, _) = seen(&store);
    assert!(groups[1].contains("m@7 n@7"), "{groups:?}");
}

#[test]
fn a_tenant_that_goes_while_its_write_is_journalled_is_not_told_that_it_was_accepted() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    let a = key("a", &[]);
    let under_way = begin(&store, "red", &a, &[gauge(&a, "m")]);
    journal.has_entered(1);
    let waiting = begin(&store, "red", &a, &[gauge(&a, "n")]);
    let wiped = store.wipe_named(&FleetScope::for_test(Some(&["red"])));
    store.close_all_but(|_| false);
    // It is there again, and has nothing to do with what was.
    store.open(terms(&["red"], ROOMY));
    journal.open();
    assert_eq!((under_way.wait(), waiting.wait()), (Err(Refusal::NoTenant), Err(Refusal::NoTenant)));
    assert_eq!(wiped.wait(), Err(Refusal::OutOfScope));
    assert_eq!(tenant_view(&store, "red"), "");
    assert!(store.claims.settled().is_some());
    assert_eq!(journal.sizes(), [1]);
}

#[test]
fn whoever_settles_waits_for_the_batch_that_is_under_way() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    store.settle();
    let a = key("a", &[]);
    let under_way = begin(&store, "red", &a, &[gauge(&a, "m")]);
    journal.has_entered(1);
    std::thread::scope(|scope| {
        let settled = scope.spawn(|| {
            store.settle();
            journal.sizes()
        });
        journal.open();
        assert_eq!(settled.join().unwrap(), [1]);
    });
    under_way.wait().unwrap();
}

#[test]
fn what_waits_at_the_end_is_written_and_answered_and_what_comes_later_is_refused() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    let keys = ["a", "b", "c"].map(|job| key(job, &[]));
    let first = begin(&store, "red", &keys[0], &[gauge(&keys[0], "m")]);
    journal.has_entered(1);
    let waiting: Vec<_> = keys[1..].iter().map(|key| begin(&store, "red", key, &[gauge(key, "m")])).collect();
    journal.open();
    finish(&store);
    assert_eq!(journal.sizes(), [1, 2]);
    assert!(waiting.into_iter().chain([first]).all(|written| written.wait() == Ok(())));
    assert_eq!(replace(&store, "red", &keys[0], &[]), Err(Refusal::Unavailable));
    assert_eq!(tenant_view(&store, "red").matches("m{").count(), 3);
}

#[test]
fn what_waits_when_the_store_is_dropped_is_written_and_answered() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    let a = key("a", &[]);
    let first = begin(&store, "red", &a, &[gauge(&a, "m")]);
    journal.has_entered(1);
    let waiting = begin(&store, "red", &a, &[gauge(&a, "n")]);
    drop(store);
    journal.open();
    assert_eq!((first.wait(), waiting.wait()), (Ok(()), Ok(())));
}

#[derive(Debug)]
struct Broken;

impl Journal for Broken {
    fn commit(&self, _: &[Entry], _: Durability) -> Result<(), JournalError> {
        panic!("told to");
    }
}

#[test]
fn nobody_waits_for_a_journal_that_broke_off() {
    let store = durable(&["red"], ROOMY, Arc::new(Broken));
    let a = key("a", &[]);
    for _ in 0..3 {
        assert_eq!(replace(&store, "red", &a, &[gauge(&a, "m")]), Err(Refusal::Unavailable));
    }
    store.settle();
    finish(&store);
    assert_eq!(tenant_view(&store, "red"), "");
}
