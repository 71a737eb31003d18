//! What is kept: after a kill, in a copy, and under the units of systemd.

use super::Site;
use super::site::said;
use super::tokens::ADD;
use crate::readme::from_readme;
use std::process::Command;

pub(super) const BACKUP: &str = "cp -a /var/lib/pushward/data";
pub(super) const RESTORE: &str = "data.before";
pub(super) const SOCKET: &str = "ListenStream=";
pub(super) const SERVICE: &str = "ExecStart=";

/// Opens a port of both families and hands it on, as systemd does.
const PASSING: &str = "\
import os, socket, sys
held = socket.create_server((\"\", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
os.dup2(held.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS=\"1\", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
";

fn site() -> Site {
    let site = Site::new();
    site.types("sh", &from_readme(ADD));
    site
}

fn pushes(site: &Site, job: &str) {
    let header = format!("Authorization: Bearer {}", site.read("search.token"));
    let told = site.curl(&["--header", &header, "--data-binary", "pushed 1\n"], &format!("/metrics/job/{job}"));
    assert_eq!(told.status, "200", "{told:?}");
}

/// The jobs of the team that are there.
fn jobs(site: &Site) -> Vec<String> {
    let scrape = site.scrape();
    let pushed = scrape.lines().filter(|line| line.starts_with("pushed{"));
    let job = |line: &str| line.split_once("job=\"").and_then(|(_, rest)| rest.split('"').next().map(str::to_owned));
    pushed.filter_map(job).collect()
}

/// A block of commands with the directories of this site, and without systemd's part.
fn copied(site: &Site, block: &str) {
    let root = site.home().display().to_string();
    let block = from_readme(block).replace("/var/lib/pushward", &root).replace("/var/backups", &root);
    let (systemd, others): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("systemctl "));
    assert!(systemd.len() == 2 && !others.is_empty(), "{block}");
    site.types("sh", &others.join("\n"));
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn what_was_accepted_is_there_after_a_kill_and_a_copy_brings_back_what_was_there_when_it_was_made() {
    let site = site().start();
    pushes(&site, "a");
    let site = site.killed().start();
    assert_eq!(jobs(&site), ["a"]);
    let site = site.killed();
    copied(&site, BACKUP);
    let site = site.start();
    pushes(&site, "b");
    assert_eq!(jobs(&site), ["a", "b"]);
    let site = site.killed();
    copied(&site, RESTORE);
    assert_eq!(jobs(&site.start()), ["a"]);
}

/// The value of a key in a unit.
fn value<'u>(unit: &'u str, key: &str) -> &'u str {
    let values: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix(key)).collect();
    let [value] = values[..] else { panic!("{key} stands {} times in\n{unit}", values.len()) };
    value
}

/// What the units start, with the socket they name: by systemd's own program where it is installed, else as it does it.
fn activated(site: &Site, socket: &str, service: &str) -> Command {
    let port = site.port().to_string();
    let listens = value(socket, SOCKET).replace("9091", &port);
    let line = value(service, SERVICE).replace("/usr/local/bin/pushward", env!("CARGO_BIN_EXE_pushward"));
    let line = line.replace("/etc/pushward/pushward.yml", &site.file("pushward.yml").display().to_string());
    let words: Vec<&str> = line.split(' ').collect();
    if Command::new("systemd-socket-activate").arg("--version").output().is_ok() {
        let mut command = Command::new("systemd-socket-activate");
        command.args(["--listen", &listens]).args(words);
        return command;
    }
    let mut command = Command::new("python3");
    command.args(["-c", PASSING, &port]).args(words);
    command
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn the_units_are_good_and_what_they_start_serves_from_the_socket_that_they_name() {
    let site = site();
    let (socket, service) = (from_readme(SOCKET), from_readme(SERVICE));
    site.write("pushward.socket", &socket);
    site.write("pushward.service", &service.replace("/usr/local/bin/pushward", env!("CARGO_BIN_EXE_pushward")));
    if Command::new("systemd-analyze").arg("--version").output().is_ok() {
        let told = site.types("sh", "systemd-analyze verify --man=no ./pushward.socket ./pushward.service 2>&1");
        assert_eq!(told, "");
    }
    let (before, after) = (format!("127.0.0.1:{}", site.port()), format!(":{}", site.port()));
    let main = site.read("pushward.yml");
    assert!(main.contains(&before), "{main}");
    site.write("pushward.yml", &main.replace(&before, &after));
    let command = activated(&site, &socket, &service);
    let site = site.start_by(command);
    pushes(&site, "a");
    for family in ["--ipv4", "--ipv6"] {
        let told =
            site.shell("sh", &format!("curl {family} --silent --fail https://push.example.org:9091/-/ready"), &[]);
        // Where there is no IPv6, only the one is asked for.
        assert!(told.status.success() || family == "--ipv6", "{family}: {}", said(&told));
    }
    assert!(!site.read("log").contains("level=error"), "{}", site.read("log"));
}
