//! The log on stderr: one line for each event, nothing secret, no client text that could break a line.

use super::lines::Lines;
use crate::config::Log;
use crate::config::LogFormat;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::util::TryInitError;

/// Chosen: how long the end of the process waits for whoever reads its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// There is one log of a process, as there is one stderr.
static LINES: OnceLock<Lines> = OnceLock::new();

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the thread of the log does not start: {0}")]
    Thread(#[from] io::Error),
    #[error(transparent)]
    Begun(#[from] TryInitError),
}

/// Begins the log of this process. A second call is an error.
///
/// Whoever logs waits for nobody: a thread of its own writes, and lines that nobody takes are dropped and counted. From now on
/// that holds for whoever panics, too.
pub fn start_log(log: &Log) -> Result<(), LogError> {
    // Libraries below a warning are noise, and some print what strangers send at lower levels.
    // The audit is no matter of taste: without a file of its own it stands here at every level.
    let level = log.level.as_str().to_ascii_lowercase();
    let filter = EnvFilter::new(format!("warn,pushward={level},pushward::audit=info"));
    let begun = Lines::to(io::stderr())?;
    let lines = LINES.get_or_init(|| begun);
    let layer = match log.format {
        LogFormat::Logfmt => tracing_logfmt::builder().layer().with_writer(lines).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(lines).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
    std::panic::set_hook(Box::new(tell_of_panic));
    Ok(())
}

/// A line with the place and not with the words, which may quote what a client sent. Rust's own hook writes to stderr itself, and
/// would wait for whoever does not read it, with all that the thread has to do.
fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(at, "panicked, which is a defect of the gateway");
}

/// Returns when every line is written, or after a second: the last thing that a process does.
pub fn flush_log() {
    if let Some(lines) = LINES.get() {
        lines.flush(LAST_WORDS);
    }
}

/// Counts the lines that were not written.
pub(super) fn lines_dropped() -> Counter {
    LINES.get().map(Lines::dropped).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::tell_of_panic;
    use parking_lot::Mutex;
    use std::io;
    use std::io::Write;
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_line_of_the_log_with_its_place_and_without_its_words() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_logfmt::builder().layer().with_writer(move || writer.clone());
        // There is one hook of a process. Whatever panics on other threads meanwhile is told to nobody.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(tell_of_panic));
        let ended = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            std::panic::catch_unwind(|| panic!("a client's own words"))
        });
        std::panic::set_hook(before);
        assert!(ended.is_err());
        let line = String::from_utf8(kept.0.lock().clone()).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(file!()) && line.contains("level=error") && !line.contains("words"), "{line}");
    }
}
