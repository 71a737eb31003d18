//! The inputs on disk, and those that broke a promise.

use pushward_fuzz::Target;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn folder(of: &str, target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of).join(target.name)
}

/// The files of a folder, in the order of their names; none where it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// What once broke a promise.
pub(crate) fn regressions(target: &Target) -> Vec<PathBuf> {
    files(&folder("regressions", target))
}

/// What mutations begin with.
pub(crate) fn seeds(target: &Target) -> Vec<PathBuf> {
    files(&folder("corpus", target))
}

/// Keeps an input that broke a promise, under a name that follows from it.
pub(crate) fn keep(target: &Target, input: &[u8], digest: u64) -> PathBuf {
    let path = folder("artifacts", target).join(format!("{digest:016x}"));
    write(&path, input);
    path
}

/// Where the input stands that runs now, while each is written down.
pub(crate) fn last(target: &Target) -> PathBuf {
    folder("artifacts", target).join("last")
}

pub(crate) fn write(path: &Path, input: &[u8]) {
    fs::create_dir_all(path.parent().unwrap_or(path)).expect("fuzz/artifacts can be made");
    fs::write(path, input).expect("fuzz/artifacts can be written");
}
