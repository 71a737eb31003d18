//! The log on stderr: one line for each event, nothing secret, no client text that could break a line.

use crate::config::Log;
use crate::config::LogFormat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::util::TryInitError;

/// Begins the log of this process. A second call is an error.
pub fn start_log(log: &Log) -> Result<(), TryInitError> {
    // Libraries below a warning are noise, and some print what strangers send at lower levels.
    // The audit is no matter of taste: without a file of its own it stands here at every level.
    let level = log.level.as_str().to_ascii_lowercase();
    let filter = EnvFilter::new(format!("warn,pushward={level},pushward::audit=info"));
    let layer = match log.format {
        LogFormat::Logfmt => tracing_logfmt::builder().layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => {
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
        }
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
}
