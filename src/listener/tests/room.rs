//! Who makes room where all slots are taken, for whom, and who keeps his; and the turns of strangers.

use super::harness::SOON;
use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use crate::config::Listener;
use crate::listener::caps::Caps;
use crate::listener::caps::Slot;
use crate::listener::events::Cap;
use crate::listener::newcomer::Standing;
use crate::listener::newcomer::Turns;
use crate::model::SharedClock;
use crate::testkit::MockClock;
use std::future::poll_fn;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub(super) const RED: &str = "192.0.2.1";
pub(super) const BLUE: &str = "192.0.2.2";
pub(super) const GREEN: &str = "2001:db8::1";
/// More than anybody's grace.
pub(super) const LONG: Duration = Duration::from_secs(3);

pub(super) struct House {
    pub(super) caps: Arc<Caps>,
    pub(super) mock: MockClock,
    pub(super) clock: SharedClock,
}

pub(super) type Waiting<'h> = Pin<Box<dyn Future<Output = Result<Slot, Cap>> + 'h>>;

impl House {
    pub(super) fn of(slots: usize) -> Self {
        let config = Listener {
            connections_max: slots,
            connections_per_address_max: 1000,
            connections_wait_max: Duration::from_secs(3600),
            ..listener()
        };
        let mock = MockClock::new();
        Self { caps: Arc::new(Caps::new(&config)), clock: Arc::new(mock.clone()), mock }
    }

    pub(super) async fn open(&self, address: &str) -> Slot {
        self.caps.admit(address.parse().unwrap(), &self.clock).await.ok().unwrap()
    }

    pub(super) async fn filled_by(&self, address: &str, slots: usize) -> Vec<Slot> {
        let mut held = Vec::new();
        for _ in 0..slots {
            held.push(self.open(address).await);
        }
        held
    }

    /// One who finds no slot.
    pub(super) async fn waits(&self, address: &str) -> Waiting<'_> {
        let address: IpAddr = address.parse().unwrap();
        let mut waiting: Waiting<'_> = Box::pin(async move { self.caps.admit(address, &self.clock).await });
        assert!(!is_done(&mut waiting).await, "there was a slot");
        waiting
    }

    pub(super) fn heard(&self, slot: &Slot) {
        let standing = slot.standing();
        standing.waits(false, || self.clock.tick());
        standing.waits(true, || self.clock.tick());
    }
}

pub(super) async fn is_done<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    // Who asks often is not to be told to give way to others.
    let mut future = tokio::task::unconstrained(future);
    poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx).is_ready())).await
}

/// Whether this one was asked to go, and goes.
async fn goes(slot: &Slot) -> bool {
    is_done(&mut pin!(slot.standing().makes_room())).await
}

pub(super) async fn who_goes(slots: &[Slot]) -> Vec<usize> {
    let mut going = Vec::new();
    for (nth, slot) in slots.iter().enumerate() {
        if goes(slot).await {
            going.push(nth);
        }
    }
    going
}

#[tokio::test]
async fn where_all_slots_are_taken_by_the_silent_one_of_them_makes_room_for_another_address() {
    let house = House::of(3);
    let mut red = house.filled_by(RED, 3).await;
    let mut before = house.waits(RED).await;
    let mut blue = house.waits(BLUE).await;
    assert!(who_goes(&red).await.is_empty(), "within its grace");
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert_eq!(who_goes(&red).await, [0]);
    drop(red.remove(0));
    // It goes to whoever asked for it, and not to those of the crowd who stand in line before.
    assert!(!is_done(&mut before).await);
    let blue = blue.await.ok().unwrap();
    assert_eq!(house.caps.newcomers(), 3);
    drop((blue, before, red));
    assert_eq!(house.caps.newcomers(), 0);
    assert_eq!(house.caps.free(), 3);
}

