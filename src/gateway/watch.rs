//! Files that change, found by looking.
//!
//! Once a second each file is asked for its device, inode, size and times, through symbolic links. Nothing is told of by
//! the kernel: it knows nothing of what other machines write on a network file system, nor that a link far up a path
//! (the `..data` of a Kubernetes volume) leads elsewhere now; a look sees both, with no dependency and no limit to run
//! into. Files are read when nothing about any of them has changed for a second, so none is read half written.

use super::reload::Reloader;
use super::reload::Trigger;
use crate::model::SharedClock;
use crate::model::Tick;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often is looked, and how long nothing may change before the files are read: the second.
const EVERY: Duration = Duration::from_secs(1);
/// Chosen: who writes a configuration for longer than this writes something else.
const RESTLESS: Duration = Duration::from_secs(60);

/// What can be told of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    /// Of the inode: a change of mode, and one that set the time of the content back.
    changed: (i64, i64),
}

/// A file, a directory with what stands in it, or nothing that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    File(Stat),
    /// Without hidden names, which are editors' and volumes' own.
    Directory(BTreeMap<OsString, Option<Stat>>),
    Nothing,
}

/// All of them at one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen(BTreeMap<PathBuf, Look>);

/// What was read last, and what has changed since.
#[derive(Debug, Default)]
struct Rest {
    /// `None`: nothing was read here yet. What changed between the start's reading and the first look is read then.
    read: Option<Seen>,
    /// The last look, and since when it is the same.
    pending: Option<(Seen, Tick)>,
    /// Since when the files differ from what was read, and whether that was complained of.
    restless: Option<(Tick, bool)>,
}

/// Looks until the shutdown, and reloads when what has changed has come to rest.
pub(super) async fn watch(reloader: Reloader, clock: SharedClock, shutdown: CancellationToken) {
    let mut rest = Rest::default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = clock.sleep_until(clock.tick().after(EVERY)) => {}
        }
        let Some(files) = reloader.watched() else {
            rest = Rest::default();
            continue;
        };
        // A file system that does not answer keeps this task waiting, and nobody else.
        let looking = tokio::task::spawn_blocking(move || Seen::of(files));
        let seen = tokio::select! {
            () = shutdown.cancelled() => return,
            seen = looking => seen,
        };
        if let Ok(seen) = seen
            && rest.has_come(seen, clock.tick())
        {
            // What became of it is in the log and the metrics.
            let _ = reloader.reload(Trigger::Watch).await;
        }
    }
}

impl Rest {
    /// Whether `seen` is new and at rest, and so to be read.
    fn has_come(&mut self, seen: Seen, now: Tick) -> bool {
        if self.read.as_ref() == Some(&seen) {
            (self.pending, self.restless) = (None, None);
            return false;
        }
        let (since, complained) = *self.restless.get_or_insert((now, false));
        match &self.pending {
            Some((pending, at)) if *pending == seen => {
                if now.since(*at) < EVERY {
                    return false;
                }
                *self = Self { read: Some(seen), pending: None, restless: None };
                return true;
            }
            Some((pending, _)) if !complained && now.since(since) >= RESTLESS => {
                let file = seen.differs_from(pending).map(|path| path.display().to_string());
                tracing::warn!(file, "a file does not stop changing, so the configuration's files are not read");
                self.restless = Some((since, true));
            }
            _ => {}
        }
        self.pending = Some((seen, now));
        false
    }
}

impl Seen {
    fn of(files: BTreeSet<PathBuf>) -> Self {
        Self(files.into_iter().map(|path| (path.clone(), Look::at(&path))).collect())
    }

    /// One of the files that are not as they were.
    fn differs_from(&self, other: &Self) -> Option<&Path> {
        self.0.iter().find(|(path, look)| other.0.get(*path) != Some(*look)).map(|(path, _)| path.as_path())
    }
}

impl Look {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs::read_dir(path).map_or(Self::Nothing, |entries| {
                let shown = entries.filter_map(Result::ok).filter(|entry| !is_hidden(&entry.file_name()));
                // Followed, as the file itself would be: `DirEntry::metadata` does not.
                let stat = |entry: fs::DirEntry| (entry.file_name(), fs::metadata(entry.path()).ok().map(Stat::of));
                Self::Directory(shown.map(stat).collect())
            }),
            Ok(metadata) => Self::File(Stat::of(metadata)),
            Err(_) => Self::Nothing,
        }
    }
}

impl Stat {
    #[expect(clippy::needless_pass_by_value, reason = "it is what a map over a result hands on")]
    fn of(metadata: Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn is_hidden(name: &OsString) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::Rest;
    use super::Seen;
    use crate::model::Tick;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use tempfile::TempDir;

    fn at(millis: u64) -> Tick {
        Tick::from_nanos(millis * 1_000_000)
    }

    fn look(path: &Path) -> Seen {
        Seen::of([path.to_owned()].into())
    }

    #[test]
    fn a_file_is_read_when_it_has_rested_for_a_second_and_then_once() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("users");
        fs::write(&file, "a").unwrap();
        let mut rest = Rest::default();
        assert!(!rest.has_come(look(&file), at(0)));
        assert!(rest.has_come(look(&file), at(1000)), "the first look counts as a change");
        assert!(!rest.has_come(look(&file), at(2000)));
        for (n, text) in ["ab", "abc", "abcd"].into_iter().enumerate() {
            fs::write(&file, text).unwrap();
            assert!(!rest.has_come(look(&file), at(3000 + 1000 * n as u64)), "half written: {text}");
        }
        assert!(!rest.has_come(look(&file), at(5999)));
        assert!(rest.has_come(look(&file), at(6000)));
        assert!(!rest.has_come(look(&file), at(7000)));
    }

    #[test]
    fn a_file_that_never_rests_is_never_read() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("users");
        let mut rest = Rest::default();
        for n in 0..200_usize {
            fs::write(&file, "x".repeat(n)).unwrap();
            assert!(!rest.has_come(look(&file), at(1000 * n as u64)));
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change_also_far_up_the_path() {
        let dir = TempDir::new().unwrap();
        for version in ["one", "two"] {
            fs::create_dir(dir.path().join(version)).unwrap();
            fs::write(dir.path().join(version).join("tls.crt"), "same size").unwrap();
        }
        symlink("one", dir.path().join("..data")).unwrap();
        symlink("..data/tls.crt", dir.path().join("tls.crt")).unwrap();
        let before = look(&dir.path().join("tls.crt"));
        symlink("two", dir.path().join("new")).unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("..data")).unwrap();
        assert_ne!(look(&dir.path().join("tls.crt")), before);
    }

    #[test]
    fn what_comes_to_a_directory_or_goes_or_changes_there_is_a_change_and_hidden_names_are_not() {
        let dir = TempDir::new().unwrap();
        let mut looks = vec![look(dir.path())];
        fs::write(dir.path().join("red.yml"), "a").unwrap();
        looks.push(look(dir.path()));
        fs::write(dir.path().join("red.yml"), "ab").unwrap();
        looks.push(look(dir.path()));
        fs::remove_file(dir.path().join("red.yml")).unwrap();
        assert!(looks.windows(2).all(|pair| pair[0] != pair[1]));
        fs::write(dir.path().join(".red.yml.swp"), "x").unwrap();
        assert_eq!(look(dir.path()), looks[0]);
        fs::remove_file(dir.path().join(".red.yml.swp")).unwrap();
        let there = look(dir.path());
        dir.close().unwrap();
        assert_ne!(look(Path::new("/nonexistent")), there);
    }
}
