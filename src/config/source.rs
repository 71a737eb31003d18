//! A configuration as files: the main one, and those it names.

use super::Config;
use super::ConfigErrors;
use super::Reading;
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

/// A part of the configuration that could not be read and harms nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFault {
    /// `tenant:payments`, `issuer:github`: the value of the metric's label `part`.
    pub part: String,
    pub errors: ConfigErrors,
    /// Whether nothing of it is in force; else its last good state is.
    pub closed: bool,
}

impl Source {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        Reading::text_of(path).map(|text| Self::new(text, path))
    }

    /// `text` as if it stood in the file at `path`.
    pub fn new(text: String, path: &Path) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the files that the main one names. A fault of the main file is a fault of all; one of any other file is a
    /// [`PartFault`].
    pub fn load(&self, _since: Since<'_>) -> Result<Reading, ConfigErrors> {
        Reading::parse(&self.text, &self.path)
    }
}
