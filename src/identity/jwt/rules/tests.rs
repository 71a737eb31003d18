use super::Rules;
use super::Verdict;
use super::fit;
use super::is_withdrawn;
use crate::config::ClaimValue;
use crate::config::JwtRule;
use crate::config::LabelTemplate;
use crate::config::TemplatePart;
use crate::config::TenantGrant;
use crate::identity::Party;
use crate::identity::jwt::json::Members;
use crate::identity::jwt::json::object;
use crate::model::Pattern;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::Verb;
use std::collections::BTreeMap;

fn claims(text: &str) -> Members {
    object(text.as_bytes()).unwrap()
}

fn text(pattern: &str) -> ClaimValue {
    ClaimValue::Text(Pattern::parse(pattern).unwrap())
}

fn rule(name: &str, claims: &[(&str, ClaimValue)]) -> JwtRule {
    JwtRule {
        issuer: "i".into(),
        claims: claims.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect(),
        labels: BTreeMap::new(),
        grant: TenantGrant {
            name: name.into(),
            scopes: [Verb::Push].into(),
            jobs: None,
            labels: BTreeMap::new(),
            networks: None,
            expires: None,
            limits: None,
        },
    }
}

fn rules(of: &[(&str, Vec<JwtRule>)]) -> Rules {
    let mut rules = Rules::default();
    for (tenant, own) in of {
        rules.add(&TenantId::parse(tenant).unwrap(), own.clone());
    }
    rules
}

const UNTIL: Timestamp = Timestamp::from_unix_seconds(1000);

#[test]
fn a_claim_fits_exactly_and_by_its_kind() {
    let token = claims(
        r#"{"t":"12","n":12,"f":12.0,"neg":-12,"yes":true,"nil":null,"empty":"","o":{"t":"12"},
           "l":["a","12"],"ln":[12],"deep":[["12"]],"none":[]}"#,
    );
    let fits = |name: &str, value: ClaimValue| fit(&[(name.to_owned(), vec![value])].into(), &token);
    for name in ["t", "l"] {
        assert!(fits(name, text("12")), "{name}");
    }
    for name in ["n", "f", "neg", "yes", "nil", "empty", "o", "ln", "deep", "none", "absent", "o.t", "T"] {
        assert!(!fits(name, text("12")), "{name}");
        let is_text = ["n", "f", "neg", "yes", "nil", "empty", "o", "ln", "deep", "none", "absent"].contains(&name);
        assert!(!is_text || !fits(name, text("*")), "{name}");
    }
    for name in ["n", "ln"] {
        assert!(fits(name, ClaimValue::Number(12)), "{name}");
    }
    for name in ["t", "f", "neg", "yes", "l", "o"] {
        assert!(!fits(name, ClaimValue::Number(12)), "{name}");
    }
    assert!(fits("t", text("1*")) && !fits("t", text("2*")));
}