#[tokio::test]
async fn who_has_let_us_wait_for_the_longest_goes_and_not_who_has_the_oldest_socket() {
    let house = House::of(4);
    let red = house.filled_by(RED, 4).await;
    house.mock.advance(LONG);
    // We take our time with this one; the next one sends a byte now and then, which ends no waiting.
    red[0].standing().waits(false, || house.clock.tick());
    let first = house.clock.tick();
    house.mock.advance(LONG);
    assert_eq!(house.clock.tick().since(first), LONG);
    red[0].standing().waits(true, || house.clock.tick());
    house.heard(&red[1]);
    let mut blue = house.waits(BLUE).await;
    assert_eq!(who_goes(&red).await, [1]);
    assert!(!is_done(&mut blue).await);
}

#[tokio::test]
async fn who_has_something_to_say_is_heard_and_another_asked() {
    let house = House::of(3);
    let red = house.filled_by(RED, 3).await;
    house.mock.advance(LONG);
    let mut blue = house.waits(BLUE).await;
    house.heard(&red[0]);
    assert!(who_goes(&red).await.is_empty());
    assert!(!is_done(&mut blue).await);
    // It has waited as long as the others, all in all, and is asked again, since it has had no answer either.
    assert_eq!(who_goes(&red).await.len(), 1);
}

#[tokio::test]
async fn whoever_has_proved_a_credential_keeps_its_slot() {
    let house = House::of(3);
    let red = house.filled_by(RED, 3).await;
    house.mock.advance(LONG);
    let mut blue = house.waits(BLUE).await;
    assert_eq!(who_goes(&red).await, [0]);
    // At the last moment; and the next one asked as well, and so on.
    for slot in &red {
        slot.standing().prove();
        assert!(!is_done(&mut blue).await);
    }
    house.mock.advance(LONG);
    assert!(!is_done(&mut blue).await);
    assert!(who_goes(&red).await.is_empty());
    assert_eq!(house.caps.newcomers(), 0);
    drop(red);
    assert!(is_done(&mut blue).await);
}

#[tokio::test]
async fn between_addresses_of_which_there_are_equally_many_nobody_has_to_go() {
    let house = House::of(4);
    let (red, green) = (house.filled_by(RED, 2).await, house.filled_by(GREEN, 2).await);
    house.mock.advance(LONG);
    let (mut of_red, mut of_green) = (house.waits(RED).await, house.waits(GREEN).await);
    let mut blue = house.waits(BLUE).await;
    assert_eq!((who_goes(&red).await.len(), who_goes(&green).await.len()), (0, 1), "for the one of blue");
    // Of two of whom one is gone there is no crowd left.
    assert!(!is_done(&mut of_red).await && !is_done(&mut of_green).await && !is_done(&mut blue).await);
    drop(green);
    assert!(is_done(&mut blue).await);
}

#[tokio::test]
async fn who_left_the_line_drives_nobody_out() {
    let house = House::of(2);
    let mut red = house.filled_by(RED, 2).await;
    house.mock.advance(LONG);
    let blue = house.waits(BLUE).await;
    let mut green = house.waits(GREEN).await;
    drop(blue);
    // Who was asked for its sake stays, and is asked again for whoever still waits.
    assert!(who_goes(&red).await.is_empty());
    house.mock.advance(LONG);
    assert!(!is_done(&mut green).await);
    assert_eq!(who_goes(&red).await, [1]);
    // And a slot that was to be handed to one who is gone is everybody's.
    drop(green);
    red.clear();
    assert_eq!(house.caps.free(), 2);
}

#[tokio::test]
async fn whoever_had_an_answer_and_proved_nothing_has_had_its_time() {
    let house = House::of(2);
    let red = house.filled_by(RED, 2).await;
    red[1].standing().answered();
    house.heard(&red[1]);
    let _blue = house.waits(BLUE).await;
    house.heard(&red[1]);
    assert_eq!(who_goes(&red).await, [1]);
}

#[tokio::test]
async fn the_more_there_are_of_an_address_the_less_time_has_each() {
    let house = House::of(256);
    let red = house.filled_by(RED, 256).await;
    let mut blue = house.waits(BLUE).await;
    house.mock.advance(Duration::from_millis(90));
    assert!(!is_done(&mut blue).await && who_goes(&red).await.is_empty());
    house.mock.advance(Duration::from_millis(10));
    assert!(!is_done(&mut blue).await);
    assert_eq!(who_goes(&red).await, [0]);
}

