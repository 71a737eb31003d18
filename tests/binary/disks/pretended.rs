//! A disk that fails as it is told: what the program asks of the C library goes through `pretended.c` first, which needs no more
//! than the compiler that the program itself is built with.

use super::mounted::command;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A directory for data, and what befalls it.
pub(super) struct Pretended {
    dir: TempDir,
}

impl Pretended {
    pub(super) fn new() -> Self {
        let disk = Self { dir: TempDir::new().unwrap() };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/binary/disks/pretended.c");
        let library = disk.library();
        command("cc", &["-shared", "-fPIC", "-O1", "-o", library.to_str().unwrap(), source, "-ldl"]);
        fs::create_dir(disk.faults()).unwrap();
        disk
    }

    fn library(&self) -> PathBuf {
        self.dir.path().join("pretended.so")
    }

    fn faults(&self) -> PathBuf {
        self.dir.path().join("faults")
    }

    /// As the kernel calls it.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("data")
    }

    pub(super) fn put_before(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library());
        command.env("PRETENDED_DATA", self.data()).env("PRETENDED_FAULTS", self.faults());
    }

    /// From now on, in the way that `pretended.c` names so.
    pub(super) fn fails(&self, fault: &str) {
        fs::write(self.faults().join(fault), "").unwrap();
    }

    pub(super) fn is_well(&self, fault: &str) {
        let _ = fs::remove_file(self.faults().join(fault));
    }
}
