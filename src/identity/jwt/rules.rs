//! Which tenant's rule a token's claims fit, and the credential that this makes.

use super::json::Json;
use super::json::Members;
use crate::config::ClaimValue;
use crate::config::Claims;
use crate::config::JwtRule;
use crate::config::LabelTemplate;
use crate::config::TemplatePart;
use crate::identity::credential::Credential;
use crate::model::TenantId;
use crate::model::Timestamp;

/// No label of a push that anybody wants to read is longer; a claim that is makes the rule not match.
const LABEL_VALUE_BYTES_MAX: usize = 1024;

/// What the rules of all tenants say of one token.
#[derive(Debug)]
pub(super) enum Verdict {
    Granted(Credential),
    NoRule,
    /// Two tenants claim it.
    Ambiguous {
        tenants: [TenantId; 2],
    },
}

/// The rules on one issuer: each tenant's in their order, of none but the tenants that may write some.
#[derive(Debug, Default)]
pub(super) struct Rules {
    tenants: Vec<(TenantId, Vec<JwtRule>)>,
}

impl Rules {
    pub(super) fn add(&mut self, tenant: &TenantId, rules: Vec<JwtRule>) {
        if !rules.is_empty() {
            self.tenants.push((tenant.clone(), rules));
        }
    }

    /// `until`: when the token ends; no credential made of it lasts longer.
    pub(super) fn judge(&self, claims: &Members, until: Timestamp) -> Verdict {
        let first_match = |(tenant, rules): &(TenantId, Vec<JwtRule>)| {
            let credential = rules.iter().find_map(|rule| credential(tenant, rule, claims, until))?;
            Some((tenant.clone(), credential))
        };
        let mut granted = self.tenants.iter().filter_map(first_match);
        match (granted.next(), granted.next()) {
            (None, _) => Verdict::NoRule,
            (Some((_, credential)), None) => Verdict::Granted(credential),
            (Some((one, _)), Some((other, _))) => Verdict::Ambiguous { tenants: [one, other] },
        }
    }
}

fn credential(tenant: &TenantId, rule: &JwtRule, claims: &Members, until: Timestamp) -> Option<Credential> {
    // The configuration vouches that no rule is without claims; if one were, it would be everybody's.
    if rule.claims.is_empty() || !fit(&rule.claims, claims) {
        return None;
    }
    let mut grant = rule.grant.clone();
    for (name, template) in &rule.labels {
        let value = filled(template, claims)?;
        // Bound twice to different values, it is bound to none.
        if grant.labels.insert(name.clone(), value.clone()).is_some_and(|bound| bound != value) {
            return None;
        }
    }
    grant.expires = Some(grant.expires.map_or(until, |expires| expires.min(until)));
    Some(Credential::of_tenant(tenant, &grant))
}

/// Whether each of `wanted` is among the token's claims with one of its values. Claims are members of the token itself, by
/// their exact names: there is no way to write a path into a claim that is an object.
fn fit(wanted: &Claims, claims: &Members) -> bool {
    wanted.iter().all(|(name, values)| {
        let fits = |claim: &Json| values.iter().any(|value| is(value, claim));
        match claims.get(name) {
            Some(Json::List(items)) => items.iter().any(fits),
            Some(claim) => fits(claim),
            None => false,
        }
    })
}

/// A number is not its text, `true` and `null` are neither, and an empty text is as good as absent.
fn is(value: &ClaimValue, claim: &Json) -> bool {
    match (value, claim) {
        (ClaimValue::Text(pattern), Json::Text(text)) => !text.is_empty() && pattern.matches(text),
        (ClaimValue::Number(wanted), Json::Whole(number)) => wanted == number,
        _ => false,
    }
}

/// As [`fit`], for what is to be refused: there a number and its text are the same, whichever of them the issuer writes.
/// A rule that fits too little refuses somebody; an entry of `revoked` that does would let him in.
pub(super) fn is_withdrawn(revoked: &Claims, claims: &Members) -> bool {
    revoked.iter().all(|(name, values)| {
        let fits = |claim: &Json| spelt(claim).is_some_and(|text| values.iter().any(|value| spells(value, &text)));
        match claims.get(name) {
            Some(Json::List(items)) => items.iter().any(fits),
            Some(claim) => fits(claim),
            None => false,
        }
    })
}

fn spells(value: &ClaimValue, text: &str) -> bool {
    match value {
        ClaimValue::Text(pattern) => pattern.matches(text),
        ClaimValue::Number(number) => *text == number.to_string(),
    }
}

fn spelt(claim: &Json) -> Option<String> {
    match claim {
        Json::Text(text) => Some(text.clone()),
        Json::Whole(number) => Some(number.to_string()),
        Json::Negative(number) => Some(number.to_string()),
        Json::Fraction(number) => Some(number.to_string()),
        Json::Flag(flag) => Some(flag.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

/// The label's value. `None` where a claim in it is missing, empty, or neither text nor whole number (a fraction has more than
/// one spelling), or the whole is no value for a label.
fn filled(template: &LabelTemplate, claims: &Members) -> Option<String> {
    let mut value = String::new();
    for part in &template.parts {
        match part {
            TemplatePart::Text(text) => value.push_str(text),
            TemplatePart::Claim(name) => match claims.get(name)? {
                Json::Text(text) if !text.is_empty() => value.push_str(text),
                Json::Whole(number) => value.push_str(&number.to_string()),
                Json::Negative(number) => value.push_str(&number.to_string()),
                _ => return None,
            },
        }
    }
    let is_value = !value.is_empty() && value.len() <= LABEL_VALUE_BYTES_MAX && !value.contains(char::is_control);
    is_value.then_some(value)
}

#[cfg(test)]
mod tests;
