//! The rules of tenants and operators, and what the first that matches makes of a certificate.

use super::shown::Shown;
use super::subject::Kind;
use super::subject::Subject;
use super::subject::label_value;
use crate::config;
use crate::config::CertificateRule;
use crate::config::ClientCa;
use crate::config::Config;
use crate::config::LabelTemplate;
use crate::identity::IdentityError;
use crate::identity::credential::Credential;
use crate::model::TenantId;
use std::collections::BTreeMap;

/// The rules of everybody who has any.
#[derive(Debug)]
pub(super) struct Rules(Vec<Party>);

/// One tenant's or operator's rules, in the order in which they are tried.
#[derive(Debug)]
struct Party {
    who: Who,
    rules: Vec<Rule>,
}

#[derive(Debug)]
enum Who {
    Tenant(TenantId),
    Operator(String),
}

#[derive(Debug)]
struct Rule {
    ca: String,
    subject: Subject,
    labels: BTreeMap<String, LabelTemplate>,
    grant: Grant,
}

#[derive(Debug)]
enum Grant {
    Tenant(config::TenantGrant),
    Operator(config::OperatorGrant),
}

impl Rules {
    /// Those of a tenant that is closed are left out: nobody is let in there.
    pub(super) fn new(config: &Config) -> Self {
        let open = config.tenants.iter().filter(|(_, tenant)| !tenant.closed);
        let tenants = open.map(|(id, tenant)| Party {
            who: Who::Tenant(id.clone()),
            rules: tenant.certificates.iter().map(|rule| Rule::new(rule, Grant::Tenant)).collect(),
        });
        let operators = config.operators.iter().map(|(name, operator)| Party {
            who: Who::Operator(name.clone()),
            rules: operator.certificates.iter().map(|rule| Rule::new(rule, Grant::Operator)).collect(),
        });
        Self(tenants.chain(operators).filter(|party| !party.rules.is_empty()).collect())
    }

    /// The credential that these CAs' word makes, `None` where no rule matches. Of one party the first rule decides; between
    /// two parties nobody does.
    pub(super) fn credential(&self, cas: &[&ClientCa], shown: &Shown) -> Result<Option<Credential>, IdentityError> {
        let mut found = None;
        for party in &self.0 {
            let heard: Vec<&ClientCa> = cas.iter().copied().filter(|ca| party.who.is_spoken_for_by(ca)).collect();
            let first = party.rules.iter().find_map(|rule| {
                let ca = heard.iter().find(|ca| ca.name == rule.ca)?;
                rule.credential(&party.who, ca, shown)
            });
            match (first, &found) {
                (Some(_), Some(_)) => return Err(IdentityError::Ambiguous),
                (Some(first), None) => found = Some(first),
                (None, _) => {}
            }
        }
        Ok(found)
    }
}

impl Who {
    /// What a CA says counts for those it lists, whatever the rules of others ask for.
    fn is_spoken_for_by(&self, ca: &ClientCa) -> bool {
        match self {
            Self::Tenant(tenant) => ca.tenants.contains(tenant),
            Self::Operator(operator) => ca.operators.contains(operator),
        }
    }
}

impl Rule {
    fn new<G: Clone>(rule: &CertificateRule<G>, grant: impl Fn(G) -> Grant) -> Self {
        Self {
            ca: rule.ca.clone(),
            subject: Subject::new(&rule.subject),
            labels: rule.labels.clone(),
            grant: grant(rule.grant.clone()),
        }
    }

    /// What it makes of the certificate's first name that fits and has every piece that its labels ask for.
    fn credential(&self, who: &Who, ca: &ClientCa, shown: &Shown) -> Option<Credential> {
        let counts = match self.subject.kind() {
            Kind::Uri => true,
            Kind::Dns | Kind::Email => ca.trust_domain.is_none(),
            Kind::Cn => ca.trust_domain.is_none() && ca.cn_allowed,
        };
        let mut names = self.subject.matching(&shown.leaf).filter(|_| counts);
        let labels = names.find_map(|name| self.labels_of(&name))?;
        let mut credential = match (who, &self.grant) {
            (Who::Tenant(tenant), Grant::Tenant(grant)) => {
                let mut grant = grant.clone();
                for (name, value) in labels {
                    // A label that is bound already is not bound anew by a stranger's name.
                    if grant.labels.insert(name, value.clone()).is_some_and(|bound| bound != value) {
                        return None;
                    }
                }
                Credential::of_tenant(tenant, &grant)
            }
            (Who::Operator(operator), Grant::Operator(grant)) => Credential::of_operator(operator, grant),
            _ => return None,
        };
        credential.ends_with(shown.leaf_not_after());
        Some(credential)
    }

    fn labels_of(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let value = |template| label_value(template, self.subject.kind(), name);
        self.labels.iter().map(|(label, template)| Some((label.clone(), value(template)?))).collect()
    }
}
