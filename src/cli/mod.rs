//! The command line: one file for each subcommand.
//!
//! Nothing here asks the machine for the time or writes to its standard streams by itself: [`Surroundings`] has both,
//! and the gateway that `serve` and `quickstart` end in.

mod args;
mod authority;
mod certificate;
mod certs;
mod check;
mod client_cas;
mod entry;
mod explain;
mod new_file;
mod password;
mod quickstart;
mod runtime;
mod serve;
mod token;

#[cfg(test)]
mod tests;

pub use self::runtime::serve_until_stopped;

use self::args::Arguments;
use self::args::Certs;
use self::args::Command;
use self::args::Password;
use self::args::Token;
use crate::gateway::Beginning;
use crate::model::SharedClock;
use clap::Parser;
use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::process::ExitCode;

/// Bad usage or configuration. A runtime failure is [`ExitCode::FAILURE`], a clean stop [`ExitCode::SUCCESS`].
const BAD_USAGE: u8 = 2;

/// What a subcommand needs from outside.
pub struct Surroundings<'a> {
    pub clock: SharedClock,
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    pub input: Input<'a>,
    /// Runs the gateway until it is stopped.
    pub serve: &'a dyn Fn(Beginning) -> ExitCode,
}

/// Shows a prompt, and returns the line that was typed, without its end.
pub type Ask<'a> = Box<dyn FnMut(&str) -> io::Result<String> + 'a>;

/// Where a secret is read from that is in no file.
pub enum Input<'a> {
    /// Without echo.
    Terminal(Ask<'a>),
    Pipe(Box<dyn Read + 'a>),
}

/// Why a subcommand did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// The command line or a configuration is wrong: the same command fails again.
    #[error("{0}")]
    Usage(String),
    /// The machine refused something.
    #[error("{0}")]
    Failure(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// Runs the subcommand that `arguments` name, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut around: Surroundings<'_>) -> ExitCode {
    let command = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command,
        Err(error) => return answer_of_clap(&error, &mut around),
    };
    let result = match command {
        Command::Quickstart(args) => quickstart::run(&args, &mut around),
        Command::Serve(args) => serve::run(&args, &mut around),
        Command::Check(args) => check::run(&args, &mut around),
        Command::Explain(args) => explain::run(&args, &mut around),
        Command::Token(Token::New(args)) => token::run(&args, &mut around),
        Command::Password(Password::Hash) => password::run(&mut around),
        Command::Certs(Certs::Dev(args)) => certs::run(&args, &mut around),
    };
    result.unwrap_or_else(|trouble| {
        // There is nobody left to tell when stderr is closed.
        let _ = writeln!(around.err, "pushward: {trouble}");
        match trouble {
            Trouble::Usage(_) => ExitCode::from(BAD_USAGE),
            Trouble::Failure(_) | Trouble::Output(_) => ExitCode::FAILURE,
        }
    })
}

/// `--help` and `--version` are answers, anything else is bad usage.
fn answer_of_clap(error: &clap::Error, around: &mut Surroundings<'_>) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(around.err, "{text}");
        return ExitCode::from(BAD_USAGE);
    }
    let _ = write!(around.out, "{text}");
    ExitCode::SUCCESS
}
