//! Disks that are full, cannot be written to, or do not answer, and the program goes on.
//!
//! Each is met twice: as the C library under the program pretends it is, which takes nothing, and as a file system of its own
//! that is. The latter takes root to mount, so those tests are ignored in a plain `cargo test`; `./tests/run` runs them, or
//! says loudly that it could not.

mod mounted;
mod pretended;

use self::mounted::Mounted;
use self::mounted::command;
use self::pretended::Pretended;
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

/// A configuration whose data stand in `data`, and a token.
struct Site {
    dir: TempDir,
    bearer: String,
    pretended: Option<Pretended>,
}

impl Site {
    fn new(data: &Path) -> Self {
        let dir = TempDir::new().unwrap();
        let scopes = ["push", "delete", "read", "admin"].map(|scope| ["--scope", scope]);
        let made = run(&[&["token", "new", "--tenant", "red"][..], scopes.as_flattened()].concat());
        let text = String::from_utf8(made.stdout).unwrap();
        let (token, entry) = text.split_once("\n\n").unwrap();
        let site = Self { dir, bearer: format!("Bearer {token}"), pretended: None };
        let config = format!(
            "listener: {{ address: \"127.0.0.1:0\" }}\nops: {{ address: \"127.0.0.1:0\" }}\n\
             storage: {{ path: {data:?}, durability: fsync }}\ntenants:\n  red:\n    tokens:\n{entry}"
        );
        fs::write(site.file(), config).unwrap();
        site
    }

    /// One whose disk fails as it is told.
    fn on_a_pretended_disk() -> Self {
        let pretended = Pretended::new();
        let site = Self::new(&pretended.data());
        Self { pretended: Some(pretended), ..site }
    }

    fn pretended(&self) -> &Pretended {
        self.pretended.as_ref().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("pushward.yml")
    }

