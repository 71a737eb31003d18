//! What cannot be read harms its own tenant alone, at the start and later, and never lets in anybody more.

use super::super::Config;
use super::super::Reading;
use super::super::Since;
use super::files::DIRECTORY;
use super::files::Files;
use super::files::tenant;
use super::hash;
use std::collections::BTreeSet;
use std::fs;

/// Who gets in, as whom.
fn credentials(config: &Config, id: &str) -> BTreeSet<String> {
    let Some(tenant) = config.tenants.get(id) else {
        return BTreeSet::new();
    };
    let tokens = tenant.tokens.iter().map(|token| format!("{:?}", token.grant));
    let users = tenant.users.iter().map(|user| format!("{:?} {}", user.grant, user.hash.as_str()));
    tokens.chain(users).collect()
}

#[test]
fn one_bad_file_among_sixty_leaves_fifty_nine_tenants_working() {
    let files = Files::with(DIRECTORY);
    for n in 0..60 {
        files.write(&format!("tenants.d/t{n}.yml"), tenant(n));
    }
    let good = files.good();
    for n in (0..60).filter(|n| *n != 7) {
        files.write(&format!("tenants.d/t{n}.yml"), tenant(n + 100));
    }
    files.write("tenants.d/t7.yml", "tokens: [\n");
    for since in [Since::Start, Since::Watched(&good), Since::Asked(&good)] {
        let (config, parts) = files.parts(since);
        let start = since.last().is_none();
        assert_eq!(parts, [("tenant:t7".to_owned(), start)]);
        for n in (0..60).filter(|n| *n != 7) {
            let token = &config.tenants[&*format!("t{n}")].tokens[0];
            assert_eq!(token.id.as_str(), format!("{:0>10}", n + 100));
        }
        let bad = &config.tenants["t7"];
        assert_eq!((bad.closed, bad.tokens.len()), (start, usize::from(!start)));
        assert!(start || *bad == good.tenants["t7"]);
    }
}

/// Every way for a file to be none, and what stands there then; `None`: nothing.
fn spoil(files: &Files, name: &str, how: &str) {
    let was = fs::read(files.path(name)).ok();
    files.remove(name);
    match how {
        "missing" => {}
        "directory" => fs::create_dir(files.path(name)).unwrap(),
        "empty" if was.is_none() => fs::create_dir(files.path(name)).unwrap(),
        "empty" => files.write(name, ""),
        "null" => files.write(name, "~\n"),
        "[]" => files.write(name, "[]\n"),
        "{}" => files.write(name, "{}\n"),
        "garbage" => files.write(name, b"\x00\xff\xfe: [}"),
        "wrong kind" => files.write(name, "tokens: { users: 7 }\n"),
        "truncated" => {
            let was = was.unwrap_or_default();
            files.write(name, &was[..was.len() * 2 / 3]);
        }
        other => panic!("{other}"),
    }
}

const WAYS: [&str; 9] = ["missing", "empty", "null", "[]", "{}", "garbage", "truncated", "wrong kind", "directory"];

#[test]
fn whatever_stands_in_the_place_of_a_file_lets_in_nobody_more() {
    for name in ["tenants.d/a.yml", "a.htpasswd", "m.htpasswd", "o.htpasswd", "tenants.d"] {
        for how in WAYS {
            let files = Files::with(&format!(
                "{DIRECTORY}\ntenants:\n  m: {{ users_file: {{ path: m.htpasswd, scopes: [push] }} }}\n  n: {{}}\n\
                 operators: {{ o: {{ users_file: {{ path: o.htpasswd, scopes: ['fleet:read'] }} }} }}"
            ));
            files.write("tenants.d/a.yml", tenant(1) + "users_file: { path: ../a.htpasswd, scopes: [read] }\n");
            files.write("tenants.d/b.yml", tenant(2));
            for (n, user) in ["a", "m", "o"].into_iter().enumerate() {
                files.write(&format!("{user}.htpasswd"), format!("u{user}:{}\n", hash(n as u32)));
            }
            let good = files.good();
            spoil(&files, name, how);
            for since in [Since::Start, Since::Watched(&good), Since::Asked(&good)] {
                judge_spoilt(&files, &good, since, &format!("{name} {how} {since:.3?}"));
            }
        }
    }
}

