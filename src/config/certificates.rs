//! `certificates`: which names of which CA make a credential.

use super::ClientCa;
use super::LabelTemplate;
use super::OperatorGrant;
use super::TenantGrant;
use super::credentials::Credentials;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::grants;
use super::jwts;
use super::nearest::nearest;
use crate::model::Pattern;
use crate::model::TenantId;
use std::collections::BTreeMap;

pub(super) const TENANT_CERTIFICATE: Keys = Keys {
    known: &["ca", "uri", "dns", "email", "cn", "name", "scopes", "jobs", "labels", "networks", "expires", "limits"],
    later: &[],
};

pub(super) const OPERATOR_CERTIFICATE: Keys = Keys {
    known: &["ca", "uri", "dns", "email", "cn", "name", "scopes", "tenants", "networks", "expires"],
    later: &[],
};

/// No name in a certificate that anybody writes is longer, and no SPIFFE ID may be.
const NAME_BYTES_MAX: usize = 2_048;

/// A rule of one tenant or operator. The first of its rules that matches decides; a certificate that matches rules of two
/// is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRule<G> {
    /// A key of `client_cas` that lists this tenant or operator.
    pub ca: String,
    pub subject: SubjectRule,
    /// Grouping labels whose values are pieces of the name that matched: `{uri}`, `{uri.2}` (the second segment of its
    /// path, from 1), `{dns}`, `{dns.1}` (the first label), `{email}`, `{cn}`. A piece that is missing makes the rule not
    /// match.
    pub labels: BTreeMap<String, LabelTemplate>,
    pub grant: G,
}

/// What a certificate must be named. Anchored; a pattern has one `*` at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRule {
    /// A subject alternative name of type URI, compared as it is.
    Uri(Pattern),
    /// One of type DNS, compared without case. A certificate's own wildcard matches nothing.
    Dns(Pattern),
    /// One of type RFC 822; the part behind the `@` is compared without case.
    Email(Pattern),
    /// The subject's common name, where the CA allows it.
    Cn(Pattern),
}

type Kind = (&'static str, fn(Pattern) -> SubjectRule);

const KINDS: [Kind; 4] =
    [("uri", SubjectRule::Uri), ("dns", SubjectRule::Dns), ("email", SubjectRule::Email), ("cn", SubjectRule::Cn)];

impl SubjectRule {
    /// The key that it stands under.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Uri(_) => "uri",
            Self::Dns(_) => "dns",
            Self::Email(_) => "email",
            Self::Cn(_) => "cn",
        }
    }

    pub const fn pattern(&self) -> &Pattern {
        match self {
            Self::Uri(pattern) | Self::Dns(pattern) | Self::Email(pattern) | Self::Cn(pattern) => pattern,
        }
    }

    /// Whether there are names of its sort that it fits, as `identity` reads them: others match nothing.
    fn fits_anything(&self) -> bool {
        let text = self.pattern().as_str();
        match self {
            Self::Uri(_) => !text.contains(' '),
            Self::Dns(_) => {
                let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
                let whole = !text.contains("..") && !text.starts_with('.') && !text.ends_with('.');
                whole && text.bytes().all(letter)
            }
            Self::Email(_) => {
                let (ats, stars) = (text.matches('@').count(), text.contains('*'));
                let whole = !text.starts_with('@') && !text.ends_with('@');
                whole && !text.contains(' ') && (ats == 1 || ats == 0 && stars)
            }
            Self::Cn(_) => true,
        }
    }

    /// What is wrong with such a rule on this CA.
    pub(super) fn wrong(&self, ca: &ClientCa) -> Option<String> {
        let name = &ca.name;
        match (self, &ca.trust_domain) {
            (Self::Uri(uri), Some(domain)) => outside(uri, domain),
            (_, Some(_)) => Some(format!("looks at no uri, the one name that counts of {name:?}, expected `uri`")),
            (Self::Cn(_), None) if !ca.cn_allowed => {
                Some(format!("is nothing that {name:?} speaks for, expected `cn_allowed: true` there, or another name"))
            }
            (_, None) => None,
        }
    }
}

/// What is wrong with a pattern of names in a trust domain.
pub(super) fn outside(uri: &Pattern, trust_domain: &str) -> Option<String> {
    let behind = uri.as_str().strip_prefix("spiffe://").and_then(|rest| rest.strip_prefix(trust_domain));
    let inside = behind.and_then(|rest| rest.strip_prefix('/')).is_some_and(|path| !path.is_empty());
    (!inside).then(|| format!("is outside of the CA's trust domain, expected spiffe://{trust_domain}/ and a path"))
}

/// A name as certificates have it, in which one `*` may stand.
pub(super) fn pattern(field: &Field<'_>, faults: &mut Faults) -> Option<Pattern> {
    let expected = "a name of 1 to 2048 printable ASCII characters, with one * at most for any run of them";
    let text = field.text(expected, faults)?;
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let stars = text.bytes().filter(|byte| *byte == b'*').count();
    let pattern = Pattern::parse(text).filter(|_| plain && stars <= 1 && text.len() <= NAME_BYTES_MAX);
    if pattern.is_none() {
        field.mismatch(faults, expected);
    }
    pattern
}

