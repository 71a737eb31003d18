//! Users, their files and their hashes; the numbers of `passwords`.

use super::super::samples;
use super::super::users::password_hash;
use super::config;
use super::files::Files;
use super::hash;
use super::read;
use super::refused;
use crate::config::OperatorGrant;
use crate::config::Since;

fn with(users: &str) -> String {
    format!("listener: {{ address: '127.0.0.1:1' }}\ntenants: {{ a: {{ users: [ {users} ] }} }}")
}

fn user(name: &str, n: u32) -> String {
    format!("{{ name: {name}, password_hash: '{}', scopes: [push] }}", hash(n))
}

#[test]
fn a_user_is_granted_what_a_token_is() {
    let text =
        format!("{{ name: alice, password_hash: '{}', scopes: [read], jobs: [b], labels: {{ env: x }} }}", hash(1));
    let config = config(&with(&text));
    let alice = &config.tenants["a"].users[0];
    assert_eq!((&*alice.grant.name, alice.hash.as_str()), ("alice", &*hash(1)));
    assert_eq!((alice.grant.jobs.as_ref().unwrap().len(), &*alice.grant.labels["env"]), (1, "x"));
    let operators =
        "operators: { o: { users: [ { name: root, password_hash: '$2y$', scopes: ['fleet:admin'], tenants: [a] } ] } }"
            .replace("$2y$", &hash(2));
    let config = self::config(&(with("") + "\n" + &operators));
    let OperatorGrant { name, tenants, .. } = &config.operators["o"].users[0].grant;
    assert_eq!((&**name, tenants.as_ref().unwrap().len()), ("root", 1));
    refused(&(with("") + "\n" + &operators.replace("[a]", "[]")), ": operators.o.users[0].tenants: is an empty list");
    refused(&(with("") + "\n" + &operators.replace("tenants: [a]", "jobs: [a]")), "users[0].jobs: unknown key");
}

#[test]
fn a_user_name_is_one_that_can_be_typed_and_nobody_else_has() {
    for bad in ["~", "''", "7", "'a:b'", "\"a\\nb\"", "' a'", "[a]", "\"\\u0000\"", &"x".repeat(129)] {
        refused(&with(&user(bad, 1)), ": tenants.a.users[0].name");
    }
    config(&with(&user("'émile o''brien'", 1)));
    refused(
        &with(&(user("a", 1) + ", " + &user("a", 2))),
        "users[1].name: is that of tenants.a.users[0].name in line 2",
    );
    let token = format!("tokens: [ {{ id: '4fQk2ZtR1a', sha256: '{}', scopes: [push] }} ]", "1".repeat(64));
    let both = with(&user("4fQk2ZtR1a", 1)).replace("users:", &format!("{token}, users:"));
    refused(&both, "is that of tenants.a.tokens[0].id");
    for key in ["password_hash", "scopes", "name"] {
        let without = user("a", 1).replace(key, "expires");
        refused(&with(&without), &format!(": tenants.a.users[0].{key}: is missing"));
    }
}

#[test]
fn a_hash_that_is_not_computed_here_is_named_and_never_repeated() {
    for (text, named) in [
        ("$apr1$abcdefgh$Sup3rSecret", "MD5"),
        ("$1$abc$Sup3rSecret", "MD5"),
        ("{SHA}Sup3rSecret=", "SHA-1"),
        ("$6$abc$Sup3rSecret", "crypt"),
        ("$y$j9T$Sup3rSecret", "crypt"),
        ("abSup3rSecret", "crypt (DES) or plain text"),
        ("Sup3rSecret", "plain text"),
        ("$argon2i$v=19$Sup3rSecret", "another argon2 than argon2id"),
        ("$2x$10$Sup3rSecret", "a bcrypt of an old kind"),
        ("$pbkdf2$Sup3rSecret", "of an unknown form"),
        ("", "empty"),
    ] {
        let wrong = password_hash(text).unwrap_err();
        assert!(wrong.starts_with(&format!("is {named}, which")) && !wrong.contains("Sup3r"), "{text}: {wrong}");
        let in_list = format!("{{ name: a, password_hash: '{text}', scopes: [push] }}");
        let fault = read(&with(&in_list)).unwrap_err();
        assert!(fault.contains(": tenants.a.users[0].password_hash: is ") && !fault.contains("Sup3r"), "{fault}");
    }
    for text in samples::PASSWORD_HASHES.iter().map(|text| (*text).to_owned()).chain([hash(1)]) {
        assert_eq!(password_hash(&text).unwrap().as_str(), text);
    }
    for bad in ["~", "7", "[a]", "{}"] {
        refused(&with(&user("a", 1).replace(&format!("'{}'", hash(1)), bad)), "password_hash: is no text");
    }
}

