//! Rules on certificates that never decide, since another one fits whatever they fit.

use super::CertificateRule;
use super::Config;
use super::Fault;
use super::LabelTemplate;
use super::SubjectRule;
use super::claims::Claim;
use super::claims::Spots;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A rule, whoever's it is.
struct Rule<'c> {
    party: &'c str,
    is_operators: bool,
    name: &'c str,
    ca: &'c str,
    subject: &'c SubjectRule,
    labels: &'c BTreeMap<String, LabelTemplate>,
}

/// Within a tenant or operator the later one never decides; across them, whoever fits it fits both and is refused.
pub(super) fn cautions(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    let tenants = config.tenants.values().flat_map(|tenant| {
        let rule = |rule| Rule::new(tenant.id.as_str(), false, rule, |grant: &super::TenantGrant| &grant.name);
        tenant.certificates.iter().map(rule)
    });
    let operators = config.operators.values().flat_map(|operator| {
        let rule = |rule| Rule::new(&operator.name, true, rule, |grant: &super::OperatorGrant| &grant.name);
        operator.certificates.iter().map(rule)
    });
    let mut by_ca: BTreeMap<_, Vec<Rule<'_>>> = BTreeMap::new();
    for rule in tenants.chain(operators) {
        by_ca.entry((rule.ca, rule.subject.kind())).or_default().push(rule);
    }
    for rules in by_ca.values() {
        for (nth, rule) in rules.iter().enumerate() {
            // Of two that are alike the later one is told of.
            let mut others = rules.iter().enumerate().filter(|(other, _)| *other != nth);
            let wider = others.find(|(other, it)| {
                it.fits_whatever_fits(rule) && (*other < nth || !it.is_of(rule) && !rule.fits_whatever_fits(it))
            });
            if let (Some((_, wider)), Some(spot)) = (wider, spots.get(&Claim::Name(rule.name.to_owned()))) {
                let name = wider.name;
                found.push(spot.fault(if wider.is_of(rule) {
                    format!("can never decide: {name:?} before it fits whatever it fits, expected one of them, or the other order")
                } else {
                    let whose = wider.whose();
                    format!("lets in nobody: {name:?} of {whose} fits whatever it fits, and who fits two is refused, expected names apart")
                }));
            }
        }
    }
}

impl<'c> Rule<'c> {
    fn new<G>(party: &'c str, is_operators: bool, rule: &'c CertificateRule<G>, name: fn(&G) -> &String) -> Self {
        let CertificateRule { ca, subject, labels, grant } = rule;
        Self { party, is_operators, name: name(grant), ca, subject, labels }
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.party, self.is_operators) == (other.party, other.is_operators)
    }

    fn whose(&self) -> String {
        if self.is_operators { format!("operator {}", self.party) } else { self.party.to_owned() }
    }

    /// Not asked of rules on different CAs or sorts of names. Labels ask for pieces of the name, which it may not have.
    fn fits_whatever_fits(&self, other: &Self) -> bool {
        let pieces = |rule: &Self| -> BTreeSet<String> {
            rule.labels.values().flat_map(LabelTemplate::claims).map(str::to_owned).collect()
        };
        covers(&comparable(self.subject), &comparable(other.subject)) && pieces(self).is_subset(&pieces(other))
    }
}

/// The pattern as it is compared: hosts without case.
fn comparable(subject: &SubjectRule) -> Cow<'_, str> {
    let pattern = subject.pattern().as_str();
    match subject {
        SubjectRule::Dns(_) => Cow::Owned(pattern.to_ascii_lowercase()),
        SubjectRule::Email(_) => match pattern.rsplit_once('@') {
            Some((local, domain)) => Cow::Owned(format!("{local}@{}", domain.to_ascii_lowercase())),
            None => Cow::Borrowed(pattern),
        },
        SubjectRule::Uri(_) | SubjectRule::Cn(_) => Cow::Borrowed(pattern),
    }
}

/// Whether a pattern fits whatever another one fits, each with one star at most.
fn covers(wide: &str, narrow: &str) -> bool {
    match (wide.split_once('*'), narrow.split_once('*')) {
        (None, _) => wide == narrow,
        (Some((front, back)), None) => narrow.strip_prefix(front).is_some_and(|rest| rest.ends_with(back)),
        (Some((front, back)), Some((first, last))) => first.starts_with(front) && last.ends_with(back),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_pattern_covers_what_it_cannot_fail_to_fit() {
        for (wide, narrow) in [("a", "a"), ("a*", "a"), ("a*", "ab*"), ("*", "x*y"), ("a*c", "abc"), ("a*c", "ab*bc")] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [("a", "a*"), ("ab*", "a*"), ("a*c", "a*"), ("a*a", "a"), ("ab*bc", "abc"), ("a", "b")] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
