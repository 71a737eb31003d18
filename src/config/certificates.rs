//! `certificates`: which names of which CA make a credential.

use super::LabelTemplate;
use crate::model::Pattern;
use std::collections::BTreeMap;

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
