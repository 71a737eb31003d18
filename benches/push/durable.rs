//! What it costs to keep a push: beside a gateway that keeps nothing, and beside what the disk takes by itself. `durable rates`,
//! `durable day` and `durable million` measure a part of it.

use super::body;
use super::load::Client;
use super::median;
use super::server::PLENTY;
use super::server::Server;
use super::server::serve;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

const ROUNDS: usize = 3;
/// Of a day's minutes so many are pushed: one in ten.
const MINUTES: usize = 144;
/// A million series.
const GROUPS: usize = 10_000;

/// A server with its folder.
struct Kept {
    folder: PathBuf,
    server: Server,
}

impl Kept {
    fn start(folder: &Path, durability: &str) -> Self {
        let folder = folder.join(durability);
        let limits = format!("{PLENTY}, in_flight_max: 100000, waiting_max: 100000");
        let server = Server::configured(&folder, &limits, |file| {
            let text = fs::read_to_string(file).unwrap().replace("storage: { durability: memory }\n", "");
            let more = format!(
                "storage: {{ path: data, durability: {durability} }}\ngateway: {{ stored_bytes_max: 16GiB }}\n"
            );
            fs::write(file, text + &more).unwrap();
            serve(file)
        });
        until_ready(&folder);
        Self { folder, server }
    }

    /// The CPU time of all threads, in microseconds.
    fn cpu(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.server.id())).unwrap();
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        };
        tasks.flatten().filter_map(of_task).sum::<f64>() / 1e3
    }

    fn bytes(&self) -> u64 {
        let Ok(files) = fs::read_dir(self.folder.join("data")) else { return 0 };
        files.flatten().map(|file| file.metadata().unwrap().len()).sum()
    }

    /// How many bytes the process asked to be written, and how many the kernel has to write for it.
    fn io(&self) -> [u64; 2] {
        let io = fs::read_to_string(format!("/proc/{}/io", self.server.id())).unwrap();
        ["wchar: ", "\nwrite_bytes: "]
            .map(|name| io.split_once(name).unwrap().1.lines().next().unwrap().parse().unwrap())
    }

    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let kib = status.split_once("VmRSS:").unwrap().1.trim().split(' ').next().unwrap();
        kib.parse::<f64>().unwrap() / 1024.0
    }

    /// Pushes `body` to `groups` groups in turn by so many connections, until there were so many pushes or the time is over; how
    /// long each took.
    fn push(&self, body: &str, groups: usize, connections: usize, pushes: usize, time: Duration) -> Vec<Duration> {
        let authorizations = self.server.authorizations();
        let client = Arc::new(Client::new(&self.server.target(authorizations, body, groups)));
        let next = Arc::new(AtomicUsize::new(0));
        let end = Instant::now() + time;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..connections {
                let (client, next, authorization) = (client.clone(), next.clone(), authorizations[0].clone());
                let body = body.to_owned();
                tasks.spawn(async move {
                    let (mut stream, mut took) = (client.connect().await, Vec::new());
                    loop {
                        let push = next.fetch_add(1, Ordering::Relaxed);
                        if push >= pushes || Instant::now() >= end {
                            return took;
                        }
                        let request = format!(
                            "PUT /metrics/job/bench/instance/{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
                             Content-Length: {}\r\n\r\n{body}",
                            push % groups,
                            body.len()
                        );
                        let sent = Instant::now();
                        assert_eq!(client.status(&mut stream, request.as_bytes()).await, 200);
                        took.push(sent.elapsed());
                    }
                });
            }
            tasks.join_all().await.concat()
        })
    }
}

