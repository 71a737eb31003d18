//! A configuration as files: the main one, and those it names.

use super::Config;
use super::ConfigErrors;
use super::Reading;
use super::assembly::Assembly;
use super::document;
use super::files;
use super::judge;
use super::main_file::MainFile;
use super::tenants_dir::Directory;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// The main file as it was read: what a reload by watching reads the other files with.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    text: Arc<str>,
}

/// What a configuration is read after.
#[derive(Clone, Copy, Debug)]
pub enum Since<'c> {
    /// Nothing: what cannot be read is closed.
    Start,
    /// Files changed: what cannot be read, or is gone, stays as it was.
    Watched(&'c Config),
    /// Somebody asked: what cannot be read stays as it was, what is gone is gone.
    Asked(&'c Config),
}

impl<'c> Since<'c> {
    /// The configuration in force.
    pub(super) const fn last(self) -> Option<&'c Config> {
        match self {
            Self::Start => None,
            Self::Watched(last) | Self::Asked(last) => Some(last),
        }
    }
}

/// A part of the configuration that could not be read and harms nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFault {
    /// `tenant:payments`, `operator:prometheus` (the users of its file), `tenants_dir`: the value of the metric's label
    /// `part`. Each is there once. Read elsewhere: `certificate:public`, `issuer:github`.
    pub part: String,
    pub errors: ConfigErrors,
    /// Whether nothing of it is in force; else its last good state is.
    pub closed: bool,
}

impl Source {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        Ok(Self::new(files::read_any(path, document::FILE_BYTES_MAX, "a configuration")?, path))
    }

    /// `text` as if it stood in the file at `path`.
    pub fn new(text: String, path: &Path) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the files that the main one names: `tenants_dir` and its files, and every `users_file`. Certificates and key
    /// sets are named in [`Config::files`] and read by those who use them.
    ///
    /// A fault of the main file is a fault of all, and so is a `tenants_dir` that cannot be read at the start. One of any
    /// other file is a [`PartFault`]: its tenant, or its operator's users, are what they were, or closed where they were
    /// nothing.
    pub fn load(&self, since: Since<'_>) -> Result<Reading, ConfigErrors> {
        let (main, directory) = self.main_file(since)?;
        Ok(Assembly::new(&self.path, main.faultless()?, since).finish(directory))
    }

    /// As [`Source::load`] at the start, for who wants to know all faults at once: those of the other files too where the
    /// main one has faults.
    pub fn check(&self) -> Result<Reading, ConfigErrors> {
        let (mut main, directory) = self.main_file(Since::Start)?;
        let mut faults = std::mem::take(&mut main.faults);
        let reading = Assembly::new(&self.path, main, Since::Start).finish(directory);
        if faults.is_empty() {
            return Ok(reading);
        }
        faults.extend(reading.parts.into_iter().flat_map(|part| part.errors.into_faults()));
        Err(faults.into())
    }

    fn main_file(&self, since: Since<'_>) -> Result<(MainFile, Directory), ConfigErrors> {
        let mut directory = None;
        let main = MainFile::read(&self.text, &self.path, |path| {
            let read = Directory::read(path, since)?;
            let tenants = read.tenants();
            directory = Some(read);
            Ok(tenants)
        })?;
        Ok((main, directory.unwrap_or_default()))
    }

    /// The main file alone: no other file is opened, so who stands in those is not there.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Reading, ConfigErrors> {
        let MainFile { config, spots, cautions, ops, tenants, .. } =
            MainFile::read(text, path, |_| Ok(Default::default()))?.faultless()?;
        let places = judge::Places { main: path, ops: &ops, tenants: &tenants };
        let all_read = !judge::names_others(&config);
        let cautions = judge::cautions(&config, &spots, &places, all_read, cautions);
        Ok(Reading { config, cautions, parts: Vec::new(), spots })
    }
}
