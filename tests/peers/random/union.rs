//! What the operator's view must be, worked out from what the tenants' own Pushgateways show.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Type and name of a family, and one line of it with its labels in order.
pub(super) type Line = (String, String, String);

/// Every line with its family. Help is not looked at: which tenant's is shown is tested where it is made.
pub(super) fn families(view: &[String]) -> BTreeSet<Line> {
    let mut family = (String::new(), String::new());
    let mut lines = BTreeSet::new();
    for line in view {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            family = (kind.to_owned(), name.to_owned());
        } else if !line.starts_with('#') {
            let (kind, name) = family.clone();
            lines.insert((kind, name, in_order(line, |label| label.to_owned())));
        }
    }
    lines
}

/// The lines of all tenants, each with its tenant; what does not go together is untyped, each line name by itself.
pub(super) fn of(views: &[(&str, Vec<String>)]) -> BTreeSet<Line> {
    let views: Vec<_> = views.iter().map(|(tenant, view)| (*tenant, families(view))).collect();
    let mut claims: BTreeMap<String, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (kind, name, _) in views.iter().flat_map(|(_, lines)| lines) {
        for claimed in claimed(kind, name) {
            claims.entry(claimed).or_default().insert((kind, name));
        }
    }
    let seen = views.iter().flat_map(|(tenant, lines)| lines.iter().map(move |line| (*tenant, line)));
    seen.filter(|(_, (_, name, _))| name != "up")
        .map(|(tenant, (kind, name, line))| {
            let line = with_tenant(line, tenant);
            let shared = claimed(kind, name).iter().any(|claimed| claims[claimed].len() > 1);
            if shared {
                let own = line.split('{').next().unwrap_or_default().to_owned();
                ("untyped".to_owned(), own, line)
            } else {
                (kind.clone(), name.clone(), line)
            }
        })
        .collect()
}

/// The line names that a family may write.
fn claimed(kind: &str, name: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        "histogram" => &["", "_bucket", "_sum", "_count"],
        "summary" => &["", "_sum", "_count"],
        _ => &[""],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

/// The line with the tenant's label, and a pushed label of that name renamed.
fn with_tenant(line: &str, tenant: &str) -> String {
    let renamed = in_order(line, |label| {
        let mut name = label.split('=').next().unwrap_or_default();
        while let Some(rest) = name.strip_prefix("exported_") {
            name = rest;
        }
        if name == "tenant" { format!("exported_{label}") } else { label.to_owned() }
    });
    let with = renamed.replacen('{', &format!("{{tenant=\"{tenant}\","), 1);
    in_order(&with, |label| label.to_owned())
}

/// The labels changed and sorted. No value of a history holds a comma or a brace.
fn in_order(line: &str, change: impl Fn(&str) -> String) -> String {
    let (name, rest) = line.split_once('{').expect("a job at least");
    let (labels, value) = rest.split_once('}').expect("the end of the labels");
    let mut labels: Vec<String> = labels.split(',').map(change).collect();
    labels.sort_unstable();
    format!("{name}{{{}}}{value}", labels.join(","))
}

#[test]
fn families_that_share_a_line_name_are_untyped_and_the_others_stay() {
    let red = ["# TYPE h histogram", "h_count{job=\"a\"} 1", "# TYPE m gauge", "m{job=\"a\",tenant=\"x\"} 1"];
    let blue = ["# TYPE h_count gauge", "h_count{job=\"a\"} 2", "# TYPE m gauge", "m{job=\"a\"} 1"];
    let views = [("red", red.map(str::to_owned).to_vec()), ("blue", blue.map(str::to_owned).to_vec())];
    let expected = [
        ("untyped", "h_count", "h_count{job=\"a\",tenant=\"red\"} 1"),
        ("untyped", "h_count", "h_count{job=\"a\",tenant=\"blue\"} 2"),
        ("gauge", "m", "m{exported_tenant=\"x\",job=\"a\",tenant=\"red\"} 1"),
        ("gauge", "m", "m{job=\"a\",tenant=\"blue\"} 1"),
    ];
    let expected = expected.map(|(kind, name, line)| (kind.to_owned(), name.to_owned(), line.to_owned()));
    assert_eq!(of(&views), BTreeSet::from(expected));
}
