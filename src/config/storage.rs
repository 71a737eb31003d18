//! `storage`: where pushes are kept, and what an acknowledgement promises.

use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Storage {
    pub path: PathBuf,
    pub durability: Durability,
}

/// What has happened to a push when it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is in memory: a restart loses it.
    #[default]
    Memory,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            path: "data".into(),
            durability: Durability::default(),
        }
    }
}