#[test]
fn all_claims_must_fit_and_one_value_of_each_is_enough() {
    let token = claims(r#"{"a":"1","b":"2"}"#);
    let wanted = |a: &[&str], b: &[&str]| {
        let values = |texts: &[&str]| texts.iter().map(|value| text(value)).collect();
        fit(&[("a".to_owned(), values(a)), ("b".to_owned(), values(b))].into(), &token)
    };
    assert!(wanted(&["x", "1"], &["2"]));
    assert!(!wanted(&["1"], &["x"]));
    assert!(!wanted(&["1"], &[]));
}

#[test]
fn the_first_rule_of_a_tenant_decides_and_two_tenants_are_too_many() {
    let broad = || rule("broad", &[("owner", text("*"))]);
    let exact = || rule("exact", &[("owner", text("1"))]);
    let token = claims(r#"{"owner":"1"}"#);
    let Verdict::Granted(credential) = rules(&[("red", vec![broad(), exact()])]).judge(&token, UNTIL) else {
        panic!("granted");
    };
    assert_eq!(credential.name(), "broad");
    let both = rules(&[("red", vec![exact()]), ("blue", vec![broad()])]).judge(&token, UNTIL);
    assert!(matches!(both, Verdict::Ambiguous { .. }));
    assert!(matches!(rules(&[("red", vec![exact()])]).judge(&claims("{}"), UNTIL), Verdict::NoRule));
    assert!(matches!(Rules::default().judge(&token, UNTIL), Verdict::NoRule));
}

#[test]
fn a_rule_without_claims_is_nobodys() {
    assert!(matches!(rules(&[("red", vec![rule("all", &[])])]).judge(&claims("{}"), UNTIL), Verdict::NoRule));
}

#[test]
fn a_credential_ends_with_its_token_or_its_rule_whichever_is_first() {
    let token = claims(r#"{"owner":"1"}"#);
    for (of_rule, ends) in [(None, 1000), (Some(900), 900), (Some(1100), 1000)] {
        let mut rule = rule("r", &[("owner", text("1"))]);
        rule.grant.expires = of_rule.map(Timestamp::from_unix_seconds);
        let Verdict::Granted(credential) = rules(&[("red", vec![rule])]).judge(&token, UNTIL) else {
            panic!("granted");
        };
        assert_eq!(credential.expires, Some(Timestamp::from_unix_seconds(ends)));
    }
}

/// What `owner` and the template `<{claim}>` make of a token; `None` where the rule does not match.
fn label(token: &str, parts: &[TemplatePart], fixed: Option<&str>) -> Option<String> {
    let mut rule = rule("r", &[("owner", text("1"))]);
    rule.labels = [("repo".to_owned(), LabelTemplate { parts: parts.to_vec() })].into();
    rule.grant.labels = fixed.map(|value| ("repo".to_owned(), value.to_owned())).into_iter().collect();
    match rules(&[("red", vec![rule])]).judge(&claims(token), UNTIL) {
        Verdict::Granted(credential) => match credential.party() {
            Party::Tenant(grant) => grant.labels.get("repo").cloned(),
            Party::Operator(_) => None,
        },
        _ => None,
    }
}

#[test]
fn a_template_takes_texts_and_whole_numbers_and_nothing_else() {
    let parts = [TemplatePart::Text("<".into()), TemplatePart::Claim("c".into()), TemplatePart::Text(">".into())];
    let of = |claim: &str| label(&format!(r#"{{"owner":"1","c":{claim}}}"#), &parts, None);
    assert_eq!(of(r#""a/b ü""#).as_deref(), Some("<a/b ü>"));
    assert_eq!(of("7").as_deref(), Some("<7>"));
    assert_eq!(of("-7").as_deref(), Some("<-7>"));
    let long = format!("{:?}", "x".repeat(1022));
    assert!(of(&long).is_some_and(|value| value.len() == 1024));
    let too_long = format!("{:?}", "x".repeat(1023));
    for claim in [
        r#""""#,
        "null",
        "true",
        "1.5",
        r#"["a"]"#,
        r#"{"a":"b"}"#,
        r#""a\nb""#,
        r#""\u0000""#,
        r#""\u0085""#,
        &too_long,
    ] {
        assert_eq!(of(claim), None, "{claim}");
    }
    assert_eq!(label(r#"{"owner":"1"}"#, &parts, None), None);
    assert_eq!(label(r#"{"owner":"1"}"#, &[], None), None);
}

#[test]
fn a_label_bound_twice_binds_to_one_value_or_the_rule_does_not_match() {
    let parts = [TemplatePart::Claim("c".into())];
    let token = r#"{"owner":"1","c":"x"}"#;
    assert_eq!(label(token, &parts, Some("x")).as_deref(), Some("x"));
    assert_eq!(label(token, &parts, Some("y")), None);
}

#[test]
fn what_is_revoked_is_revoked_however_its_number_is_spelt() {
    let token =
        claims(r#"{"text":"777","whole":777,"point":777.0,"neg":-7,"yes":true,"list":[1,"777"],"nil":null,"o":{}}"#);
    let withdrawn =
        |name: &str, value: &ClaimValue| is_withdrawn(&[(name.to_owned(), vec![value.clone()])].into(), &token);
    for name in ["text", "whole", "point", "list"] {
        for value in [text("777"), text("77*"), ClaimValue::Number(777)] {
            assert!(withdrawn(name, &value), "{name} {value:?}");
        }
        assert!(!withdrawn(name, &ClaimValue::Number(77)) && !withdrawn(name, &text("77")), "{name}");
    }
    assert!(withdrawn("neg", &text("-7")) && withdrawn("yes", &text("true")));
    for name in ["nil", "o", "missing"] {
        assert!(!withdrawn(name, &text("*")), "{name}");
    }
}
