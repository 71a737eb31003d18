//! `listener`: where requests come in, and how long a connection may take over what.

use super::ClientAuth;
use super::ClientCa;
use super::client_cas;
use super::credentials::Known;
use super::fault::Faults;
use super::fault::Place;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::limits::rate;
use super::listeners;
use super::listeners::ProxyProtocol;
use super::units;
use crate::model::Service;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const LISTENER: Keys = Keys {
    known: &[
        "name",
        "address",
        "serves",
        "route_prefix",
        "tls",
        "plaintext_allowed",
        "proxy_protocol",
        "connections_max",
        "connections_per_address_max",
        "connections_wait_max",
        "addresses",
        "deadlines",
    ],
    later: &[],
};

pub(super) const TLS: Keys =
    Keys { known: &["certificate_file", "key_file", "profile", "client_auth", "client_cas"], later: &["certificates"] };

pub(super) const ADDRESS_RULE: Keys =
    Keys { known: &["networks", "connections_max", "failures_per_minute"], later: &[] };

pub(super) const DEADLINES: Keys = Keys {
    known: &[
        "handshake",
        "first_request",
        "headers",
        "body",
        "stalled_write",
        "answer",
        "idle",
        "connection_age",
        "drain",
    ],
    later: &[],
};

const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
/// A deadline that is off would let one client hold a connection for ever; a day is as good as off.
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);
/// Here zero has a meaning: closed at once.
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The metric label.
    pub name: String,
    /// At least one. `:9091` in the file stands for that port on all addresses of both families.
    pub addresses: Vec<SocketAddr>,
    /// Never empty. What is not served is answered as what is not there.
    pub serves: BTreeSet<Service>,
    /// Empty, or `/pg`: what every path here begins with. Other paths are unknown ones.
    pub route_prefix: String,
    /// Absent: plaintext, which is refused on anything but loopback unless `plaintext_allowed`.
    pub tls: Option<Tls>,
    /// Absent: the address of a connection is that of its socket.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Connections open at one time.
    pub connections_max: usize,
    /// The same from one address; an IPv6 address counts by its /64.
    pub connections_per_address_max: usize,
    /// How long an accepted socket waits, unread, for a slot before it is closed.
    pub connections_wait_max: Duration,
    /// Networks with a cap per address of their own: the first that holds an address decides.
    pub address_rules: Vec<AddressRule>,
    pub deadlines: Deadlines,
}

/// Another cap for the addresses behind a NAT or a balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRule {
    pub networks: Vec<IpNet>,
    pub connections_max: usize,
    /// In the place of `strangers.failures_per_minute`, for each of these addresses.
    pub failures_per_minute: Option<NonZeroU32>,
}

/// The server's certificate, and whose certificates it asks clients for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM, leaf first.
    pub certificate_file: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key_file: PathBuf,
    pub profile: TlsProfile,
    pub client_auth: ClientAuth,
    /// By name; empty where `client_auth` is off.
    pub client_cas: BTreeMap<String, ClientCa>,
}

/// Mozilla's guideline by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsProfile {
    /// TLS 1.2 and 1.3.
    #[default]
    Intermediate,
    /// TLS 1.3 alone.
    Modern,
}

/// How long a connection may take over what. None of them is ever off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Accept to a finished TLS handshake.
    pub handshake: Duration,
    /// Handshake to the first byte of a request (HTTP/2: to the first request).
    pub first_request: Duration,
    /// First byte to last byte of one head.
    pub headers: Duration,
    /// Head to last byte of a body, plus 1 s for each 16 KiB received, 5 minutes at most.
    pub body: Duration,
    /// How long no byte of an answer may be taken.
    pub stalled_write: Duration,
    /// A whole answer, from its head on.
    pub answer: Duration,
    /// No request under way.
    pub idle: Duration,
    /// The age after which a connection is asked to end: GOAWAY, or `Connection: close`.
    pub connection_age: Duration,
    /// How long a connection that was asked to end may take to do so; then it is cut.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            first_request: seconds(5),
            headers: seconds(10),
            body: seconds(30),
            stalled_write: seconds(30),
            answer: seconds(120),
            idle: seconds(90),
            connection_age: seconds(3600),
            drain: seconds(20),
        }
    }
}

