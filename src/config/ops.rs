//! `ops`: the listener for health with reasons and the gateway's own metrics.

use super::Listener;
use super::credentials::Known;
use super::fault::Faults;
use super::fault::Place;
use super::field::Field;
use super::field::Keys;
use super::listener;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

pub(super) const OPS: Keys = Keys { known: &["address", "tls", "auth", "plaintext_allowed"], later: &[] };

/// The port beside the main listener's, and this machine alone.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9191);
/// Some Prometheus servers and a few probes; more is a mistake.
const CONNECTIONS_MAX: usize = 1_000;

/// The operator's listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ops {
    /// Off loopback it has TLS and `auth: operators`, or was allowed plaintext in so many words.
    pub listener: Listener,
    pub auth: OpsAuth,
}

/// Who may read the gateway's own metrics; health stays open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpsAuth {
    #[default]
    None,
    /// An operator's credential with the scope `ops:read`.
    Operators,
}

impl Ops {
    pub(super) fn read(root: &Place, field: Option<&Field<'_>>, known: &mut Known, faults: &mut Faults) -> Self {
        let mut ops = Self {
            listener: Listener {
                name: "ops".into(),
                addresses: vec![ADDRESS],
                connections_max: CONNECTIONS_MAX,
                ..Listener::on(Vec::new())
            },
            auth: OpsAuth::None,
        };
        let Some(section) = field.and_then(|field| field.section(&OPS, faults)) else {
            return ops;
        };
        if let Some(addresses) = section.get("address").and_then(|field| listener::addresses(field, faults)) {
            ops.listener.addresses = addresses;
        }
        let words = [("none", OpsAuth::None), ("operators", OpsAuth::Operators)];
        let auth = section.word("auth", &words, faults);
        ops.auth = auth.unwrap_or_default();
        ops.listener.tls = section.get("tls").and_then(|field| listener::tls(field, known, faults));
        let plaintext_allowed = section.flag("plaintext_allowed", faults).unwrap_or(false);
        // A `tls` or `auth` that was meant and misspelled has its own fault already.
        let has_tls = section.get("tls").is_some();
        let has_auth = ops.auth == OpsAuth::Operators || (section.get("auth").is_some() && auth.is_none());
        if let Some(address) = ops.listener.beyond_loopback()
            && !(has_tls && has_auth)
            && !plaintext_allowed
        {
            let place = section.get("address").map_or_else(|| root.clone(), Field::place);
            let rule =
                "reaches beyond loopback, expected `tls` and `auth: operators` with it, or `plaintext_allowed: true`";
            faults.add(&place, format!("{address} {rule}"));
        }
        ops
    }
}
