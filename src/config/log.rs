//! `log`: the log on stderr.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;

pub(super) const LOG: Keys = Keys { known: &["format", "level"], later: &[] };

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: tracing::Level,
}

/// One line for each event, in either form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Logfmt,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: tracing::Level::INFO }
    }
}

impl Log {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let default = Self::default();
        let Some(section) = field.section(&LOG, faults) else {
            return default;
        };
        let formats = [("logfmt", LogFormat::Logfmt), ("json", LogFormat::Json)];
        let levels = [
            ("error", tracing::Level::ERROR),
            ("warn", tracing::Level::WARN),
            ("info", tracing::Level::INFO),
            ("debug", tracing::Level::DEBUG),
            ("trace", tracing::Level::TRACE),
        ];
        Self {
            format: section.word("format", &formats, faults).unwrap_or(default.format),
            level: section.word("level", &levels, faults).unwrap_or(default.level),
        }
    }
}
