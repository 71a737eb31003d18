//! The subcommands as somebody types them, in a directory of their own and at a time that stands still.

mod dev_certs;
mod made;
mod password;

use super::Input;
use super::Surroundings;
use super::run;
use crate::config::Config;
use crate::gateway::Beginning;
use crate::model::PlainToken;
use crate::model::Timestamp;
use crate::testkit::MockClock;
use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// What a run left behind.
struct Ran {
    code: ExitCode,
    out: String,
    err: String,
    served: Option<Config>,
}

const GOOD: ExitCode = ExitCode::SUCCESS;
const FAILED: ExitCode = ExitCode::FAILURE;

fn bad_usage() -> ExitCode {
    ExitCode::from(2)
}

fn at(clock: &MockClock, arguments: &[&str]) -> Ran {
    with_input(clock, arguments, Input::Pipe(Box::new(std::io::empty())))
}

fn with_input(clock: &MockClock, arguments: &[&str], input: Input<'_>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let served = RefCell::new(None);
    let serve = |beginning: Beginning| {
        *served.borrow_mut() = Some(beginning.reading.config);
        ExitCode::SUCCESS
    };
    let around = Surroundings { clock: Arc::new(clock.clone()), out: &mut out, err: &mut err, input, serve: &serve };
    let arguments = ["pushward"].iter().chain(arguments).map(Into::into);
    let code = run(arguments, around);
    Ran {
        code,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
        served: served.into_inner(),
    }
}

fn pushward(arguments: &[&str]) -> Ran {
    at(&MockClock::new(), arguments)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A new directory and the text of a path in it.
fn directory(name: &str) -> (TempDir, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(name).to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn wrong_usage_is_two_and_help_is_an_answer() {
    for arguments in [
        &[][..],
        &["dance"],
        &["serve"],
        &["check", "--config"],
        &["serve", "--token", "x"],
        &["token", "new", "--tenant", "a"],
        &["token", "new", "--scope", "push"],
        &["token", "new", "--tenant", "a", "--operator", "b", "--scope", "push"],
        &["token", "new", "--tenant", "A", "--scope", "push"],
        &["token", "new", "--tenant", "a", "--scope", "fleet:read"],
        &["token", "new", "--operator", "a", "--scope", "push"],
        &["token", "new", "--tenant", "a", "--scope", "push", "--job", ""],
        &["token", "new", "--tenant", "a", "--scope", "push", "--expires", "tomorrow"],
        &["token", "new", "--tenant", "a", "--scope", "push", "--expires", "0d"],
        &["token", "new", "--tenant", "a", "--scope", "push", "--expires", "99999d"],
        &["serve", "--config", "/nonexistent/p.yml"],
        &["explain", "--config", "/nonexistent/p.yml"],
        &["explain", "--config", "/nonexistent/p.yml", "--token-file", "/nonexistent/t"],
    ] {
        let ran = pushward(arguments);
        assert_eq!(ran.code, bad_usage(), "{arguments:?}");
        assert!(!ran.err.is_empty() && ran.out.is_empty() && ran.served.is_none(), "{arguments:?}");
    }
    let help = pushward(&["--help"]);
    assert_eq!((help.code, &*help.err), (GOOD, ""));
    assert!(help.out.contains("quickstart") && help.out.contains("Exit codes: 0"));
    assert!(pushward(&["--version"]).out.starts_with("pushward 0."));
}

#[test]
fn a_new_token_authenticates_by_the_entry_printed_with_it() {
    let ran = pushward(&[
        "token",
        "new",
        "--tenant",
        "payments",
        "--scope",
        "push",
        "--scope",
        "delete",
        "--job",
        "back\"up-*",
    ]);
    assert_eq!((ran.code, &*ran.err), (GOOD, ""));
    let (token, entry) = ran.out.split_once("\n\n").unwrap();
    let token = PlainToken::parse(token).unwrap();
    assert!(!token.id().as_str().starts_with("qs"));
    assert!(!entry.contains(token.reveal()));
    let text = format!("listener: {{ address: 127.0.0.1:1 }}\ntenants:\n  payments:\n    tokens:\n{entry}");
    let config = Config::parse(&text, Path::new("p.yml")).unwrap();
    let read = &config.tenants["payments"].tokens[0];
    assert_eq!((read.id, read.digest), (token.id(), token.digest()));
    assert_eq!(read.grant.jobs.as_ref().unwrap()[0].as_str(), "back\"up-*");
    assert_eq!(read.grant.scopes.len(), 2);
    // 365 days after 2030-01-01.
    assert_eq!(read.grant.expires, Some(Timestamp::from_unix_seconds(1_924_992_000)));
    assert!(entry.contains("        expires: \"2031-01-01T00:00:00Z\"\n"));
}

#[test]
fn a_tokens_file_is_its_owners_alone_and_stdout_does_not_have_it() {
    let (_dir, path) = directory("t.token");
    let new = |expires: &str| {
        let operator = ["token", "new", "--operator", "prometheus", "--scope", "fleet:read"];
        pushward(&[&operator[..], &["--expires", expires, "--token-file", &path]].concat())
    };
    let ran = new("never");
    assert_eq!(ran.code, GOOD);
    let token = std::fs::read_to_string(&path).unwrap();
    let parsed = PlainToken::parse(&token).unwrap();
    assert_eq!(mode(Path::new(&path)), 0o600);
    assert!(!ran.out.contains(&token) && !ran.err.contains(&token));
    assert!(ran.out.contains(&parsed.digest().to_hex()) && !ran.out.contains("expires"));
    let again = new("1d");
    assert_eq!((again.code, &*again.out), (FAILED, ""));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), token);
}

