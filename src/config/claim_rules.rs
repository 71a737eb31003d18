//! Reading which claims are asked for, and what an issuer's rules must ask at least.

use super::ClaimValue;
use super::Claims;
use super::Issuer;
use super::Preset;
use super::fault::Faults;
use super::field::Field;
use super::field::one_of;
use crate::model::Pattern;

/// No claim's name or value that anybody writes is longer.
const BYTES_MAX: usize = 1_024;

/// At least one claim, each with at least one value.
pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Option<Claims> {
    let expected = "a map of claims and what they must be";
    let named = field.named(expected, faults)?;
    if named.is_empty() {
        field.fault(faults, format!("is an empty map, expected {expected}"));
        return None;
    }
    let mut claims = Some(Claims::new());
    for (name, field) in named {
        if name.is_empty() || name.len() > BYTES_MAX {
            field.fault(faults, "is no claim's name, expected one of 1 to 1024 bytes");
        }
        let values = if field.is_list() {
            let items = field.filled_list("a list of texts and whole numbers", faults);
            items.and_then(|items| items.iter().map(|item| value(item, faults)).collect())
        } else {
            value(&field, faults).map(|value| vec![value])
        };
        match (values, &mut claims) {
            (Some(values), Some(claims)) => drop(claims.insert(name.to_owned(), values)),
            _ => claims = None,
        }
    }
    claims
}

fn value(field: &Field<'_>, faults: &mut Faults) -> Option<ClaimValue> {
    let expected = "a text, in which * stands for any run of characters, or a whole number";
    if let Some(number) = field.number() {
        return Some(ClaimValue::Number(number));
    }
    if field.is_flag() {
        field.fault(faults, format!("is true or false, which no rule asks for here, expected {expected}"));
        return None;
    }
    let text = field.text(expected, faults)?;
    let pattern = Pattern::parse(text).filter(|_| text.len() <= BYTES_MAX).map(ClaimValue::Text);
    if pattern.is_none() {
        field.mismatch(faults, expected);
    }
    pattern
}

/// Whether a value can be no other than the one written.
fn is_exact(value: &ClaimValue) -> bool {
    match value {
        ClaimValue::Text(pattern) => !pattern.as_str().contains('*'),
        ClaimValue::Number(_) => true,
    }
}

/// Whether a claim says nothing of whose a token is: each that is let in at all has it, or its issuer counts it up.
fn of_every_token(name: &str) -> bool {
    ["iss", "aud", "exp", "nbf", "iat", "jti"].contains(&name)
}

impl Preset {
    /// The claims that say who owns what runs there, and that nobody can choose or rename.
    const fn owners(self) -> &'static [&'static str] {
        match self {
            Self::GithubActions => &["repository_id", "repository_owner_id"],
            Self::Gitlab => &["project_id", "namespace_id"],
            Self::Kubernetes => &["sub"],
        }
    }
}

/// What is wrong with a rule of these claims on this issuer. Strangers hold tokens of a public issuer too, and they choose
/// the names in them.
pub(super) fn wrong(claims: &Claims, issuer: &Issuer) -> Option<String> {
    let exact = |values: &Vec<ClaimValue>| values.iter().all(is_exact);
    let Some(preset) = issuer.preset else {
        let any = claims.iter().any(|(name, values)| !of_every_token(name) && exact(values));
        let text =
            "asks for nothing exact that not every token of this issuer has, expected at least one claim without *";
        return (!any).then(|| text.into());
    };
    let owners = preset.owners();
    let text = |values: &Vec<ClaimValue>| values.iter().all(|value| matches!(value, ClaimValue::Text(_)));
    if let Some(owner) = owners.iter().find(|owner| claims.get(**owner).is_some_and(|values| !text(values))) {
        return Some(format!("asks for a number as {owner}, expected it in quotes: this issuer writes it as text"));
    }
    let owned = owners.iter().any(|owner| claims.get(*owner).is_some_and(exact));
    (!owned).then(|| format!("lets in what belongs to anybody of this issuer, expected {} without *", one_of(owners)))
}
