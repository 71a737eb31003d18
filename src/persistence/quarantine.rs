//! What could not be understood is kept, and told of.

use super::disk::Disk;
use super::replay::ReadFile;
use super::replay::Replayed;
use super::scan::Damage;
use crate::model::Timestamp;
use crate::model::rfc3339;
use std::io;

/// Keeps every damaged file as it is under `quarantine/`, where nothing is ever written over, and adds to the report what is
/// wrong with it. A file that is kept already was told of. How many damages are new.
pub(super) fn keep(disk: &dyn Disk, replayed: &Replayed, now: Timestamp) -> io::Result<usize> {
    let mut told = 0;
    for file in replayed.files.iter().filter(|file| !file.damages.is_empty()) {
        if !disk.keep(&file.name.text())? {
            continue;
        }
        for damage in &file.damages {
            disk.report(&line(file, damage, now))?;
            let (file, what, offset, bytes) = (file.name.text(), damage.what, damage.offset, damage.bytes);
            let (tenant, group, family) = of(damage);
            tracing::error!(file, what, offset, bytes, tenant, group, family, "a damaged record is kept aside");
            told += 1;
        }
    }
    Ok(told)
}

/// A line of the report.
fn line(file: &ReadFile, damage: &Damage, now: Timestamp) -> String {
    let (tenant, group, family) = of(damage);
    serde_json::json!({
        "time": rfc3339(now),
        "file": file.name.text(),
        "what": damage.what,
        "offset": damage.offset,
        "bytes": damage.bytes,
        "tenant": tenant,
        "group": group,
        "family": family,
    })
    .to_string()
}

/// Whose it is; empty where nobody can tell.
fn of(damage: &Damage) -> (String, String, String) {
    damage.of.as_ref().map_or_else(Default::default, |(tenant, key, family)| {
        (tenant.to_string(), format!("{key:?}"), family.clone().unwrap_or_default())
    })
}
