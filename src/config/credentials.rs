//! Reading tokens, which must be unique in the whole gateway.

use super::OperatorGrant;
use super::TenantGrant;
use super::Token;
use super::fault::Faults;
use super::fault::Place;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::field::one_of;
use super::listener::networks;
use super::nearest::nearest;
use super::tenants::narrowed_to;
use super::units;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::TokenDigest;
use crate::model::TokenId;
use crate::model::Verb;
use crate::model::is_label_name;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub(super) const TENANT_TOKEN: Keys =
    Keys { known: &["id", "name", "sha256", "scopes", "jobs", "labels", "networks", "expires"], later: &[] };

pub(super) const OPERATOR_TOKEN: Keys =
    Keys { known: &["id", "name", "sha256", "scopes", "tenants", "networks", "expires"], later: &[] };

/// What the id of a token that `pushward quickstart` made begins with.
pub const QUICKSTART_ID_PREFIX: &str = "qs";

/// The credentials read so far, and what reading them needs to know.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// `namespace.label`, to which no credential can be bound.
    tenant_label: String,
    tenants: BTreeSet<TenantId>,
    /// Where each id, name and digest stands.
    ids: BTreeMap<TokenId, Place>,
    names: BTreeMap<String, Place>,
    digests: BTreeMap<String, Place>,
}

/// What tokens of both kinds have.
struct Common {
    id: TokenId,
    name: String,
    digest: TokenDigest,
    networks: Option<Vec<IpNet>>,
    expires: Option<Timestamp>,
}

impl Credentials {
    /// Lets no credential be bound to `namespace.label`.
    pub(super) fn reserve_label(&mut self, tenant_label: &str) {
        tenant_label.clone_into(&mut self.tenant_label);
    }

    /// Lets operators' tokens name these tenants.
    pub(super) fn know(&mut self, tenants: impl Iterator<Item = TenantId>) {
        self.tenants = tenants.collect();
    }

    /// The ids that quickstart made, with their places.
    pub(super) fn of_quickstart(&self) -> impl Iterator<Item = (&TokenId, &Place)> {
        let made = |id: &TokenId| id.as_str().starts_with(QUICKSTART_ID_PREFIX);
        self.ids.iter().filter(move |(id, _)| made(id))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn tenant_token(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<Token<TenantGrant>> {
        let section = field.section(&TENANT_TOKEN, faults)?;
        let common = self.common(&section, faults);
        let scopes = scopes(&section, &Verb::ALL.map(|verb| (verb.name(), verb)), faults);
        let jobs = section.get("jobs").map(|field| jobs(field, faults));
        let labels = section.get("labels").map(|field| self.labels(field, faults));
        let Common { id, name, digest, networks, expires } = common?;
        let grant = TenantGrant {
            name,
            scopes: scopes?,
            // A narrowing that could not be read takes the whole token with it.
            jobs: jobs.map_or(Some(None), |jobs| jobs.map(Some))?,
            labels: labels.map_or(Some(BTreeMap::new()), |labels| labels)?,
            networks,
            expires,
        };
        Some(Token { id, digest, grant })
    }

    pub(super) fn operator_token(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<Token<OperatorGrant>> {
        let section = field.section(&OPERATOR_TOKEN, faults)?;
        let common = self.common(&section, faults);
        let scopes = scopes(&section, &OperatorScope::ALL.map(|scope| (scope.name(), scope)), faults);
        let tenants = section.get("tenants").map(|field| narrowed_to(field, &self.tenants, faults));
        let Common { id, name, digest, networks, expires } = common?;
        let grant = OperatorGrant {
            name,
            scopes: scopes?,
            tenants: tenants.map_or(Some(None), |tenants| tenants.map(Some))?,
            networks,
            expires,
        };
        Some(Token { id, digest, grant })
    }

    fn common(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<Common> {
        let id = self.id(section, faults);
        let name = self.name(section, id, faults);
        let digest = self.digest(section, faults);
        let networks = section.get("networks").map(|field| networks(field, faults));
        let expires = section.get("expires").map(|field| expires(field, faults));
        Some(Common {
            id: id?,
            name: name?,
            digest: digest?,
            networks: networks.map_or(Some(None), |networks| networks.map(Some))?,
            expires: expires.map_or(Some(None), |expires| expires.map(Some))?,
        })
    }

    /// What stands here is not repeated in a fault: it may be a piece of the token.
    fn id(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<TokenId> {
        let expected = "the token's id, 10 characters of 0-9, A-Z, a-z";
        let field = section.required("id", expected, faults)?;
        let Ok(id) = TokenId::parse(field.text(expected, faults)?) else {
            field.fault(faults, format!("is no token's id, expected {expected}"));
            return None;
        };
        unique(&mut self.ids, id, field, faults)?;
        Some(id)
    }

    /// The name, or the id where there is none. An id is a name too, so no other token may bear it.
    fn name(&mut self, section: &Section<'_>, id: Option<TokenId>, faults: &mut Faults) -> Option<String> {
        let expected = "a name of 1 to 128 printable characters";
        let Some(field) = section.get("name") else {
            let id = id?.to_string();
            unique(&mut self.names, id.clone(), section.get("id")?, faults)?;
            return Some(id);
        };
        let name = field.text(expected, faults)?;
        if !(1..=128).contains(&name.len()) || name.chars().any(char::is_control) || name.trim() != name {
            field.mismatch(faults, expected);
            return None;
        }
        unique(&mut self.names, name.to_owned(), field, faults)?;
        Some(name.to_owned())
    }

    /// Nor is what stands here: it may be the whole token.
    fn digest(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<TokenDigest> {
        let expected = "the token's SHA-256 as 64 hexadecimal digits in quotes, as `pushward token new` prints it";
        let field = section.required("sha256", expected, faults)?;
        let Ok(digest) = TokenDigest::parse(field.text(expected, faults)?) else {
            field.fault(faults, format!("is no SHA-256, expected {expected}"));
            return None;
        };
        if digest == TokenDigest::of_nothing() {
            field.fault(faults, format!("is all zeros, expected {expected}"));
            return None;
        }
        unique(&mut self.digests, digest.to_hex(), field, faults)?;
        Some(digest)
    }

    fn labels(&self, field: &Field<'_>, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
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
            } else if name == self.tenant_label {
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
}

/// Notes where `value` stands, or that it stands somewhere else already.
fn unique<V: Ord>(seen: &mut BTreeMap<V, Place>, value: V, field: &Field<'_>, faults: &mut Faults) -> Option<()> {
    if let Some(Place { line, key, .. }) = seen.get(&value) {
        let text = format!("is that of {key} in line {line} too, expected one of its own in the whole gateway");
        field.fault(faults, text);
        return None;
    }
    seen.insert(value, field.place());
    Some(())
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

fn expires(field: &Field<'_>, faults: &mut Faults) -> Option<Timestamp> {
    let expected = "a moment as 2027-01-31T00:00:00Z, at most in the year 2262";
    let moment = units::moment(field.text(expected, faults)?);
    if moment.is_none() {
        field.mismatch(faults, expected);
    }
    moment
}
