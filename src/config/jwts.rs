//! `jwts`: which claims of which issuer make a tenant's credential.

use super::TenantGrant;
use super::claim_rules;
use super::credentials::Credentials;
use super::credentials::Known;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::grants;
use super::nearest::nearest;
use crate::model::Pattern;
use crate::model::TenantId;
use std::collections::BTreeMap;

pub(super) const JWT: Keys = Keys {
    known: &["issuer", "claims", "name", "scopes", "jobs", "labels", "networks", "expires", "limits"],
    later: &[],
};

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

impl Credentials<'_> {
    /// The `nth` rule of a tenant, counted from 1.
    pub(super) fn jwt_rule(
        &mut self,
        tenant: &TenantId,
        nth: usize,
        field: &Field<'_>,
        faults: &mut Faults,
    ) -> Option<JwtRule> {
        let section = field.section(&JWT, faults)?;
        let issuer = self.issuer_of(tenant, &section, faults);
        let claims = section.required("claims", "a map of claims and what they must be", faults).cloned();
        let claims = claims.and_then(|field| {
            let claims = claim_rules::read(&field, faults)?;
            if let Some(wrong) =
                self.known.issuers.get(issuer?)?.as_ref().and_then(|it| claim_rules::wrong(&claims, it))
            {
                field.fault(faults, wrong);
            }
            Some(claims)
        });
        let labels = section.get("labels").map(|field| templates(field, "{claim}", self.known, faults));
        let grant = grants::of_tenant_but_labels(&section, faults);
        let name = self.rule_name(&section, issuer.map(|issuer| format!("{tenant}/{issuer}/{nth}")), faults)?;
        let (fixed, labels) = labels.map_or(Some(Default::default()), |labels| labels)?;
        let grant = TenantGrant { name, labels: fixed, ..grant? };
        Some(JwtRule { issuer: issuer?.to_owned(), claims: claims?, labels, grant })
    }

    fn issuer_of<'d>(&self, tenant: &TenantId, section: &Section<'d>, faults: &mut Faults) -> Option<&'d str> {
        let expected = "the name of an issuer, a key of `issuers`";
        let field = section.required("issuer", expected, faults)?;
        let name = field.text(expected, faults)?;
        let names = self.known.issuers.keys().map(String::as_str);
        match (self.known.issuers.get(name), nearest(name, names)) {
            (Some(Some(issuer)), _) if !issuer.tenants.contains(tenant) => {
                field.fault(
                    faults,
                    format!("is {name:?}, which does not list {tenant}, expected it among its `tenants`"),
                );
                None
            }
            (Some(_), _) => Some(name),
            (None, Some(near)) => {
                field.fault(faults, format!("is {name:?}, no issuer here, did you mean {near:?}?"));
                None
            }
            (None, None) => {
                field.fault(faults, format!("is {name:?}, no issuer here, expected a key of `issuers`"));
                None
            }
        }
    }
}

pub(super) type Labels = (BTreeMap<String, String>, BTreeMap<String, LabelTemplate>);

/// The labels that are the same for everybody whom the rule fits, and the others, with pieces such as `piece` in them.
pub(super) fn templates(field: &Field<'_>, piece: &str, known: &Known, faults: &mut Faults) -> Option<Labels> {
    let (mut fixed, mut templates) = Labels::default();
    for (name, value) in grants::labels(field, known, faults)? {
        match LabelTemplate::parse(&value) {
            Ok(template) => match template.literal() {
                Some(text) => drop(fixed.insert(name, text)),
                None => drop(templates.insert(name, template)),
            },
            Err(wrong) => {
                let text = format!("{name} {wrong}, expected {piece}, or {{{{ and }}}} for the braces themselves");
                field.fault(faults, text);
            }
        }
    }
    Some((fixed, templates))
}