impl Credentials<'_> {
    /// The `nth` rule of a tenant, counted from 1.
    pub(super) fn tenant_certificate(
        &mut self,
        tenant: &TenantId,
        nth: usize,
        field: &Field<'_>,
        faults: &mut Faults,
    ) -> Option<CertificateRule<TenantGrant>> {
        let section = field.section(&TENANT_CERTIFICATE, faults)?;
        let ca = self.ca_of(&section, tenant.as_str(), |ca| ca.tenants.contains(tenant), faults);
        let subject = self.subject(&section, ca, faults);
        let kind = subject.as_ref().map(SubjectRule::kind);
        let labels = section.get("labels").map(|field| {
            let labels = jwts::templates(field, "{uri.2}", self.known, faults)?;
            let pieces = labels.1.values().flat_map(LabelTemplate::claims);
            for piece in pieces.filter(|piece| kind.is_some_and(|kind| !is_piece(piece, kind))) {
                let kind = kind.unwrap_or_default();
                let text = format!("asks for {{{piece}}}, which a rule on `{kind}` does not have, expected {{{kind}}}");
                field.fault(faults, if numbered(kind) { format!("{text} or {{{kind}.1}}") } else { text });
            }
            Some(labels)
        });
        let grant = grants::of_tenant_but_labels(&section, faults);
        let name = self.rule_name(&section, ca.map(|ca| format!("{tenant}/{ca}/{nth}")), faults);
        let (fixed, labels) = labels.map_or(Some(Default::default()), |labels| labels)?;
        let grant = TenantGrant { name: name?, labels: fixed, ..grant? };
        Some(CertificateRule { ca: ca?.to_owned(), subject: subject?, labels, grant })
    }

    /// The `nth` rule of an operator, counted from 1.
    pub(super) fn operator_certificate(
        &mut self,
        operator: &str,
        nth: usize,
        field: &Field<'_>,
        faults: &mut Faults,
    ) -> Option<CertificateRule<OperatorGrant>> {
        let section = field.section(&OPERATOR_CERTIFICATE, faults)?;
        let who = format!("operator {operator}");
        let ca = self.ca_of(&section, &who, |ca| ca.operators.contains(operator), faults);
        let subject = self.subject(&section, ca, faults);
        let grant = grants::of_operator(&section, self.known, faults);
        // An operator may be named as a tenant is.
        let name = self.rule_name(&section, ca.map(|ca| format!("operator:{operator}/{ca}/{nth}")), faults);
        let grant = OperatorGrant { name: name?, ..grant? };
        Some(CertificateRule { ca: ca?.to_owned(), subject: subject?, labels: BTreeMap::new(), grant })
    }

    /// The CA's name, if it lists `who`.
    fn ca_of<'d>(
        &self,
        section: &Section<'d>,
        who: &str,
        lists: impl Fn(&ClientCa) -> bool,
        faults: &mut Faults,
    ) -> Option<&'d str> {
        let expected = "the name of a CA, a key of `client_cas` of a listener";
        let field = section.required("ca", expected, faults)?;
        let name = field.text(expected, faults)?;
        let near = nearest(name, self.known.client_cas.keys().map(String::as_str));
        let wrong = match (self.known.client_cas.get(name), near) {
            (Some(Some(ca)), _) if !lists(ca) => {
                let key = if who.starts_with("operator ") { "operators" } else { "tenants" };
                format!("is {name:?}, which does not list {who}, expected it among its `{key}`")
            }
            (Some(_), _) => return Some(name),
            (None, Some(near)) => format!("is {name:?}, no CA here, did you mean {near:?}?"),
            (None, None) => format!("is {name:?}, no CA here, expected a key of `client_cas` of a listener"),
        };
        field.fault(faults, wrong);
        None
    }

    fn subject(&self, section: &Section<'_>, ca: Option<&str>, faults: &mut Faults) -> Option<SubjectRule> {
        let there: Vec<_> = KINDS.iter().filter_map(|(key, of)| Some((section.get(key)?, of))).collect();
        let [(field, of)] = there.as_slice() else {
            let count = if there.is_empty() { "none" } else { "more than one" };
            section.field.fault(faults, format!("asks for {count} of uri, dns, email and cn, expected exactly one"));
            return None;
        };
        let subject = of(pattern(field, faults)?);
        if !subject.fits_anything() {
            let kind = subject.kind();
            field
                .fault(faults, format!("fits no certificate, expected characters that a name of type {kind} may have"));
        }
        let ca = ca.and_then(|ca| self.known.client_cas.get(ca)?.as_ref());
        if let Some(wrong) = ca.and_then(|ca| subject.wrong(ca)) {
            field.fault(faults, wrong);
        }
        Some(subject)
    }
}

/// Whether names of this kind have numbered pieces.
fn numbered(kind: &str) -> bool {
    matches!(kind, "uri" | "dns")
}

/// `uri`, `uri.2`, `dns`, `dns.1`, `email` or `cn`, of this very kind.
fn is_piece(piece: &str, kind: &str) -> bool {
    match piece.split_once('.') {
        None => piece == kind,
        Some((of, number)) => {
            let counted = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
            of == kind && numbered(kind) && counted && number.parse::<u16>().is_ok()
        }
    }
}