#[tokio::test]
async fn a_waiting_room_has_a_place_for_an_address_that_does_not_wait_yet() {
    let house = House::of(100);
    let _red = house.filled_by(RED, 100).await;
    let mut waiting = Vec::new();
    // Each takes as many places as it is given.
    for address in (0..20).map(|nth| IpAddr::from([198, 18, 0, nth])) {
        let before = waiting.len();
        loop {
            let mut one: Waiting<'_> = Box::pin(tokio::task::unconstrained(house.caps.admit(address, &house.clock)));
            match poll_fn(|cx| Poll::Ready(one.as_mut().poll(cx))).await {
                Poll::Pending => waiting.push(one),
                Poll::Ready(refused) => break assert_eq!(refused.err(), Some(Cap::WaitingRoom)),
            }
        }
        // One alone takes half of what is left, so there is always some left.
        assert_eq!(waiting.len(), before + (100 - before).div_ceil(2), "of {address}");
        if waiting.len() >= 95 {
            break;
        }
    }
    let _blue = house.waits(BLUE).await;
}

/// A client at another address of this machine.
pub(super) async fn connected(server: &Server, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(server.address).await.unwrap()
}

#[tokio::test]
async fn a_listener_full_of_silent_sockets_serves_another_address_and_keeps_who_proved_something() {
    let mut config = listener();
    (config.connections_max, config.connections_per_address_max) = (64, 64);
    config.connections_wait_max = SOON;
    config.deadlines.handshake = 6 * SOON;
    config.deadlines.first_request = 6 * SOON;
    config.deadlines.idle = 6 * SOON;
    let server = Server::plain(config);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes();
    let mut proved = connected(&server, [127, 0, 0, 1]).await;
    proved.write_all(&get("/prove")).await.unwrap();
    head_of_answer(&mut proved).await;
    let mut silent = Vec::new();
    for _ in 1..64 {
        silent.push(connected(&server, [127, 0, 0, 1]).await);
    }
    for _ in 0..3 {
        let mut other = connected(&server, [127, 0, 0, 2]).await;
        other.write_all(&get("/peer")).await.unwrap();
        assert!(head_of_answer(&mut other).await.starts_with("HTTP/1.1 200 "));
        silent.push(other);
    }
    server.told.will_have("closed: made_room").await;
    proved.write_all(&get("/peer")).await.unwrap();
    assert!(head_of_answer(&mut proved).await.starts_with("HTTP/1.1 200 "));
}

/// How many of 30 requests on this connection begin in each look of the runtime at everybody else.
async fn begun_in_each_round(standing: Standing) -> Vec<usize> {
    let (turns, begun) = (Turns::new(), Arc::new(AtomicUsize::new(0)));
    let mut requests = JoinSet::new();
    for _ in 0..30 {
        let (turns, begun, standing) = (turns.clone(), begun.clone(), standing.clone());
        requests.spawn(async move {
            turns.wait(&standing).await;
            begun.fetch_add(1, Ordering::Relaxed);
        });
    }
    let mut rounds = Vec::new();
    while rounds.iter().sum::<usize>() < 30 {
        tokio::task::yield_now().await;
        rounds.push(begun.swap(0, Ordering::Relaxed));
        assert!(rounds.len() < 1000, "{rounds:?}");
    }
    rounds
}

#[tokio::test]
async fn of_the_requests_of_strangers_one_begins_at_a_time_and_of_others_all() {
    let house = House::of(1);
    let slot = house.open(RED).await;
    let rounds = begun_in_each_round(slot.standing()).await;
    assert!(rounds.iter().all(|begun| *begun <= 2), "{rounds:?}");
    slot.standing().prove();
    assert_eq!(begun_in_each_round(slot.standing()).await.iter().max(), Some(&30));
}