fn judge_spoilt(files: &Files, good: &Config, since: Since<'_>, case: &str) {
    let case = case.split('(').next().unwrap();
    let (name, start) = (case.split(' ').next().unwrap(), since.last().is_none());
    let reading = match files.load(since) {
        Ok(reading) => reading,
        // The directory itself is the main file's word at the start; a directory that is there may be empty.
        Err(errors) => {
            assert!(name == "tenants.d" && start, "{case}: {errors}");
            return;
        }
    };
    let Reading { config, parts, .. } = reading;
    for id in ["a", "b", "m", "n"] {
        let (now, before) = (credentials(&config, id), credentials(good, id));
        assert!(now.is_subset(&before), "{case}: {id} is wider");
        let whose = match name {
            "tenants.d" => ["a", "b"].contains(&id),
            "tenants.d/a.yml" | "a.htpasswd" => id == "a",
            "m.htpasswd" => id == "m",
            _ => false,
        };
        if !whose {
            assert_eq!(now, before, "{case}: {id}");
            assert!(!config.tenants[id].closed, "{case}");
            continue;
        }
        // Somebody who was asked, or a file that says so, may take everything away.
        let emptied = case.contains("{}") && !name.ends_with("htpasswd");
        let gone = ["missing", "empty", "directory"].iter().any(|how| case.contains(how));
        let removed = gone && matches!(since, Since::Asked(_)) && !config.tenants.contains_key(id);
        if start {
            assert!(now.is_empty(), "{case}: {id} is open");
            assert!(emptied || gone || config.tenants[id].closed, "{case}: {id}");
        } else if !emptied && !removed {
            assert_eq!(now, before, "{case}: {id} has lost its last good state");
        }
        let quiet = emptied || removed || name == "tenants.d";
        assert!(quiet || !parts.is_empty() || gone && start, "{case}: nobody is told");
    }
    let users = config.operators["o"].users.len();
    assert_eq!(users, usize::from(name != "o.htpasswd" || !start), "{case}");
    assert!(name != "o.htpasswd" || parts[0].part == "operator:o" && parts[0].closed == start, "{case}");
}

#[test]
fn a_file_that_was_cut_within_a_line_is_none() {
    let files = Files::with(DIRECTORY);
    let whole = tenant(1);
    files.write("tenants.d/a.yml", &whole);
    let good = files.good();
    for end in (1..whole.len()).filter(|end| !whole[..*end].ends_with('\n')) {
        files.write("tenants.d/a.yml", &whole[..end]);
        assert!(files.parts(Since::Start).0.tenants["a"].closed, "{end}");
        assert_eq!(files.parts(Since::Watched(&good)).0.tenants, good.tenants, "{end}");
    }
    files.write("p.yml", "tenants: { a: {} }");
    assert!(Config::load(&files.path("p.yml")).unwrap_err().to_string().contains("p.yml: ends within a line"));
}

#[test]
fn a_directory_that_cannot_be_read_refuses_the_start_and_changes_nothing_later() {
    let files = Files::with(&format!("{DIRECTORY}\ntenants: {{ m: {{}} }}\noperators: {{ o: {{}} }}"));
    files.write("tenants.d/a.yml", tenant(1));
    let good = files.good();
    files.remove("tenants.d");
    let refused = files.load(Since::Start).unwrap_err().to_string();
    assert!(refused.contains("p.yml:2:14: tenants_dir: cannot be read"), "{refused}");
    let last = [Since::Watched(&good), Since::Asked(&good)];
    for since in last {
        let (config, parts) = files.parts(since);
        assert_eq!(parts, [("tenants_dir".to_owned(), false)]);
        assert_eq!(config.tenants["a"], good.tenants["a"]);
    }
    // What the main file held and holds no more is gone, whatever becomes of the directory.
    let mut without = Files::with(DIRECTORY);
    without.dir = files.dir;
    assert!(!without.parts(Since::Asked(&good)).0.tenants.contains_key("m"));
    // Another directory is another word of the main file.
    without.main = without.main.replace("tenants.d", "others.d");
    assert!(without.load(Since::Asked(&good)).is_err());
}
