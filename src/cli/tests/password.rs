//! `password hash` at a terminal and in a pipe.

use super::GOOD;
use super::MockClock;
use super::Ran;
use super::bad_usage;
use super::with_input;
use crate::cli::Input;
use crate::config::PasswordHash;
use argon2::Argon2;
use argon2::PasswordVerifier;

const ARGUMENTS: [&str; 2] = ["password", "hash"];

fn piped(bytes: &[u8]) -> Ran {
    with_input(&MockClock::new(), &ARGUMENTS, Input::Pipe(Box::new(bytes)))
}

fn typed(lines: &[&str]) -> (Ran, usize) {
    let mut asked = 0;
    let mut ask = |_: &str| {
        asked += 1;
        Ok((*lines.get(asked - 1).expect("no more than these")).to_owned())
    };
    let ran = with_input(&MockClock::new(), &ARGUMENTS, Input::Terminal(Box::new(&mut ask)));
    (ran, asked)
}

/// What was printed is one line: a hash of this password, with the cost of the defaults.
#[track_caller]
fn is_hash_of(ran: &Ran, password: &str) {
    assert_eq!(ran.code, GOOD, "{}", ran.err);
    let hash = ran.out.strip_suffix('\n').unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(!PasswordHash::parse(hash).unwrap().is_weak());
    Argon2::default().verify_password(password.as_bytes(), hash).unwrap();
}

#[test]
fn a_piped_password_is_the_first_line_without_its_end() {
    for (bytes, password) in [
        (&b"correct horse battery"[..], "correct horse battery"),
        (b"correct horse battery\n", "correct horse battery"),
        (b"correct horse battery\r\n", "correct horse battery"),
        (b"correct horse battery\nanother line\n", "correct horse battery"),
        ("  pässwörter mit €  \n".as_bytes(), "  pässwörter mit €  "),
    ] {
        let ran = piped(bytes);
        is_hash_of(&ran, password);
        assert_eq!(ran.err, "");
    }
    assert_ne!(piped(b"correct horse battery").out, piped(b"correct horse battery").out, "each has its own salt");
}

#[test]
fn a_typed_password_is_typed_twice_alike() {
    let (ran, asked) = typed(&["correct horse battery", "correct horse battery"]);
    is_hash_of(&ran, "correct horse battery");
    assert_eq!(asked, 2);
    let (ran, _) = typed(&["correct horse battery", "correct horse bettery"]);
    assert_eq!((ran.code, &*ran.out), (bad_usage(), ""));
    assert!(ran.err.contains("differ") && !ran.err.contains("horse"), "{}", ran.err);
    // What is refused anyway is not asked for again.
    assert_eq!(typed(&[""]).1, 1);
}

#[test]
fn a_short_password_is_a_warning() {
    let ran = piped(b"elevenchars\n");
    is_hash_of(&ran, "elevenchars");
    assert!(ran.err.contains("warning") && ran.err.contains("12") && !ran.err.contains("eleven"), "{}", ran.err);
    assert_eq!(piped("zwölf bytes ".as_bytes()).err, "");
}

#[test]
fn what_can_be_nobodys_password_is_refused_and_not_repeated() {
    let long = [b'x'; 513];
    for (bytes, why) in [
        (&b""[..], "empty"),
        (b"\n", "empty"),
        (b"\r\n", "empty"),
        (&long, "512"),
        (b"canary\0canary", "control"),
        (b"canary\tcanary", "control"),
        (b"canary\xffcanary", "UTF-8"),
        (b"pward_canary", "API token"),
    ] {
        let ran = piped(bytes);
        assert_eq!((ran.code, &*ran.out), (bad_usage(), ""), "{why}");
        assert!(ran.err.contains(why) && !ran.err.contains("canary"), "{why}: {}", ran.err);
    }
    is_hash_of(&piped(&long[..512]), &"x".repeat(512));
}

#[test]
fn a_password_is_never_an_argument() {
    for arguments in [&["password", "hash", "secret"][..], &["password", "hash", "--password", "secret"], &["password"]]
    {
        let ran = with_input(&MockClock::new(), arguments, Input::Pipe(Box::new(std::io::empty())));
        assert_eq!((ran.code, &*ran.out), (bad_usage(), ""));
    }
}