impl Listener {
    /// A listener with the defaults, in plaintext.
    pub fn on(addresses: Vec<SocketAddr>) -> Self {
        Self {
            name: "public".into(),
            addresses,
            serves: Service::ALL.into(),
            route_prefix: String::new(),
            tls: None,
            proxy_protocol: None,
            connections_max: 10_000,
            connections_per_address_max: 256,
            connections_wait_max: Duration::from_secs(10),
            address_rules: Vec::new(),
            deadlines: Deadlines::default(),
        }
    }

    /// The first address that other machines can reach.
    pub fn beyond_loopback(&self) -> Option<SocketAddr> {
        let beyond = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
        self.addresses.iter().find(beyond).copied()
    }

    pub(super) fn read(root: &Place, field: Option<&Field<'_>>, known: &mut Known, faults: &mut Faults) -> Self {
        let mut listener = Self::on(vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9091))]);
        let place = field.map_or_else(|| Place { key: "listener".into(), ..root.clone() }, Field::place);
        let section = match field {
            Some(field) => match field.section(&LISTENER, faults) {
                Some(section) => Some(section),
                None => return listener,
            },
            None => None,
        };
        if let Some(section) = &section {
            listener.read_section(section, known, faults);
        }
        let get = |key| section.as_ref().and_then(|section| section.get(key));
        let plaintext_allowed = get("plaintext_allowed").and_then(|field| field.flag(faults));
        if let Some(address) = listener.beyond_loopback()
            && get("tls").is_none()
            && plaintext_allowed != Some(true)
        {
            let place = get("address").map_or(place, Field::place);
            let rule = "reaches beyond loopback in plaintext, expected `tls` with it, or `plaintext_allowed: true`";
            faults.add(&place, format!("{address} {rule}"));
        }
        listener
    }

    fn read_section(&mut self, section: &Section<'_>, known: &mut Known, faults: &mut Faults) {
        let count = |number: u64| usize::try_from(number).ok();
        if let Some(name) = section.get("name").and_then(|field| name(field, faults)) {
            self.name = name;
        }
        if let Some(field) = section.get("address") {
            // An address that cannot be read has its fault; that the default reaches beyond loopback is none.
            self.addresses = addresses(field, faults).unwrap_or_default();
        }
        if let Some(serves) = section.get("serves").and_then(|field| listeners::serves(field, faults)) {
            self.serves = serves;
        }
        if let Some(prefix) = section.get("route_prefix").and_then(|field| listeners::route_prefix(field, faults)) {
            self.route_prefix = prefix;
        }
        self.tls = section.get("tls").and_then(|field| tls(field, known, faults));
        self.proxy_protocol = section.get("proxy_protocol").and_then(|field| ProxyProtocol::read(field, faults));
        if let Some(number) = section.whole("connections_max", CONNECTIONS, faults) {
            self.connections_max = count(number).unwrap_or(self.connections_max);
        }
        if let Some(number) = section.whole("connections_per_address_max", CONNECTIONS, faults) {
            self.connections_per_address_max = count(number).unwrap_or(self.connections_per_address_max);
        }
        if let Some(wait) = section.duration("connections_wait_max", WAIT, faults) {
            self.connections_wait_max = wait;
        }
        if let Some(field) = section.get("addresses") {
            let expected = "a list of maps with networks and connections_max";
            let items = field.list(expected, faults).unwrap_or_default();
            self.address_rules = items.iter().filter_map(|item| address_rule(item, faults)).collect();
        }
        if let Some(field) = section.get("deadlines") {
            self.deadlines = Deadlines::read(field, faults);
        }
    }
}

