//! How much expensive work is done for those who prove nothing: the budgets of failures.
//!
//! Each address (IPv6: each /64) has a budget that every failed attempt is charged to, whatever name it was for. While it
//! lasts, a known and an unknown name are treated alike in everything: one hash, one answer.
//!
//! Once it is spent, whoever shares the address with a guesser would be locked out with him. So each configured user has
//! a *reserve* from each address, which attempts for other names cannot touch: from it a right password is still found
//! right. What fails on the reserve is answered as an unknown name is at that moment (429, after the same time), so the
//! reserve tells a guesser nothing. It is cut into [`CLASSES`], of which a password may use two by its keyed tag: one wrong
//! password that is sent again and again, as by a job that nobody told of the new one, spends its own two and leaves the
//! right one's alone.
//!
//! The counts live in two tables of fixed size, found by a keyed hash. Nothing is ever evicted, so nobody can push out his
//! own count by coming from everywhere, and nothing grows. Two addresses may share a slot: with a hundred guessing at one
//! time, one in 160 others shares its budget with one of them, and then has the reserve.

use crate::config;
use crate::model::Subscriber;
use crate::model::Tick;
use ipnet::IpNet;
use siphasher::sip::SipHasher13;
use std::hash::Hash;
use std::hash::Hasher;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Chosen: 128 KiB, far more than the addresses that fail within a minute.
const ADDRESSES: usize = 1 << 14;
/// Chosen: 512 KiB; only attempts for configured users come here.
const RESERVES: usize = 1 << 16;
/// Chosen: of 64 right passwords one has to share both of its classes with a given wrong one, and at the default of 20
/// failures a minute a class is filled again within 48 s.
pub(super) const CLASSES: u8 = 16;

const MINUTE: Duration = Duration::from_secs(60);

/// The rates of one configuration.
#[derive(Debug)]
pub(super) struct Rates {
    rest: Rate,
    /// The first that holds an address decides.
    networks: Vec<(Vec<IpNet>, Rate)>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Nanoseconds until one more failure is let in.
    interval: u64,
    burst: u64,
}

impl Rates {
    /// `networks`: failures per minute of each address in them; their bursts grow in proportion.
    pub(super) fn new(strangers: config::Strangers, networks: Vec<(Vec<IpNet>, NonZeroU32)>) -> Self {
        let (rest, burst) = (strangers.failures_per_minute, u64::from(strangers.failures_burst.get()));
        let rate =
            |per_minute: NonZeroU32, burst| Rate { interval: nanos(MINUTE) / u64::from(per_minute.get()), burst };
        let scaled = |per_minute: NonZeroU32| (burst * u64::from(per_minute.get()) / u64::from(rest.get())).max(1);
        let networks =
            networks.into_iter().map(|(networks, per_minute)| (networks, rate(per_minute, scaled(per_minute))));
        Self { rest: rate(rest, burst), networks: networks.collect() }
    }

    fn of(&self, source: Subscriber) -> Rate {
        let holds = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&source.first_address()));
        self.networks.iter().find(|(networks, _)| holds(networks)).map_or(self.rest, |(_, rate)| *rate)
    }
}

/// The counts. They outlive a reload.
pub(super) struct Strangers {
    key: [u8; 16],
    addresses: Box<[AtomicU64]>,
    reserves: Box<[AtomicU64]>,
}

/// One failure that was charged before it happened, so that many at one time cannot all pass the same look at the count.
#[derive(Debug)]
#[must_use = "an attempt that succeeds, or is never made, is given back"]
pub(super) struct Charge {
    table: Table,
    slot: u64,
    interval: u64,
}

#[derive(Clone, Copy, Debug)]
enum Table {
    Addresses,
    Reserves,
}

impl Strangers {
    /// `key`: random, so that nobody can look for addresses that share a slot with somebody else's.
    pub(super) fn new(key: [u8; 16]) -> Self {
        let table = |length| std::iter::repeat_with(AtomicU64::default).take(length).collect();
        Self { key, addresses: table(ADDRESSES), reserves: table(RESERVES) }
    }

    /// Charges a failure to the address. `Err`: nothing is left, and how long until something is.
    pub(super) fn charge(&self, rates: &Rates, source: Subscriber, now: Tick) -> Result<Charge, Duration> {
        let Rate { interval, burst } = rates.of(source);
        self.take(Charge { table: Table::Addresses, slot: self.slot(&source), interval }, burst, now)
    }

    /// Charges a failure to what is kept back for this user at this address, and there to either class of the password.
    ///
    /// Two, because a slot may be shared with somebody who is guessed at; two such slots hardly ever.
    pub(super) fn charge_reserve(
        &self,
        rates: &Rates,
        (source, user, classes): (Subscriber, &str, [u8; 2]),
        now: Tick,
    ) -> Result<Charge, Duration> {
        let interval = rates.of(source).interval.saturating_mul(CLASSES.into());
        let of =
            |class: u8| Charge { table: Table::Reserves, slot: self.slot(&(source, user, class % CLASSES)), interval };
        let [first, second] = classes.map(of);
        self.take(first, 1, now).or_else(|_| self.take(second, 1, now))
    }

