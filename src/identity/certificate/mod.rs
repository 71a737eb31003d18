//! Client certificates: which CA vouches for a chain now, and which tenant's rule fits its names.
//!
//! The listener has checked that some CA signed the chain and that the client holds its key. Everything else is asked here,
//! for each request: each CA is asked by itself, and speaks for nobody but those it lists. What was found is kept under the
//! chain's digest until the first moment at which anything in it can change, so that a request costs a look-up; the rules
//! of another configuration are another [`Certificates`], which remember nothing.

mod authority;
mod bounded;
mod combined;
mod distrust;
#[cfg(feature = "fuzzing")]
pub(in crate::identity) mod fuzzing;
mod rules;
mod shown;
mod spiffe;
mod subject;
mod verdicts;

pub(super) use combined::Combined;
pub(super) use verdicts::Found;

use self::authority::Authority;
use self::distrust::Distrust;
use self::rules::Rules;
use self::shown::Shown;
use self::verdicts::Verdicts;
use crate::config::ClientAuth;
use crate::config::ClientCa;
use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::Fault;
use crate::config::PartFault;
use crate::config::Revoked;
use crate::identity::IdentityError;
use crate::listener::ClientChain;
use crate::model::Pattern;
use crate::model::Timestamp;
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

/// The CAs and rules of one configuration, and what they made of the chains they have seen.
#[derive(Debug)]
pub(super) struct Certificates {
    /// By the listener's name, with a number for each.
    listeners: HashMap<String, (usize, Vec<Arc<Ca>>)>,
    /// Every listener there is, whether it asks for certificates or not.
    named: HashSet<String>,
    /// Those that let in nobody without a certificate.
    requiring: HashSet<String>,
    rules: Rules,
    verdicts: Verdicts,
}

/// One CA of `client_cas`.
#[derive(Debug)]
struct Ca {
    config: ClientCa,
    /// `None`: closed, since its files did not load and there are no last good ones.
    authority: Option<Arc<Authority>>,
    /// Why its files did not load.
    fault: Option<String>,
    revoked_serials: Vec<Vec<u8>>,
    revoked_uris: Vec<Pattern>,
}

impl Certificates {
    /// Blocks on the disk. A CA whose files do not load keeps what `before` had of the same files, and is closed where that
    /// is nothing.
    pub(super) fn new(config: &Config, before: Option<&Self>) -> Self {
        let mut known: Vec<Arc<Ca>> = Vec::new();
        let (mut listeners, mut requiring) = (HashMap::new(), HashSet::new());
        for (number, listener) in config.listeners.iter().chain([&config.ops.listener]).enumerate() {
            let Some(tls) = listener.tls.as_ref().filter(|tls| tls.client_auth != ClientAuth::Off) else {
                continue;
            };
            let cas = tls.client_cas.values().map(|ca| match known.iter().find(|known| known.config == *ca) {
                Some(known) => known.clone(),
                None => {
                    let new = Arc::new(Ca::new(ca, &config.revoked, before));
                    known.push(new.clone());
                    new
                }
            });
            let cas = cas.collect();
            listeners.insert(listener.name.clone(), (number, cas));
            if tls.client_auth == ClientAuth::Required {
                requiring.insert(listener.name.clone());
            }
        }
        let named =
            config.listeners.iter().chain([&config.ops.listener]).map(|listener| listener.name.clone()).collect();
        Self { listeners, named, requiring, rules: Rules::new(config), verdicts: Verdicts::new() }
    }

    /// Whether a request on a connection without a certificate is refused: the connection is from a time when none was
    /// required, since there is none now.
    pub(super) fn are_required(&self, listener: &str) -> bool {
        self.requiring.contains(listener)
    }

    /// The credential that this chain, shown to this listener, makes at `now`; `None` where it makes none: no CA of the
    /// listener vouches for it, or no rule matches, so that it is as good as not shown. Where certificates are required, one
    /// that no CA vouches for is refused, as not to show one is.
    pub(super) fn judge(&self, listener: &str, chain: &ClientChain, now: Timestamp) -> Found {
        let Some((number, cas)) = self.listeners.get(listener) else {
            // One that has another name in the configuration now listens under its old one until the restart, and nobody
            // can say what its certificates are worth.
            return if self.named.contains(listener) { Ok(None) } else { Err(IdentityError::Unauthenticated) };
        };
        let is_required = self.are_required(listener);
        let key = (*number, *chain.digest());
        if let Some(found) = self.verdicts.get(&key, now) {
            return found;
        }
        let shown = Shown::read(chain.certificates());
        let read = shown.as_ref().map_err(|reason| *reason);
        let found = self.judge_anew(cas, is_required, chain.certificates(), read, now);
        // What cannot be read does not become readable, and says of no moment that it would end then.
        let of_chain = shown.iter().flat_map(Shown::moments);
        let of_cas = cas.iter().filter_map(|ca| ca.authority.as_deref()).flat_map(Authority::moments);
        self.verdicts.keep(key, found.clone(), now, of_chain.chain(of_cas));
        found
    }

