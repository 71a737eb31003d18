//! `tenants` and `operators`: who there is, and with which credentials.

use super::CertificateRule;
use super::JwtRule;
use super::Limits;
use super::OperatorGrant;
use super::OperatorLimits;
use super::TenantGrant;
use super::Token;
use super::User;
use super::credentials::Credentials;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::nearest::nearest;
use crate::model::TenantId;
use crate::model::TextDialect;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub(super) const TENANT: Keys = Keys {
    known: &["limits", "text", "utf8_names", "tokens"],
    later: &["users", "users_file", "certificates", "jwts"],
};

pub(super) const OPERATOR: Keys =
    Keys { known: &["tokens", "limits"], later: &["users", "users_file", "certificates", "jwts"] };

const TENANTS: &str = "a map of tenants by their names";
const OPERATORS: &str = "a map of operators by their names";
const TOKENS: &str = "a list of tokens, as `pushward token new` prints them";

/// A tenant, and who speaks for it.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub limits: Limits,
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
}

/// An operator, and its tokens.
#[derive(Clone, Debug)]
pub struct Operator {
    pub name: String,
    pub tokens: Vec<Token<OperatorGrant>>,
    pub users: Vec<User<OperatorGrant>>,
    pub certificates: Vec<CertificateRule<OperatorGrant>>,
    pub limits: OperatorLimits,
}

/// `tenants`, each by its name.
pub(super) fn tenants(
    field: &Field<'_>,
    defaults: Limits,
    credentials: &mut Credentials,
    faults: &mut Faults,
) -> BTreeMap<TenantId, Tenant> {
    let mut tenants = BTreeMap::new();
    for (name, field) in field.named(TENANTS, faults).unwrap_or_default() {
        match TenantId::parse(name) {
            Ok(id) => {
                let tenant = Tenant::read(id.clone(), &field, defaults, credentials, faults);
                tenants.insert(id, tenant);
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
            text: TextDialect::default(),
            utf8_names: false,
            tokens: Vec::new(),
            users: Vec::new(),
            jwts: Vec::new(),
            certificates: Vec::new(),
            closed: false,
        }
    }

    fn read(
        id: TenantId,
        field: &Field<'_>,
        defaults: Limits,
        credentials: &mut Credentials,
        faults: &mut Faults,
    ) -> Self {
        let mut tenant = Self::without_credentials(id, defaults);
        let Some(section) = field.section(&TENANT, faults) else {
            return tenant;
        };
        if let Some(field) = section.get("limits") {
            tenant.limits = defaults.overridden(field, faults);
        }
        let words = [("lenient", TextDialect::Lenient), ("strict", TextDialect::Strict)];
        tenant.text = section.word("text", &words, faults).unwrap_or_default();
        tenant.utf8_names = section.flag("utf8_names", faults).unwrap_or(false);
        let items = section.get("tokens").and_then(|field| field.list(TOKENS, faults));
        for item in items.unwrap_or_default() {
            tenant.tokens.extend(credentials.tenant_token(&item, faults));
        }
        tenant
    }
}

/// `operators`, each by its name.
pub(super) fn operators(
    field: &Field<'_>,
    credentials: &mut Credentials,
    faults: &mut Faults,
) -> BTreeMap<String, Operator> {
    let mut operators = BTreeMap::new();
    for (name, field) in field.named(OPERATORS, faults).unwrap_or_default() {
        // The rule of a tenant's name serves here too: both stand in logs and metrics as they are.
        if TenantId::parse(name).is_err() {
            let rule = "is no name of an operator, expected 1 to 63 of a-z, 0-9 and '-', no '-' at either end";
            field.fault(faults, rule);
        }
        operators.insert(name.to_owned(), Operator::read(name, &field, credentials, faults));
    }
    operators
}

impl Operator {
    fn read(name: &str, field: &Field<'_>, credentials: &mut Credentials, faults: &mut Faults) -> Self {
        let mut operator = Self {
            name: name.to_owned(),
            tokens: Vec::new(),
            users: Vec::new(),
            certificates: Vec::new(),
            limits: OperatorLimits::default(),
        };
        let Some(section) = field.section(&OPERATOR, faults) else {
            return operator;
        };
        if let Some(field) = section.get("limits") {
            operator.limits = operator.limits.overridden(field, faults);
        }
        let items = section.get("tokens").and_then(|field| field.list(TOKENS, faults));
        for item in items.unwrap_or_default() {
            operator.tokens.extend(credentials.operator_token(&item, faults));
        }
        operator
    }
}

/// The tenants an operator's token is narrowed to: at least one, and each of them exists.
pub(super) fn narrowed_to(
    field: &Field<'_>,
    known: &BTreeSet<TenantId>,
    faults: &mut Faults,
) -> Option<BTreeSet<TenantId>> {
    let mut narrowed = BTreeSet::new();
    for item in field.filled_list("a list of tenants, or no such key for all", faults)? {
        let Some(name) = item.text("a tenant's name", faults) else {
            continue;
        };
        match known.get(name) {
            Some(id) => {
                narrowed.insert(id.clone());
            }
            None => match nearest(name, known.iter().map(TenantId::as_str)) {
                Some(near) => item.fault(faults, format!("is {name:?}, no tenant here, did you mean {near:?}?")),
                None => item.fault(faults, format!("is {name:?}, no tenant here, expected a key of `tenants`")),
            },
        }
    }
    Some(narrowed)
}
