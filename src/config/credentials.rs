//! Reading the credentials of one file: tokens here, users and rules beside it. Each claims what is its own.

use super::ClientCa;
use super::Issuer;
use super::OperatorGrant;
use super::TenantGrant;
use super::Token;
use super::claims::Claim;
use super::claims::Spots;
use super::claims::taken_by;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::grants;
use super::tenants::Names;
use crate::model::Durability;
use crate::model::TokenDigest;
use crate::model::TokenId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

pub(super) const TENANT_TOKEN: Keys =
    Keys { known: &["id", "name", "sha256", "scopes", "jobs", "labels", "networks", "expires", "limits"], later: &[] };

pub(super) const OPERATOR_TOKEN: Keys =
    Keys { known: &["id", "name", "sha256", "scopes", "tenants", "networks", "expires"], later: &[] };

/// What the id of a token that `pushward quickstart` made begins with.
pub const QUICKSTART_ID_PREFIX: &str = "qs";

/// What reading a credential needs to know of the rest.
#[derive(Debug)]
pub(super) struct Known {
    /// `storage.durability`, more than which no tenant may ask for.
    pub(super) durability: Durability,
    /// `namespace.label`, to which no credential can be bound.
    pub(super) tenant_label: String,
    /// All there are, those of `tenants_dir` included.
    pub(super) tenants: Names,
    /// All that are declared; `None` for one that has its own fault.
    pub(super) issuers: BTreeMap<String, Option<Issuer>>,
    pub(super) operators: BTreeSet<String>,
    /// Those of all listeners that were read by now; `None` for one that has its own fault.
    pub(super) client_cas: BTreeMap<String, Option<ClientCa>>,
}

/// The credentials of one file.
#[derive(Debug)]
pub(super) struct Credentials<'k> {
    pub(super) known: &'k Known,
    pub(super) spots: Spots,
}

impl<'k> Credentials<'k> {
    pub(super) const fn new(known: &'k Known) -> Self {
        Self { known, spots: Spots::new() }
    }

    /// Notes where a claim stands, or that it stands somewhere else in this file already.
    pub(super) fn claim(&mut self, claim: Claim, field: &Field<'_>, faults: &mut Faults) -> Option<()> {
        let spot = faults.spot(&field.place());
        if let Some(holder) = self.spots.get(&claim) {
            field.fault(faults, taken_by(holder, &spot));
            return None;
        }
        self.spots.insert(claim, spot);
        Some(())
    }

    pub(super) fn tenant_token(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<Token<TenantGrant>> {
        let section = field.section(&TENANT_TOKEN, faults)?;
        let token = self.token(&section, faults);
        let grant = grants::of_tenant(&section, self.known, faults);
        let (id, digest, name) = token?;
        Some(Token { id, digest, grant: TenantGrant { name, ..grant? } })
    }

    pub(super) fn operator_token(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<Token<OperatorGrant>> {
        let section = field.section(&OPERATOR_TOKEN, faults)?;
        let token = self.token(&section, faults);
        let grant = grants::of_operator(&section, self.known, faults);
        let (id, digest, name) = token?;
        Some(Token { id, digest, grant: OperatorGrant { name, ..grant? } })
    }

    fn token(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<(TokenId, TokenDigest, String)> {
        let id = self.id(section, faults);
        let name = self.name(section, id, faults);
        let digest = self.digest(section, faults);
        Some((id?, digest?, name?))
    }

    /// What stands here is not repeated in a fault: it may be a piece of the token.
    fn id(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<TokenId> {
        let expected = "the token's id, 10 characters of 0-9, A-Z, a-z";
        let field = section.required("id", expected, faults)?;
        let Ok(id) = TokenId::parse(field.text(expected, faults)?) else {
            field.fault(faults, format!("is no token's id, expected {expected}"));
            return None;
        };
        self.claim(Claim::Id(id), field, faults)?;
        Some(id)
    }

    /// The name, or the id where there is none. An id is a name too, so no other credential may bear it.
    fn name(&mut self, section: &Section<'_>, id: Option<TokenId>, faults: &mut Faults) -> Option<String> {
        let Some(field) = section.get("name") else {
            let id = id?.to_string();
            self.claim(Claim::Name(id.clone()), section.get("id")?, faults)?;
            return Some(id);
        };
        let name = grants::name(field, faults)?.to_owned();
        self.claim(Claim::Name(name.clone()), field, faults)?;
        Some(name)
    }

    /// A rule's name, or this one where there is none.
    pub(super) fn rule_name(
        &mut self,
        section: &Section<'_>,
        default: Option<String>,
        faults: &mut Faults,
    ) -> Option<String> {
        let (name, field) = match section.get("name") {
            Some(field) => (grants::name(field, faults).map(str::to_owned)?, field),
            None => (default?, &section.field),
        };
        self.claim(Claim::Name(name.clone()), field, faults)?;
        Some(name)
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
        self.claim(Claim::Digest(digest.to_hex()), field, faults)?;
        Some(digest)
    }
}
