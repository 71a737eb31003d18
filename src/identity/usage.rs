//! What is known of each credential's use: when it was last, and from which networks.

use crate::config::Config;
use crate::model::NameHasher;
use crate::model::Timestamp;
use ipnet::Ipv4Net;
use ipnet::Ipv6Net;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Networks that are remembered for each credential: 512 bytes at most. Who comes from more of them is not told by them.
const NETWORKS_MAX: usize = 64;

/// The credentials of one configuration by their names, which are unique in the whole gateway. What every JWT or
/// certificate rule lets in counts together, under the rule's name.
#[derive(Debug)]
pub(super) struct Usages {
    known: HashMap<Box<str>, Known, BuildHasherDefault<NameHasher>>,
}

#[derive(Debug)]
struct Known {
    /// Empty for an operator's.
    tenant: Box<str>,
    expires: Option<Timestamp>,
    usage: Arc<Usage>,
}

/// When a credential was used last, and when it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialTimes<'a> {
    /// Empty for an operator's, whose names are not to be taken for tenants'.
    pub tenant: &'a str,
    pub credential: &'a str,
    /// Since this process began; to the second.
    pub last_used: Option<Timestamp>,
    pub expires: Option<Timestamp>,
}

/// A credential came from where it had not come from since this process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// From this /24 of IPv4 or /64 of IPv6.
    From(Network),
    /// From more networks than are remembered: said once, and nothing after it.
    FromMany,
}

/// The part of an address that stays the same for a team's machines: a /24 of IPv4, a /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(u64);

impl Usages {
    /// `before`: those in force, whose memory of credentials of the same names is kept.
    pub(super) fn new(config: &Config, before: Option<&Self>) -> Self {
        let mut known = HashMap::default();
        let mut know = |tenant: &str, name: &str, expires: Option<Timestamp>| {
            let before = before.and_then(|before| before.known.get(name)).filter(|before| &*before.tenant == tenant);
            let usage = before.map_or_else(Arc::default, |before| before.usage.clone());
            known.insert(name.into(), Known { tenant: tenant.into(), expires, usage });
        };
        for (id, tenant) in &config.tenants {
            tenant.grants().for_each(|grant| know(id.as_str(), &grant.name, grant.expires));
        }
        for operator in config.operators.values() {
            let tokens = operator.tokens.iter().map(|token| &token.grant);
            let users = operator.users.iter().map(|user| &user.grant);
            let certificates = operator.certificates.iter().map(|rule| &rule.grant);
            tokens.chain(users).chain(certificates).for_each(|grant| know("", &grant.name, grant.expires));
        }
        Self { known }
    }

    pub(super) fn used(&self, credential: &str, address: IpAddr, now: Timestamp) -> Option<FirstUse> {
        self.known.get(credential).and_then(|known| known.usage.used(Network::of(address), now))
    }

    pub(super) fn times(&self) -> impl Iterator<Item = CredentialTimes<'_>> {
        self.known.iter().map(|(name, known)| CredentialTimes {
            tenant: &known.tenant,
            credential: name,
            last_used: known.usage.last_used(),
            expires: known.expires,
        })
    }
}

/// Of one credential; shared by the configurations that have it.
#[derive(Debug)]
struct Usage {
    /// Unix seconds; [`NEVER`].
    last: AtomicI64,
    /// Where it was used last: commonly where it is used next, which then costs no lock.
    latest: AtomicU64,
    networks: Mutex<Vec<Network>>,
}

const NEVER: i64 = i64::MIN;

impl Default for Usage {
    fn default() -> Self {
        let (last, latest) = (AtomicI64::new(NEVER), AtomicU64::new(Network::NONE.0));
        Self { last, latest, networks: Mutex::default() }
    }
}

impl Usage {
    fn used(&self, network: Network, now: Timestamp) -> Option<FirstUse> {
        self.last.store(now.unix_seconds(), Ordering::Relaxed);
        if self.latest.load(Ordering::Relaxed) == network.0 {
            return None;
        }
        let mut networks = self.networks.lock();
        self.latest.store(network.0, Ordering::Relaxed);
        // The place behind the last says that it was told of too many.
        if networks.contains(&network) || networks.len() > NETWORKS_MAX {
            return None;
        }
        if networks.len() == NETWORKS_MAX {
            networks.push(Network::NONE);
            return Some(FirstUse::FromMany);
        }
        networks.push(network);
        Some(FirstUse::From(network))
    }

