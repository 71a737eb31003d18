//! What the subcommands answer, and the exit codes that scripts go by.

use crate::client::connect;
use crate::client::exchange;
use crate::program::Program;
use crate::program::run;
use std::fs;
use std::net::TcpListener;
use tempfile::TempDir;

#[test]
fn bad_usage_and_a_bad_configuration_end_with_two() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("pushward.yml");
    fs::write(&file, "listener:\n  adress: 127.0.0.1:0\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, said) in [
        (&[][..], "Usage:"),
        (&["srve"], "serve"),
        (&["serve"], "--config"),
        (&["serve", "--config", "/nowhere/pushward.yml"], "/nowhere/pushward.yml"),
        (&["serve", "--config", file], "address"),
        (&["token", "new", "--tenant", "red", "--scope", "psh"], "push"),
    ] {
        let output = run(arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_ends_with_one_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = TempDir::new().unwrap();
    for (listener, ops) in [(address.as_str(), "127.0.0.1:0"), ("127.0.0.1:0", address.as_str())] {
        let file = dir.path().join("pushward.yml");
        fs::write(&file, format!("listener: {{ address: \"{listener}\" }}\nops: {{ address: \"{ops}\" }}\nstorage: {{ durability: memory }}\n")).unwrap();
        let mut program = Program::start(&["serve", "--config", file.to_str().unwrap()]);
        assert_eq!(program.exit_code(), Some(1));
        assert!(program.said().contains(&format!("cannot listen on {address}")), "{}", program.said());
    }
}

#[test]
fn check_names_every_fault_by_file_line_and_key_and_ends_with_one() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("pushward.yml");
    let path = file.to_str().unwrap();
    fs::write(&file, "listener:\n  address: 127.0.0.1:0\n  idle: 5s\nlimits:\n  series_max: many\n").unwrap();
    let output = run(&["check", "--config", path]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    for expected in [format!("{path}:3"), format!("{path}:5"), "idle".into(), "series_max".into()] {
        assert!(err.contains(&expected), "{expected} is not in {err}");
    }
    assert_eq!(err.lines().count(), 2, "{err}");

    let good = "listener: { address: \"127.0.0.1:0\" }\ntenants:\n  red:\n    tokens:\n";
    let token = String::from_utf8(run(&["token", "new", "--tenant", "red", "--scope", "push"]).stdout).unwrap();
    let (_, entry) = token.split_once("\n\n").unwrap();
    fs::write(&file, format!("{good}{entry}")).unwrap();
    let output = run(&["check", "--config", path]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("no fault"));
}

#[test]
fn a_new_token_lets_its_holder_in_once_its_entry_is_pasted() {
    let output = run(&["token", "new", "--tenant", "red", "--scope", "push", "--scope", "read", "--job", "back*"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let (token, entry) = text.split_once("\n\n").unwrap();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("pushward.yml");
    let head =
        "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\nstorage: { durability: memory }\n";
    fs::write(&file, format!("{head}tenants:\n  red:\n    tokens:\n{entry}")).unwrap();
    let program = Program::start(&["serve", "--config", file.to_str().unwrap()]);
    let port = program.port();
    let bearer = format!("Bearer {token}");
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/backup", &bearer, "m 1\n").0, 200);
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/other", &bearer, "m 1\n").0, 403);
    assert_eq!(exchange(connect(port), "DELETE", "/metrics/job/backup", &bearer, "").0, 403);
    let (status, scrape) = exchange(connect(port), "GET", "/metrics", &bearer, "");
    assert_eq!(status, 200);
    assert!(scrape.contains("m{instance=\"\",job=\"backup\"} 1\n"), "{scrape}");
}

#[test]
fn a_password_is_hashed_from_a_pipe_and_never_repeated() {
    let mut program = Program::with_stdin(&["password", "hash"]);
    // The pipe stays open behind the first line, as a terminal's does.
    let pipe = program.write("correct horse battery\n");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    drop(pipe);
    let said = program.said();
    assert!(said.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && said.lines().count() == 1, "{said}");
    assert!(!said.contains("horse"), "{said}");

    for (input, code, word) in [("canary\n", 0, "warning"), ("", 2, "empty"), ("\n", 2, "empty")] {
        let mut program = Program::with_stdin(&["password", "hash"]);
        drop(program.write(input));
        assert_eq!(program.exit_code(), Some(code), "{}", program.said());
        let said = program.said();
        assert!(said.contains(word) && !said.contains("canary"), "{said}");
    }
}
