//! Passwords: few people type them, and each guess is to cost the guesser more than us.
//!
//! An attempt meets, in this order: what was [`proved`] lately (then nothing else is asked), an attempt of the same kind
//! under way ([`flights`]), the budget of its address ([`strangers`](super::strangers)), the queue ([`turns`]), and the
//! [`hash`]. A name that is nobody's takes the same way, with a hash that costs as much as somebody's.

mod flights;
mod hash;
mod proved;
mod room;
mod turns;

#[cfg(test)]
mod tests;

use self::flights::Attempt;
use self::flights::Flight;
use self::flights::Flights;
use self::flights::Lane;
use self::flights::Means;
use self::flights::Verdict;
use self::hash::Compute;
use self::hash::Kind;
use self::hash::Verify;
use self::proved::Known;
use self::proved::ProcessKey;
use self::proved::Proved;
use self::proved::Tag;
use self::room::Room;
use self::turns::Bounds;
use self::turns::Turns;
use self::turns::Whose;
use super::IdentityError;
use super::credential::Credential;
use super::credential::Party;
use super::scheme::Secret;
use super::strangers::Charge;
use super::strangers::Rates;
use super::strangers::Strangers;
use crate::config::Config;
use crate::config::PASSWORD_BYTES_MAX;
use crate::config::PasswordHash;
use crate::model::SharedClock;
use crate::model::Subscriber;
use crate::model::Tick;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// A longer user name is nobody's: names in the configuration are shorter.
const USER_BYTES_MAX: usize = 256;

/// The users of one configuration.
#[derive(Debug)]
pub(super) struct Passwords {
    users: HashMap<String, User>,
    /// What names that are nobody's cost: one hash of each kind that users have.
    dummies: Vec<(Kind, PasswordHash)>,
    rates: Rates,
    ttl: Duration,
    /// `None`: the system's random source failed, and no password is proved.
    process: Option<Arc<Process>>,
}

/// A user by name.
#[derive(Debug)]
struct User {
    hash: PasswordHash,
    credential: Arc<Credential>,
    proved: Arc<Proved>,
}

/// What outlives every configuration.
#[derive(Debug)]
struct Process {
    key: ProcessKey,
    means: Means,
    turns: Turns,
    flights: Flights,
    room: Room,
}

/// An attempt as it is looked at.
struct Asked<'a> {
    user: Option<&'a User>,
    name: &'a str,
    hash: &'a PasswordHash,
    password: &'a Secret,
    tag: Tag,
    source: Subscriber,
}

/// What is to be waited for.
enum Course {
    /// The verdict is the answer.
    Budget(Flight),
    /// Only a right password makes a difference, if one is looked for at all.
    Spent { flight: Option<Flight>, retry_after: Duration },
}

/// Every network that some listener gives a rate of failures of its own, in the order of the configuration.
fn networks_with_a_rate(config: &Config) -> Vec<(Vec<IpNet>, NonZeroU32)> {
    let rules = config.listeners.iter().flat_map(|listener| &listener.address_rules);
    rules.filter_map(|rule| Some((rule.networks.clone(), rule.failures_per_minute?))).collect()
}

impl Passwords {
    /// Every user of every tenant and operator. The configuration vouches that no name stands in it twice.
    ///
    /// `before`: the users in force. Who is of the same party and has the same name and hash is remembered.
    pub(super) fn new(config: &Config, clock: &SharedClock, before: Option<&Self>) -> Self {
        Self::with(config, clock, before, Arc::new(Compute))
    }

    fn with(config: &Config, clock: &SharedClock, before: Option<&Self>, verify: Arc<dyn Verify>) -> Self {
        let mut users = HashMap::new();
        for (id, tenant) in config.tenants.iter().filter(|(_, tenant)| !tenant.closed) {
            for user in &tenant.users {
                let credential = Credential::of_tenant(id, &user.grant);
                users.insert(user.grant.name.clone(), User::new(&user.hash, credential, before));
            }
        }
        for (name, operator) in &config.operators {
            for user in &operator.users {
                let credential = Credential::of_operator(name, &user.grant);
                users.insert(user.grant.name.clone(), User::new(&user.hash, credential, before));
            }
        }
        let mut kinds: BTreeSet<Kind> = users.values().map(|user| Kind::of(&user.hash)).collect();
        if kinds.is_empty() {
            kinds.insert(Kind::configured(&config.passwords));
        }
        let bounds = Bounds { concurrency: config.passwords.concurrency, queue: config.passwords.queue };
        let process = match before {
            Some(before) => before.process.clone(),
            None => Process::new(clock, bounds, verify).map(Arc::new),
        };
        if let Some(process) = &process {
            process.turns.set_bounds(bounds);
        }
        Self {
            users,
            dummies: kinds.into_iter().filter_map(|kind| Some((kind, kind.dummy()?))).collect(),
            rates: Rates::new(config.strangers, networks_with_a_rate(config)),
            ttl: config.passwords.cache_ttl,
            process,
        }
    }

