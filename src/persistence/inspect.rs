//! A look at the files from outside, which changes nothing: whose they are.

use super::disk::Directory;
use super::replay::ReplayError;
use super::replay::replay;
use crate::model::TenantId;
use crate::model::Timestamp;
use std::path::Path;

/// What is kept of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    pub tenant: TenantId,
    pub groups: u64,
    /// Bytes of families as they are kept.
    pub bytes: u64,
    /// Since when the configuration does not name it, as far as a gateway has noticed.
    pub gone: Option<Timestamp>,
}

/// Everybody of whom anything is kept, in the order of their names. A gateway may be at work there. Blocks on the disk.
pub fn inspect(dir: &Path) -> Result<Vec<Inspected>, String> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let disk = Directory::look(dir);
    let read = || replay(&disk, None, &mut |_| {});
    // A checkpoint may take files away while they are read; the second look finds the checkpoint.
    let replayed = read().or_else(|_: ReplayError| read()).map_err(|error| error.to_string())?;
    let tenants = replayed.contents.tenants.into_iter().filter(|(_, kept)| !kept.groups.is_empty());
    let inspected = tenants.map(|(tenant, kept)| Inspected {
        tenant,
        groups: kept.groups.len() as u64,
        bytes: kept.bytes(),
        gone: kept.gone,
    });
    Ok(inspected.collect())
}
