//! The keys of one issuer: of a file, read when the configuration is; or of a URL, kept fresh by a task.

mod fetch;
mod fresh;
mod set;

pub(super) use set::Key;
pub(super) use set::KeySet;

use crate::config::Fault;
use crate::config::Issuer;
use crate::config::KeySource;
use crate::model::SharedClock;
use crate::model::Timestamp;
use fetch::Place;
use fresh::FreshKeys;
use set::BYTES_MAX;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// An issuer's keys, or why there are none.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    File {
        set: Option<Arc<KeySet>>,
        read: Option<Timestamp>,
        fault: Option<Fault>,
    },
    Url(Arc<FreshKeys>),
    /// Nothing is believed.
    Closed {
        fault: String,
    },
}

/// Keys that are believed at this moment.
#[derive(Debug)]
pub(super) struct Believed {
    pub(super) set: Arc<KeySet>,
    /// Another number for other keys.
    pub(super) epoch: u64,
}

impl Keys {
    /// `before`: the keys of the same issuer under the configuration in force, where nothing about them was changed. A file is
    /// read anew in any case, and its last good keys stay when it cannot be; keys of a URL go on as they are.
    ///
    /// Blocks on the disk.
    pub(super) fn new(issuer: &Issuer, clock: &SharedClock, before: Option<&Self>) -> Self {
        match (&issuer.keys, before) {
            (KeySource::File(file), before) => match read(file, issuer) {
                Ok(set) => Self::File { set: Some(Arc::new(set)), read: Some(clock.now()), fault: None },
                Err(fault) => match before {
                    Some(Self::File { set, read, .. }) => {
                        Self::File { set: set.clone(), read: *read, fault: Some(fault) }
                    }
                    _ => Self::File { set: None, read: None, fault: Some(fault) },
                },
            },
            (KeySource::Url { .. }, Some(Self::Url(keys))) => Self::Url(keys.clone()),
            (KeySource::Url { url, ca_file, token_file }, _) => {
                match Place::new(url, ca_file.clone(), token_file.clone()) {
                    Some(place) => Self::Url(Arc::new(FreshKeys::new(issuer, place, clock))),
                    None => Self::Closed { fault: "its jwks_url is no https URL of a host without a user".into() },
                }
            }
        }
    }

    pub(super) fn closed(fault: &str) -> Self {
        Self::Closed { fault: fault.to_owned() }
    }

    /// `None` where none were ever read, or too long ago.
    pub(super) fn believed(&self) -> Option<Believed> {
        match self {
            Self::File { set, .. } => set.clone().map(|set| Believed { set, epoch: 0 }),
            Self::Url(keys) => keys.believed(),
            Self::Closed { .. } => None,
        }
    }

    /// Waits for newer keys, where there may be some: for 2 s at most, and seldom.
    pub(super) async fn look_for_newer(&self) {
        if let Self::Url(keys) = self {
            keys.look_for_newer().await;
        }
    }

    /// Starts the task that keeps them fresh, unless it runs.
    pub(super) fn keep_fresh(&self) {
        if let Self::Url(keys) = self {
            keys.keep_fresh();
        }
    }

    /// What is wrong with them, if something is. They may be believed all the same.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Self::File { fault, .. } => fault.as_ref().map(ToString::to_string),
            Self::Url(keys) => keys.fault(),
            Self::Closed { fault } => Some(fault.clone()),
        }
    }

    /// What is wrong with their file, if they come from one, and whether nothing is believed.
    pub(super) fn file_fault(&self) -> Option<(&Fault, bool)> {
        match self {
            Self::File { set, fault, .. } => fault.as_ref().map(|fault| (fault, set.is_none())),
            Self::Url(_) | Self::Closed { .. } => None,
        }
    }

    /// When they were last read.
    pub(super) fn last_success(&self) -> Option<Timestamp> {
        match self {
            Self::File { read, .. } => *read,
            Self::Url(keys) => keys.last_success(),
            Self::Closed { .. } => None,
        }
    }
}

fn read(file: &Path, issuer: &Issuer) -> Result<KeySet, Fault> {
    let wrong = |text: String| Fault::new(file, None, "", text);
    let mut document = Vec::new();
    File::open(file)
        .and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut document))
        .map_err(|error| wrong(format!("cannot be read: {error}, expected a JWKS")))?;
    KeySet::parse(&document, &issuer.algorithms).map_err(|error| wrong(error.to_string()))
}