    /// The credential that this password proves.
    ///
    /// `Unauthenticated`: it proves none. `TooManyFailures`: the budget of its address is spent and, if `user` is
    /// somebody's name, it is not right as far as was looked. `Busy`: the queue is full.
    pub(super) async fn prove(
        &self,
        user: &str,
        password: &Secret,
        address: IpAddr,
    ) -> Result<Arc<Credential>, IdentityError> {
        let length = password.as_str().len();
        if user.len() > USER_BYTES_MAX || length == 0 || length > PASSWORD_BYTES_MAX {
            return Err(IdentityError::Unauthenticated);
        }
        let process = self.process.as_ref().ok_or(IdentityError::Busy)?;
        let known = self.users.get(user);
        let hash = known.map(|user| &user.hash).or_else(|| self.dummy_for(process, user)).ok_or(IdentityError::Busy)?;
        let tag = process.key.tag(&fields_of(known, user, password));
        let asked = Asked { user: known, name: user, hash, password, tag, source: Subscriber::of(address) };
        let now = process.means.clock.tick();
        if asked.known(now) == Known::Warm {
            return asked.proved();
        }
        match self.course(process, &asked, now) {
            Course::Budget(flight) => match flight.verdict().await {
                Verdict::Right => asked.proved(),
                Verdict::Wrong => Err(IdentityError::Unauthenticated),
                Verdict::Busy => Err(IdentityError::Busy),
            },
            Course::Spent { flight, retry_after } => {
                if process.room.found_right(flight, &process.means.clock).await {
                    return asked.proved();
                }
                Err(IdentityError::TooManyFailures { retry_after })
            }
        }
    }

    fn course(&self, process: &Process, asked: &Asked<'_>, now: Tick) -> Course {
        let Process { means, flights, .. } = process;
        let attempt = |charge| asked.attempt(self.ttl, charge);
        let in_line = |charge| (attempt(Some(charge)), process.turns.enter(Whose::Stranger(asked.source)));
        let mut retry_after = Duration::ZERO;
        let budget = flights.board((asked.tag, Lane::Budget), means, || {
            if asked.known(now) == Known::Stale {
                return Some((attempt(None), process.turns.enter(Whose::Proved)));
            }
            let charge = means.strangers.charge(&self.rates, asked.source, now);
            charge.inspect_err(|wait| retry_after = *wait).ok().map(in_line)
        });
        if let Some(flight) = budget {
            return Course::Budget(flight);
        }
        let flight = asked.user.and_then(|_| {
            flights.board((asked.tag, Lane::Reserve), means, || {
                let reserve = (asked.source, asked.name, asked.tag.first_bytes());
                means.strangers.charge_reserve(&self.rates, reserve, now).ok().map(in_line)
            })
        });
        Course::Spent { flight, retry_after }
    }

    /// Which hash a name costs that is nobody's: always the same one, as somebody's name would, for as long as users have
    /// the same kinds of hashes.
    fn dummy_for(&self, process: &Process, name: &str) -> Option<&PasswordHash> {
        let rank = |kind: &Kind| process.key.tag(&[b"kind", name.as_bytes(), format!("{kind:?}").as_bytes()]);
        self.dummies.iter().max_by_key(|(kind, _)| rank(kind)).map(|(_, hash)| hash)
    }
}

impl Process {
    fn new(clock: &SharedClock, bounds: Bounds, verify: Arc<dyn Verify>) -> Option<Self> {
        let mut slots = [0; 16];
        let random = getrandom::fill(&mut slots).ok().and_then(|()| ProcessKey::random());
        let Some(key) = random else {
            tracing::error!("the system's random source failed: no password is accepted");
            return None;
        };
        let means = Means { verify, strangers: Arc::new(Strangers::new(slots)), clock: clock.clone() };
        Some(Self { key, means, turns: Turns::new(bounds), flights: Flights::default(), room: Room::default() })
    }
}

impl Asked<'_> {
    fn known(&self, now: Tick) -> Known {
        self.user.map_or(Known::Not, |user| user.proved.knows(&self.tag, now))
    }

    fn attempt(&self, ttl: Duration, charge: Option<Charge>) -> Attempt {
        let password = Secret::new(self.password.as_str());
        Attempt { hash: self.hash.clone(), password, proved: self.user.map(|user| (user.proved.clone(), ttl)), charge }
    }

    fn proved(&self) -> Result<Arc<Credential>, IdentityError> {
        self.user.map(|user| user.credential.clone()).ok_or(IdentityError::Unauthenticated)
    }
}

impl User {
    fn new(hash: &PasswordHash, credential: Credential, before: Option<&Passwords>) -> Self {
        let same = before
            .and_then(|before| before.users.get(credential.name()))
            .filter(|user| user.hash == *hash && party_of(user.credential.party()) == party_of(credential.party()));
        let proved = same.map(|user| user.proved.clone()).unwrap_or_default();
        Self { hash: hash.clone(), credential: Arc::new(credential), proved }
    }
}

/// A tenant's and an operator's name may be the same.
fn party_of(party: &Party) -> (&'static str, &str) {
    match party {
        Party::Tenant(grant) => ("tenant", grant.tenant.as_str()),
        Party::Operator(grant) => ("operator", &grant.operator),
    }
}

/// What an attempt's tag is made of.
fn fields_of<'a>(user: Option<&'a User>, name: &'a str, password: &'a Secret) -> [&'a [u8]; 5] {
    let (kind, party) = user.map_or(("nobody", ""), |user| party_of(user.credential.party()));
    let hash = user.map_or("", |user| user.hash.as_str());
    [kind, party, name, hash, password.as_str()].map(str::as_bytes)
}
