//! `pushward check`.

use super::Surroundings;
use super::Trouble;
use super::args::WithConfig;
use super::certificate;
use super::client_cas;
use crate::config::Config;
use crate::config::Fault;
use crate::config::Source;
use crate::config::Storage;
use crate::config::Tenant;
use crate::identity::Registry;
use crate::model::Durability;
use crate::model::rfc3339;
use crate::persistence::Inspected;
use crate::persistence::inspect;
use std::process::ExitCode;

/// Writes one line for each fault. What `serve` only warns of is a fault here: nobody reads a warning that passes.
pub(super) fn run(args: &WithConfig, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let reading = match Source::read(&args.config).and_then(|source| source.check()) {
        Ok(reading) => reading,
        Err(errors) => return report(errors.faults(), around),
    };
    match orphans(&reading.config) {
        Ok(lines) => lines.iter().try_for_each(|line| writeln!(around.out, "{line}"))?,
        Err(fault) => return report(&[fault], around),
    }
    let now = around.clock.now();
    let findings = certificate::inspect(&reading.config, now);
    let ended = reading.expired(now);
    // Of CAs more can be said than that they do not load.
    let mut keys = Registry::new(&reading.config, &around.clock, None).unread();
    keys.retain(|part| !part.part.starts_with("ca:"));
    let cas = client_cas::inspect(&reading.config, &around.clock);
    let parts = reading.parts.iter().chain(&keys).flat_map(|part| part.errors.faults()).cloned().collect();
    let faults = [findings.faults, parts, reading.cautions, ended, findings.cautions, findings.soon, cas].concat();
    if !faults.is_empty() {
        return report(&faults, around);
    }
    let (tenants, operators) = (reading.config.tenants.len(), reading.config.operators.len());
    let path = args.config.display();
    writeln!(around.out, "{path}: no fault; tenants: {tenants}, operators: {operators}")?;
    Ok(ExitCode::SUCCESS)
}

/// Whom something is kept for and nothing is served of: one line for each.
fn orphans(config: &Config) -> Result<Vec<String>, Fault> {
    let Storage { path, durability, orphans_keep } = &config.storage;
    if *durability == Durability::Memory {
        return Ok(Vec::new());
    }
    let kept = inspect(path).map_err(|error| Fault::new(path, None, "storage.path", error))?;
    let memory = |tenant: &Tenant| tenant.durability == Some(Durability::Memory);
    let orphan = |kept: &&Inspected| config.tenants.get(&kept.tenant).is_none_or(memory);
    let line = |Inspected { tenant, groups, bytes, gone }: &Inspected| {
        let until = gone.map(|since| since.saturating_add(*orphans_keep));
        let until = until.map_or_else(|| "from the next start on".to_owned(), |at| format!("until {}", rfc3339(at)));
        format!(
            "{}: kept for {tenant}, who is not served from here, {until}: groups: {groups}, bytes: {bytes}",
            path.display()
        )
    };
    Ok(kept.iter().filter(orphan).map(line).collect())
}

fn report(faults: &[Fault], around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    for fault in faults {
        writeln!(around.err, "{fault}")?;
    }
    Ok(ExitCode::FAILURE)
}