/// A metric label's value, and the word an operator looks for: short and plain.
fn name(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let expected = "a name of 1 to 63 of a-z, 0-9, - and _, other than ops";
    let text = field.text(expected, faults)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if (1..=63).contains(&text.len()) && text.bytes().all(plain) && text != "ops" {
        return Some(text.to_owned());
    }
    field.mismatch(faults, expected);
    None
}

/// One address or several.
pub(super) fn addresses(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<SocketAddr>> {
    let expected = "an IP address and a port, such as 127.0.0.1:9091, \"[::1]:9091\" or \":9091\"";
    let items = if field.is_list() { field.filled_list(expected, faults)? } else { vec![field.clone()] };
    let mut addresses = Vec::new();
    for item in items {
        let text = item.text(expected, faults)?;
        let Some(parsed) = units::socket_addresses(text) else {
            item.mismatch(faults, expected);
            return None;
        };
        for address in parsed {
            if addresses.contains(&address) {
                item.fault(faults, format!("{address} is there twice, expected once"));
                return None;
            }
            addresses.push(address);
        }
    }
    Some(addresses)
}

pub(super) fn tls(field: &Field<'_>, known: &mut Known, faults: &mut Faults) -> Option<Tls> {
    let section = field.section(&TLS, faults)?;
    let profiles = [("intermediate", TlsProfile::Intermediate), ("modern", TlsProfile::Modern)];
    let profile = section.word("profile", &profiles, faults).unwrap_or_default();
    section.required("certificate_file", "the path of a PEM file, leaf first", faults);
    section.required("key_file", "the path of a PEM file", faults);
    let (client_auth, client_cas) = client_cas::read(&section, known, faults);
    let certificate_file = section.path("certificate_file", faults)?;
    let key_file = section.path("key_file", faults)?;
    Some(Tls { certificate_file, key_file, profile, client_auth, client_cas })
}

fn address_rule(field: &Field<'_>, faults: &mut Faults) -> Option<AddressRule> {
    let section = field.section(&ADDRESS_RULE, faults)?;
    let expected = "a list of networks";
    let networks = section.required("networks", expected, faults).cloned();
    section.required("connections_max", "a number of connections", faults);
    let connections_max = section.whole("connections_max", CONNECTIONS, faults);
    let failures_per_minute = rate(&section, "failures_per_minute", faults);
    Some(AddressRule {
        failures_per_minute,
        networks: networks.and_then(|field| self::networks(&field, faults))?,
        connections_max: usize::try_from(connections_max?).ok()?,
    })
}

/// At least one network.
pub(super) fn networks(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<IpNet>> {
    let expected = "a list of networks, such as [10.0.0.0/8]";
    let mut networks = Vec::new();
    for item in field.filled_list(expected, faults)? {
        let Some(text) = item.text("a network such as 10.0.0.0/8", faults) else {
            continue;
        };
        match units::network(text) {
            Ok(network) => networks.push(network),
            Err(wrong) => item.fault(faults, format!("is {text:?}, {wrong}")),
        }
    }
    Some(networks)
}

impl Tls {
    /// Without certificates of clients.
    pub fn of_server(certificate_file: PathBuf, key_file: PathBuf, profile: TlsProfile) -> Self {
        Self { certificate_file, key_file, profile, client_auth: ClientAuth::Off, client_cas: BTreeMap::new() }
    }
}

impl Deadlines {
    fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let mut deadlines = Self::default();
        let Some(section) = field.section(&DEADLINES, faults) else {
            return deadlines;
        };
        let all = [
            ("handshake", &mut deadlines.handshake),
            ("first_request", &mut deadlines.first_request),
            ("headers", &mut deadlines.headers),
            ("body", &mut deadlines.body),
            ("stalled_write", &mut deadlines.stalled_write),
            ("answer", &mut deadlines.answer),
            ("idle", &mut deadlines.idle),
            ("connection_age", &mut deadlines.connection_age),
            ("drain", &mut deadlines.drain),
        ];
        for (key, deadline) in all {
            if let Some(duration) = section.duration(key, DEADLINE, faults) {
                *deadline = duration;
            }
        }
        deadlines
    }
}