#[test]
fn check_says_every_fault_and_ends_with_one() {
    let (_dir, path) = directory("p.yml");
    std::fs::write(&path, "listener: { address: 127.0.0.1:1 }\nlimits: { groups_max: 0, waits_max: 1s }\n").unwrap();
    let ran = pushward(&["check", "--config", &path]);
    assert_eq!((ran.code, &*ran.out), (FAILED, ""));
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert!(lines[0].starts_with(&format!("{path}:2:23: limits.groups_max: ")));
    assert!(lines[1].ends_with("limits.waits_max: unknown key, did you mean `wait_max`?"));
    assert_eq!(pushward(&["serve", "--config", &path]).code, bad_usage());
    assert_eq!(pushward(&["check", "--config", "/nonexistent"]).code, FAILED);
}

#[test]
fn check_says_what_a_tenants_own_file_and_what_nobody_means() {
    let (dir, path) = directory("p.yml");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let token = |id: &str, sha256: char, expires: &str| {
        let digest = sha256.to_string().repeat(64);
        format!("tokens: [ {{ id: '{id}', sha256: '{digest}', scopes: [push], expires: '{expires}' }} ]\n")
    };
    write("p.yml", "listener: { address: 127.0.0.1:1 }\ntenants_dir: d\n");
    std::fs::create_dir(dir.path().join("d")).unwrap();
    write("d/a.yml", &token("0000000001", '1', "2030-01-01T00:00:01Z"));
    // It is 2030-01-01 here.
    assert_eq!(pushward(&["check", "--config", &path]).code, GOOD);
    write("d/b.yml", &token("0000000002", '2', "2030-01-01T00:00:00Z"));
    write("d/c.yml", "tokens: []\nlimits: { groups_max: 0, series_max: 0 }\n");
    write("d/e.yml", "tokens: [\n");
    let ran = pushward(&["check", "--config", &path]);
    assert_eq!((ran.code, &*ran.out), (FAILED, ""));
    let [c1, c2, e, b] = &ran.err.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.err) };
    assert!(
        c1.contains("d/c.yml:2:23: limits.groups_max: is 0") && c2.contains("d/c.yml:2:38: limits.series_max: is 0")
    );
    assert!(e.contains("d/e.yml:"), "{e}");
    assert!(
        b.contains("d/b.yml:1:17: tokens[0].id: \"0000000002\" ended on 2030-01-01T00:00:00Z, expected a later"),
        "{b}"
    );
    let printed = token("0000000002", '2', "2031-01-01T00:00:00Z")
        .replace(&"2".repeat(64), "2a0b3dffd1a55bd4c55cc7a8d1e9fd0e9a6a31c8b5b8a91b1cf9d2e86b1a7c01");
    write("d/b.yml", &printed);
    assert!(
        pushward(&["check", "--config", &path])
            .err
            .contains("d/b.yml:1:39: tokens[0].sha256: stands in Pushward's own")
    );
    // None of that keeps the others from being served.
    let config = pushward(&["serve", "--config", &path]).served.unwrap();
    assert!(!config.tenants["b"].closed);
    assert!(config.tenants["c"].closed && !config.tenants["a"].closed);
    // What would be closed for want of keys is not found out by its clients.
    let issuer =
        "issuers: { ci: { issuer: i, audiences: [a], algorithms: [ES256], jwks_file: keys.json, tenants: [a] } }";
    write("p.yml", &format!("listener: {{ address: 127.0.0.1:1 }}\ntenants_dir: d\n{issuer}\n"));
    let ran = pushward(&["check", "--config", &path]);
    assert!(
        ran.err.contains("keys.json: issuers.ci.jwks_file: cannot be read") && ran.err.lines().count() == 5,
        "{}",
        ran.err
    );
    // A fault of the main file does not hide those of the others.
    write("p.yml", "listener: { address: 127.0.0.1:1 }\ntenants_dir: d\nlimits: { groups_max: 0 }\n");
    let ran = pushward(&["check", "--config", &path]);
    let lines: Vec<_> = ran.err.lines().collect();
    assert!(lines[0].contains("p.yml:3:23: limits.groups_max") && lines.len() == 4, "{}", ran.err);
}

