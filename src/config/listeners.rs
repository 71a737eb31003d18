//! `listener` as a whole: one map, or a list of maps with all keys each.

use super::Listener;
use super::credentials::Known;
use super::fault::Faults;
use super::fault::Place;
use super::field::Field;
use super::field::Keys;
use super::listener::networks;
use crate::model::Service;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;

pub(super) const PROXY_PROTOCOL: Keys = Keys { known: &["trusted", "required"], later: &[] };

/// The balancers in front of a listener that name their clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// Never empty.
    pub trusted: Vec<IpNet>,
    /// Whether a connection without a header, or from elsewhere, is refused.
    pub required: bool,
}

impl ProxyProtocol {
    /// Whether a header from this address is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Option<Self> {
        let section = field.section(&PROXY_PROTOCOL, faults)?;
        let required = section.flag("required", faults).unwrap_or(true);
        let field = section.required("trusted", "a list of networks", faults).cloned()?;
        let trusted = networks(&field, faults)?;
        if let Some(all) = trusted.iter().find(|network| network.prefix_len() == 0) {
            let text = format!("{all} is everybody, who could then name any address, expected the balancers' networks");
            faults.caution(&field.place(), text);
        }
        Some(Self { trusted, required })
    }
}

/// At least one listener. No two have a name or a socket in common.
pub(super) fn read(root: &Place, field: Option<&Field<'_>>, known: &mut Known, faults: &mut Faults) -> Vec<Listener> {
    let Some(list) = field.filter(|field| field.is_list()) else {
        return vec![Listener::read(root, field, known, faults)];
    };
    let items = list.filled_list("a map, or a list of maps with the keys of a listener", faults).unwrap_or_default();
    let mut listeners: Vec<Listener> = Vec::with_capacity(items.len());
    for item in &items {
        let listener = Listener::read(root, Some(item), known, faults);
        if listeners.iter().any(|other| other.name == listener.name) {
            item.fault(
                faults,
                format!("is the second listener named {:?}, expected a `name` of its own", listener.name),
            );
        }
        if let Some((own, other)) = listeners.iter().find_map(|other| meeting(&listener, other)) {
            item.fault(faults, format!("{own} meets another listener's {other}, expected a port of its own"));
        }
        listeners.push(listener);
    }
    if listeners.is_empty() { vec![Listener::on(Vec::new())] } else { listeners }
}

/// An address of the one and one of the other that cannot both be listened on.
pub(super) fn meeting(one: &Listener, other: &Listener) -> Option<(SocketAddr, SocketAddr)> {
    one.addresses.iter().find_map(|address| {
        let same = |other: &&SocketAddr| {
            let meet = address.ip() == other.ip()
                || address.is_ipv4() == other.is_ipv4()
                    && (address.ip().is_unspecified() || other.ip().is_unspecified());
            address.port() != 0 && address.port() == other.port() && meet
        };
        other.addresses.iter().find(same).map(|other| (*address, *other))
    })
}

/// What a listener serves; none without a fault.
pub(super) fn serves(field: &Field<'_>, faults: &mut Faults) -> Option<BTreeSet<Service>> {
    let words = Service::ALL.map(|service| (service.name(), service));
    let items = field.filled_list("a list of push, scrape, operator and health", faults)?;
    Some(items.iter().filter_map(|item| item.word(&words, faults)).collect())
}

/// Empty, or segments that need no encoding and cannot be cleaned away.
pub(super) fn route_prefix(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    /// So much of a head's 16 KiB at most: the longest prefix that any path still fits behind.
    const BYTES_MAX: usize = 255;
    let expected = "\"\" or a path such as /pg, of a-z, A-Z, 0-9, -, ., _ and ~, without a slash at its end";
    let text = field.text(expected, faults)?;
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(unreserved);
    let segments = text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(good));
    if text.is_empty() || segments && text.len() <= BYTES_MAX {
        return Some(text.to_owned());
    }
    field.mismatch(faults, expected);
    None
}
