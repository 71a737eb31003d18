//! What is wrong with a configuration, said so that it can be put right.

use super::document::Node;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// One fault: `file:line:column: key.path: what is wrong, what is expected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    file: PathBuf,
    /// Line and column, from 1. Absent where the fault is about the whole file.
    place: Option<(u64, u64)>,
    /// The way to the key, as `tenants.payments.tokens[0].scopes`; empty where it is about no key.
    key: String,
    text: String,
}

impl Fault {
    pub fn new(file: &Path, place: Option<(u64, u64)>, key: &str, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place, key: key.to_owned(), text: text.into() }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn line(&self) -> Option<u64> {
        self.place.map(|(line, _)| line)
    }
}

/// Puts faults in the order in which they are read: those of the main file first, each file's from its top.
pub(super) fn sort(faults: &mut [Fault], main: &Path) {
    faults.sort_by(|a, b| (a.file != main, &a.file, a.place).cmp(&(b.file != main, &b.file, b.place)));
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Why a configuration cannot be used: at least one fault. One line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    faults: Vec<Fault>,
}

impl ConfigErrors {
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }
}

impl From<Vec<Fault>> for ConfigErrors {
    /// At least one, in their order.
    fn from(faults: Vec<Fault>) -> Self {
        Self { faults }
    }
}

impl From<Fault> for ConfigErrors {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A key and its place: what a fault is about.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) key: String,
}

impl Place {
    pub(super) fn of(node: &Node, key: impl Into<String>) -> Self {
        Self { line: node.line, column: node.column, key: key.into() }
    }
}

/// A place in whichever file: where a credential stands, for faults that are found in another one.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    file: Arc<Path>,
    /// Absent for what is kept of an earlier reading.
    place: Option<(u64, u64)>,
    /// Empty in a file that has no keys.
    key: String,
}

impl Spot {
    /// Something that was read earlier and is still in force.
    pub(super) fn kept(file: &Path, what: String) -> Self {
        Self { file: file.into(), place: None, key: what }
    }

    pub(super) fn fault(&self, text: impl Into<String>) -> Fault {
        Fault::new(&self.file, self.place, &self.key, text)
    }

    /// What this place is called by a fault of `other`'s file.
    pub(super) fn seen_from(&self, other: &Self) -> String {
        let same = self.file == other.file;
        let file = self.file.display();
        match (self.place, &*self.key) {
            (None, key) => key.to_owned(),
            (Some((line, _)), "") if same => format!("line {line}"),
            (Some((line, _)), "") => format!("{file}:{line}"),
            (Some((line, _)), key) if same => format!("{key} in line {line}"),
            (Some((line, _)), key) => format!("{key} in {file}:{line}"),
        }
    }
}

/// What was found while one file was read.
#[derive(Debug)]
pub(super) struct Faults {
    file: Arc<Path>,
    faults: Vec<Fault>,
    cautions: Vec<Fault>,
    /// Of faults, how many there were; of these [`FAULTS_MAX`] are kept.
    found: usize,
}

/// Chosen: more than anybody mends at one time. A team writes its own file, and a million bad lines in it are not to become a
/// million lines of everybody's log.
pub(super) const FAULTS_MAX: usize = 100;

impl Faults {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.into(), faults: Vec::new(), cautions: Vec::new(), found: 0 }
    }

    pub(super) fn spot(&self, place: &Place) -> Spot {
        Spot { file: Arc::clone(&self.file), place: Some((place.line, place.column)), key: place.key.clone() }
    }

    /// The directory at which the file's relative paths start.
    pub(super) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// For what is read a second time: its faults are noted by now.
    pub(super) fn aside(&self) -> Self {
        Self { file: Arc::clone(&self.file), faults: Vec::new(), cautions: Vec::new(), found: 0 }
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.found += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// How many were found that refuse the start.
    pub(super) const fn count(&self) -> usize {
        self.found
    }

    /// Something that refuses the start.
    pub(super) fn add(&mut self, place: &Place, text: impl Into<String>) {
        let fault = self.fault(place, text);
        self.push(fault);
    }

    /// Something that is allowed and hardly meant.
    pub(super) fn caution(&mut self, place: &Place, text: impl Into<String>) {
        if self.cautions.len() < FAULTS_MAX {
            let fault = self.fault(place, text);
            self.cautions.push(fault);
        }
    }

    fn fault(&self, place: &Place, text: impl Into<String>) -> Fault {
        Fault::new(&self.file, Some((place.line, place.column)), &place.key, text)
    }

    /// The cautions, if there is nothing worse.
    pub(super) fn finish(self) -> Result<Vec<Fault>, ConfigErrors> {
        let (faults, cautions) = self.into_both();
        if faults.is_empty() { Ok(cautions) } else { Err(faults.into()) }
    }

    /// Faults and cautions, each in the order of the file.
    pub(super) fn into_both(mut self) -> (Vec<Fault>, Vec<Fault>) {
        self.faults.sort_by_key(|fault| fault.place);
        self.cautions.sort_by_key(|fault| fault.place);
        if let Some(more) = self.found.checked_sub(self.faults.len()).filter(|more| *more > 0) {
            self.faults.push(Fault::new(&self.file, None, "", format!("{more} more faults are in it")));
        }
        (self.faults, self.cautions)
    }

    /// What was found, in the order of the file, by a reader that cannot go on.
    pub(super) fn into_errors(self) -> ConfigErrors {
        self.into_both().0.into()
    }
}
