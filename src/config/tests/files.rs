//! Files beside the main one, in a directory of their own: what one of them can do to the rest.

use super::super::Config;
use super::super::ConfigErrors;
use super::super::PartFault;
use super::super::Reading;
use super::super::Since;
use super::super::Source;
use super::hash;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub(super) struct Files {
    dir: TempDir,
    pub(super) main: String,
}

impl Files {
    /// A main file with `keys` beside its listener, and an empty `tenants.d`.
    pub(super) fn with(keys: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("tenants.d")).unwrap();
        Self { dir, main: format!("listener: {{ address: '127.0.0.1:1' }}\n{keys}\n") }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    pub(super) fn load(&self, since: Since<'_>) -> Result<Reading, ConfigErrors> {
        Source::new(self.main.clone(), &self.path("p.yml")).load(since)
    }

    #[track_caller]
    pub(super) fn good(&self) -> Config {
        let reading = self.load(Since::Start).unwrap();
        assert_eq!(reading.parts, []);
        reading.config
    }

    /// What is at fault, and whether it is closed.
    #[track_caller]
    pub(super) fn parts(&self, since: Since<'_>) -> (Config, Vec<(String, bool)>) {
        let Reading { config, parts, .. } = self.load(since).unwrap();
        (config, parts.into_iter().map(|PartFault { part, closed, .. }| (part, closed)).collect())
    }
}

/// A tenant's file with one token.
pub(super) fn tenant(n: u32) -> String {
    format!("tokens:\n  - id: '{n:0>10}'\n    scopes: [push]\n    sha256: '{n:0>63}a'\n    jobs: [job-{n}]\n")
}

/// Who gets in, as whom.
fn credentials(config: &Config, id: &str) -> BTreeSet<String> {
    let Some(tenant) = config.tenants.get(id) else {
        return BTreeSet::new();
    };
    let tokens = tenant.tokens.iter().map(|token| format!("{:?}", token.grant));
    let users = tenant.users.iter().map(|user| format!("{:?} {}", user.grant, user.hash.as_str()));
    tokens.chain(users).collect()
}

const DIRECTORY: &str = "tenants_dir: tenants.d";

