//! What no two credentials of the gateway have in common: an id, a name, a digest.

use super::Tenant;
use super::fault::Spot;
use crate::model::TokenDigest;
use crate::model::TokenId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    Id(TokenId),
    /// What metrics and the audit call it; a user's is what is typed at the prompt.
    Name(String),
    /// A token's SHA-256 in hexadecimal digits.
    Digest(String),
}

/// Where each of them stands.
pub(super) type Spots = BTreeMap<Claim, Spot>;

/// Why a claim cannot be had: somebody has it.
pub(super) fn taken_by(holder: &Spot, own: &Spot) -> String {
    format!("is that of {} too, expected one of its own in the whole gateway", holder.seen_from(own))
}

pub(super) fn of_token(id: TokenId, digest: TokenDigest, name: &str) -> [Claim; 3] {
    [Claim::Id(id), Claim::Digest(digest.to_hex()), Claim::Name(name.to_owned())]
}

/// All that a tenant's credentials claim.
pub(super) fn of_tenant(tenant: &Tenant) -> BTreeSet<Claim> {
    let tokens = tenant.tokens.iter().flat_map(|token| of_token(token.id, token.digest, &token.grant.name));
    let users = tenant.users.iter().map(|user| Claim::Name(user.grant.name.clone()));
    let rules = tenant.jwts.iter().map(|rule| Claim::Name(rule.grant.name.clone()));
    let certificates = tenant.certificates.iter().map(|rule| Claim::Name(rule.grant.name.clone()));
    tokens.chain(users).chain(rules).chain(certificates).collect()
}
