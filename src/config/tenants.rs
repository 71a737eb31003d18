//! `tenants`: who there is, and with which credentials.

use super::CertificateRule;
use super::JwtRule;
use super::Limits;
use super::TenantGrant;
use super::Token;
use super::User;
use super::credentials::Credentials;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::limits::Ceiling;
use super::limits::LIMITS;
use super::nearest::nearest;
use super::storage;
use super::users_file::UsersFile;
use crate::model::Durability;
use crate::model::TenantId;
use crate::model::TextDialect;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub(super) const TENANT: Keys = Keys {
    known: &["limits", "durability", "text", "utf8_names", "tokens", "users", "users_file", "jwts", "certificates"],
    later: &[],
};

pub(super) const TENANTS: &str = "a map of tenants by their names";
pub(super) const TOKENS: &str = "a list of tokens, as `pushward token new` prints them";
pub(super) const CERTIFICATES: &str = "a list of rules with ca, one of uri, dns, email and cn, and scopes";
pub(super) const USERS: &str = "a list of users with name, password_hash and scopes";

/// A tenant, and who speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    pub limits: Limits,
    /// What it is promised, if that is not what `storage` says: never more.
    pub durability: Option<Durability>,
    /// How strictly its pushes are read.
    pub text: TextDialect,
    /// Whether names of metrics and labels may be any UTF-8.
    pub utf8_names: bool,
    /// Without tokens, users and rules nobody can push or read.
    pub tokens: Vec<Token<TenantGrant>>,
    pub users: Vec<User<TenantGrant>>,
    /// In the order in which they are tried.
    pub jwts: Vec<JwtRule>,
    /// In the order in which they are tried.
    pub certificates: Vec<CertificateRule<TenantGrant>>,
    /// A file of it could not be read and there is no last good one: nobody is let in, what it pushed stays.
    pub closed: bool,
    /// The file of `tenants_dir` that it stands in; the main file where absent.
    pub file: Option<PathBuf>,
}

/// A tenant as one file says it: its `users_file` is named and not read.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) tenant: Tenant,
    pub(super) users_file: Option<UsersFile<TenantGrant>>,
}

/// `tenants`, each by its name.
pub(super) fn tenants(
    field: &Field<'_>,
    defaults: Limits,
    credentials: &mut Credentials<'_>,
    faults: &mut Faults,
) -> BTreeMap<TenantId, Written> {
    let mut tenants = BTreeMap::new();
    for (name, field) in field.named(TENANTS, faults).unwrap_or_default() {
        match TenantId::parse(name) {
            Ok(id) => {
                let none = Ceiling::default();
                let written = Tenant::read(id.clone(), &field, (defaults, &none), credentials, faults);
                tenants.insert(id, written);
            }
            Err(error) => field.fault(faults, format!("is no name of a tenant, expected another: {error}")),
        }
    }
    tenants
}

impl Tenant {
    /// One that nobody speaks for yet.
    pub fn without_credentials(id: TenantId, limits: Limits) -> Self {
        Self {
            id,
            limits,
            durability: None,
            text: TextDialect::default(),
            utf8_names: false,
            tokens: Vec::new(),
            users: Vec::new(),
            jwts: Vec::new(),
            certificates: Vec::new(),
            closed: false,
            file: None,
        }
    }

    /// What all its credentials grant, in no order.
    pub fn grants(&self) -> impl Iterator<Item = &TenantGrant> {
        let tokens = self.tokens.iter().map(|token| &token.grant);
        let users = self.users.iter().map(|user| &user.grant);
        let jwts = self.jwts.iter().map(|rule| &rule.grant);
        tokens.chain(users).chain(jwts).chain(self.certificates.iter().map(|rule| &rule.grant))
    }

    /// It still exists, and nobody is let in.
    pub(super) fn close(&mut self) {
        self.tokens.clear();
        self.users.clear();
        self.jwts.clear();
        self.certificates.clear();
        self.closed = true;
    }

