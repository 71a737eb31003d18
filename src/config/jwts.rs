//! `jwts`: which claims of which issuer make a tenant's credential.

use super::TenantGrant;
use crate::model::Pattern;
use std::collections::BTreeMap;

/// A rule of one tenant. The first of a tenant's rules that matches decides; a token that matches rules of two tenants is
/// refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtRule {
    /// A key of `issuers` that lists this tenant.
    pub issuer: String,
    /// Never empty: all of them must fit.
    pub claims: Claims,
    /// Grouping labels whose values come from the token: a claim that is missing, empty, or neither text nor number makes
    /// the rule not match.
    pub labels: BTreeMap<String, LabelTemplate>,
    /// With the labels that are the same for every token.
    pub grant: TenantGrant,
}

/// Claims, and the values of each of which one must be there.
pub type Claims = BTreeMap<String, Vec<ClaimValue>>;

/// What a claim may be. A claim that is itself a list fits if one of its items does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// A text, whole; `*` stands for any run of characters.
    Text(Pattern),
    /// A number, which is not the text that spells it.
    Number(u64),
}

/// A label's value with claims in it, such as `{repository}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTemplate {
    pub parts: Vec<TemplatePart>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    Text(String),
    /// The value of this claim.
    Claim(String),
}
