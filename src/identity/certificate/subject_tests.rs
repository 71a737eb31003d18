use super::Kind;
use super::Subject;
use super::label_value;
use crate::config::LabelTemplate;
use crate::config::SubjectRule;
use crate::config::TemplatePart;
use crate::identity::certificate::shown::Leaf;
use crate::model::Pattern;
use proptest::prelude::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn names(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn matches(rule: SubjectRule, leaf: &Leaf) -> bool {
    Subject::new(&rule).matching(leaf).next().is_some()
}

fn dns(rule: &str, name: &str) -> bool {
    matches(SubjectRule::Dns(pattern(rule)), &Leaf { dns: names(&[name]), ..Leaf::default() })
}

fn email(rule: &str, name: &str) -> bool {
    matches(SubjectRule::Email(pattern(rule)), &Leaf { emails: names(&[name]), ..Leaf::default() })
}

fn uri(rule: &str, name: &str) -> bool {
    matches(SubjectRule::Uri(pattern(rule)), &Leaf { uris: names(&[name]), ..Leaf::default() })
}

#[test]
fn a_host_is_compared_without_case_and_whole_and_its_own_wildcard_is_no_host() {
    assert!(dns("*.edge.example.org", "Site-7.EDGE.example.org"));
    assert!(dns("*.Edge.example.org", "site-7.edge.example.org"));
    assert!(dns("site-7.edge.example.org", "site-7.edge.example.org"));
    for name in [
        "*.edge.example.org",
        "edge.example.org",
        ".edge.example.org",
        "site.edge.example.org.evil.org",
        "site.edge.example.org\0.evil.org",
        "evil.org\0.edge.example.org",
        "a..edge.example.org",
        "a b.edge.example.org",
        "\u{e4}.edge.example.org",
        "site.edge.example.org.",
        "",
    ] {
        assert!(!dns("*.edge.example.org", name), "{name:?}");
    }
    assert!(!dns("*", "*.edge.example.org"));
}

#[test]
fn an_address_is_compared_by_its_letters_and_its_domain_without_case() {
    assert!(email("ann@example.org", "ann@EXAMPLE.org"));
    assert!(email("ann@Example.ORG", "ann@example.org"));
    assert!(email("*@example.org", "Ann@example.org"));
    assert!(email("*.ORG", "Ann@example.org"));
    assert!(!email("ann@example.org", "Ann@example.org"));
    assert!(!email("*@example.org", "ann@example.org.evil"));
    assert!(!email("*@example.org", "ann@evil@example.org"));
    assert!(!email("*@example.org", "@example.org"));
    assert!(!email("*@example.org", "ann\0@example.org"));
    assert!(!email("*", "example.org"));
}

#[test]
fn a_uri_is_compared_as_it_is() {
    assert!(uri("spiffe://edge/payments/*", "spiffe://edge/payments/a/b"));
    assert!(!uri("spiffe://edge/payments/*", "spiffe://edge/paymentsx"));
    assert!(!uri("spiffe://edge/payments/*", "SPIFFE://edge/payments/a"));
    assert!(!uri("spiffe://edge/*", "spiffe://edge/a\0b"));
    assert!(!uri("spiffe://edge/*", "spiffe://edge/\u{e4}"));
}

#[test]
fn of_two_common_names_none_counts() {
    let rule = || SubjectRule::Cn(pattern("*"));
    assert!(matches(rule(), &Leaf { common_names: names(&["site 7"]), ..Leaf::default() }));
    assert!(!matches(rule(), &Leaf { common_names: names(&["site 7", "site 7"]), ..Leaf::default() }));
    assert!(!matches(rule(), &Leaf { common_names: names(&["site\n7"]), ..Leaf::default() }));
}

#[test]
fn a_label_is_made_of_pieces_of_the_name_that_matched_or_not_at_all() {
    let value = |piece: &str, kind, name: &str| {
        let parts = vec![TemplatePart::Text("x-".into()), TemplatePart::Claim(piece.to_owned())];
        label_value(&LabelTemplate { parts }, kind, name)
    };
    let id = "spiffe://edge/payments/laptop-7";
    assert_eq!(value("uri", Kind::Uri, id), Some(format!("x-{id}")));
    assert_eq!(value("uri.1", Kind::Uri, id).unwrap(), "x-payments");
    assert_eq!(value("uri.2", Kind::Uri, id).unwrap(), "x-laptop-7");
    assert_eq!(value("uri.1", Kind::Uri, "https://edge/a?b/c#d").unwrap(), "x-a");
    assert_eq!(value("dns.1", Kind::Dns, "site-7.edge").unwrap(), "x-site-7");
    assert_eq!(value("email", Kind::Email, "a@b").unwrap(), "x-a@b");
    assert_eq!(value("cn", Kind::Cn, "site 7").unwrap(), "x-site 7");
    for (piece, kind, name) in [
        ("uri.0", Kind::Uri, id),
        ("uri.3", Kind::Uri, id),
        ("uri.99999999999999999999999", Kind::Uri, id),
        ("uri.1", Kind::Uri, "urn:a:b"),
        ("uri.1", Kind::Uri, "spiffe://edge"),
        ("uri.1", Kind::Uri, "spiffe://edge//a"),
        ("uri.1", Kind::Uri, "https://edge?/a"),
        ("uri.1", Kind::Uri, "https://edge#/a"),
        ("uri", Kind::Dns, "a"),
        ("dns.3", Kind::Dns, "a.b"),
        ("email.1", Kind::Email, "a@b"),
        ("sub", Kind::Cn, "a"),
    ] {
        assert_eq!(value(piece, kind, name), None, "{piece} {name}");
    }
    assert_eq!(value("uri", Kind::Uri, &"a".repeat(1023)), None);
}

proptest! {
    /// Whatever a name says and whatever a rule asks for: a name of one kind never fits a rule of another.
    #[test]
    fn a_rule_of_one_kind_never_matches_a_name_of_another(name in "[a-z@.:/*]{1,12}", rule in "[a-z@.:/]{0,4}\\*?") {
        let rule = Pattern::parse(&rule).unwrap_or_else(|| pattern("*"));
        let rules = [
            SubjectRule::Uri(rule.clone()),
            SubjectRule::Dns(rule.clone()),
            SubjectRule::Email(rule.clone()),
            SubjectRule::Cn(rule),
        ];
        for (at, rule) in rules.into_iter().enumerate() {
            for exact in [rule.clone(), exactly(&rule, &name)] {
                let mut leaf = Leaf {
                    uris: vec![name.clone()],
                    dns: vec![name.clone()],
                    emails: vec![name.clone()],
                    common_names: vec![name.clone()],
                    ..Leaf::default()
                };
                match at {
                    0 => leaf.uris.clear(),
                    1 => leaf.dns.clear(),
                    2 => leaf.emails.clear(),
                    _ => leaf.common_names.clear(),
                }
                prop_assert!(!matches(exact, &leaf));
            }
        }
    }
}

/// A rule of the same kind that asks for this very name.
fn exactly(rule: &SubjectRule, name: &str) -> SubjectRule {
    match rule {
        SubjectRule::Uri(_) => SubjectRule::Uri(pattern(name)),
        SubjectRule::Dns(_) => SubjectRule::Dns(pattern(name)),
        SubjectRule::Email(_) => SubjectRule::Email(pattern(name)),
        SubjectRule::Cn(_) => SubjectRule::Cn(pattern(name)),
    }
}