#[test]
fn every_line_of_a_users_file_is_a_user_or_a_fault_that_keeps_its_secret() {
    let files = Files::with("tenants: { a: { users_file: { path: sub/u, scopes: [push] } } }");
    std::fs::create_dir(files.path("sub")).unwrap();
    let h = hash(1);
    for (text, faults) in [
        (format!("bob {h}\n"), &["u:1:1: has no ':' in it"][..]),
        (format!(":{h}\n"), &["u:1:1: begins with no user's name"]),
        (format!("bob:{h}\n\nBob:{h}\nbob:{h}\n"), &["u:4:1: its user's name is that of line 1 too"]),
        ("bob:$apr1$x$Sup3rSecret\neve:\n".into(), &["u:1:1: its hash is MD5", "u:2:1: its hash is empty"]),
        (format!("bob:{h}:Sup3rSecret\n").replace(&h, "Sup3rSecret"), &["u:1:1: its hash is plain text"]),
        (format!("bob:{}\n", "Sup3rSecret".repeat(100)), &["u:1:1: is longer than 1024 bytes"]),
        ("# nobody\n\n".into(), &["u: holds no user"]),
        ("x".repeat(5 << 20), &["u: is larger than 4MiB"]),
    ] {
        files.write("sub/u", &text);
        let parts = files.load(Since::Start).unwrap().parts;
        let text = parts[0].errors.to_string();
        assert_eq!(text.lines().count(), faults.len(), "{text}");
        for (line, fault) in text.lines().zip(faults) {
            assert!(line.contains(&format!("sub/{fault}")) && !line.contains("Sup3r") && !line.contains(&h), "{line}");
        }
    }
    files.write("sub/u", format!("\u{feff}# team\nbob:{h}\n  \n  # eve\neve:{} \r\n", hash(2)));
    let tenant = &files.good().tenants["a"];
    let users: Vec<_> = tenant.users.iter().map(|user| (&*user.grant.name, user.hash.as_str().to_owned())).collect();
    assert_eq!(users, [("bob", hash(1)), ("eve", hash(2))]);
}

#[test]
fn a_hundred_thousand_bad_lines_are_not_as_many_faults() {
    let files = Files::with("tenants: { m: { users_file: { path: u, scopes: [push] } } }");
    let good = format!("bob:{}\n", hash(1));
    files.write("u", good.clone() + &"a\n".repeat(100_000));
    let reading = files.load(Since::Start).unwrap();
    let faults = reading.parts[0].errors.faults();
    assert_eq!(faults.len(), 101);
    assert!(faults.iter().any(|fault| fault.to_string().ends_with("u: 99900 more faults are in it")));
    assert!(reading.config.tenants["m"].closed);
    // What is odd about each of many is not said of each either.
    let many: String = (0..1_000).map(|n| format!("u{n}:{}\n", hash(1))).collect();
    files.write("u", many);
    let reading = files.load(Since::Start).unwrap();
    assert_eq!((reading.parts.len(), reading.cautions.len()), (0, 100));
}

