//! Which connection may be asked to make room, and when: what counts as letting us wait, and what does not.

use super::harness::SOON;
use super::harness::Server;
use super::harness::Told;
use super::harness::head_of_answer;
use super::harness::listener;
use super::room::BLUE;
use super::room::GREEN;
use super::room::House;
use super::room::LONG;
use super::room::RED;
use super::room::connected;
use super::room::is_done;
use super::room::who_goes;
use crate::config::Listener;
use crate::config::ProxyProtocol;
use crate::listener::Arrival;
use crate::listener::CapsLayer;
use crate::listener::CloseReason;
use crate::listener::DeadlineLayer;
use crate::listener::ProxyLayer;
use crate::listener::caps::Slot;
use crate::listener::course::Course;
use crate::listener::deadline::Watched;
use crate::listener::newcomer::Standing;
use crate::listener::room::Room;
use crate::listener::watch::Watch;
use crate::model::SharedClock;
use crate::model::Subscriber;
use crate::testkit::MockClock;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower::ServiceExt;

/// Few slots, and deadlines that nobody waits for.
fn patient(slots: usize) -> Listener {
    let mut config = listener();
    (config.connections_max, config.connections_per_address_max) = (slots, slots);
    config.connections_wait_max = SOON;
    let deadlines = &mut config.deadlines;
    (deadlines.handshake, deadlines.first_request, deadlines.idle) = (6 * SOON, 6 * SOON, 6 * SOON);
    (deadlines.stalled_write, deadlines.answer) = (6 * SOON, 6 * SOON);
    config
}

#[tokio::test]
async fn a_letter_in_the_clear_on_a_tls_port_shields_nobody() {
    let server = Server::secure(patient(16));
    let mut held = Vec::new();
    for _ in 0..16 {
        let mut client = connected(&server, [127, 0, 0, 1]).await;
        client.write_all(b"G").await.unwrap();
        held.push(client);
    }
    server.told.will_have("handshake: plain_http").await;
    let other = connected(&server, [127, 0, 0, 2]).await;
    let mut other = server.tls_over(other, server.client_config(&["http/1.1"])).await.unwrap();
    other.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(head_of_answer(&mut other).await.starts_with("HTTP/1.1 200 "));
    server.told.will_have("closed: made_room").await;
}

#[tokio::test]
async fn answers_that_nobody_reads_shield_nobody() {
    let server = Server::plain(patient(2));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = connected(&server, [127, 0, 0, 1]).await;
        client.write_all(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        head_of_answer(&mut client).await;
        held.push(client);
    }
    let mut other = connected(&server, [127, 0, 0, 2]).await;
    other.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(head_of_answer(&mut other).await.starts_with("HTTP/1.1 200 "));
    server.told.will_have("closed: made_room").await;
}

#[tokio::test]
async fn who_takes_no_bytes_lets_us_wait() {
    let house = House::of(3);
    let red = house.filled_by(RED, 3).await;
    let course = Course::new(listener().deadlines, SOON, house.clock.tick());
    let watch = Watch::new(course, house.clock.clone(), red[0].standing());
    for slot in &red {
        slot.standing().waits(false, || house.clock.tick());
    }
    house.mock.advance(LONG);
    let mut blue = house.waits(BLUE).await;
    assert!(who_goes(&red).await.is_empty());
    watch.write_blocked();
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(who_goes(&red).await, [0]);
    watch.wrote();
    assert!(who_goes(&red).await.is_empty(), "it took some");
}

#[tokio::test]
async fn a_request_that_we_are_at_work_on_is_no_time_that_its_client_lets_us_wait() {
    let house = House::of(3);
    let red = house.filled_by(RED, 3).await;
    for slot in &red[1..] {
        slot.standing().waits(false, || house.clock.tick());
    }
    let course = Course::new(listener().deadlines, SOON, house.clock.tick());
    let watch = Watch::new(course, house.clock.clone(), red[0].standing());
    // As on HTTP/2, where a read is always pending.
    watch.waits(true);
    let push = watch.request_began(true);
    house.mock.advance(LONG);
    let mut blue = house.waits(BLUE).await;
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(house.caps.newcomers(), 3, "it was asked");
    assert!(who_goes(&red).await.is_empty());
    // Its body is waited for, and then it.
    assert!(!watch.body_awaited(push, &std::task::Context::from_waker(std::task::Waker::noop())));
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(who_goes(&red).await, [0]);
    // The rest has come, and nothing of a connection that is at work is cut, not even of one that had an answer.
    watch.standing().answered();
    watch.body_received(push, 1);
    assert!(who_goes(&red).await.is_empty());
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(house.caps.newcomers(), 3, "it was asked again");
    assert!(who_goes(&red).await.is_empty());
    watch.body_ended(push, 0);
    watch.answer_began(push);
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(who_goes(&red).await, [0]);
}

#[tokio::test]
async fn whoever_had_an_answer_goes_even_if_it_is_not_we_who_wait() {
    let house = House::of(2);
    let red = house.filled_by(RED, 2).await;
    for slot in &red {
        slot.standing().waits(false, || house.clock.tick());
    }
    red[1].standing().answered();
    let _blue = house.waits(BLUE).await;
    assert_eq!(who_goes(&red).await, [1]);
}