#[test]
fn check_says_that_a_file_of_keys_cannot_be_used_which_serve_closes_the_issuer_for() {
    let (_dir, path) = directory("keys");
    std::fs::create_dir(&path).unwrap();
    let config = format!("{path}/p.yml");
    let issuer = "{ issuer: j, audiences: [x], algorithms: [ES256], jwks_file: k.json, tenants: [a] }";
    std::fs::write(
        &config,
        format!("listener: {{ address: 127.0.0.1:1 }}\nissuers: {{ i: {issuer} }}\ntenants: {{ a: {{}} }}\n"),
    )
    .unwrap();
    for keys in [None, Some("{}\n"), Some("garbage")] {
        if let Some(keys) = keys {
            std::fs::write(format!("{path}/k.json"), keys).unwrap();
        }
        let [serve, check] = ["serve", "check"].map(|command| pushward(&[command, "--config", &config]));
        assert_eq!((serve.served.is_some(), check.code), (true, FAILED));
        assert!(check.err.contains("k.json: issuers.i.jwks_file: "), "{}", check.err);
    }
}

#[test]
fn a_certificate_that_cannot_serve_refuses_the_start() {
    let (_dir, path) = directory("certs");
    let ran = pushward(&["certs", "dev", "--dir", &path, "--host", "push.example.org"]);
    assert_eq!((ran.code, &*ran.err), (GOOD, ""));
    for (certificate, key, fault) in [
        ("server.pem", "server-key.pem", None),
        ("missing.pem", "server-key.pem", Some("certificate_file: cannot be read")),
        ("server-key.pem", "server-key.pem", Some("certificate_file: holds no certificate")),
        ("server.pem", "missing.pem", Some("key_file: cannot be read")),
        ("server.pem", "ca.pem", Some("key_file: cannot be read")),
        ("server.pem", "edge-1-key.pem", Some("key_file: does not fit its certificate")),
    ] {
        let tls = format!("tls: {{ certificate_file: {certificate}, key_file: {key} }}");
        let text = format!("listener: {{ address: 127.0.0.1:1, {tls} }}\noperators: {{ o: {{}} }}\n");
        let config = format!("{path}/p.yml");
        std::fs::write(&config, text).unwrap();
        let [serve, check] = ["serve", "check"].map(|command| pushward(&[command, "--config", &config]));
        match fault {
            None => assert_eq!((serve.code, serve.served.is_some()), (GOOD, true), "{}", serve.err),
            Some(fault) => {
                assert_eq!((serve.code, check.code), (bad_usage(), FAILED));
                assert!(serve.err.contains(fault) && check.err.contains(fault), "{fault}: {}", serve.err);
            }
        }
    }
}

#[test]
fn a_certificate_past_its_end_is_a_warning() {
    let (_dir, path) = directory("q");
    let clock = MockClock::new();
    at(&clock, &["quickstart", "--dir", &path]);
    clock.advance(Duration::from_secs(31 * 86_400));
    let ran = at(&clock, &["quickstart", "--dir", &path]);
    assert!(ran.served.is_some());
    assert!(ran.err.contains("listener.tls.certificate_file: ended on 2030-01-31T00:00:00Z"), "{}", ran.err);
}

#[test]
fn explain_says_of_a_token_file_whether_it_may() {
    let (dir, config) = directory("p.yml");
    let token = PlainToken::generate("").unwrap();
    let digest = token.digest().to_hex();
    let entry = format!("{{ id: {}, name: cron, sha256: \"{digest}\", scopes: [push], jobs: [a] }}", token.id());
    let listener = "listener: { address: \"127.0.0.1:0\" }";
    std::fs::write(&config, format!("{listener}\ntenants: {{ red: {{ tokens: [{entry}] }} }}\n")).unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(dir.path().join(name), content).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let good = file("good", token.reveal());
    let explain = |token: &str, rest: &[&str]| {
        pushward(&[&["explain", "--config", &config, "--token-file", token], rest].concat())
    };
    let ran = explain(&good, &["--job", "a"]);
    assert_eq!((ran.code, &*ran.err), (GOOD, ""));
    assert!(ran.out.starts_with("token: cron, by tenants.red.tokens[0]\ntenant: red\nscopes: push\n"), "{}", ran.out);
    assert_eq!(explain(&good, &[]).code, GOOD);
    assert_eq!(explain(&good, &["--job", "b"]).code, FAILED);
    assert_eq!(explain(&good, &["--job", "a", "--method", "DELETE"]).code, FAILED);
    for rest in [&["--method", "PATCH"][..], &["--job", ""], &["--certificate", "/nonexistent"]] {
        assert_eq!(explain(&good, rest).code, bad_usage(), "{rest:?}");
    }
    // The tenant is closed, and why is said.
    let text = format!(
        "{listener}\ntenants: {{ red: {{ users_file: {{ path: gone, scopes: [read] }}, tokens: [{entry}] }} }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let ran = explain(&good, &["--job", "a"]);
    assert!(ran.code == FAILED && ran.out.starts_with("not in force: tenant:red: "), "{}", ran.out);
    for content in ["", "x", &format!("{0} {0}", token.reveal())] {
        let ran = explain(&file("bad", content), &[]);
        assert!(ran.code == bad_usage() && !ran.err.contains(token.reveal()), "{}", ran.err);
    }
}
