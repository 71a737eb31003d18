//! A password typed at a real terminal, which Python makes.

use std::process::Command;

/// The exit code, and all that the terminal showed.
fn typed(lines: &str) -> (Option<i32>, String) {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/typed.py")).arg(lines);
    let output = python.args([env!("CARGO_BIN_EXE_pushward"), "password", "hash"]).output();
    let output = output.expect("python3 runs; ./tests/run gets it");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
#[ignore = "needs python3: ./tests/run"]
fn a_typed_password_is_asked_for_twice_and_not_shown() {
    let (code, shown) = typed("correct horse battery|correct horse battery");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!((shown.matches("Password: ").count(), shown.matches("The same again: ").count()), (1, 1), "{shown}");
    assert!(shown.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !shown.contains("horse"), "{shown}");

    let (code, shown) = typed("correct horse battery|correct horse bettery");
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("differ") && !shown.contains("$argon2id") && !shown.contains("horse"), "{shown}");
}
