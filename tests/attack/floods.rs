//! Floods of connections and handshakes: as many as the attacker's core makes.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::slow;
use crate::target::Target;
use crate::wire;
use crate::wire::HTTP1;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Connections that one address of many holds: under its cap.
const OF_EACH: usize = 250;

/// Many addresses, so that no cap of one is met.
const OF_MANY: Attack = Attack {
    name: "silent connections from many addresses",
    run: connections_of_many,
    memory_mib: 64,
    lines: [1000, 6000],
    ..FLOOD
};
/// Small change, and much of it.
const FLOOD: Attack = Attack { cpu_millis_each: 2, ..Attack::COMMON };

attacks! {
    connections_that_come_and_go_cost_little: Attack { name: "connects and leaves", run: connections, ..FLOOD };
    connections_of_many_addresses_are_closed_by_their_deadline: OF_MANY;
    silent_connections_in_all_slots_keep_nobody_out:
        Attack { name: "silent connections in all slots", lines: [1500, 1500], few_slots: true, ..OF_MANY };
    hellos_in_drops_in_all_slots_keep_nobody_out: Attack {
        name: "a ClientHello byte by byte in all slots",
        run: dripping_connections_of_many,
        lines: [1500, 1500],
        few_slots: true,
        ..OF_MANY
    };
    handshakes_without_requests_harm_nobody: Attack { name: "handshakes", run: handshakes, ..FLOOD };
    hellos_that_are_copied_harm_nobody: Attack { name: "copies of one ClientHello", run: copied_hellos, ..FLOOD };
    what_is_no_tls_costs_little: Attack { name: "garbage in the place of TLS", run: garbage, ..FLOOD };
    strangers_who_ask_harm_nobody:
        Attack { name: "handshakes and a request without credentials", run: strangers, answers: &[401], ..FLOOD };
}

/// Connected and gone.
pub(crate) fn connections(target: &Target, force: Force) -> Tally {
    each(force, |tally| drop(count(tally, wire::tcp(Ipv4Addr::LOCALHOST, target.port))))
}

/// Connected and kept, in silence, from as many addresses as that takes.
pub(crate) fn connections_of_many(target: &Target, force: Force) -> Tally {
    of_many(target, force, b"")
}

/// The same, and not quite in silence.
pub(crate) fn dripping_connections_of_many(target: &Target, force: Force) -> Tally {
    of_many(target, force, &slow::hello(target))
}

fn of_many(target: &Target, force: Force, drip: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let mut open = Vec::new();
    while force.goes_on(&tally) {
        // What the gateway has ended is found by its end of file.
        open.retain_mut(|(stream, dripped): &mut (TcpStream, usize)| {
            let byte: &[u8] = drip.get(*dripped..=*dripped).unwrap_or_default();
            *dripped += 1;
            stream.write_all(byte).is_ok() && !wire::drain(stream).closed
        });
        while open.len() < force.lines && force.goes_on(&tally) {
            let subnet = u8::try_from(tally.tries as usize / OF_EACH % 200).unwrap();
            let connected = wire::tcp(Ipv4Addr::new(127, 0, 1, subnet), target.port);
            open.extend(count(&mut tally, connected).map(|stream| (stream, 0_usize)));
        }
        thread::sleep(Duration::from_millis(50));
    }
    tally
}

/// Whole handshakes, each from the beginning, and no request.
pub(crate) fn handshakes(target: &Target, force: Force) -> Tally {
    each(force, |tally| drop(count(tally, target.attack(HTTP1))))
}

/// The same ClientHello again and again: we compute, the attacker copies.
pub(crate) fn copied_hellos(target: &Target, force: Force) -> Tally {
    let hello = slow::hello(target);
    each(force, |tally| {
        let Some(mut stream) = count(tally, wire::tcp(Ipv4Addr::LOCALHOST, target.port)) else { return };
        tally.bytes += hello.len() as u64;
        // Until the ServerHello comes, which says that the work is done.
        let _ = stream.write_all(&hello).and_then(|()| stream.read(&mut [0; 64]));
    })
}

/// What is no TLS at all.
pub(crate) fn garbage(target: &Target, force: Force) -> Tally {
    each(force, |tally| {
        let Some(mut stream) = count(tally, wire::tcp(Ipv4Addr::LOCALHOST, target.port)) else { return };
        tally.bytes += 4096;
        let _ = stream.write_all(&[0x16; 4096]).and_then(|()| stream.read(&mut [0; 64]));
    })
}

/// A request without credentials on a connection of its own each.
pub(crate) fn strangers(target: &Target, force: Force) -> Tally {
    let request = wire::request("GET", "/metrics", "", &[], b"");
    each(force, |tally| {
        let Some(mut line) = count(tally, target.attack(HTTP1)) else { return };
        if let Ok((status, _)) = wire::exchange(&mut line, &request) {
            tally.answered(status);
        }
    })
}

fn each(force: Force, mut act: impl FnMut(&mut Tally)) -> Tally {
    let mut tally = Tally::default();
    while force.goes_on(&tally) {
        act(&mut tally);
    }
    tally
}

fn count<T>(tally: &mut Tally, connected: std::io::Result<T>) -> Option<T> {
    tally.tries += 1;
    tally.closed += u64::from(connected.is_err());
    connected.ok()
}
