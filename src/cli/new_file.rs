//! Files that are made and never overwritten.

use super::Trouble;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who may read a new file, or look into a new directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Its owner: mode 0600, of a directory 0700, from the moment it exists.
    Owner,
    /// Everybody the umask lets.
    Everybody,
}

/// Makes `path` with `content`. What is there already stays, and is an error.
pub(super) fn create(path: &Path, content: &str, audience: Audience) -> Result<(), Trouble> {
    let mode = match audience {
        Audience::Owner => 0o600,
        Audience::Everybody => 0o644,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|error| failure("make", path, &error))
}

/// Makes the directory and those above it, unless they are there.
pub(super) fn directory(path: &Path, audience: Audience) -> Result<(), Trouble> {
    let mode = match audience {
        Audience::Owner => 0o700,
        Audience::Everybody => 0o755,
    };
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| failure("make", path, &error))
}

fn failure(verb: &str, path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Failure(format!("cannot {verb} {}: {error}", path.display()))
}
