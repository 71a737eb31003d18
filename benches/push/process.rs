//! A server's processes: started on a core of their own, and what the kernel says they spent.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// The kernel's unit in `/proc/stat`: a hundredth of a second on every Linux of today.
const TICK: Duration = Duration::from_millis(10);
/// The core of the servers, and that of the load.
const SERVERS: &str = "1";
const LOAD: &str = "0";

/// A process, which ends with this value.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of nginx the worker ends with its master, which a signal that it can see has to tell.
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        for _ in 0..100 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process and its children spent until now, and what its core did meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    at: Instant,
    /// User and kernel time of each thread, to the nanosecond.
    cpu: Threads,
    /// Of this process, which is the load.
    load: Threads,
    /// All that ran on the core of the servers.
    core: Duration,
}

/// What was spent between two [`Account`]s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Shares of a core: of the load, and of what was neither and ran on the servers' core.
    pub(crate) load: f64,
    pub(crate) foreign: f64,
}

impl Account {
    pub(crate) fn of(processes: &[Process]) -> Self {
        let cpu = processes.iter().flat_map(|process| family(process.id())).flat_map(threads).collect();
        Self { at: Instant::now(), cpu, load: threads(std::process::id()).collect(), core: core() }
    }

    pub(crate) fn until(&self, later: &Self) -> Spent {
        let wall = later.at - self.at;
        let [cpu, load] =
            [(&self.cpu, &later.cpu), (&self.load, &later.load)].map(|(before, after)| spent(before, after));
        let share = |time: Duration| time.as_secs_f64() / wall.as_secs_f64();
        let core = later.core.saturating_sub(self.core);
        Spent { wall, cpu, load: share(load), foreign: share(core.saturating_sub(cpu)) }
    }
}

/// By its number.
type Threads = HashMap<PathBuf, u64>;

/// A thread that has ended meanwhile takes with it what it spent; it must not be subtracted.
fn spent(before: &Threads, after: &Threads) -> Duration {
    let of = |(thread, cpu): (&PathBuf, &u64)| cpu.saturating_sub(before.get(thread).copied().unwrap_or(0));
    Duration::from_nanos(after.iter().map(of).sum())
}

/// A process and all that it started.
fn family(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    for task in tasks(id) {
        let children = fs::read_to_string(task.join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().flat_map(|child| family(child.parse().unwrap())));
    }
    all
}

fn tasks(id: u32) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten().map(|task| task.path())
}

fn threads(id: u32) -> impl Iterator<Item = (PathBuf, u64)> {
    tasks(id).filter_map(|task| {
        let text = fs::read_to_string(task.join("schedstat")).ok()?;
        let cpu = text.split(' ').next()?.parse().ok()?;
        Some((task, cpu))
    })
}

/// What ran on the servers' core since the machine started; nothing where there is but one.
fn core() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = stat.lines().find_map(|line| line.strip_prefix(&format!("cpu{SERVERS} "))) else {
        return Duration::ZERO;
    };
    let figures: Vec<u32> = line.split(' ').map(|figure| figure.parse().unwrap_or(0)).collect();
    // user nice system idle iowait irq softirq steal
    TICK * figures
        .iter()
        .take(8)
        .enumerate()
        .filter(|(n, _)| ![3, 4].contains(n))
        .map(|(_, figure)| figure)
        .sum::<u32>()
}

/// Resident bytes of a process: now, and at most since the last [`forget_peak`].
pub(crate) fn resident(id: u32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let kib = status.split_once(name).unwrap().1.trim().split(' ').next().unwrap();
        kib.parse::<u64>().unwrap() * 1024
    })
}

/// From now on the peak is counted anew.
pub(crate) fn forget_peak(id: u32) {
    fs::write(format!("/proc/{id}/clear_refs"), "5").unwrap();
}

fn two_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
        && Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok()
}

/// On the second core where there is one, so that the load does not sit on the server's.
pub(crate) fn pinned(program: impl AsRef<Path>) -> Command {
    let program = program.as_ref();
    // Asked anew, as this process may be pinned to the other core by now.
    if !Command::new("taskset")
        .args(["-c", SERVERS, "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|it| it.success())
    {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", SERVERS]).arg(program);
    command
}

/// This process, with all that it starts but what is [`pinned`]; whether there is a core for each.
pub(crate) fn pin_load() -> bool {
    let id = std::process::id().to_string();
    two_cores()
        && Command::new("taskset")
            .args(["-p", "-c", LOAD, &id])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn until_listening(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "no server listens");
        std::thread::sleep(Duration::from_millis(20));
    }
}