    fn last_used(&self) -> Option<Timestamp> {
        let last = self.last.load(Ordering::Relaxed);
        (last != NEVER).then(|| Timestamp::from_unix_seconds(last))
    }
}

impl Network {
    /// Nobody's: a multicast prefix is no source of anything.
    const NONE: Self = Self(u64::MAX);
    /// Marks a /24 of IPv4 among the prefixes of IPv6, for the same reason.
    const V4: u64 = 0xffff << 48;

    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(Self::V4 | u64::from(address.to_bits() >> 8)),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or(Self::NONE.0)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & Self::V4 == Self::V4 {
            let prefix = u32::try_from(self.0 & 0xff_ffff).unwrap_or_default() << 8;
            Ipv4Net::new_assert(Ipv4Addr::from_bits(prefix), 24).fmt(f)
        } else {
            Ipv6Net::new_assert(Ipv6Addr::from_bits(u128::from(self.0) << 64), 64).fmt(f)
        }
    }
}

impl fmt::Display for FirstUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(network) => network.fmt(f),
            Self::FromMany => f.write_str("many"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FirstUse;
    use super::Network;
    use super::Usage;
    use super::Usages;
    use crate::model::OperatorScope;
    use crate::model::Timestamp;
    use crate::model::Verb;
    use crate::testkit::GatewayBuilder;

    fn first(usage: &Usage, address: &str) -> Option<String> {
        let network = Network::of(address.parse().unwrap());
        usage.used(network, Timestamp::from_unix_seconds(7)).map(|first| first.to_string())
    }

    #[test]
    fn a_reload_forgets_nothing_of_a_credential_that_stays() {
        let config = |tenant: &str| {
            let builder = GatewayBuilder::new().tenant(tenant).operator("o", &[OperatorScope::FleetRead], |_| {});
            builder.token(tenant, "cron", &[Verb::Push], |_| {}).into_parts().0
        };
        let (address, now) = ([192, 0, 2, 1].into(), Timestamp::from_unix_seconds(7));
        let before = Usages::new(&config("red"), None);
        assert!(before.used("cron", address, now).is_some() && before.used("o", address, now).is_some());
        let after = Usages::new(&config("red"), Some(&before));
        assert_eq!(after.used("cron", address, now), None);
        let used = |usages: &Usages| usages.times().filter(|times| times.last_used == Some(now)).count();
        assert_eq!((used(&before), used(&after)), (2, 2));
        // The same name of another tenant is another's, and what is gone is forgotten.
        let other = Usages::new(&config("blue"), Some(&after));
        assert!(other.used("cron", address, now).is_some());
        assert_eq!(other.used("o", address, now), None);
        assert_eq!(other.used("red", address, now), None);
        assert!(Usages::new(&GatewayBuilder::new().config, Some(&other)).times().next().is_none());
    }

    #[test]
    fn each_network_is_new_once() {
        let usage = Usage::default();
        assert_eq!(usage.last_used(), None);
        for (address, network) in [
            ("192.0.2.1", Some("192.0.2.0/24")),
            ("192.0.2.200", None),
            ("192.0.3.1", Some("192.0.3.0/24")),
            ("192.0.2.1", None),
            ("::ffff:192.0.2.1", None),
            ("2001:db8::1", Some("2001:db8::/64")),
            ("2001:db8::ffff:1", None),
            ("2001:db8:0:1::1", Some("2001:db8:0:1::/64")),
            ("::1", Some("::/64")),
            ("0.0.0.1", Some("0.0.0.0/24")),
        ] {
            assert_eq!(first(&usage, address).as_deref(), network, "{address}");
        }
        assert_eq!(usage.last_used(), Some(Timestamp::from_unix_seconds(7)));
    }

    #[test]
    fn after_many_networks_it_is_told_once_that_there_are_many() {
        let usage = Usage::default();
        for n in 0..64 {
            assert!(first(&usage, &format!("10.0.{n}.1")).is_some());
        }
        assert_eq!(first(&usage, "10.1.0.1"), Some(FirstUse::FromMany.to_string()));
        for n in 1..200 {
            assert_eq!(first(&usage, &format!("10.1.{n}.1")), None);
        }
        assert!(usage.networks.lock().len() <= 65);
        assert_eq!(first(&usage, "10.0.0.1"), None);
    }
}
