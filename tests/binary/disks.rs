//! Disks that are full, cannot be written to, or do not answer, and the program goes on.
//!
//! Most of them are file systems of their own, which takes root to mount; without it these tests say so and pass.
#![expect(clippy::print_stderr, reason = "a test that was skipped says so")]

use crate::client::answer;
use crate::client::body_of;
use crate::client::connect;
use crate::client::exchange;
use crate::client::head;
use crate::program::Program;
use crate::program::run;
use crate::program::wait_for;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A directory in which something is mounted until this is dropped.
struct Mounted(TempDir);

impl Mounted {
    /// `None`, and said so, where nothing can be mounted.
    fn new(arguments: &[&str]) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let path = dir.path().to_str().unwrap();
        let mounted = Command::new("mount").args(arguments).arg(path).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("SKIPPED: this takes root, and to mount a file system ({arguments:?})");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn again(&self, option: &str) {
        command("mount", &["-o", &format!("remount,{option}"), self.path().to_str().unwrap()]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(self.path()).output();
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn command(name: &str, arguments: &[&str]) {
    let output = Command::new(name).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
}

/// A configuration whose data stand in `data`, and a token.
struct Site {
    dir: TempDir,
    bearer: String,
}

impl Site {
    fn new(data: &Path) -> Self {
        let dir = TempDir::new().unwrap();
        let scopes = ["push", "delete", "read", "admin"].map(|scope| ["--scope", scope]);
        let made = run(&[&["token", "new", "--tenant", "red"][..], scopes.as_flattened()].concat());
        let text = String::from_utf8(made.stdout).unwrap();
        let (token, entry) = text.split_once("\n\n").unwrap();
        let site = Self { dir, bearer: format!("Bearer {token}") };
        let config = format!(
            "listener: {{ address: \"127.0.0.1:0\" }}\nops: {{ address: \"127.0.0.1:0\" }}\n\
             storage: {{ path: {data:?}, durability: fsync }}\ntenants:\n  red:\n    tokens:\n{entry}"
        );
        fs::write(site.file(), config).unwrap();
        site
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("pushward.yml")
    }

    fn serve(&self) -> Program {
        Program::start(&["serve", "--config", self.file().to_str().unwrap()])
    }

    fn ask(&self, program: &Program, method: &str, path: &str, body: &str) -> (u16, String) {
        exchange(connect(program.port()), method, path, &self.bearer, body)
    }

    /// A push of some KiB; whether it was accepted. What refuses it is the storage, and says when to come again.
    fn pushes(&self, program: &Program, job: u64, kib: usize) -> bool {
        let body: String = (0..kib).map(|n| format!("m{{l=\"{n:08}{}\"}} {job}\n", "x".repeat(1000))).collect();
        let (status, text) = self.ask(program, "PUT", &format!("/metrics/job/{job}"), &body);
        if status != 200 {
            assert_eq!(status, 503, "{text}");
            assert!(text.contains("storage_unavailable"), "{text}");
            assert!(text.to_ascii_lowercase().contains("\r\nretry-after: 1\r\n"), "{text}");
        }
        status == 200
    }

    /// The jobs that a scrape shows, each whole.
    fn jobs(&self, program: &Program, kib: usize) -> Vec<u64> {
        let scrape = body_of(self.ask(program, "GET", "/metrics", ""));
        let times = scrape.lines().filter(|line| line.starts_with("push_time_seconds{"));
        let mut jobs: Vec<u64> = times
            .map(|line| line.split_once("job=\"").unwrap().1.split('"').next().unwrap().parse().unwrap())
            .collect();
        jobs.sort_unstable();
        for job in &jobs {
            let lines = scrape.lines().filter(|line| line.starts_with("m{") && line.ends_with(&format!("}} {job}")));
            assert_eq!(lines.count(), kib, "of {job}");
        }
        jobs
    }
}

/// Whether it says so, and is ready nevertheless.
fn is_degraded(program: &Program, reason: &str) -> bool {
    let (status, text) = exchange(connect(program.ops_port()), "GET", "/-/ready", "", "");
    let metrics = exchange(connect(program.ops_port()), "GET", "/metrics", "", "").1;
    let told = metrics.contains(&format!("pushward_degraded{{reason=\"{reason}\"}} 1"));
    // It may have loaded, or been mended, between the two.
    told && status == 200 && text.contains("degraded: ") && text.contains(reason)
}

const KIB: usize = 8;

#[test]
fn a_full_disk_refuses_pushes_and_nothing_else_until_there_is_room() {
    let Some(disk) = Mounted::new(&["-t", "tmpfs", "-o", "size=2m", "pushward-full"]) else { return };
    let site = Site::new(&disk.path().join("data"));
    let mut program = site.serve();
    assert!(site.pushes(&program, 0, KIB));
    let ballast = disk.path().join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let accepted = (1..).take_while(|job| site.pushes(&program, *job, KIB)).last().unwrap_or(0);
    let mut jobs: Vec<u64> = (0..=accepted).collect();
    assert!(jobs.len() < 20, "{jobs:?}");
    assert_eq!(site.jobs(&program, KIB), jobs);
    // While nothing of such a size fits, each is refused, and so are deletes.
    wait_for(|| "no room at all".into(), || (!site.pushes(&program, 900, KIB)).then_some(()));
    assert!(is_degraded(&program, "storage"));
    assert_eq!(site.jobs(&program, KIB), jobs);

    drop(file);
    fs::remove_file(&ballast).unwrap();
    wait_for(|| "room".into(), || site.pushes(&program, 1000, KIB).then_some(()));
    assert!(!is_degraded(&program, "storage"));
    jobs.push(1000);
    assert_eq!(site.jobs(&program, KIB), jobs);
    program.kill();
    let program = site.serve();
    assert_eq!(site.jobs(&program, KIB), jobs);
    assert!(!is_degraded(&program, "quarantine"));
    assert!(site.pushes(&program, 1001, KIB));
}

#[test]
fn a_disk_that_can_only_be_read_is_served_from_and_written_to_once_it_can_be() {
    let Some(disk) = Mounted::new(&["-t", "tmpfs", "-o", "size=8m", "pushward-read-only"]) else { return };
    let site = Site::new(&disk.path().join("data"));
    let mut program = site.serve();
    assert!(site.pushes(&program, 1, KIB));
    program.kill();
    disk.again("ro");
    let program = site.serve();
    assert_eq!(site.jobs(&program, KIB), [1]);
    assert!(is_degraded(&program, "storage"));
    for _ in 0..3 {
        assert!(!site.pushes(&program, 2, KIB));
    }
    let mut second = site.serve();
    assert_eq!(second.exit_code(), Some(1), "it is held although it is not written to: {}", second.said());
    disk.again("rw");
    wait_for(|| "a disk that is written to".into(), || site.pushes(&program, 3, KIB).then_some(()));
    assert!(!is_degraded(&program, "storage"));
    assert_eq!(site.jobs(&program, KIB), [1, 3]);
}

#[test]
fn a_disk_that_does_not_answer_keeps_nobody_waiting_who_comes_later() {
    let image = TempDir::new().unwrap();
    let file = image.path().join("image");
    File::create(&file).unwrap().set_len(16 << 20).unwrap();
    if !Command::new("mkfs.ext4").arg("-qF").arg(&file).output().is_ok_and(|made| made.status.success()) {
        eprintln!("SKIPPED: this takes mkfs.ext4");
        return;
    }
    let Some(disk) = Mounted::new(&["-o", "loop", file.to_str().unwrap()]) else { return };
    let site = Site::new(&disk.path().join("data"));
    let program = site.serve();
    assert!(site.pushes(&program, 1, KIB));
    command("fsfreeze", &["-f", disk.path().to_str().unwrap()]);
    let begin = |job: u64| -> TcpStream {
        let mut stream = connect(program.port());
        let body: String = (0..KIB).map(|n| format!("m{{l=\"{n}\"}} {job}\n")).collect();
        let head = head("PUT", &format!("/metrics/job/{job}"), &site.bearer, body.len());
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        stream
    };
    let held = begin(2);
    wait_for(|| "word of it".into(), || is_degraded(&program, "storage_hangs").then_some(()));
    // Who comes now is told at once, and readers never noticed.
    assert!(!site.pushes(&program, 3, KIB));
    assert_eq!(site.jobs(&program, KIB), [1]);
    command("fsfreeze", &["-u", disk.path().to_str().unwrap()]);
    assert_eq!(answer(held).0, 200, "it was in the batch that the disk has taken now");
    wait_for(|| "an end of it".into(), || (!is_degraded(&program, "storage_hangs")).then_some(()));
    assert!(site.pushes(&program, 4, KIB));
    assert_eq!(site.jobs(&program, KIB), [1, 2, 4]);
}

/// Needs no root: no file may be longer than this, so that a write fails in its midst.
#[test]
fn a_write_that_is_cut_off_leaves_no_trace() {
    let dir = TempDir::new().unwrap();
    let site = Site::new(&dir.path().join("data"));
    let limited = |config: &Path| {
        // Without the trap the signal would end the process before it sees the error.
        let limited = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", limited, env!("CARGO_BIN_EXE_pushward"), "serve", "--config"]).arg(config);
        Program::spawn(&mut command)
    };
    let mut program = limited(&site.file());
    let mut jobs = Vec::new();
    let mut refused = 0;
    for job in 0..200 {
        match site.pushes(&program, job, KIB) {
            true => jobs.push(job),
            false => refused += 1,
        }
        if job % 40 == 39 {
            assert_eq!(site.jobs(&program, KIB), jobs);
            program.kill();
            program = limited(&site.file());
            assert_eq!(site.jobs(&program, KIB), jobs, "after a kill");
            assert!(!is_degraded(&program, "quarantine"));
        }
    }
    assert!(refused > 3 && jobs.len() > 100, "{refused} refused, {} accepted", jobs.len());
}
