//! The architecture as a table, held against the sources: who may import whom, and how long a file may be.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// One row for each folder and file under `src/`, in the order in which a request meets them: what of the crate it may
/// name besides its own. `x` is all of `x`, `x::Y` is `Y` alone.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("telemetry", &["model", "config"]),
    ("listener", &["model", "config", "telemetry"]),
    // What goes from stage to stage.
    ("relay", &["rejection", "telemetry::Initiator"]),
    ("identity", &["model", "config", "telemetry", "rejection", "relay", "listener::Peer", "listener::ClientChain"]),
    ("limits", &["model", "config", "telemetry", "rejection", "relay", "identity::Principal", "identity::Party"]),
    (
        "namespace",
        &[
            "model",
            "config",
            "telemetry",
            "rejection",
            "relay",
            "limits::Permit",
            "limits::Meter",
            "identity::Party",
            "identity::Principal",
            "identity::TenantGrant",
            "identity::OperatorGrant",
        ],
    ),
    (
        "api",
        &[
            "model",
            "config",
            "telemetry",
            "rejection",
            "relay",
            "store",
            "exposition",
            "namespace::Scope",
            "namespace::View",
            "namespace::FleetScope",
            "limits::Meter",
            "limits::Place",
            "listener::BodyTooSlow",
            "limits::Ceilings",
            "limits::InFlightBytes",
            "limits::LimitsError",
            "limits::ScrapePlace",
            "limits::Scraper",
            "limits::Meter",
        ],
    ),
    ("store", &["model", "config::NamePattern", "namespace::Scope", "namespace::FleetScope", "namespace::Narrowing"]),
    ("exposition", &["model"]),
    // The one deliberate cycle: it names each stage's error, and each stage returns it.
    (
        "rejection",
        &["model", "telemetry::AuditUnavailable", "api::ApiError", "identity", "limits", "namespace", "store"],
    ),
    (
        "answered",
        &["model", "config::AuditPushes", "telemetry", "rejection", "relay", "listener::Asked", "listener::Peer"],
    ),
    ("paths", &[]),
    (
        "persistence",
        &[
            "model",
            "telemetry",
            "store::Entry",
            "store::Gone",
            "store::GroupTimes",
            "store::Journal",
            "store::JournalError",
            "store::RestoreError",
            "store::RestoredGroup",
        ],
    ),
    (
        "ops",
        &[
            "model",
            "config",
            "telemetry",
            "rejection",
            "relay",
            "answered::Led",
            "answered::Outcome",
            "identity",
            "namespace::NamespaceError",
            "api::ApiError",
            "store",
            "listener",
        ],
    ),
    // Composition: anything, decides nothing.
    ("routes", &["*"]),
    ("doors", &["*"]),
    ("stack", &["*"]),
    ("gateway", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
    ("lib", &["*"]),
    ("testkit", &["*"]),
    ("fuzzing", &["*"]),
];

/// Files that are a page, and how long a page is.
const PAGES: &[(&str, usize)] =
    &[("main.rs", 40), ("lib.rs", 80), ("stack.rs", 200), ("routes.rs", 120), ("rejection/mod.rs", 140)];
const FILE_LINES_MAX: usize = 400;

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(), &mut found);
    found.sort();
    found
}

/// A path below `src/`, with slashes.
fn name_of(path: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")
}

/// `api/push.rs` is of `api`, `stack.rs` of `stack`.
fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Tests may reach for what they like: they hold nothing together.
fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("tests.rs")
}

/// The lines that are code of the product: without comments, and without the tests at a file's end.
fn code_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_tests = false;
    let mut after_cfg_test = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        in_tests |= after_cfg_test && line.starts_with("mod ") && line.ends_with('{');
        after_cfg_test = *line == "#[cfg(test)]";
        !in_tests && !line.trim_start().starts_with("//")
    })
}

/// Every `crate::a::B` in a line, as `a::B`.
fn crate_paths(line: &str) -> impl Iterator<Item = String> + '_ {
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, _)| {
            let rest = &line[at + "crate::".len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            rest[..end].trim_end_matches(':').to_owned()
        })
}

/// How many `super::` lead from a file to the root of its own folder: none from `api/mod.rs`, one from `api/push.rs`.
fn steps_within(name: &str) -> usize {
    name.matches('/').count() - usize::from(name.ends_with("/mod.rs"))
}

fn is_allowed(path: &str, allowed: &[&str]) -> bool {
    allowed.iter().any(|rule| *rule == "*" || path == *rule || path.starts_with(&format!("{rule}::")))
}

#[test]
fn imports_point_upstream() {
    let mut faults = Vec::new();
    for file in sources() {
        let name = name_of(&file);
        let module = module_of(&name);
        let Some((_, allowed)) = ALLOWED.iter().find(|(folder, _)| *folder == module) else {
            faults.push(format!("{name}: the folder {module} has no row in tests/architecture.rs"));
            continue;
        };
        if is_test(&name) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (line_number, line) in code_of(&text) {
            let mut fault = |what: &str| faults.push(format!("{name}:{line_number}: {what}: {}", line.trim()));
            if line.contains("crate::{") || line.contains("super::{") {
                fault("grouped imports cannot be followed; write one path a line");
            }
            if line.contains(&"super::".repeat(steps_within(&name) + 1)) {
                fault("climbs out of its folder");
            }
            for path in crate_paths(line) {
                let own = path == module || path.starts_with(&format!("{module}::"));
                let test_only = path.starts_with("testkit");
                if !own && !test_only && !is_allowed(&path, allowed) {
                    fault("may not be imported here");
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_rule_is_about_something_that_is_there() {
    let names: Vec<String> = sources().iter().map(|file| name_of(file)).collect();
    for (module, _) in ALLOWED {
        assert!(names.iter().any(|name| module_of(name) == *module), "{module} has a row and is not there");
    }
}

#[test]
fn a_file_is_no_longer_than_one_idea() {
    let mut faults = Vec::new();
    for file in sources() {
        let name = name_of(&file);
        let max = PAGES.iter().find(|(page, _)| *page == name).map_or(FILE_LINES_MAX, |(_, max)| *max);
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > max {
            faults.push(format!("{name} has {lines} lines, more than {max}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn only_a_stage_makes_its_baton() {
    // The constructors are private or `pub(super)`; nothing opens them up but for tests.
    for (file, constructor) in [
        ("listener/peer.rs", "pub(super) fn new("),
        ("identity/principal.rs", "pub(super) fn new("),
        ("limits/permit.rs", "pub(super) fn new("),
        ("namespace/scope.rs", "pub(super) fn new("),
        ("namespace/fleet.rs", "pub(super) fn new("),
        ("store/snapshot.rs", "pub(super) fn new("),
    ] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        assert!(text.contains(constructor), "{file}");
        for (line_number, line) in code_of(&text) {
            let public_field = line.starts_with("    pub ") && line.contains(": ") && !line.contains("fn ");
            assert!(!public_field, "{file}:{line_number}: a baton's field is public: {line}");
        }
        let mut guarded = false;
        for line in text.lines() {
            guarded |= line.contains("#[cfg(any(test, feature = \"testkit\"))]");
            if line.contains("pub fn") && (line.contains("-> Self") || line.contains("-> Result<Self")) {
                assert!(guarded, "{file}: a public way to make a baton: {line}");
            }
            if line == "    }" {
                guarded = false;
            }
        }
    }
}

#[test]
fn no_drawer_is_called_a_helper() {
    for file in sources() {
        let name = name_of(&file);
        for word in ["manager", "helper", "util", "common", "misc"] {
            assert!(!name.contains(word), "{name}");
        }
    }
}
