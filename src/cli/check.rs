//! `pushward check`.

use super::Surroundings;
use super::Trouble;
use super::args::WithConfig;
use super::certificate;
use super::client_cas;
use crate::config::Fault;
use crate::config::Source;
use std::process::ExitCode;

/// Writes one line for each fault. What `serve` only warns of is a fault here: nobody reads a warning that passes.
pub(super) fn run(args: &WithConfig, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let reading = match Source::read(&args.config).and_then(|source| source.check()) {
        Ok(reading) => reading,
        Err(errors) => return report(errors.faults(), around),
    };
    let now = around.clock.now();
    let findings = certificate::inspect(&reading.config, now);
    let ended = reading.expired(now);
    let cas = client_cas::inspect(&reading.config, &around.clock);
    let parts = reading.parts.iter().flat_map(|part| part.errors.faults()).cloned().collect();
    let faults = [findings.faults, parts, reading.cautions, ended, findings.cautions, findings.soon, cas].concat();
    if !faults.is_empty() {
        return report(&faults, around);
    }
    let (tenants, operators) = (reading.config.tenants.len(), reading.config.operators.len());
    let path = args.config.display();
    writeln!(around.out, "{path}: no fault; tenants: {tenants}, operators: {operators}")?;
    Ok(ExitCode::SUCCESS)
}

fn report(faults: &[Fault], around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    for fault in faults {
        writeln!(around.err, "{fault}")?;
    }
    Ok(ExitCode::FAILURE)
}
