//! The gateway as a process: its runtime, its log, its signals.

use crate::config::Config;
use crate::gateway::Beginning;
use crate::gateway::Gateway;
use crate::gateway::Reloader;
use crate::gateway::StartError;
use crate::gateway::Trigger;
use crate::listener::PassedSockets;
use crate::model::SharedClock;
use crate::telemetry::flush_log;
use crate::telemetry::start_log;
use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;

/// Runs a gateway until SIGTERM or SIGINT, and then until its requests are answered. A second signal ends it at once.
/// SIGHUP reloads its configuration.
///
/// Success is a clean stop; whatever kept it from starting is a failure, and is logged.
pub fn serve_until_stopped(beginning: Beginning, clock: SharedClock) -> ExitCode {
    // Only a test begins a second log in one process.
    let _ = start_log(&beginning.reading.config.log);
    let ended = serve_to_its_end(beginning, clock);
    flush_log();
    ended
}

fn serve_to_its_end(beginning: Beginning, clock: SharedClock) -> ExitCode {
    let config = &beginning.reading.config;
    raise_descriptor_limit(config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(serve(beginning, clock));
    runtime.shutdown_timeout(LEFT_OVER);
    served.unwrap_or_else(|error| {
        tracing::error!(%error, "the gateway does not start");
        ExitCode::FAILURE
    })
}

/// Chosen: how long the end waits for a reload under way, whose file system may never answer. All requests are answered.
const LEFT_OVER: Duration = Duration::from_secs(1);

/// Descriptors besides those of connections: files, sockets of listeners, the runtime's own.
const DESCRIPTORS_BESIDES: u64 = 64;

/// Lets this process open as many files as it may. The usual soft limit of 1,024 would let a thousand strangers keep
/// everybody else out, long before the caps do.
fn raise_descriptor_limit(config: &Config) {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    // A socket may wait for its slot, so there may be twice as many as slots.
    let listeners = config.listeners.iter().chain([&config.ops.listener]);
    let connections: u64 = listeners.map(|listener| listener.connections_max as u64).sum();
    let needed = connections.saturating_mul(2).saturating_add(DESCRIPTORS_BESIDES);
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => {
            tracing::warn!(allowed, needed, "fewer files may be open than connections_max asks for");
        }
        _ => {}
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

async fn serve(beginning: Beginning, clock: SharedClock) -> Result<ExitCode, ServeError> {
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Before anybody can know that the process is there: unhandled, it would be its end.
    let hangups = signal(SignalKind::hangup())?;
    // Asked for here and not in the gateway: what a process is given, it is given once.
    let passed = PassedSockets::from_environment().map_err(StartError::Passed)?;
    let gateway = Gateway::bind_with(beginning, passed, clock)?;
    let (addresses, ops) = (gateway.addresses(), gateway.ops_addresses());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?addresses, ?ops, "serving");
    let shutdown = CancellationToken::new();
    let reloader = gateway.reloader();
    let running = gateway.run(shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => {
            ended.map_err(StartError::from)?;
            return Ok(ExitCode::SUCCESS);
        }
        () = reload_at(hangups, &reloader) => {}
        () = either(&mut signals) => tracing::info!("stopping: requests under way are answered"),
    }
    shutdown.cancel();
    tokio::select! {
        ended = running => {
            ended.map_err(StartError::from)?;
            tracing::info!("stopped");
            Ok(ExitCode::SUCCESS)
        }
        () = either(&mut signals) => {
            tracing::warn!("stopped at once by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Never ends. Signals that come while a reload is under way are one signal.
async fn reload_at(mut hangups: Signal, reloader: &Reloader) {
    while hangups.recv().await.is_some() {
        // What became of it is in the log and the metrics.
        let _ = reloader.reload(Trigger::Signal).await;
    }
    std::future::pending().await
}

async fn either((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
