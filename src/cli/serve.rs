//! `pushward serve`.

use super::Surroundings;
use super::Trouble;
use super::args::WithConfig;
use super::certificate;
use crate::config::Fault;
use crate::config::Since;
use crate::config::Source;
use crate::gateway::Beginning;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(args: &WithConfig, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let beginning = load(&args.config, around)?;
    serve(beginning, around)
}

/// A configuration that can be served, with all that is to be warned of.
pub(super) fn load(path: &Path, around: &Surroundings<'_>) -> Result<Beginning, Trouble> {
    let source = Source::read(path).map_err(|errors| bad(errors.faults()))?;
    let mut reading = source.load(Since::Start).map_err(|errors| bad(errors.faults()))?;
    let findings = certificate::inspect(&reading.config, around.clock.now());
    if !findings.faults.is_empty() {
        return Err(bad(&findings.faults));
    }
    reading.cautions.extend(findings.cautions);
    Ok(Beginning { source: Some(source), reading })
}

/// Warns, and serves until the gateway is stopped.
pub(super) fn serve(beginning: Beginning, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    for caution in &beginning.reading.cautions {
        writeln!(around.err, "pushward: warning: {caution}")?;
    }
    for part in &beginning.reading.parts {
        let stands = if part.closed { " is closed" } else { "" };
        for fault in part.errors.faults() {
            writeln!(around.err, "pushward: warning: {}{stands}: {fault}", part.part)?;
        }
    }
    around.out.flush()?;
    around.err.flush()?;
    Ok((around.serve)(beginning))
}

pub(super) fn bad(faults: &[Fault]) -> Trouble {
    let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    Trouble::Usage(format!("the configuration cannot be used:{}", lines.concat()))
}