#[test]
fn a_directory_holds_a_tenant_in_each_file() {
    let files = Files::with(&format!("{DIRECTORY}\ntenants: {{ c: {{}} }}\noperators: {{ o: {{}} }}"));
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yaml", "users_file: { path: b.htpasswd, scopes: [read], jobs: [x] }\n");
    files.write("tenants.d/b.htpasswd", format!("# people\n\nbob:{}\r\neve:{}\n", hash(1), hash(2)));
    // What Kubernetes makes in a mount, what editors hide, and a directory.
    fs::create_dir(files.path("tenants.d/..2024_01_01")).unwrap();
    files.write("tenants.d/.a.yml.swp", "x");
    fs::create_dir(files.path("tenants.d/old")).unwrap();
    files.write("elsewhere", tenant(2));
    std::os::unix::fs::symlink(files.path("elsewhere"), files.path("tenants.d/linked.yml")).unwrap();
    let reading = files.load(Since::Start).unwrap();
    let config = reading.config;
    assert_eq!(config.tenants.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "linked"]);
    assert_eq!(config.tenants["a"].tokens[0].grant.jobs.as_ref().unwrap()[0].as_str(), "job-1");
    let users: Vec<_> = config.tenants["b"].users.iter().map(|user| &*user.grant.name).collect();
    assert_eq!(users, ["bob", "eve"]);
    // Only this is no tenant's file.
    let [PartFault { part, errors, closed: false }] = &reading.parts[..] else { panic!("{:?}", reading.parts) };
    assert_eq!(part, "tenants_dir");
    assert!(
        errors.to_string().ends_with("tenants.d/b.htpasswd: is no tenant's file, expected NAME.yml, or no such file")
    );
    for name in ["tenants.d", "tenants.d/a.yml", "tenants.d/b.yaml", "tenants.d/b.htpasswd", "tenants.d/linked.yml"] {
        assert!(config.files.contains(&files.path(name)), "{name}");
    }
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
fn a_tenant_is_removed_when_somebody_asks_and_never_by_watching() {
    let files = Files::with(DIRECTORY);
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yml", tenant(2));
    let good = files.good();
    files.remove("tenants.d/b.yml");
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:b".to_owned(), false)]);
    assert_eq!(config.tenants["b"], good.tenants["b"]);
    let fault = files.load(Since::Watched(&config)).unwrap().parts[0].errors.to_string();
    assert!(fault.contains("tenants.d/b.yml: is gone"), "{fault}");
    let (config, parts) = files.parts(Since::Asked(&config));
    assert_eq!((config.tenants.len(), parts), (1, vec![]));
    // It comes back as whoever it is now.
    files.write("tenants.d/b.yml", tenant(3));
    assert_eq!(files.parts(Since::Watched(&config)).0.tenants["b"].tokens[0].id.as_str(), "0000000003");
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

#[test]
fn who_had_an_id_keeps_it() {
    let own = tenant(9).replace('\n', "\n    ");
    let files = Files::with(&format!("{DIRECTORY}\ntenants:\n  m:\n    {own}"));
    files.write("tenants.d/b.yml", tenant(1));
    let good = files.good();
    // `a` sorts first, and takes up what `b` has.
    files.write("tenants.d/a.yml", tenant(1));
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:a".to_owned(), true)]);
    assert!(config.tenants["a"].closed && config.tenants["b"] == good.tenants["b"]);
    // At the start nobody has it yet, and the names decide.
    assert_eq!(files.parts(Since::Start).1, [("tenant:b".to_owned(), true)]);
    // Both in turn may change who has it, but only when the other lets go.
    files.write("tenants.d/a.yml", tenant(2));
    let good = files.good();
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yml", tenant(2));
    assert_eq!(files.parts(Since::Watched(&good)).1, []);
    // What one of the two that want to change keeps, the other cannot have.
    files.write("tenants.d/b.yml", "tokens: [\n");
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:a".to_owned(), false), ("tenant:b".to_owned(), false)]);
    assert_eq!(config.tenants, good.tenants);
    // And nobody has what the main file has.
    files.write("tenants.d/b.yml", tenant(9));
    let reading = files.load(Since::Asked(&good)).unwrap();
    let fault = reading.parts.iter().find(|part| part.part == "tenant:b").unwrap().errors.to_string();
    assert!(fault.contains("is that of tenants.m.tokens[0].id in ") && fault.contains("p.yml:6 too"), "{fault}");
    assert_eq!(reading.config.tenants["b"], good.tenants["b"]);
}

#[test]
fn what_the_main_file_withdraws_is_withdrawn_beside_a_file_that_cannot_be_read() {
    let token = "{ id: '0000000001', sha256: '1111111111111111111111111111111111111111111111111111111111111111', scopes: [push, delete] }";
    let users_file = "users_file: { path: u, scopes: [push, read] }";
    let mut files = Files::with(&format!("tenants: {{ m: {{ tokens: [ {token} ], {users_file} }} }}"));
    files.write("u", format!("bob:{}\n", hash(1)));
    let good = files.good();
    files.write("u", "bob:\n");
    files.main = files.main.replace(token, "").replace("[push, read]", "[read]");
    let (config, parts) = files.parts(Since::Asked(&good));
    assert_eq!(parts, [("tenant:m".to_owned(), false)]);
    let tenant = &config.tenants["m"];
    assert_eq!((tenant.tokens.len(), tenant.users.len(), tenant.users[0].grant.scopes.len()), (0, 1, 1));
    // The users stay through any number of reloads, and none of them comes back who was closed.
    assert_eq!(files.parts(Since::Watched(&config)).0.tenants, config.tenants);
    let (closed, _) = files.parts(Since::Start);
    assert_eq!(files.parts(Since::Asked(&closed)).1, [("tenant:m".to_owned(), true)]);
    files.write("u", format!("eve:{}\n", hash(2)));
    assert_eq!(files.parts(Since::Watched(&closed)).0.tenants["m"].users[0].grant.name, "eve");
}

#[test]
fn a_directorys_file_stays_below_the_ceiling_and_out_of_the_main_files_tenants() {
    let files = Files::with(&format!(
        "{DIRECTORY}\nlimits: {{ series_max: 900 }}\nlimits_ceiling: {{ groups_max: 10, stored_bytes_max: 1MiB, series_max: 7 }}\n\
         tenants: {{ m: {{ limits: {{ groups_max: 11 }} }} }}"
    ));
    files.write("tenants.d/a.yml", "limits: { groups_max: 10, requests_burst: 4000000000 }\n");
    files.write("tenants.d/b.yml", "limits: { groups_max: 11, stored_bytes_max: 2MiB }\n");
    files.write("tenants.d/m.yml", tenant(1));
    files.write("tenants.d/t.yml", tenant(2));
    files.write("tenants.d/t.yaml", tenant(2));
    let reading = files.load(Since::Start).unwrap();
    let faults: Vec<_> = reading.parts.iter().map(|part| (&*part.part, part.errors.to_string())).collect();
    let [(dir, dir_faults), (b, b_faults), (t, t_faults)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((*dir, *b, *t), ("tenants_dir", "tenant:b", "tenant:t"));
    assert!(dir_faults.ends_with("m.yml: m stands in `tenants` too, expected it here or there"), "{dir_faults}");
    assert!(b_faults.contains("limits.groups_max: is 11, above `limits_ceiling`, expected at most 10\n"), "{b_faults}");
    assert!(b_faults.contains("limits.stored_bytes_max: is 2MiB, above `limits_ceiling`, expected at most 1MiB"));
    assert!(t_faults.contains("is a second file of t"), "{t_faults}");
    // What the file does not write is the main file's own word.
    assert_eq!(reading.config.tenants["a"].limits.quota.series_max, 900);
    assert!(reading.config.tenants["m"].tokens.is_empty() && !reading.config.tenants["m"].closed);
}

#[test]
fn the_files_that_are_watched_are_all_that_are_named() {
    let files = Files::with(
        "ops: { tls: { certificate_file: c.pem, key_file: k.pem } }\n\
         issuers:\n  i: { issuer: i, audiences: [a], algorithms: [ES256], jwks_file: keys.json, tenants: [m] }\n  \
         j: { issuer: j, audiences: [a], algorithms: [ES256], jwks_url: 'https://j/', jwks_ca_file: ca.pem, jwks_token_file: t, tenants: [m] }\n\
         tenants: { m: { users_file: { path: sub/u, scopes: [push] } } }",
    );
    let names = |config: &Config| -> Vec<_> {
        let name = |path: &std::path::PathBuf| path.strip_prefix(files.dir.path()).unwrap().display().to_string();
        config.files.iter().map(name).collect()
    };
    let (config, parts) = files.parts(Since::Start);
    assert_eq!(parts, [("tenant:m".to_owned(), true)]);
    assert_eq!(names(&config), ["c.pem", "ca.pem", "k.pem", "keys.json", "sub/u"]);
    assert_eq!(names(&Config::parse(&files.main, &files.path("p.yml")).unwrap()), names(&config));
}

#[test]
fn nothing_else_is_opened_when_only_a_text_is_read() {
    let text = format!(
        "{DIRECTORY}\nlistener: {{ address: '127.0.0.1:1' }}\ntenants: {{ m: {{ users_file: {{ path: u, scopes: [push] }} }} }}"
    );
    let reading = Reading::parse(&text, Path::new("/nonexistent/p.yml")).unwrap();
    assert_eq!((reading.cautions, reading.parts), (vec![], vec![]));
    assert!(!reading.config.tenants["m"].closed);
}