    fn judge_anew(
        &self,
        cas: &[Arc<Ca>],
        is_required: bool,
        chain: &[CertificateDer<'_>],
        shown: Result<&Shown, &'static str>,
        now: Timestamp,
    ) -> Found {
        let mut vouching = Vec::new();
        let mut distrust = Distrust::Stranger;
        for ca in cas {
            match ca.vouch(chain, shown, now) {
                Ok(()) => vouching.push(&ca.config),
                Err(reason) => distrust = distrust.max(reason),
            }
        }
        // Revoked by one CA is revoked, though another one knows nothing of it.
        if distrust == Distrust::Revoked || vouching.is_empty() {
            // Where one is required, one that nobody vouches for now is worth no more than none: its CA was taken away
            // while the connection was open, or is closed since its list does not load.
            let of_nobody = if is_required { Err(IdentityError::Unauthenticated) } else { Ok(None) };
            return distrust.error().map_or(of_nobody, Err);
        }
        let Ok(shown) = shown else { return Ok(None) };
        Ok(self.rules.credential(&vouching, shown)?.map(Arc::new))
    }

    /// What every listener that asks for certificates would make of this chain, leaf first, if a client showed it.
    pub(super) fn would_find(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Vec<(String, Found)> {
        let shown = Shown::read(chain);
        let listeners: BTreeMap<_, _> = self.listeners.iter().collect();
        let read = shown.as_ref().map_err(|reason| *reason);
        let found = |name: &str, cas| self.judge_anew(cas, self.are_required(name), chain, read, now);
        listeners.into_iter().map(|(name, (_, cas))| (name.clone(), found(name, cas))).collect()
    }

    /// What of the configuration is not in force, each with its reason: `ca:NAME`.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let faults = self.cas().filter_map(|ca| Some((format!("ca:{}", ca.config.name), ca.fault.clone()?)));
        faults.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// The same as a reload tells of it. A CA of several listeners is told of once.
    pub(super) fn unread(&self) -> Vec<PartFault> {
        let parts = self.cas().filter_map(|ca| {
            let key = format!("client_cas.{}", ca.config.name);
            let errors = ConfigErrors::from(Fault::new(&ca.config.ca_file, None, &key, ca.fault.clone()?));
            Some((
                &ca.config.name,
                PartFault { part: format!("ca:{}", ca.config.name), errors, closed: ca.authority.is_none() },
            ))
        });
        parts.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// When the revocation lists of a CA end, for each CA that names any.
    pub(super) fn next_updates(&self) -> Vec<(String, Timestamp)> {
        let mut earliest = BTreeMap::new();
        for ca in self.cas() {
            if let Some(at) = ca.authority.as_ref().and_then(|authority| authority.next_update()) {
                let held = earliest.entry(ca.config.name.clone()).or_insert(at);
                *held = at.min(*held);
            }
        }
        earliest.into_iter().collect()
    }

    fn cas(&self) -> impl Iterator<Item = &Arc<Ca>> {
        self.listeners.values().flat_map(|(_, cas)| cas)
    }

    /// The last good files of a CA that is named as this one and has the same paths: other files are another CA's.
    fn last_good(&self, ca: &ClientCa) -> Option<Arc<Authority>> {
        let files = |ca: &ClientCa| (ca.name.clone(), ca.ca_file.clone(), ca.crl_file.clone());
        self.cas().find(|held| files(&held.config) == files(ca)).and_then(|held| held.authority.clone())
    }
}

impl Ca {
    fn new(config: &ClientCa, revoked: &[Revoked], before: Option<&Certificates>) -> Self {
        let (authority, fault) = match Authority::load(config) {
            Ok(authority) => (Some(Arc::new(authority)), None),
            Err(fault) => (before.and_then(|before| before.last_good(config)), Some(fault)),
        };
        let mut ca =
            Self { config: config.clone(), authority, fault, revoked_serials: Vec::new(), revoked_uris: Vec::new() };
        for entry in revoked {
            match entry {
                Revoked::Serial { ca: name, serial } if *name == config.name => ca.revoked_serials.push(serial.clone()),
                Revoked::Uri { ca: name, uri } if *name == config.name => ca.revoked_uris.push(uri.clone()),
                Revoked::Serial { .. } | Revoked::Uri { .. } | Revoked::Token(_) | Revoked::Claims { .. } => {}
            }
        }
        ca
    }

    fn vouch(
        &self,
        chain: &[CertificateDer<'_>],
        shown: Result<&Shown, &'static str>,
        now: Timestamp,
    ) -> Result<(), Distrust> {
        let authority = self.authority.as_ref().ok_or(Distrust::Stranger)?;
        authority.vouch(chain, now)?;
        let shown = shown.map_err(Distrust::Malformed)?;
        if self.revokes(shown) {
            return Err(Distrust::Revoked);
        }
        match &self.config.trust_domain {
            Some(trust_domain) => spiffe::check(&shown.leaf, trust_domain).map_err(Distrust::Malformed),
            None => Ok(()),
        }
    }

    /// Whether an entry of `revoked` names the certificate, or one that it was shown with.
    fn revokes(&self, shown: &Shown) -> bool {
        let by_serial = shown.serials.iter().any(|serial| self.revoked_serials.contains(serial));
        by_serial || shown.leaf.uris.iter().any(|name| self.revoked_uris.iter().any(|uri| uri.matches(name)))
    }
}
