//! `tenants_dir`: one file for each tenant, `NAME.yml`, holding what stands below its name in `tenants`.

use super::ConfigErrors;
use super::Fault;
use super::Limits;
use super::Since;
use super::Tenant;
use super::claims::Spots;
use super::credentials::Credentials;
use super::credentials::Known;
use super::document;
use super::fault::Faults;
use super::field::Field;
use super::files;
use super::limits::Ceiling;
use super::tenants::Written;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Thousands of tokens of one tenant; beyond this somebody named the wrong file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files and whatever else is in the directory.
const ENTRIES_MAX: usize = 20_000;

/// The directory's files.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<TenantId, PathBuf>,
    /// Tenants with two files, and the second.
    pub(super) twice: BTreeMap<TenantId, PathBuf>,
    /// Names that are no tenant's file; what a tenant or the main file names may be among them.
    pub(super) strangers: Vec<Fault>,
}

impl Listing {
    /// What is in the directory. Hidden names are skipped, which those that Kubernetes makes in a mount (`..data`) are
    /// too, and so are directories below it; links are followed.
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            names.push(entry?.file_name());
            if names.len() > ENTRIES_MAX {
                return Err(io::Error::other(format!("more than {ENTRIES_MAX} files in it")));
            }
        }
        names.sort();
        for name in names {
            let path = directory.join(&name);
            let tenant = name.to_str().and_then(|name| name.strip_suffix(".yml").or(name.strip_suffix(".yaml")));
            match tenant.map(TenantId::parse) {
                _ if name.as_encoded_bytes().starts_with(b".") => {}
                Some(Ok(id)) => match listing.files.entry(id) {
                    Entry::Vacant(entry) => drop(entry.insert(path)),
                    Entry::Occupied(entry) => drop(listing.twice.insert(entry.key().clone(), path)),
                },
                _ if path.is_dir() => {}
                Some(Err(error)) => {
                    let text = format!("is named after no tenant, expected NAME.yml: {error}");
                    listing.strangers.push(Fault::new(&path, None, "", text));
                }
                None => {
                    listing.strangers.push(Fault::new(
                        &path,
                        None,
                        "",
                        "is no tenant's file, expected NAME.yml, or no such file",
                    ));
                }
            }
        }
        Ok(listing)
    }
}

/// A tenant's file as it was read.
#[derive(Debug)]
pub(super) struct TenantFile {
    pub(super) written: Written,
    pub(super) spots: Spots,
    pub(super) cautions: Vec<Fault>,
}

impl TenantFile {
    /// Reads the file; its relative paths start at its directory.
    pub(super) fn read(
        id: &TenantId,
        path: &Path,
        limits: (Limits, &Ceiling),
        known: &Known,
    ) -> Result<Self, ConfigErrors> {
        let text = files::read(path, FILE_BYTES_MAX, "a tenant's file")?;
        let document = document::parse(&text, path)?;
        let mut faults = Faults::of(path);
        let mut credentials = Credentials::new(known);
        let mut written = Tenant::read(id.clone(), &Field::root(&document), limits, &mut credentials, &mut faults);
        written.tenant.file = Some(path.to_owned());
        let cautions = faults.finish()?;
        Ok(Self { written, spots: credentials.spots, cautions })
    }
}

/// The directory after what was read of it before.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) listing: Listing,
    /// Tenants of it that stay as they were, and why, each said of its file; `None` where the directory itself says it.
    pub(super) kept: BTreeMap<TenantId, Option<Fault>>,
    pub(super) unreadable: Option<Fault>,
}

impl Directory {
    /// Reads which files there are. An error is one of the main file: at the start, or where nothing was read of this
    /// directory before.
    pub(super) fn read(path: &Path, since: Since<'_>) -> Result<Self, String> {
        let last = since.last().filter(|last| last.tenants_dir.as_deref() == Some(path));
        let (listing, gone_stay, unreadable) = match Listing::read(path) {
            Ok(listing) => (listing, matches!(since, Since::Watched(_)), None),
            Err(error) if last.is_some() => {
                let fault = Fault::new(path, None, "", format!("cannot be read: {error}"));
                (Listing::default(), true, Some(fault))
            }
            Err(error) => return Err(format!("cannot be read: {error}")),
        };
        let mut kept = BTreeMap::new();
        for tenant in last.filter(|_| gone_stay).into_iter().flat_map(|last| last.tenants.values()) {
            if let Some(file) = &tenant.file
                && !listing.files.contains_key(&tenant.id)
            {
                let gone = || Fault::new(file, None, "", "is gone, expected it, or a reload that is asked for");
                kept.insert(tenant.id.clone(), unreadable.is_none().then(gone));
            }
        }
        Ok(Self { listing, kept, unreadable })
    }

    pub(super) fn tenants(&self) -> BTreeSet<TenantId> {
        self.listing.files.keys().chain(self.kept.keys()).cloned().collect()
    }
}