fn works(house: &House, slot: &Slot) {
    slot.standing().works(|| Some(house.clock.tick()), || house.clock.tick());
}

#[tokio::test]
async fn those_who_may_not_be_asked_shield_nobody_else() {
    let house = House::of(1000);
    let mut crowd = house.filled_by(RED, 200).await;
    let mut working = Vec::new();
    for nth in 0..10 {
        working.append(&mut house.filled_by(&format!("198.51.100.{nth}"), 70).await);
    }
    working.iter().chain(&crowd[..199]).for_each(|slot| works(&house, slot));
    let green = house.filled_by(GREEN, 100).await;
    house.mock.advance(LONG);
    let blue = house.waits(BLUE).await;
    assert_eq!(who_goes(&crowd).await, [199], "behind others of its own");
    crowd.pop();
    works(&house, &green[0]);
    let _blue = blue.await.ok().unwrap();
    let mut other = house.waits("192.0.2.9").await;
    // The largest crowd and nine others are all at work.
    assert_eq!(who_goes(&green).await, [1]);
    assert!(!is_done(&mut other).await);
}

#[tokio::test]
async fn of_those_who_wait_one_looks_for_all_who_have_as_many() {
    let house = House::of(6);
    let (red, _green) = (house.filled_by(RED, 4).await, house.filled_by(GREEN, 2).await);
    let _of_green = house.waits(GREEN).await;
    // Of blue there are fewer: what was found for green does not hold for it, but for yet another it does.
    red[0].standing().answered();
    let blue = house.waits(BLUE).await;
    assert_eq!(who_goes(&red).await, [0]);
    let mut other = house.waits("192.0.2.9").await;
    red[1].standing().answered();
    let mut another = house.waits("192.0.2.10").await;
    assert!(who_goes(&red[1..]).await.is_empty());
    house.mock.advance(Duration::from_millis(250));
    assert!(!is_done(&mut another).await && !is_done(&mut other).await);
    assert_eq!(who_goes(&red[1..]).await, [0]);
    drop(blue);
}

#[tokio::test]
async fn whoever_has_just_proved_something_is_not_asked() {
    let mock = MockClock::new();
    let clock: SharedClock = Arc::new(mock.clone());
    let room = Room::new(1);
    let seat = room.seat(Some(Subscriber::of(RED.parse().unwrap())), &clock).await.unwrap();
    let standing = Standing::of(&seat);
    standing.prove();
    // Somebody who looked found it, and it proves itself before he asks.
    let (heir, mut left) = oneshot::channel();
    assert_eq!(seat.newcomer().ask(heir, clock.tick()), None);
    assert_eq!(left.try_recv().err(), Some(oneshot::error::TryRecvError::Closed));
    assert!(!is_done(&mut pin!(standing.makes_room())).await);
}

/// The other end of a connection that a balancer made.
async fn from_balancer(socket: &TcpListener, header: &str) -> (TcpStream, Arrival) {
    let mut client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    client.write_all(header.as_bytes()).await.unwrap();
    let (stream, address) = socket.accept().await.unwrap();
    stream.readable().await.unwrap();
    (client, Arrival::new(stream, address))
}

#[tokio::test]
async fn behind_a_balancer_the_wait_for_the_slot_of_ones_own_address_is_no_silence() {
    let proxy = ProxyProtocol { trusted: vec!["127.0.0.0/8".parse().unwrap()], required: true };
    let mut config = Listener { proxy_protocol: Some(proxy), ..patient(3) };
    config.connections_per_address_max = 1;
    config.connections_wait_max = 6 * SOON;
    let mock = MockClock::new();
    let clock: SharedClock = Arc::new(mock.clone());
    let shutdown = CancellationToken::new();
    let caps = CapsLayer::new(&config, clock.clone(), shutdown.clone(), Arc::new(Told::default()));
    let stack = ServiceBuilder::new()
        .layer(caps.clone())
        .layer(DeadlineLayer::new(config.deadlines, clock.clone(), shutdown))
        .layer(ProxyLayer::new(&config, &caps))
        .service_fn(async |watched: Watched| {
            // As one that is served, and as long as nothing is to be read of it.
            watched.timer.watch().waits(false);
            std::future::pending::<Result<CloseReason, Infallible>>().await
        });
    let socket = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let (mut clients, mut connections) = (Vec::new(), Vec::new());
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        let header = format!("PROXY TCP4 {address} 198.51.100.1 9 443\r\n");
        let (client, arrival) = from_balancer(&socket, &header).await;
        clients.push(client);
        let mut connection = stack.clone().oneshot(arrival);
        for _ in 0..10 {
            assert!(!is_done(&mut connection).await);
            tokio::task::yield_now().await;
        }
        connections.push(connection);
    }
    for _ in 0..3 {
        mock.advance(LONG);
        for connection in connections.iter_mut().rev() {
            assert!(!is_done(connection).await, "it was asked to go");
        }
    }
}
