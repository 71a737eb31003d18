//! The documents held against the sources: what they name is there.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use pushward::rejection::Code;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every file below `folder` that ends in `ending`; none where there is no such folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The documents there are: name and text.
fn documents() -> Vec<(String, String)> {
    let pages = ["README.md", "SECURITY.md"].map(|name| root().join(name));
    let all = pages.into_iter().filter(|path| path.exists()).chain(files(&root().join("docs"), ".md"));
    all.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// All sources, tests included, one behind the other.
fn sources() -> String {
    let all = ["src", "tests"].into_iter().flat_map(|folder| files(&root().join(folder), ".rs"));
    all.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Every `src/…` and `tests/…` in a text.
fn paths(text: &str) -> Vec<&str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let words = text.split(|c| !is_path(c)).map(|word| word.trim_start_matches("./").trim_end_matches('.'));
    words.filter(|word| word.starts_with("src/") || word.starts_with("tests/")).collect()
}

/// What stands between single backticks on one line.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_defined(sources: &str, keywords: &[&str], name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    keywords.iter().any(|keyword| {
        let definition = format!("{keyword} {name}");
        sources.match_indices(&definition).any(|(at, _)| ends(&sources[at + definition.len()..]))
    })
}

#[test]
fn every_path_in_a_document_is_there() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (document, text) in documents() {
        for path in paths(&text) {
            count += 1;
            if !root().join(path).exists() {
                faults.push(format!("{document}: {path} is not there"));
            }
        }
    }
    assert!(count > 100, "only {count} paths were found, so nothing was shown");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_promise_names_a_test_that_is_there() {
    let text = read("SECURITY.md");
    let mut faults = Vec::new();
    let mut count = 0;
    for (path, name) in code_spans(&text).filter_map(|span| span.split_once("::")) {
        count += 1;
        let source = fs::read_to_string(root().join(path)).unwrap_or_default();
        let definition = format!("fn {name}(");
        let marks = |line: &str| line.contains("test]") || line.contains("::test(");
        let marked = source.split(&definition).next().unwrap().lines().rev().take(3).any(marks);
        if !source.contains(&definition) || !marked {
            faults.push(format!("{path} has no test {name}"));
        }
    }
    assert!(count > 40, "only {count} tests were named, so nothing was shown");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_name_in_the_architecture_is_in_the_sources() {
    const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "const"];
    let (text, sources) = (read("docs/ARCHITECTURE.md"), sources());
    let own =
        |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric);
    // Of other crates.
    let foreign = ["Arc", "ArcSwap", "CatchPanicLayer"];
    let mut faults = Vec::new();
    for span in code_spans(&text) {
        let found = if let Some(function) = span.strip_suffix("()") {
            is_defined(&sources, &["fn"], function.rsplit("::").next().unwrap())
        } else if let Some(metric) = span.strip_prefix("pushward_").filter(|name| !name.is_empty()) {
            // A counter is registered without the ending that it is written with.
            sources.contains(&format!("\"pushward_{}\"", metric.trim_end_matches("_total")))
        } else {
            let name = span.split("::").next().unwrap();
            !own(name) || foreign.contains(&name) || is_defined(&sources, &TYPES, name)
        };
        if !found {
            faults.push(span.to_owned());
        }
    }
    assert!(faults.is_empty(), "not in the sources: {faults:?}");
}

/// An entry of `docs/errors.md`: its code and its text.
fn entries(text: &str) -> Vec<(&str, &str)> {
    text.split("\n### ").skip(1).filter_map(|entry| entry.split_once("\n\n")).collect()
}

#[test]
fn every_code_has_its_entry_and_every_entry_its_code() {
    let text = read("docs/errors.md");
    let entries = entries(&text);
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let found: Vec<&str> = entries.iter().map(|(code, _)| *code).collect();
    assert_eq!(found, codes, "docs/errors.md has one entry for each code, in the order of Code::ALL");
    for (code, (name, entry)) in Code::ALL.iter().zip(&entries) {
        let begin = format!("**{}** ", code.status().as_u16());
        assert!(entry.starts_with(&begin), "{name}: expected its status first, {begin}");
        let parts = ["\n* Cause: ", "\n* Client: ", "\n* Operator: ", "\n* Limit: "];
        let places: Vec<_> = parts.iter().map(|part| entry.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: its parts are {parts:?}");
    }
}

#[test]
fn every_limit_that_an_entry_names_is_a_key() {
    let text = read("docs/errors.md");
    let example = read("config/pushward.example.yml");
    let mut count = 0;
    for (code, entry) in entries(&text) {
        for (section, key) in code_spans(entry).filter_map(|span| span.split_once('.')) {
            if ["limits", "strangers", "passwords"].contains(&section) {
                count += 1;
                assert!(example.contains(&format!("\n  {key}: ")), "{code}: {section}.{key} is no key");
            }
        }
    }
    assert!(count > 15, "only {count} keys were named, so nothing was shown");
}