/// The second core is the server's; returns when all is loaded.
fn until_ready(folder: &Path) {
    let config = fs::read_to_string(folder.join("pushward.yml")).unwrap();
    let ops = config.split_once("ops: { address: \"").unwrap().1.split('"').next().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(ops) {
            let _ = stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let _ = stream.read_to_string(&mut answer);
        }
        if answer.starts_with("HTTP/1.1 200") {
            return;
        }
        assert!(Instant::now() < deadline, "not ready");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn measure(folder: &Path, round: Duration) {
    let asked: Vec<String> = std::env::args().collect();
    let is_asked = |part: &str| {
        let all = !asked.iter().any(|argument| super::PARTS.contains(&&**argument));
        all || asked.iter().any(|argument| argument == part)
    };
    let body = body::text(10, 1);
    if is_asked("rates") {
        let (kept, memory) = (Kept::start(folder, "fsync"), Kept::start(folder, "memory"));
        println!(
            "{ROUNDS} rounds of {} s, 10 series in {} bytes, text, TLS, token, keep-alive",
            round.as_secs(),
            body.len()
        );
        for connections in [1, 64, 1024] {
            rates(&kept, &memory, &body, connections, round);
        }
    }
    if is_asked("day") {
        a_day(&folder.join("day"), &body);
    }
    if is_asked("million") {
        a_million(&folder.join("million"));
    }
}

fn rates(kept: &Kept, memory: &Kept, body: &str, connections: usize, round: Duration) {
    let (mut ours, mut limits, mut disks, mut p50, mut p99) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut asked, mut written, mut pushes) = (0, 0, 0);
    let (mut our_cpu, mut limit_cpu) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let rate = |server: &Kept| {
            server.push(body, 1000, connections, usize::MAX, Duration::from_millis(300));
            let (io, began, spent) = (server.io(), Instant::now(), server.cpu());
            let mut took = server.push(body, 1000, connections, usize::MAX, round);
            let rate = took.len() as f64 / began.elapsed().as_secs_f64();
            let cpu = (server.cpu() - spent) / took.len() as f64;
            took.sort();
            (rate, took, io, cpu)
        };
        let (limit, .., cpu) = rate(memory);
        limits.push(limit);
        limit_cpu.push(cpu);
        let (rate, took, before, cpu) = rate(kept);
        our_cpu.push(cpu);
        let after = kept.io();
        (asked, written, pushes) = (asked + after[0] - before[0], written + after[1] - before[1], pushes + took.len());
        ours.push(rate);
        p50.push(took[took.len() / 2].as_secs_f64() * 1e3);
        p99.push(took[took.len() * 99 / 100].as_secs_f64() * 1e3);
        disks.push(sync_of(&kept.folder, connections * 1400) * 1e3);
    }
    let [ours, limit, sync, p50, p99] = [ours, limits, disks, p50, p99].map(|mut figures| median(&mut figures));
    let of_disk = connections as f64 / (2.0 * sync / 1e3);
    let target = 0.7 * limit.min(of_disk);
    println!("\n{connections} connections");
    println!(
        "  durable {ours:7.0} pushes/s, p50 {p50:.1} ms, p99 {p99:.1} ms; memory {limit:.0}; fdatasync of a batch {sync:.2} ms, so the disk {of_disk:.0}"
    );
    println!("  {:.2} of the target of {target:.0}", ours / target);
    let [ours, limit] = [our_cpu, limit_cpu].map(|mut figures| median(&mut figures));
    println!("  {ours:.1} µs of CPU a durable push, {limit:.1} in memory");
    let pushed = (pushes * body.len()) as f64;
    println!(
        "  bytes for a byte pushed: asked for {:.2}, on the disk {:.2}",
        asked as f64 / pushed,
        written as f64 / pushed
    );
}

/// The median time of a write and an `fdatasync` of so many bytes, behind each other in one file.
fn sync_of(folder: &Path, bytes: usize) -> f64 {
    let path = folder.join("probe");
    let mut file = File::create(&path).unwrap();
    let batch = vec![b'x'; bytes];
    let mut took: Vec<f64> = (0..40)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&batch).unwrap();
            file.sync_data().unwrap();
            began.elapsed().as_secs_f64()
        })
        .collect();
    fs::remove_file(path).unwrap();
    median(&mut took)
}

fn a_day(folder: &Path, body: &str) {
    let kept = Kept::start(folder, "fsync");
    let (mut largest, before) = (0, kept.io());
    for _ in 0..MINUTES {
        kept.push(body, 1000, 256, 1000, Duration::MAX / 4);
        largest = largest.max(kept.bytes());
    }
    let pushed = (MINUTES * 1000 * body.len()) as f64;
    let [asked, written] = [0, 1].map(|n| (kept.io()[n] - before[n]) as f64 / pushed);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("\n1000 groups of {} bytes pushed {MINUTES} times, a tenth of a day's minutes", body.len());
    println!("  the files: at most {:.1} MiB, at the end {:.1} MiB", mib(largest), mib(kept.bytes()));
    println!("  bytes for a byte pushed: asked for {asked:.2}, on the disk {written:.2}");
}

fn a_million(folder: &Path) {
    let body = body::text(10, 10);
    println!("\n1,000,000 series in {GROUPS} groups");
    let kept = ["fsync", "memory"].map(|durability| {
        let server = Kept::start(folder, durability);
        let empty = server.resident();
        server.push(&body, GROUPS, 128, GROUPS, Duration::MAX / 4);
        println!("  {durability:>6}: {:.0} MiB resident, {:.0} MiB before", server.resident(), empty);
        server
    });
    let [Kept { folder, server }, _] = kept;
    drop(server);
    let read = Instant::now();
    let mut bytes = 0;
    for file in fs::read_dir(folder.join("data")).unwrap().flatten().filter(|file| file.path().is_file()) {
        bytes += fs::read(file.path()).unwrap().len();
    }
    let read = read.elapsed();
    for how in ["after a kill", "after a stop"] {
        let began = Instant::now();
        let mut child: Child = serve(&folder.join("pushward.yml")).stderr(Stdio::null()).spawn().unwrap();
        until_ready(&folder);
        println!(
            "  {how}: ready {:.2} s after the start, from {:.0} MiB, which take {:.2} s to read",
            began.elapsed().as_secs_f64(),
            bytes as f64 / f64::from(1 << 20),
            read.as_secs_f64()
        );
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        println!(
            "    {}",
            status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM")).collect::<String>()
        );
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        child.wait().unwrap();
    }
}
