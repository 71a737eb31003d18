//! Slots, and waiting for them.

use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use super::harness::millis;
use super::harness::until_closed;
use crate::config::AddressRule;
use crate::config::Listener;
use crate::listener::caps::Caps;
use crate::listener::events::Cap;
use crate::model::SharedClock;
use crate::model::Subscriber;
use crate::testkit::MockClock;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn caps(all: usize, each: usize) -> Arc<Caps> {
    Arc::new(Caps::new(&Listener {
        connections_max: all,
        connections_per_address_max: each,
        connections_wait_max: Duration::from_secs(5),
        address_rules: vec![
            AddressRule {
                networks: vec!["198.51.100.0/24".parse().unwrap()],
                connections_max: 3,
                failures_per_minute: None,
            },
            AddressRule {
                networks: vec!["198.51.0.0/16".parse().unwrap()],
                connections_max: 9,
                failures_per_minute: None,
            },
        ],
        ..listener()
    }))
}

#[test]
fn a_mapped_address_counts_as_ipv4_and_a_subscriber_of_ipv6_as_one() {
    let key = |text| Subscriber::of(ip(text));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
    assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
}

#[tokio::test]
async fn a_slot_is_free_again_with_its_connection_and_no_address_is_remembered() {
    let caps = caps(2, 1);
    let clock: SharedClock = Arc::new(MockClock::new());
    let first = caps.admit(ip("192.0.2.1"), &clock).await.ok().unwrap();
    let second = caps.admit(ip("192.0.2.2"), &clock).await.ok().unwrap();
    assert_eq!(caps.addresses(), 2);
    drop(first);
    assert_eq!(caps.addresses(), 1);
    let third = caps.admit(ip("192.0.2.1"), &clock).await.ok().unwrap();
    drop((second, third));
    assert_eq!(caps.addresses(), 0);
}

#[tokio::test]
async fn one_over_its_cap_waits_and_then_is_refused() {
    let caps = caps(10, 1);
    let mock = MockClock::new();
    let clock: SharedClock = Arc::new(mock.clone());
    let address = ip("2001:db8::1");
    let held = caps.admit(address, &clock).await.ok().unwrap();
    let waiting = caps.admit(address, &clock);
    let time = async {
        tokio::task::yield_now().await;
        mock.advance(Duration::from_secs(5));
    };
    let (refused, ()) = tokio::join!(waiting, time);
    assert_eq!(refused.err(), Some(Cap::Waited));

    let waiting = caps.admit(address, &clock);
    let time = async {
        tokio::task::yield_now().await;
        drop(held);
    };
    let (admitted, ()) = tokio::join!(waiting, time);
    assert!(admitted.is_ok());
}

#[tokio::test]
async fn a_waiting_room_is_as_large_as_the_house_and_one_address_has_three_times_its_own() {
    // Slots in all and of an address; how many may wait besides the one that has its slot.
    for (all, of_address, room) in [(1, 10, 1), (10, 1, 3)] {
        let caps = caps(all, of_address);
        let clock: SharedClock = Arc::new(MockClock::new());
        let address = ip("192.0.2.1");
        let _held = caps.admit(address, &clock).await.ok().unwrap();
        let mut waiting = Vec::new();
        for _ in 0..room {
            let mut one = Box::pin(caps.admit(address, &clock));
            assert!(std::future::poll_fn(|cx| Poll::Ready(one.as_mut().poll(cx))).await.is_pending());
            waiting.push(one);
        }
        assert_eq!(caps.admit(address, &clock).await.err(), Some(Cap::WaitingRoom));
    }
}

#[tokio::test]
async fn an_address_over_its_cap_takes_no_place_among_all() {
    let caps = caps(2, 1);
    let clock: SharedClock = Arc::new(MockClock::new());
    let _held = caps.admit(ip("192.0.2.1"), &clock).await.ok().unwrap();
    let waiting = caps.admit(ip("192.0.2.1"), &clock);
    let other = async {
        tokio::task::yield_now().await;
        caps.admit(ip("192.0.2.2"), &clock).await
    };
    tokio::select! {
        biased;
        _ = waiting => unreachable!("nobody moved the clock"),
        other = other => assert!(other.is_ok()),
    }
}

#[tokio::test]
async fn the_first_rule_that_holds_an_address_decides() {
    let caps = caps(100, 1);
    let clock: SharedClock = Arc::new(MockClock::new());
    for (address, most) in [("198.51.100.7", 3), ("::ffff:198.51.7.7", 9), ("203.0.113.1", 1)] {
        let mut held = Vec::new();
        // Twice as many come in; those that find no slot at once would wait.
        for _ in 0..most {
            held.push(caps.admit(ip(address), &clock).await.ok().unwrap());
        }
        let full = tokio::select! {
            biased;
            _ = caps.admit(ip(address), &clock) => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(full, "{address} has {most}");
    }
}

#[tokio::test]
async fn a_socket_over_the_cap_is_served_when_its_turn_comes_and_others_are_accepted_meanwhile() {
    let mut config = listener();
    config.connections_max = 1;
    config.connections_wait_max = super::harness::SOON;
    config.deadlines.idle = super::harness::SOON;
    let server = Server::plain(config);
    let get = b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = server.tcp().await;
    first.write_all(get).await.unwrap();
    head_of_answer(&mut first).await;
    let mut second = server.tcp().await;
    second.write_all(get).await.unwrap();
    tokio::time::sleep(millis(100)).await;
    drop(first);
    assert!(head_of_answer(&mut second).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_socket_that_waited_too_long_is_closed_and_counted() {
    let mut config = listener();
    config.connections_per_address_max = 1;
    config.deadlines.idle = super::harness::SOON;
    let server = Server::plain(config);
    let mut first = server.tcp().await;
    first.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    head_of_answer(&mut first).await;
    let mut second = server.tcp().await;
    until_closed(&mut second).await;
    server.told.will_have("refused: waited").await;
    let third = server.tcp().await;
    drop(first);
    drop(third);
    server.told.will_have("closed: done").await;
}