    /// As if it had not been charged.
    pub(super) fn give_back(&self, charge: &Charge) {
        if let Some(full_at) = self.at(charge) {
            let _ = full_at
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |at| Some(at.saturating_sub(charge.interval)));
        }
    }

    /// A slot holds the tick at which its budget is full again: each failure moves it on by one interval, and it may not be
    /// more than a burst of them ahead of now.
    fn take(&self, charge: Charge, burst: u64, now: Tick) -> Result<Charge, Duration> {
        let now = now.as_nanos();
        let latest = now.saturating_add(charge.interval.saturating_mul(burst));
        let charged = |at: u64| at.max(now).saturating_add(charge.interval);
        let Some(full_at) = self.at(&charge) else { return Err(MINUTE) };
        full_at
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |at| Some(charged(at)).filter(|at| *at <= latest))
            .map_err(|at| Duration::from_nanos(charged(at).saturating_sub(latest)))?;
        Ok(charge)
    }

    fn slot(&self, of: &impl Hash) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        of.hash(&mut hasher);
        hasher.finish()
    }

    /// `None` never comes: the remainder is within the table.
    fn at(&self, charge: &Charge) -> Option<&AtomicU64> {
        let table = match charge.table {
            Table::Addresses => &self.addresses,
            Table::Reserves => &self.reserves,
        };
        let slot = charge.slot.checked_rem(table.len() as u64)?;
        table.get(usize::try_from(slot).ok()?)
    }
}

impl std::fmt::Debug for Strangers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Strangers(..)")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::ADDRESSES;
    use super::CLASSES;
    use super::Rates;
    use super::Strangers;
    use super::Subscriber;
    use crate::config;
    use crate::model::Tick;
    use std::net::IpAddr;
    use std::net::Ipv6Addr;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn rates() -> Rates {
        let busy = (vec!["198.51.100.0/24".parse().unwrap()], NonZeroU32::new(600).unwrap());
        Rates::new(config::Strangers::default(), vec![busy])
    }

    fn source(address: &str) -> Subscriber {
        Subscriber::of(address.parse().unwrap())
    }

    fn at(seconds: u64) -> Tick {
        Tick::from_nanos(seconds * 1_000_000_000)
    }

    /// How many failures are let in at one moment.
    fn room(strangers: &Strangers, source: Subscriber, now: Tick) -> usize {
        let rates = rates();
        std::iter::from_fn(|| strangers.charge(&rates, source, now).ok()).take(100_000).count()
    }

    #[test]
    fn a_budget_is_a_burst_and_then_its_rate() {
        let strangers = Strangers::new([1; 16]);
        let one = source("192.0.2.1");
        assert_eq!(room(&strangers, one, at(0)), 20);
        assert_eq!(strangers.charge(&rates(), one, at(1)).unwrap_err(), Duration::from_secs(2));
        assert_eq!([at(2), at(3), at(9), at(9_000)].map(|now| room(&strangers, one, now)), [0, 1, 2, 20]);
        assert_eq!(room(&strangers, source("192.0.2.2"), at(0)), 20);
        assert_eq!(room(&strangers, source("198.51.100.7"), at(0)), 600);
    }

    #[test]
    fn an_ipv6_subscriber_is_one_source_and_a_mapped_address_is_its_ipv4() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }

    #[test]
    fn what_did_not_fail_is_given_back() {
        let strangers = Strangers::new([1; 16]);
        for _ in 0..100 {
            let charge = strangers.charge(&rates(), source("192.0.2.1"), at(0)).unwrap();
            strangers.give_back(&charge);
            let reserve = (source("192.0.2.1"), "alice", [0, 1]);
            let charge = strangers.charge_reserve(&rates(), reserve, at(0)).unwrap();
            strangers.give_back(&charge);
        }
        assert_eq!(room(&strangers, source("192.0.2.1"), at(0)), 20);
    }

    #[test]
    fn the_reserve_of_a_user_is_as_large_as_the_rate_and_refills_within_a_minute() {
        let strangers = Strangers::new([1; 16]);
        let one = source("192.0.2.1");
        let is_tried = |tag, now| strangers.charge_reserve(&rates(), (one, "a", [tag, tag]), now).is_ok();
        let tried = |now| (0..=255).filter(|tag| is_tried(*tag, now)).count();
        assert_eq!(tried(at(0)), usize::from(CLASSES));
        assert_eq!(tried(at(47)), 0);
        assert_eq!(tried(at(48)), usize::from(CLASSES));
        // Another user, and another address, have theirs.
        assert!(strangers.charge_reserve(&rates(), (one, "b", [0, 0]), at(48)).is_ok());
        assert!(strangers.charge_reserve(&rates(), (source("192.0.2.2"), "a", [0, 0]), at(48)).is_ok());
    }

    #[test]
    fn a_guesser_from_everywhere_neither_wins_back_his_own_budget_nor_spends_all_of_a_users_reserve() {
        let strangers = Strangers::new([1; 16]);
        let own = source("192.0.2.1");
        assert_eq!(room(&strangers, own, at(0)), 20);
        let everywhere = (0..10 * ADDRESSES as u128).map(|n| Ipv6Addr::from_bits((0x2001_0db8 << 96) | (n << 64)));
        for address in everywhere {
            let _ = strangers.charge(&rates(), Subscriber::of(IpAddr::V6(address)), at(0));
        }
        assert_eq!(room(&strangers, own, at(0)), 0);
        assert!(strangers.charge_reserve(&rates(), (source("203.0.113.1"), "alice", [7, 8]), at(0)).is_ok());
    }

    #[test]
    fn few_share_a_budget_with_a_hundred_guessers() {
        let strangers = Strangers::new([1; 16]);
        let address = |n: u32| Subscriber::of(IpAddr::from(n.to_be_bytes()));
        for guesser in 0..100 {
            room(&strangers, address(guesser), at(0));
        }
        let hit = (1_000..11_000).filter(|n| strangers.charge(&rates(), address(*n), at(0)).is_err()).count();
        assert!(hit < 300, "{hit} of 10,000");
    }
}
