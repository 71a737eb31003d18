//! What the operating system says of this process, read when it is asked for.

use super::health::Health;
use crate::model::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;

/// The usual `process_*` metrics, from `/proc/self`. What cannot be read is left out.
#[derive(Debug)]
pub(super) struct Process {
    started: Timestamp,
}

impl Process {
    pub(super) fn new(started: Timestamp) -> Self {
        Self { started }
    }
}

/// Linux counts CPU time in hundredths of a second for every program (`USER_HZ`, 100 on all its platforms of today).
const TICKS_PER_SECOND: f64 = 100.0;
/// The unit of the sizes in `/proc/self/status`, whatever the page size.
const KIB: u64 = 1024;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let start = self.started.as_unix_seconds_f64();
        gauge(&mut encoder, "process_start_time_seconds", "When the process started, in Unix seconds", start)?;
        if let Some(seconds) = cpu_seconds() {
            let name = "process_cpu_seconds";
            let descriptor = encoder.encode_descriptor(name, "CPU time used, in seconds", None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(descriptor)?;
        }
        if let Some(bytes) = status_kib("VmRSS:") {
            gauge(&mut encoder, "process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Some(bytes) = status_kib("VmSize:") {
            gauge(&mut encoder, "process_virtual_memory_bytes", "Virtual memory", bytes)?;
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            #[expect(clippy::cast_precision_loss, reason = "open files are far below 2^52")]
            let open = files.count() as f64;
            gauge(&mut encoder, "process_open_fds", "Open file descriptors", open)?;
        }
        if let Some(max) = fds_max() {
            gauge(&mut encoder, "process_max_fds", "File descriptors that may be open", max)?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// User and system time: the 14th and 15th fields of `stat`, counted behind the program's name in parentheses.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn status_kib(key: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    Some((kib * KIB) as f64)
}

fn fds_max() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `pushward_degraded{reason}`: one for each reason there is, none when all is well.
#[derive(Debug)]
pub(super) struct Degraded(pub(super) Health);

impl Collector for Degraded {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "What is wrong: loading and stopping keep the gateway from being ready, other reasons do not";
        let mut family = encoder.encode_descriptor("pushward_degraded", help, None, MetricType::Gauge)?;
        for reason in self.0.reasons().into_iter().chain(self.0.degraded()) {
            ConstGauge::new(1_i64).encode(family.encode_family(&[("reason", reason)])?)?;
        }
        Ok(())
    }
}
