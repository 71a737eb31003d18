//! The ceiling holds, a tenant's part is always its own, and nobody waits for ever.

use super::Bodies;
use super::InFlightBytes;
use super::LINE_MAX;
use super::WAIT_MAX;
use crate::limits::Ceiling;
use crate::limits::LimitsError;
use crate::model::TenantId;
use crate::testkit::MockClock;
use proptest::prelude::*;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn bodies(max: u64, tenants: usize) -> (Bodies, MockClock) {
    let clock = MockClock::new();
    (Bodies::new(max, tenants, Arc::new(clock.clone())), clock)
}

/// Looks once whether it is done.
fn poll<T>(future: &mut Pin<Box<impl Future<Output = T>>>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// The body, with so much more, if that was to be had at once.
fn grown(mut body: InFlightBytes, more: u64) -> Option<InFlightBytes> {
    let mut growing = Box::pin(async move {
        body.grow(more).await.unwrap();
        body
    });
    match poll(&mut growing) {
        Poll::Ready(body) => Some(body),
        Poll::Pending => None,
    }
}

#[test]
fn a_tenant_within_its_part_gets_in_however_full_it_is() {
    let (bodies, _) = bodies(1000, 5);
    // Its own part of 100, and all of the common half.
    let _greedy = grown(bodies.body(&tenant("red")), 600).unwrap();
    assert!(grown(bodies.body(&tenant("red")), 1).is_none());
    for good in ["a", "b", "c", "d"] {
        let good = grown(bodies.body(&tenant(good)), 100).unwrap();
        std::mem::forget(good);
    }
    assert_eq!(bodies.0.pool.lock().level.taken, 1000);
}

#[test]
fn who_has_something_is_never_forgotten_among_many_who_have_nothing() {
    let (bodies, _) = bodies(1 << 20, 2);
    let held: Vec<_> = (0..300)
        .map(|n| {
            // One in three keeps what it has, the others come and go.
            let body = grown(bodies.body(&tenant(&format!("t{n}"))), 10).unwrap();
            (n % 3 == 0).then_some(body)
        })
        .collect();
    let pool = bodies.0.pool.lock();
    let of = |n: usize| pool.of.get(&tenant(&format!("t{n}"))).copied();
    assert!((0..300).step_by(3).all(|n| of(n) == Some(10)));
    assert!((0..300).filter(|n| n % 3 > 0).all(|n| matches!(of(n), None | Some(0))));
    assert!(pool.of.len() < 250, "some of those who have nothing are forgotten: {}", pool.of.len());
    assert_eq!(pool.level.taken, 1000);
    drop(pool);
    drop(held);
    assert_eq!(bodies.0.pool.lock().level.taken, 0);
}

#[tokio::test]
async fn a_push_waits_for_room_and_goes_on_when_there_is_some() {
    let (bodies, _) = bodies(1000, 1);
    let (mut first, mut second) = (bodies.body(&tenant("red")), bodies.body(&tenant("red")));
    first.grow(900).await.unwrap();
    let mut waits = Box::pin(second.grow(500));
    assert!(poll(&mut waits).is_pending());
    drop(first);
    waits.await.unwrap();
    assert_eq!((second.bytes(), bodies.0.pool.lock().level.taken), (500, 500));
}

#[tokio::test]
async fn two_bodies_that_wait_for_each_other_do_not_wait_for_ever() {
    let (bodies, clock) = bodies(1000, 2);
    let mut halves = [bodies.body(&tenant("red")), bodies.body(&tenant("blue"))];
    for half in &mut halves {
        half.grow(500).await.unwrap();
    }
    let [mut first, mut second] = halves;
    let mut first = Box::pin(async move { first.grow(100).await });
    assert!(poll(&mut first).is_pending());
    clock.advance(Duration::from_millis(1));
    let mut second = Box::pin(async move { second.grow(100).await });
    assert!(poll(&mut second).is_pending());
    clock.advance(WAIT_MAX - Duration::from_millis(1));
    let refused = LimitsError::GatewayFull { ceiling: Ceiling::Bodies, limit: 1000 };
    assert_eq!(first.await, Err(refused));
    // What the first one gave back is there for the second.
    assert_eq!(second.await, Ok(()));
    assert_eq!(bodies.0.pool.lock().level.taken, 0);
}

#[tokio::test]
async fn those_who_need_the_common_half_are_served_in_order() {
    let (bodies, _) = bodies(1000, 1);
    let mut holds = bodies.body(&tenant("red"));
    holds.grow(1000).await.unwrap();
    let (mut large, mut small) = (bodies.body(&tenant("red")), bodies.body(&tenant("red")));
    let (mut large, mut small) = (Box::pin(large.grow(900)), Box::pin(small.grow(1)));
    assert!(poll(&mut large).is_pending() && poll(&mut small).is_pending());
    holds.shrink(50);
    assert!(poll(&mut large).is_pending() && poll(&mut small).is_pending(), "the small one has overtaken");
    holds.shrink(900);
    large.await.unwrap();
    small.await.unwrap();
}

#[tokio::test]
async fn what_could_never_come_and_who_comes_to_a_full_line_is_refused_at_once() {
    let (bodies, _) = bodies(1000, 2);
    let mut body = bodies.body(&tenant("red"));
    assert!(body.grow(751).await.is_err());
    body.grow(750).await.unwrap();
    let mut line: Vec<_> = (0..LINE_MAX).map(|_| bodies.body(&tenant("red"))).collect();
    let mut line: Vec<_> = line.iter_mut().map(|body| Box::pin(body.grow(1))).collect();
    assert!(line.iter_mut().all(|waits| poll(waits).is_pending()));
    assert!(bodies.body(&tenant("red")).grow(1).await.is_err());
    drop(line);
    assert!(bodies.0.pool.lock().line.is_empty());
}

#[tokio::test]
async fn who_leaves_the_line_takes_nothing_along() {
    let (bodies, _) = bodies(1000, 1);
    let mut holds = bodies.body(&tenant("red"));
    holds.grow(1000).await.unwrap();
    let mut leaves = bodies.body(&tenant("red"));
    let mut waits = Box::pin(leaves.grow(10));
    assert!(poll(&mut waits).is_pending());
    // Granted, and gone before it was told.
    drop(holds);
    drop(waits);
    assert_eq!((leaves.bytes(), bodies.0.pool.lock().level.taken), (0, 0));
}

#[tokio::test]
async fn another_ceiling_holds_for_what_is_to_come() {
    let (bodies, _) = bodies(1000, 1);
    let mut body = bodies.body(&tenant("red"));
    body.grow(1000).await.unwrap();
    bodies.resize(500, 2);
    assert!(grown(bodies.body(&tenant("red")), 1).is_none());
    bodies.resize(4000, 2);
    assert!(grown(bodies.body(&tenant("red")), 1).is_some());
    drop(body);
    let pool = bodies.0.pool.lock();
    assert_eq!((pool.level.taken, pool.level.common), (0, 0));
}

proptest! {
    #[test]
    fn whatever_comes_and_goes_the_ceiling_holds_and_parts_are_kept(
        ops in prop::collection::vec((0_usize..4, 0_usize..3, 0_u64..400), 1..120),
    ) {
        let (bodies, _) = bodies(1000, 4);
        let names: Vec<_> = ["a", "b", "c", "d"].into_iter().map(tenant).collect();
        let mut held: Vec<(usize, InFlightBytes)> = Vec::new();
        for (who, what, bytes) in ops {
            let own: u64 = held.iter().filter(|(whose, _)| *whose == who).map(|(_, body)| body.bytes()).sum();
            match what {
                0 => held.retain(|(whose, _)| *whose != who),
                1 => if let Some((_, body)) = held.iter_mut().find(|(whose, _)| *whose == who) {
                    body.shrink(bytes);
                },
                _ if bytes > 600 => {}
                _ => match grown(bodies.body(&names[who]), bytes) {
                    Some(body) => held.push((who, body)),
                    None => prop_assert!(own + bytes > 125, "kept out within its part: {own} and {bytes}"),
                },
            }
            let pool = bodies.0.pool.lock();
            prop_assert!(pool.level.taken <= 1000);
            prop_assert_eq!(pool.level.taken, held.iter().map(|(_, body)| body.bytes()).sum::<u64>());
            let beyond = pool.of.values().map(|has| has.saturating_sub(125)).sum::<u64>();
            prop_assert_eq!(pool.level.common, beyond);
        }
    }
}

#[tokio::test]
async fn a_body_waits_so_long_in_all_and_not_for_each_of_its_pieces() {
    let (bodies, clock) = bodies(1000, 1);
    let (mut other, mut body) = (bodies.body(&tenant("red")), bodies.body(&tenant("red")));
    other.grow(1000).await.unwrap();
    {
        let mut waits = Box::pin(body.grow(10));
        assert!(poll(&mut waits).is_pending());
        clock.advance(WAIT_MAX - Duration::from_secs(1));
        other.shrink(10);
        waits.await.unwrap();
    }
    let mut waits = Box::pin(body.grow(10));
    assert!(poll(&mut waits).is_pending());
    clock.advance(Duration::from_secs(1));
    assert!(waits.await.is_err(), "it began to wait anew");
    // And what is there is had without any patience left.
    other.shrink(10);
    body.grow(10).await.unwrap();
    assert_eq!((body.bytes(), bodies.0.pool.lock().level.taken), (20, 1000));
}
