//! `pushward password hash`.

use super::Input;
use super::Surroundings;
use super::Trouble;
use crate::config::PASSWORD_BYTES_MAX;
use crate::config::PasswordHash;
use crate::config::Passwords;
use crate::model::PlainToken;
use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::Version;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::process::ExitCode;
use zeroize::Zeroizing;

/// OWASP and NIST ask for 8 at least where there is a second factor and 15 where there is none; 12 is chosen, a warning and
/// no refusal.
const CHARACTERS_MIN: usize = 12;
/// Bytes. RFC 9106's recommendation.
const SALT: usize = 16;

pub(super) fn run(around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let password = match &mut around.input {
        Input::Terminal(ask) => asked_twice(ask)?,
        Input::Pipe(pipe) => first_line(pipe)?,
    };
    judge(&password)?;
    if password.chars().count() < CHARACTERS_MIN {
        writeln!(around.err, "pushward: warning: the password is shorter than {CHARACTERS_MIN} characters")?;
    }
    writeln!(around.out, "{}", hash(&password)?.as_str())?;
    Ok(ExitCode::SUCCESS)
}

fn asked_twice(ask: &mut dyn FnMut(&str) -> io::Result<String>) -> Result<Zeroizing<String>, Trouble> {
    let mut ask = |prompt| ask(prompt).map(Zeroizing::new).map_err(|error| unread(&error));
    let password = ask("Password: ")?;
    judge(&password)?;
    if ask("The same again: ")? != password {
        return Err(Trouble::Usage("the two passwords differ".into()));
    }
    Ok(password)
}

/// Without its end. What follows is not read: whoever writes the pipe may keep it open.
fn first_line(pipe: &mut dyn Read) -> Result<Zeroizing<String>, Trouble> {
    // One byte more than is allowed, and a line's end of two.
    let limit = PASSWORD_BYTES_MAX as u64 + 3;
    let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_BYTES_MAX + 3));
    io::BufReader::new(pipe.take(limit)).read_until(b'\n', &mut line).map_err(|error| unread(&error))?;
    let text = std::str::from_utf8(&line).map_err(|_| Trouble::Usage("the password is not UTF-8".into()))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

fn judge(password: &str) -> Result<(), Trouble> {
    let refused = |why: &str| Err(Trouble::Usage(why.to_owned()));
    if password.is_empty() {
        return refused("the password is empty");
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return refused(&format!("the password is longer than {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().any(char::is_control) {
        return refused("the password has a control character in it, which clients do not send alike");
    }
    if PlainToken::is_shaped(password) {
        return refused("the password begins as an API token does, and would only ever be tried as one");
    }
    Ok(())
}

/// With the cost that is configured by default.
fn hash(password: &str) -> Result<PasswordHash, Trouble> {
    let failed = |what: &str| Trouble::Failure(format!("the password cannot be hashed: {what}"));
    let Passwords { memory, iterations, parallelism, .. } = Passwords::default();
    let memory_kib = u32::try_from(memory >> 10).map_err(|error| failed(&error.to_string()))?;
    let params = Params::new(memory_kib, iterations, parallelism, None).map_err(|error| failed(&error.to_string()))?;
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| failed(&error.to_string()))?;
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| failed(&error.to_string()))?;
    PasswordHash::parse(&hash.to_string()).map_err(|error| failed(&error.to_string()))
}

fn unread(error: &io::Error) -> Trouble {
    Trouble::Failure(format!("the password cannot be read: {error}"))
}
