//! `pushward serve`.

use super::Surroundings;
use super::Trouble;
use super::args::WithConfig;
use super::certificate;
use crate::config::Fault;
use crate::config::Reading;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(args: &WithConfig, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let reading = load(&args.config, around)?;
    serve(reading, around)
}

/// A configuration that can be served, with all that is to be warned of.
pub(super) fn load(path: &Path, around: &Surroundings<'_>) -> Result<Reading, Trouble> {
    let mut reading = Reading::load(path).map_err(|errors| bad(errors.faults()))?;
    let findings = certificate::inspect(&reading.config, around.clock.now());
    if !findings.faults.is_empty() {
        return Err(bad(&findings.faults));
    }
    reading.cautions.extend(findings.cautions);
    Ok(reading)
}

/// Warns, and serves until the gateway is stopped.
pub(super) fn serve(reading: Reading, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    for caution in &reading.cautions {
        writeln!(around.err, "pushward: warning: {caution}")?;
    }
    around.out.flush()?;
    around.err.flush()?;
    Ok((around.serve)(reading.config))
}

pub(super) fn bad(faults: &[Fault]) -> Trouble {
    let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    Trouble::Usage(format!("the configuration cannot be used:{}", lines.concat()))
}
