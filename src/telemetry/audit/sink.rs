//! Where the lines go.

use super::line;
use super::writer::Entry;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("audit.file {} cannot be opened: {source}", file.display())]
    Open { file: PathBuf, source: io::Error },
    #[error("the thread of the audit does not start: {0}")]
    Thread(io::Error),
}

/// What takes lines.
pub(super) enum Sink {
    /// The log of the process: as sure as the log is.
    Log,
    File(Appended),
    Writer(Box<dyn Write + Send>),
}

/// A file that is only ever appended to.
pub(super) struct Appended {
    path: PathBuf,
    file: File,
    /// Its last line has no end: a write failed in the middle.
    torn: bool,
}

impl Sink {
    pub(super) fn file(path: &Path) -> Result<Self, AuditError> {
        let appended = Appended::open(path);
        appended.map(Self::File).map_err(|source| AuditError::Open { file: path.to_owned(), source })
    }

    /// All of them, or an error: then some may have been written.
    pub(super) fn write<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> io::Result<()> {
        if let Self::Log = self {
            entries.for_each(log);
            return Ok(());
        }
        let mut lines = String::new();
        for entry in entries {
            line::write(&mut lines, entry.at, &entry.event);
        }
        if lines.is_empty() {
            return Ok(());
        }
        match self {
            Self::File(file) => file.append(&lines),
            Self::Writer(writer) => writer.write_all(lines.as_bytes()).and_then(|()| writer.flush()),
            Self::Log => Ok(()),
        }
    }

    pub(super) fn reopen(&mut self) {
        if let Self::File(appended) = self {
            match Appended::open(&appended.path) {
                Ok(anew) => *appended = anew,
                Err(error) => {
                    let file = appended.path.display();
                    tracing::error!(%file, %error, "audit.file cannot be opened anew: the one that was open is kept");
                }
            }
        }
    }
}

impl Appended {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file, torn: is_torn(path), path: path.to_owned() })
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(lines.as_bytes())?;
        self.torn = false;
        Ok(())
    }
}

/// Whether a file ends amid a line, as a machine that stopped may have left it. What cannot be asked is not.
fn is_torn(path: &Path) -> bool {
    let last = || -> io::Result<u8> {
        let is_file = path.metadata()?.is_file();
        let mut file = if is_file { File::open(path)? } else { return Ok(b'\n') };
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        let [last] = last;
        Ok(last)
    };
    last().is_ok_and(|last| last != b'\n')
}

fn log(Entry { event, .. }: &Entry) {
    let who = event.who.as_deref();
    tracing::info!(
        target: "pushward::audit",
        event = event.event,
        request = event.request.map(tracing::field::display),
        peer = event.peer.map(tracing::field::display),
        tenant = who.and_then(|who| who.tenant.as_ref()).map(tracing::field::display),
        operator = who.and_then(|who| who.operator.as_deref()),
        credential = who.map(|who| who.credential.as_str()),
        code = event.code,
        details = line::details(event),
        "audit"
    );
}