    /// The map of one tenant. Limits are the defaults, with its own in their place, which stay below the ceiling.
    pub(super) fn read(
        id: TenantId,
        field: &Field<'_>,
        (defaults, ceiling): (Limits, &Ceiling),
        credentials: &mut Credentials<'_>,
        faults: &mut Faults,
    ) -> Written {
        let mut tenant = Self::without_credentials(id, defaults);
        let Some(section) = field.section(&TENANT, faults) else {
            return Written { tenant, users_file: None };
        };
        if let Some(section) = section.get("limits").and_then(|field| field.section(&LIMITS, faults)) {
            tenant.limits = defaults.of_section(&section, faults);
            ceiling.judge(&tenant.limits, &section, faults);
        }
        tenant.durability = durability(&section, credentials.known.durability, faults);
        let words = [("lenient", TextDialect::Lenient), ("strict", TextDialect::Strict)];
        tenant.text = section.word("text", &words, faults).unwrap_or_default();
        tenant.utf8_names = section.flag("utf8_names", faults).unwrap_or(false);
        let mut items = |key, expected| {
            let items = section.get(key).and_then(|field| field.list(expected, faults));
            items.unwrap_or_default()
        };
        let (tokens, users) = (items("tokens", TOKENS), items("users", USERS));
        let rules = items("jwts", "a list of rules with issuer, claims and scopes");
        let certificates = items("certificates", CERTIFICATES);
        for item in tokens {
            tenant.tokens.extend(credentials.tenant_token(&item, faults));
        }
        for item in users {
            tenant.users.extend(credentials.tenant_user(&item, faults));
        }
        for (nth, item) in (1..).zip(rules) {
            tenant.jwts.extend(credentials.jwt_rule(&tenant.id, nth, &item, faults));
        }
        for (nth, item) in (1..).zip(certificates) {
            tenant.certificates.extend(credentials.tenant_certificate(&tenant.id, nth, &item, faults));
        }
        let users_file = section.get("users_file");
        let users_file = users_file.and_then(|field| UsersFile::<TenantGrant>::named(field, credentials.known, faults));
        Written { tenant, users_file }
    }
}

/// No more than the gateway promises: what is not written down for anybody is not for this tenant.
fn durability(section: &Section<'_>, most: Durability, faults: &mut Faults) -> Option<Durability> {
    let asked = storage::durability(section, faults)?;
    if asked > most
        && let Some(field) = section.get("durability")
    {
        field.fault(faults, "is more than storage.durability, expected as much or less");
        return None;
    }
    Some(asked)
}

/// The names of all tenants there are.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) all: BTreeSet<TenantId>,
    /// Whether some of them stand in files of their own, which come and go without the main one.
    pub(super) come_and_go: bool,
}

/// The tenants an operator's credential or an issuer is narrowed to: at least one, and each of them exists. One whose file
/// may be gone is a caution: a team that removes its file is not to keep everybody else's gateway from starting.
pub(super) fn narrowed_to(field: &Field<'_>, known: &Names, faults: &mut Faults) -> Option<BTreeSet<TenantId>> {
    let mut narrowed = BTreeSet::new();
    for item in field.filled_list("a list of tenants, or no such key for all", faults)? {
        let Some(name) = item.text("a tenant's name", faults) else {
            continue;
        };
        if known.come_and_go
            && let Ok(id) = TenantId::parse(name)
        {
            if !known.all.contains(&id) {
                let text =
                    format!("is {name:?}, no tenant here now, expected a key of `tenants` or a file of tenants_dir");
                faults.caution(&item.place(), text);
            }
            narrowed.insert(id);
            continue;
        }
        match known.all.get(name) {
            Some(id) => {
                narrowed.insert(id.clone());
            }
            None => match nearest(name, known.all.iter().map(TenantId::as_str)) {
                Some(near) => item.fault(faults, format!("is {name:?}, no tenant here, did you mean {near:?}?")),
                None => item.fault(faults, format!("is {name:?}, no tenant here, expected a key of `tenants`")),
            },
        }
    }
    Some(narrowed)
}
