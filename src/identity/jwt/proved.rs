//! Tokens that were proved, so that the pushes of one job cost one signature.
//!
//! Only what succeeded is kept, under a keyed hash of the whole token: the tokens themselves are not in memory for longer
//! than their request, and nobody can choose where an entry falls. A reload makes a new registry and so an empty cache.

use crate::identity::credential::Credential;
use crate::model::TenantId;
use crate::model::Timestamp;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use parking_lot::RwLock;
use sha2::Sha256;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Tokens that are kept for one tenant, some 1 KiB each: more jobs than push at one time. The oldest goes first, and never
/// another tenant's.
const TENANT_MAX: usize = 1024;

/// Stands for one token.
pub(super) type TokenMac = [u8; 32];

/// A token that was proved.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) credential: Arc<Credential>,
    /// The place of its issuer in the list of issuers.
    pub(super) issuer: usize,
    /// Of the keys that proved it: other keys may not.
    pub(super) key_epoch: u64,
    /// The first moment at which it is good no more.
    pub(super) until: Timestamp,
}

/// The tokens that were proved.
pub(super) struct Proved {
    keyed: Hmac<Sha256>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    proofs: HashMap<TokenMac, Proof>,
    /// The oldest first.
    of_tenants: HashMap<TenantId, VecDeque<TokenMac>>,
}

impl Proved {
    /// `key`: from the system's random source, for this registry alone.
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        let keyed = Hmac::new_from_slice(key).ok()?;
        Some(Self { keyed, kept: RwLock::default() })
    }

    pub(super) fn mac(&self, token: &str) -> TokenMac {
        let mut keyed = self.keyed.clone();
        keyed.update(token.as_bytes());
        keyed.finalize().into_bytes().into()
    }

    /// What was proved and is still good at `now`. Whether its keys are still believed is for the caller to ask.
    pub(super) fn get(&self, token: &TokenMac, now: Timestamp) -> Option<Proof> {
        self.kept.read().proofs.get(token).filter(|proof| now < proof.until).cloned()
    }

    pub(super) fn keep(&self, token: TokenMac, tenant: &TenantId, proof: Proof) {
        let mut kept = self.kept.write();
        let Kept { proofs, of_tenants } = &mut *kept;
        if proofs.insert(token, proof).is_some() {
            return;
        }
        let own = of_tenants.entry(tenant.clone()).or_default();
        own.push_back(token);
        if own.len() > TENANT_MAX
            && let Some(oldest) = own.pop_front()
        {
            proofs.remove(&oldest);
        }
    }
}

impl fmt::Debug for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proved").field("tokens", &self.kept.read().proofs.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Proof;
    use super::Proved;
    use super::TENANT_MAX;
    use crate::config::TenantGrant;
    use crate::identity::credential::Credential;
    use crate::model::TenantId;
    use crate::model::Timestamp;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    const UNTIL: Timestamp = Timestamp::from_unix_seconds(100);
    const BEFORE: Timestamp = Timestamp::from_unix_seconds(99);

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn proof(tenant: &TenantId) -> Proof {
        let grant = TenantGrant {
            name: "r".into(),
            scopes: [].into(),
            jobs: None,
            labels: BTreeMap::new(),
            networks: None,
            expires: None,
            limits: None,
        };
        let credential = Arc::new(Credential::of_tenant(tenant, &grant));
        Proof { credential, issuer: 0, key_epoch: 1, until: UNTIL }
    }

    #[test]
    fn a_proof_is_good_until_its_token_ends() {
        let (proved, red) = (Proved::new(&[1; 32]).unwrap(), tenant("red"));
        let mac = proved.mac("a.b.c");
        assert!(proved.get(&mac, BEFORE).is_none());
        proved.keep(mac, &red, proof(&red));
        assert!(proved.get(&mac, BEFORE).is_some());
        assert!(proved.get(&mac, UNTIL).is_none());
        assert!(proved.get(&proved.mac("a.b.d"), BEFORE).is_none());
    }

    #[test]
    fn the_key_decides_what_a_token_is_kept_under() {
        let (one, other) = (Proved::new(&[1; 32]).unwrap(), Proved::new(&[2; 32]).unwrap());
        assert_ne!(one.mac("a.b.c"), other.mac("a.b.c"));
    }

    #[test]
    fn one_tenant_evicts_its_own_oldest_tokens_and_no_others() {
        let proved = Proved::new(&[1; 32]).unwrap();
        let (red, blue) = (tenant("red"), tenant("blue"));
        let blues = proved.mac("blue");
        proved.keep(blues, &blue, proof(&blue));
        let macs: Vec<_> = (0..=TENANT_MAX).map(|number| proved.mac(&number.to_string())).collect();
        for mac in &macs {
            proved.keep(*mac, &red, proof(&red));
            proved.keep(*mac, &red, proof(&red));
        }
        assert!(proved.get(&blues, BEFORE).is_some());
        assert!(proved.get(&macs[0], BEFORE).is_none());
        assert!(macs[1..].iter().all(|mac| proved.get(mac, BEFORE).is_some()));
        assert_eq!(proved.kept.read().proofs.len(), TENANT_MAX + 1);
    }
}