#[test]
fn a_pipe_in_the_place_of_a_users_file_is_not_waited_for() {
    let files = Files::with("tenants: { a: { users_file: { path: pipe, scopes: [push] } } }");
    let made = std::process::Command::new("mkfifo").arg(files.path("pipe")).status().unwrap();
    assert!(made.success());
    let fault = files.load(Since::Start).unwrap().parts[0].errors.to_string();
    assert!(fault.ends_with("pipe: is no file, expected a file of users"), "{fault}");
}

#[test]
fn a_users_file_grants_something_and_narrows_by_something() {
    let with = |keys: &str| format!("tenants: {{ a: {{ users_file: {{ {keys} }} }} }}");
    for (text, key) in [
        ("scopes: [push]", "path: is missing"),
        ("path: '', scopes: [push]", "path"),
        ("path: ~, scopes: [push]", "path"),
        ("path: [u], scopes: [push]", "path"),
        ("path: u", "scopes: is missing"),
        ("path: u, scopes: []", "scopes: is an empty list"),
        ("path: u, scopes: ~", "scopes"),
        ("path: u, scopes: [push], jobs: []", "jobs"),
        ("path: u, scopes: [push], labels: {}", "labels"),
        ("path: u, scopes: [push], networks: ''", "networks"),
        ("path: u, scopes: [push], expires: ''", "expires"),
        ("path: u, scopes: [push], tenants: [a]", "tenants: unknown key"),
    ] {
        refused(&with(text), &format!(": tenants.a.users_file.{key}"));
    }
    for bad in
        ["tenants: { a: { users_file: u } }", "tenants: { a: { users_file: } }", "tenants: { a: { users_file: [] } }"]
    {
        refused(bad, ": tenants.a.users_file");
    }
}

#[test]
fn passwords_are_hashed_with_no_less_than_owasp_asks() {
    let with = |keys: &str| format!("listener: {{ address: '127.0.0.1:1' }}\npasswords: {{ {keys} }}");
    for good in [
        "memory: 7MiB, iterations: 5",
        "memory: 9MiB, iterations: 4",
        "memory: 46MiB, iterations: 1",
        "memory: 20480KiB",
    ] {
        config(&with(good));
    }
    for weak in ["iterations: 1", "memory: 12MiB", "memory: 7MiB, iterations: 4", "memory: 45MiB, iterations: 1"] {
        refused(&with(weak), ": passwords: ");
        refused(&with(weak), "is weaker than OWASP's least");
    }
    refused(&with("memory: 19922945"), ": passwords.memory: is 19922945, expected a whole number of KiB");
}

#[test]
fn one_hash_of_two_users_and_what_our_documents_print_are_cautions() {
    let cautions = |text: &str| -> Vec<_> {
        read(text)
            .unwrap()
            .cautions
            .iter()
            .map(|fault| fault.to_string().split_once(": tenants").unwrap().1.to_owned())
            .collect()
    };
    assert_eq!(
        cautions(&with(&(user("eve", 1) + ", " + &user("bob", 2) + ", " + &user("joe", 1)))),
        [".a.users[2].name: has the password's hash of \"eve\" too, expected one of its own"]
    );
    let printed = user("eve", 1).replace(&hash(1), samples::PASSWORD_HASHES[0]);
    assert!(cautions(&with(&printed))[0].contains("Pushward's own documentation"));
}

#[test]
fn every_credential_in_our_documents_is_known_as_printed() {
    let documents = [
        include_str!("../../../README.md"),
        include_str!("../../../SECURITY.md"),
        include_str!("../../../config/pushward.example.yml"),
    ];
    for text in documents {
        for word in text.split(|c: char| c.is_whitespace() || "\"'`()".contains(c)) {
            let digest = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(!digest || samples::DIGESTS.contains(&word), "{word}");
            let password = password_hash(word).is_ok() && !word.contains('…');
            assert!(!password || samples::PASSWORD_HASHES.contains(&word), "{word}");
            let Ok(token) = crate::model::PlainToken::parse(word) else { continue };
            assert!(samples::DIGESTS.contains(&&*token.digest().to_hex()), "{word}");
        }
    }
}
