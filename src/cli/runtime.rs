//! The gateway as a process: its runtime, its log, its signals.

use crate::config::Config;
use crate::gateway::Gateway;
use crate::gateway::StartError;
use crate::model::SharedClock;
use crate::telemetry::start_log;
use std::io;
use std::process::ExitCode;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;

/// Runs a gateway until SIGTERM or SIGINT, and then until its requests are answered. A second signal ends it at once.
///
/// Success is a clean stop; whatever kept it from starting is a failure, and is logged.
pub fn serve_until_stopped(config: &Config, clock: SharedClock) -> ExitCode {
    // Only a test begins a second log in one process.
    let _ = start_log(&config.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(config, clock)) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(%error, "the gateway does not start");
            ExitCode::FAILURE
        }
    }
}

/// Why a process does not serve.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("signals cannot be received: {0}")]
    Signals(#[from] io::Error),
}

async fn serve(config: &Config, clock: SharedClock) -> Result<ExitCode, ServeError> {
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let gateway = Gateway::bind(config, clock)?;
    let (addresses, ops) = (gateway.addresses(), gateway.ops_addresses());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?addresses, ?ops, "serving");
    let shutdown = CancellationToken::new();
    let running = gateway.run(shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        () = &mut running => return Ok(ExitCode::SUCCESS),
        () = either(&mut signals) => tracing::info!("stopping: requests under way are answered"),
    }
    shutdown.cancel();
    tokio::select! {
        () = running => {
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        () = either(&mut signals) => {
            tracing::warn!("stopped at once by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn either((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
