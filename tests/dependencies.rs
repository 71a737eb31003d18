//! What we are built of, held against `deny.toml` itself, so that it holds where `cargo deny` is not installed.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail is a panic")]

use std::collections::BTreeSet;
use std::process::Command;

const DENY: &str = include_str!("../deny.toml");

struct Package {
    name: String,
    /// Empty for crates.io, which `cargo tree` does not name.
    source: String,
    licence: String,
}

/// Every package of the build with the features that are on: an optional dependency that nothing asks for stands in
/// `Cargo.lock` all the same, so the lock file alone does not tell.
fn packages() -> Vec<Package> {
    let format = ["--prefix", "none", "--format", "{p}\t{l}", "--no-dedupe"];
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build,dev"])
        .args(format)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    let lines: BTreeSet<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.iter().map(|line| package(line)).collect()
}

/// A line such as `serde v1.0.0 (proc-macro)<tab>MIT OR Apache-2.0`; a source other than crates.io stands in brackets, and
/// `(*)` marks a package that was shown before.
fn package(line: &str) -> Package {
    let (package, licence) = line.split_once('\t').unwrap_or_else(|| panic!("name, tab, licence: {line:?}"));
    let mut words = package.splitn(3, ' ');
    let name = words.next().unwrap_or_default().to_owned();
    let rest = words.nth(1).unwrap_or_default();
    Package {
        name,
        source: rest.replace("(proc-macro)", "").trim().to_owned(),
        licence: licence.trim_end_matches(" (*)").to_owned(),
    }
}

/// The strings of a list of `deny.toml`: `key = [ .. ]` within `[section]`. Of an inline table, the value of `crate`.
fn list(section: &str, key: &str) -> BTreeSet<String> {
    let after = DENY.split_once(&format!("\n[{section}]\n")).expect("the section").1;
    let body = after.split("\n[").next().unwrap_or_default();
    let start = body.split_once(&format!("\n{key} = [")).unwrap_or_else(|| panic!("{key} in [{section}]")).1;
    let inside = start.split_once(']').expect("the list ends").0;
    let lines = inside.split(['\n', ',']).map(str::trim).filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| {
        let value = line.strip_prefix("{ crate = ").unwrap_or(line);
        value.strip_prefix('"').and_then(|value| value.split_once('"')).map(|(value, _)| value.to_owned())
    });
    values.collect()
}

/// SPDX as crates write it: OR and the older `/` offer a choice, AND asks for all, brackets group.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = licence.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let granted = any_of(&mut rest, allowed);
    granted && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut granted = all_of(rest, allowed);
    while let ["OR", after @ ..] = rest {
        *rest = after;
        granted |= all_of(rest, allowed);
    }
    granted
}

fn all_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut granted = one(rest, allowed);
    while let ["AND", after @ ..] = rest {
        *rest = after;
        granted &= one(rest, allowed);
    }
    granted
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match rest {
        ["(", after @ ..] => {
            *rest = after;
            let granted = any_of(rest, allowed);
            let closed = rest.first() == Some(&")");
            *rest = rest.get(1..).unwrap_or_default();
            granted && closed
        }
        [licence, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        [licence, after @ ..] => {
            *rest = after;
            allowed.contains(*licence)
        }
        [] => false,
    }
}

#[test]
fn no_banned_crate_is_built() {
    let banned = list("bans", "deny");
    assert!(banned.len() >= 10 && banned.contains("ring") && banned.contains("openssl"), "{banned:?}");
    let packages = packages();
    assert!(packages.iter().any(|package| package.name == "aws-lc-rs"), "the one provider is there");
    let found: Vec<&String> =
        packages.iter().map(|package| &package.name).filter(|name| banned.contains(*name)).collect();
    assert!(found.is_empty(), "deny.toml bans {found:?}");
}

#[test]
fn every_licence_is_allowed() {
    let allowed = list("licenses", "allow");
    assert!(allowed.contains("MIT"), "{allowed:?}");
    let packages = packages();
    assert!(packages.len() > 50, "{} packages", packages.len());
    for Package { name, licence, .. } in packages {
        assert!(is_allowed(&licence, &allowed), "{name}: {licence:?} is not allowed by deny.toml");
    }
}

#[test]
fn every_allowed_licence_is_needed() {
    let (allowed, packages) = (list("licenses", "allow"), packages());
    for licence in &allowed {
        let mut without = allowed.clone();
        without.remove(licence);
        let needed = packages.iter().any(|package| !is_allowed(&package.licence, &without));
        // Many offer a choice; MIT and Apache-2.0 are named for that.
        let is_choice = ["MIT", "Apache-2.0"].contains(&licence.as_str());
        assert!(needed || is_choice, "nothing needs {licence}: take it from deny.toml");
    }
}

#[test]
fn every_package_is_of_crates_io() {
    for Package { name, source, .. } in packages() {
        let is_ours = name == env!("CARGO_PKG_NAME");
        assert!(is_ours || source.is_empty(), "{name} is of {source}");
    }
}

#[test]
fn a_licence_is_read_as_its_author_means_it() {
    let allowed = list("licenses", "allow");
    for good in ["MIT", "MIT/Apache-2.0", "Apache-2.0 / MIT", "GPL-3.0 OR MIT", "ISC AND (Apache-2.0 OR GPL-3.0)"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "ISC AND (GPL-2.0 OR GPL-3.0)", "MIT )", "(MIT", "MIT Apache-2.0"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}
