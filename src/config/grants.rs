//! Reading what a credential grants and what narrows it: the same keys in tokens, users, users files and rules.

use super::CredentialLimits;
use super::OperatorGrant;
use super::TenantGrant;
use super::credentials::Known;
use super::fault::Faults;
use super::field::Field;
use super::field::Section;
use super::field::one_of;
use super::listener::networks;
use super::nearest::nearest;
use super::tenants::narrowed_to;
use super::units;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::Timestamp;
use crate::model::Verb;
use crate::model::is_label_name;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What a section grants a tenant's credential, still without its name.
pub(super) fn of_tenant(section: &Section<'_>, known: &Known, faults: &mut Faults) -> Option<TenantGrant> {
    let labels = section.get("labels").map(|field| labels(field, known, faults));
    let grant = of_tenant_but_labels(section, faults);
    // A narrowing that could not be read takes the whole credential with it.
    Some(TenantGrant { labels: labels.map_or(Some(BTreeMap::new()), |labels| labels)?, ..grant? })
}

pub(super) fn of_tenant_but_labels(section: &Section<'_>, faults: &mut Faults) -> Option<TenantGrant> {
    let scopes = scopes(section, &Verb::ALL.map(|verb| (verb.name(), verb)), faults);
    let jobs = section.get("jobs").map(|field| jobs(field, faults));
    let networks = section.get("networks").map(|field| networks(field, faults));
    let expires = section.get("expires").map(|field| expires(field, faults));
    let limits = section.get("limits").map(|field| CredentialLimits::read(field, faults));
    Some(TenantGrant {
        name: String::new(),
        scopes: scopes?,
        jobs: narrowed(jobs)?,
        labels: BTreeMap::new(),
        networks: narrowed(networks)?,
        expires: narrowed(expires)?,
        limits: narrowed(limits)?,
    })
}

/// What a section grants an operator's credential, still without its name.
pub(super) fn of_operator(section: &Section<'_>, known: &Known, faults: &mut Faults) -> Option<OperatorGrant> {
    let scopes = scopes(section, &OperatorScope::ALL.map(|scope| (scope.name(), scope)), faults);
    let tenants = section.get("tenants").map(|field| narrowed_to(field, &known.tenants, faults));
    let networks = section.get("networks").map(|field| networks(field, faults));
    let expires = section.get("expires").map(|field| expires(field, faults));
    Some(OperatorGrant {
        name: String::new(),
        scopes: scopes?,
        tenants: narrowed(tenants)?,
        networks: narrowed(networks)?,
        expires: narrowed(expires)?,
    })
}

/// Absent is not narrowed; what is there and could not be read is no narrowing to go on with.
fn narrowed<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

/// A name as it stands in metrics and the audit.
pub(super) fn name<'d>(field: &Field<'d>, faults: &mut Faults) -> Option<&'d str> {
    let expected = "a name of 1 to 128 printable characters";
    let name = field.text(expected, faults)?;
    if is_name(name) {
        return Some(name);
    }
    field.mismatch(faults, expected);
    None
}

/// A name is written where many read: one that holds a token is none.
pub(super) fn is_name(name: &str) -> bool {
    let plain = (1..=128).contains(&name.len()) && !name.chars().any(char::is_control) && name.trim() == name;
    plain && !name.contains("pward_")
}

/// What a credential may do: at least one, and no default.
fn scopes<T: Copy + Ord>(section: &Section<'_>, words: &[(&str, T)], faults: &mut Faults) -> Option<BTreeSet<T>> {
    let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
    let expected = format!("a list of {}", one_of(&names));
    let field = section.required("scopes", &expected, faults)?;
    let mut scopes = BTreeSet::new();
    for item in field.filled_list(&expected, faults)? {
        let Some(text) = item.text(&one_of(&names), faults) else {
            continue;
        };
        match words.iter().find(|(name, _)| *name == text) {
            Some((_, scope)) => {
                scopes.insert(*scope);
            }
            None => match nearest(text, names.iter().copied()) {
                Some(near) => item.fault(faults, format!("is {text:?}, did you mean {near:?}?")),
                None => item.mismatch(faults, &one_of(&names)),
            },
        }
    }
    Some(scopes)
}

fn jobs(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<Pattern>> {
    let expected = "a list of jobs, such as [\"backup-*\"], or no such key for all";
    let mut jobs = Vec::new();
    for item in field.filled_list(expected, faults)? {
        let expected = "a job, in which * stands for any run of characters";
        let Some(text) = item.text(expected, faults) else {
            continue;
        };
        match Pattern::parse(text) {
            Some(job) => jobs.push(job),
            None => item.mismatch(faults, expected),
        }
    }
    Some(jobs)
}

/// Grouping labels and what stands as their values.
pub(super) fn labels(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    let expected = "a map of grouping labels and their values, or no such key for none";
    let named = field.named(expected, faults)?;
    if named.is_empty() {
        field.fault(faults, format!("is an empty map, expected {expected}"));
        return None;
    }
    let mut labels = BTreeMap::new();
    for (name, field) in named {
        if !is_label_name(name) || name.starts_with("__") {
            field.fault(faults, "is no label name, expected [a-zA-Z_][a-zA-Z0-9_]* without __ in front");
        } else if name == "job" {
            field.fault(faults, "cannot be bound, expected `jobs` for that");
        } else if name == known.tenant_label {
            field.fault(faults, "cannot be bound, expected another label: this one is the tenant's");
        }
        let expected = "the label's value, not empty";
        let Some(value) = field.text(expected, faults) else {
            continue;
        };
        if value.is_empty() {
            field.mismatch(faults, expected);
        }
        labels.insert(name.to_owned(), value.to_owned());
    }
    Some(labels)
}

fn expires(field: &Field<'_>, faults: &mut Faults) -> Option<Timestamp> {
    let expected = "a moment as 2027-01-31T00:00:00Z, at most in the year 2262";
    let moment = units::moment(field.text(expected, faults)?);
    if moment.is_none() {
        field.mismatch(faults, expected);
    }
    moment
}
