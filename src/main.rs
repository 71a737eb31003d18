//! The program: the machine's clock and streams, and what the command line asks for.

use pushward::cli;
use pushward::model::SystemClock;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let around = cli::Surroundings {
        clock: SystemClock::shared(),
        out: &mut out,
        err: &mut err,
        serve: &|_config| {
            let _ = writeln!(
                std::io::stderr(),
                "pushward: the gateway itself is not part of this build"
            );
            ExitCode::FAILURE
        },
    };
    cli::run(std::env::args_os(), around)
}
