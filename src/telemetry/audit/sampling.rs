//! What anybody can cause any number of is written down as far as a person would read it, and counted beyond.

use super::AuditEvent;
use crate::model::Subscriber;
use crate::model::Tick;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long a count goes on. A summary line stands at most once for each.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// How many lines of one kind a window has room for. What one address may take leaves room for nine others; what all may
/// take bounds the file (5 lines a second of about 200 bytes are 86 MB a day) and this map.
#[derive(Clone, Copy, Debug)]
struct Room {
    each: u32,
    all: u32,
}

const FAILURES: Room = Room { each: 30, all: 300 };
/// These proved a credential: there are fewer of them, and each is worth more.
const REFUSALS: Room = Room { each: 300, all: 3000 };

/// The two kinds of events that are sampled.
#[derive(Debug)]
pub(super) struct Sampling {
    failures: Sampler,
    refusals: Sampler,
}

impl Sampling {
    pub(super) fn new() -> Self {
        Self { failures: Sampler::new("authentication_failed", FAILURES), refusals: Sampler::new("refused", REFUSALS) }
    }

    /// Whether this event is to be written.
    pub(super) fn admits(&self, event: &str, peer: Option<IpAddr>, now: Tick) -> bool {
        let sampler = [&self.failures, &self.refusals].into_iter().find(|sampler| sampler.event == event);
        sampler.is_none_or(|sampler| sampler.admits(peer, now))
    }

    /// What was left out in windows that are over by now, each event once.
    pub(super) fn over(&self, now: Tick) -> impl Iterator<Item = AuditEvent> + '_ {
        [&self.failures, &self.refusals].into_iter().filter_map(move |sampler| sampler.take(Some(now)))
    }

    /// What was left out until now, whether its window is over or not.
    pub(super) fn all(&self) -> impl Iterator<Item = AuditEvent> + '_ {
        [&self.failures, &self.refusals].into_iter().filter_map(|sampler| sampler.take(None))
    }
}

#[derive(Debug)]
struct Sampler {
    event: &'static str,
    room: Room,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    began: Tick,
    written: u32,
    left_out: u64,
    /// Of earlier windows.
    owed: u64,
    /// Lines of each address; no more addresses than lines.
    addresses: HashMap<Option<Subscriber>, u32>,
}

impl Sampler {
    fn new(event: &'static str, room: Room) -> Self {
        Self { event, room, window: Mutex::default() }
    }

    fn admits(&self, peer: Option<IpAddr>, now: Tick) -> bool {
        let mut window = self.window.lock();
        window.turn(now);
        if window.written < self.room.all {
            let of_address = window.addresses.entry(peer.map(Subscriber::of)).or_default();
            if *of_address < self.room.each {
                *of_address += 1;
                window.written += 1;
                return true;
            }
        }
        window.left_out = window.left_out.saturating_add(1);
        false
    }

    fn take(&self, over_by: Option<Tick>) -> Option<AuditEvent> {
        let mut window = self.window.lock();
        match over_by {
            Some(now) => window.turn(now),
            None => window.settle(),
        }
        let count = std::mem::take(&mut window.owed);
        let summary = || AuditEvent::new("suppressed").with("of", self.event).with("count", count.to_string());
        (count > 0).then(summary)
    }
}

impl Window {
    /// Begins another window if this one is over.
    fn turn(&mut self, now: Tick) {
        if now.since(self.began) >= WINDOW {
            self.settle();
            self.began = now;
            self.written = 0;
            self.addresses.clear();
        }
    }

    fn settle(&mut self) {
        self.owed = self.owed.saturating_add(std::mem::take(&mut self.left_out));
    }
}

#[cfg(test)]
mod tests {
    use super::FAILURES;
    use super::Sampling;
    use super::WINDOW;
    use crate::model::Tick;
    use std::net::IpAddr;
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;

    const EVENT: &str = "authentication_failed";

    fn admitted(sampling: &Sampling, peer: impl Into<IpAddr> + Copy, tries: u32, now: Tick) -> u32 {
        (0..tries).map(|_| u32::from(sampling.admits(EVENT, Some(peer.into()), now))).sum()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_all_together_have_a_bound() {
        let sampling = Sampling::new();
        let now = Tick::default().after(WINDOW);
        let attackers = (0..20).map(|n| Ipv4Addr::new(192, 0, 2, n));
        let noted: Vec<u32> = attackers.map(|attacker| admitted(&sampling, attacker, 1000, now)).collect();
        assert_eq!(noted[..10], [FAILURES.each; 10]);
        assert_eq!(noted.iter().sum::<u32>(), FAILURES.all);
        assert!(sampling.failures.window.lock().addresses.len() <= 300);
        let later = now.after(WINDOW);
        let summaries: Vec<_> = sampling.over(later).collect();
        assert_eq!(summaries.len(), 1);
        assert_eq!(summaries[0].details, [("of", EVENT.to_owned()), ("count", (20_000 - 300).to_string())]);
        assert_eq!(sampling.over(later).count(), 0);
        assert_eq!(admitted(&sampling, Ipv4Addr::LOCALHOST, 1, later), 1);
    }

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let sampling = Sampling::new();
        let now = Tick::default();
        let noted: u32 =
            (0..100).map(|host| admitted(&sampling, Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host), 1, now)).sum();
        assert_eq!(noted, FAILURES.each);
        assert_eq!(admitted(&sampling, Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1), 1, now), 1);
    }

    #[test]
    fn what_is_not_for_anybody_to_cause_is_never_left_out() {
        let sampling = Sampling::new();
        assert!((0..10_000).all(|_| sampling.admits("wipe", None, Tick::default())));
        assert_eq!(sampling.all().count(), 0);
    }
}