    fn serve(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
        command.args(["serve", "--config"]).arg(self.file());
        if let Some(pretended) = &self.pretended {
            pretended.put_before(&mut command);
        }
        Program::spawn(&mut command)
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

/// `fill` leaves no room, `free` gives it back.
fn a_full_disk_refuses_pushes_and_nothing_else(site: &Site, fill: impl FnOnce(), free: impl FnOnce()) {
    let mut program = site.serve();
    assert!(site.pushes(&program, 0, KIB));
    fill();
    let accepted = (1..).take_while(|job| site.pushes(&program, *job, KIB)).last().unwrap_or(0);
    let mut jobs: Vec<u64> = (0..=accepted).collect();
    assert!(jobs.len() < 20, "{jobs:?}");
    assert_eq!(site.jobs(&program, KIB), jobs);
    // While nothing of such a size fits, each is refused, and so are deletes.
    wait_for(|| "no room at all".into(), || (!site.pushes(&program, 900, KIB)).then_some(()));
    assert!(is_degraded(&program, "storage"));
    assert_eq!(site.jobs(&program, KIB), jobs);

    free();
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
fn a_full_disk_refuses_pushes_and_nothing_else_until_there_is_room() {
    let site = Site::on_a_pretended_disk();
    let disk = site.pretended();
    a_full_disk_refuses_pushes_and_nothing_else(&site, || disk.fails("full"), || disk.is_well("full"));
}

#[test]
#[ignore = "takes root, and to mount a file system: ./tests/run"]
fn a_file_system_that_is_full_refuses_pushes_and_nothing_else_until_there_is_room() {
    let disk = Mounted::new(&["-t", "tmpfs", "-o", "size=2m", "pushward-full"]);
    let site = Site::new(&disk.path().join("data"));
    let ballast = disk.path().join("ballast");
    let fill = || {
        let mut file = File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    };
    a_full_disk_refuses_pushes_and_nothing_else(&site, fill, || fs::remove_file(&ballast).unwrap());
}

/// `turn` has it only read from, or written to as well.
fn a_disk_that_can_only_be_read_is_served_from(site: &Site, turn: impl Fn(bool)) {
    let mut program = site.serve();
    assert!(site.pushes(&program, 1, KIB));
    program.kill();
    turn(true);
    let program = site.serve();
    assert_eq!(site.jobs(&program, KIB), [1]);
    assert!(is_degraded(&program, "storage"));
    for _ in 0..3 {
        assert!(!site.pushes(&program, 2, KIB));
    }
    let mut second = site.serve();
    assert_eq!(second.exit_code(), Some(1), "it is held although it is not written to: {}", second.said());
    turn(false);
    wait_for(|| "a disk that is written to".into(), || site.pushes(&program, 3, KIB).then_some(()));
    assert!(!is_degraded(&program, "storage"));
    assert_eq!(site.jobs(&program, KIB), [1, 3]);
}

#[test]
fn a_disk_that_can_only_be_read_is_served_from_and_written_to_once_it_can_be() {
    let site = Site::on_a_pretended_disk();
    let disk = site.pretended();
    let turn = |fails| if fails { disk.fails("read-only") } else { disk.is_well("read-only") };
    a_disk_that_can_only_be_read_is_served_from(&site, turn);
}

#[test]
#[ignore = "takes root, and to mount a file system: ./tests/run"]
fn a_file_system_that_can_only_be_read_is_served_from_and_written_to_once_it_can_be() {
    let disk = Mounted::new(&["-t", "tmpfs", "-o", "size=8m", "pushward-read-only"]);
    let site = Site::new(&disk.path().join("data"));
    a_disk_that_can_only_be_read_is_served_from(&site, |fails| disk.again(if fails { "ro" } else { "rw" }));
}

/// `turn` has it keep silent, or answer again.
fn a_disk_that_does_not_answer_keeps_nobody_waiting(site: &Site, turn: impl Fn(bool)) {
    let program = site.serve();
    assert!(site.pushes(&program, 1, KIB));
    turn(true);
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
    turn(false);
    assert_eq!(answer(held).0, 200, "it was in the batch that the disk has taken now");
    wait_for(|| "an end of it".into(), || (!is_degraded(&program, "storage_hangs")).then_some(()));
    assert!(site.pushes(&program, 4, KIB));
    assert_eq!(site.jobs(&program, KIB), [1, 2, 4]);
}

#[test]
fn a_disk_that_does_not_answer_keeps_nobody_waiting_who_comes_later() {
    let site = Site::on_a_pretended_disk();
    let disk = site.pretended();
    let turn = |fails| if fails { disk.fails("hangs") } else { disk.is_well("hangs") };
    a_disk_that_does_not_answer_keeps_nobody_waiting(&site, turn);
}

#[test]
#[ignore = "takes root, and to mount a file system: ./tests/run"]
fn a_file_system_that_does_not_answer_keeps_nobody_waiting_who_comes_later() {
    let image = TempDir::new().unwrap();
    let file = image.path().join("image");
    File::create(&file).unwrap().set_len(16 << 20).unwrap();
    command("mkfs.ext4", &["-qF", file.to_str().unwrap()]);
    let disk = Mounted::new(&["-o", "loop", file.to_str().unwrap()]);
    let site = Site::new(&disk.path().join("data"));
    let turn = |fails| command("fsfreeze", &[if fails { "-f" } else { "-u" }, disk.path().to_str().unwrap()]);
    a_disk_that_does_not_answer_keeps_nobody_waiting(&site, turn);
}

/// It was written whole, so that only its being cut off again keeps it from coming back.
#[test]
fn what_was_written_and_could_not_be_synced_is_refused_and_does_not_come_back() {
    let site = Site::on_a_pretended_disk();
    let mut program = site.serve();
    for round in 0..5 {
        assert!(site.pushes(&program, 2 * round, KIB));
        site.pretended().fails("sync-fails");
        for _ in 0..2 {
            assert!(!site.pushes(&program, 2 * round + 1, KIB));
        }
        assert!(is_degraded(&program, "storage"));
        if round % 2 == 0 {
            program.kill();
            site.pretended().is_well("sync-fails");
            program = site.serve();
        }
        site.pretended().is_well("sync-fails");
        wait_for(|| "a disk that is well".into(), || site.pushes(&program, 2 * round, KIB).then_some(()));
        assert_eq!(site.jobs(&program, KIB), (0..=round).map(|job| 2 * job).collect::<Vec<_>>());
    }
}

/// Where it cannot be cut off either, another file says where this one ends before anybody is told.
#[test]
fn what_could_neither_be_synced_nor_cut_off_is_refused_and_does_not_come_back() {
    let site = Site::on_a_pretended_disk();
    let mut program = site.serve();
    assert!(site.pushes(&program, 0, KIB));
    site.pretended().fails("bad-log-0000000001.pushward");
    assert!(!site.pushes(&program, 1, KIB));
    program.kill();
    site.pretended().is_well("bad-log-0000000001.pushward");
    let program = site.serve();
    assert_eq!(site.jobs(&program, KIB), [0]);
    assert!(site.pushes(&program, 2, KIB));
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
