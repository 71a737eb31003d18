//! `operators`: who runs the gateway and reads over tenants.

use super::CertificateRule;
use super::OperatorGrant;
use super::OperatorLimits;
use super::Token;
use super::User;
use super::credentials::Credentials;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::tenants::CERTIFICATES;
use super::tenants::TOKENS;
use super::tenants::USERS;
use super::users_file::UsersFile;
use crate::model::TenantId;
use std::collections::BTreeMap;

pub(super) const OPERATOR: Keys =
    Keys { known: &["tokens", "users", "users_file", "certificates", "limits"], later: &["jwts"] };

pub(super) const OPERATORS: &str = "a map of operators by their names";

/// An operator, and its credentials.
#[derive(Clone, Debug)]
pub struct Operator {
    pub name: String,
    pub tokens: Vec<Token<OperatorGrant>>,
    pub users: Vec<User<OperatorGrant>>,
    /// In the order in which they are tried.
    pub certificates: Vec<CertificateRule<OperatorGrant>>,
    pub limits: OperatorLimits,
}

/// All operators, and the files of users that they name, by their names.
#[derive(Debug, Default)]
pub(super) struct Operators {
    pub(super) operators: BTreeMap<String, Operator>,
    pub(super) users_files: BTreeMap<String, UsersFile<OperatorGrant>>,
}

/// `operators`.
pub(super) fn read(field: &Field<'_>, credentials: &mut Credentials<'_>, faults: &mut Faults) -> Operators {
    let mut read = Operators::default();
    for (name, field) in field.named(OPERATORS, faults).unwrap_or_default() {
        // The rule of a tenant's name serves here too: both stand in logs and metrics as they are.
        if TenantId::parse(name).is_err() {
            let rule = "is no name of an operator, expected 1 to 63 of a-z, 0-9 and '-', no '-' at either end";
            field.fault(faults, rule);
        }
        let mut operator = Operator {
            name: name.to_owned(),
            tokens: Vec::new(),
            users: Vec::new(),
            certificates: Vec::new(),
            limits: OperatorLimits::default(),
        };
        let users_file = operator.read(&field, credentials, faults);
        read.operators.insert(name.to_owned(), operator);
        read.users_files.extend(users_file.map(|file| (name.to_owned(), file)));
    }
    read
}

impl Operator {
    fn read(
        &mut self,
        field: &Field<'_>,
        credentials: &mut Credentials<'_>,
        faults: &mut Faults,
    ) -> Option<UsersFile<OperatorGrant>> {
        let section = field.section(&OPERATOR, faults)?;
        if let Some(field) = section.get("limits") {
            self.limits = self.limits.overridden(field, faults);
        }
        let tokens = section.get("tokens").and_then(|field| field.list(TOKENS, faults));
        for item in tokens.unwrap_or_default() {
            self.tokens.extend(credentials.operator_token(&item, faults));
        }
        let users = section.get("users").and_then(|field| field.list(USERS, faults));
        for item in users.unwrap_or_default() {
            self.users.extend(credentials.operator_user(&item, faults));
        }
        let rules = section.get("certificates").and_then(|field| field.list(CERTIFICATES, faults));
        for (nth, item) in (1..).zip(rules.unwrap_or_default()) {
            self.certificates.extend(credentials.operator_certificate(&self.name, nth, &item, faults));
        }
        section.get("users_file").and_then(|field| UsersFile::<OperatorGrant>::named(field, credentials.known, faults))
    }
}
