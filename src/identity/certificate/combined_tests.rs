use super::Combined;
use super::common_networks;
use crate::config;
use crate::identity::IdentityError;
use crate::identity::credential::Credential;
use crate::identity::credential::Party;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

fn operator(name: &str, tenants: Option<&[&str]>) -> Arc<Credential> {
    let id = |name: &&str| TenantId::parse(name).unwrap();
    let grant = config::OperatorGrant {
        name: format!("{name}-credential"),
        scopes: [OperatorScope::FleetRead].into(),
        tenants: tenants.map(|tenants| tenants.iter().map(id).collect()),
        networks: None,
        expires: None,
    };
    Arc::new(Credential::of_operator(name, &grant))
}

fn tenant(name: &str, expires: Option<i64>) -> Arc<Credential> {
    let grant = config::TenantGrant {
        name: format!("{name}-credential"),
        scopes: crate::model::Verb::ALL.into(),
        jobs: None,
        labels: BTreeMap::new(),
        networks: None,
        expires: expires.map(Timestamp::from_unix_seconds),
        limits: None,
    };
    Arc::new(Credential::of_tenant(&TenantId::parse(name).unwrap(), &grant))
}

#[test]
fn operators_see_the_tenants_that_both_may_see() {
    let seen = |one, other| {
        let together = Combined::new().of(&operator("o", one), &operator("o", other)).unwrap();
        let Party::Operator(grant) = together.party() else { panic!("an operator") };
        let names = |tenants: &std::collections::BTreeSet<TenantId>| tenants.iter().map(ToString::to_string).collect();
        grant.tenants.as_deref().map(names) as Option<Vec<String>>
    };
    assert_eq!(seen(None, None), None);
    assert_eq!(seen(Some(&["a"]), None).unwrap(), ["a"]);
    assert_eq!(seen(None, Some(&["b"])).unwrap(), ["b"]);
    assert_eq!(seen(Some(&["a", "b"]), Some(&["b", "c"])).unwrap(), ["b"]);
    assert!(seen(Some(&["a"]), Some(&["b"])).unwrap().is_empty());
}

#[test]
fn two_sides_have_nothing_in_common() {
    let of = |one, other| Combined::new().of(&one, &other).unwrap_err();
    assert_eq!(of(operator("o", None), operator("p", None)), IdentityError::CredentialsDiffer);
    assert_eq!(of(operator("o", None), tenant("o", None)), IdentityError::CredentialsDiffer);
    assert_eq!(of(tenant("a", None), tenant("b", None)), IdentityError::CredentialsDiffer);
}

#[test]
fn the_earlier_end_is_the_end_of_both() {
    let ends = |one, other| Combined::new().of(&tenant("a", one), &tenant("a", other)).unwrap().expires;
    assert_eq!(ends(None, None), None);
    assert_eq!(ends(Some(5), None), Some(Timestamp::from_unix_seconds(5)));
    assert_eq!(ends(Some(5), Some(3)), Some(Timestamp::from_unix_seconds(3)));
}

#[test]
fn what_is_in_both_lists_of_networks_is_in_both() {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ipnet::IpNet>>();
    let one = nets(&["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]);
    let other = nets(&["10.1.0.0/16", "2001:db8:1::/48", "192.0.2.0/24", "198.51.100.0/24"]);
    assert_eq!(common_networks(&one, &other), nets(&["10.1.0.0/16", "2001:db8:1::/48", "192.0.2.7/32"]));
    assert!(common_networks(&nets(&["10.0.0.0/8"]), &nets(&["11.0.0.0/8"])).is_empty());
}

#[test]
fn a_pair_is_combined_once() {
    let combined = Combined::new();
    let (one, other) = (tenant("a", None), tenant("a", None));
    let first = combined.of(&one, &other).unwrap();
    assert!(Arc::ptr_eq(&first, &combined.of(&one, &other).unwrap()));
    assert!(!Arc::ptr_eq(&first, &combined.of(&one, &tenant("a", None)).unwrap()));
}
