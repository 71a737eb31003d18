//! File systems of their own.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A directory in which something is mounted until this is dropped.
pub(super) struct Mounted(TempDir);

impl Mounted {
    pub(super) fn new(arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        command("mount", &[arguments, &[dir.path().to_str().unwrap()]].concat());
        Self(dir)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn again(&self, option: &str) {
        command("mount", &["-o", &format!("remount,{option}"), self.path().to_str().unwrap()]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(self.path()).output();
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

pub(super) fn command(name: &str, arguments: &[&str]) {
    let output = Command::new(name).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
}
