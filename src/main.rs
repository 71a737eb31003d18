//! The program: the machine's clock and streams, and what the command line asks for.

use pushward::cli;
use pushward::model::SystemClock;
use std::io::IsTerminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    let clock = SystemClock::shared();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let serve = |beginning| cli::serve_until_stopped(beginning, clock.clone());
    let input = match std::io::stdin() {
        stdin if stdin.is_terminal() => cli::Input::Terminal(Box::new(|prompt| rpassword::prompt_password(prompt))),
        stdin => cli::Input::Pipe(Box::new(stdin)),
    };
    let around = cli::Surroundings { clock: clock.clone(), out: &mut out, err: &mut err, input, serve: &serve };
    cli::run(std::env::args_os(), around)
}
