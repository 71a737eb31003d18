//! What was acknowledged is there after the program was killed.

use crate::client::connect;
use crate::client::exchange;
use crate::program::Program;
use crate::program::run;
use crate::program::wait_for;
use crate::serving::Site;
use std::fs;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

const FSYNC: &str = "storage: { durability: fsync }\n";

fn data(site: &Site) -> PathBuf {
    site.file().with_file_name("data")
}

fn ask(program: &Program, site: &Site, method: &str, path: &str, body: &str) -> (u16, String) {
    exchange(connect(program.port()), method, path, &site.bearer(), body)
}

/// What a scrape answers, without its head.
fn scraped(program: &Program, site: &Site) -> String {
    let (status, text) = ask(program, site, "GET", "/metrics", "");
    assert_eq!(status, 200, "{text}");
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn metrics(program: &Program) -> String {
    exchange(connect(program.ops_port()), "GET", "/metrics", "", "").1
}

/// The files of the log, without the lock.
fn files(site: &Site) -> Vec<PathBuf> {
    let entries = fs::read_dir(data(site)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "pushward")).collect();
    files.sort();
    files
}

#[test]
fn after_a_kill_a_scrape_is_what_it_was() {
    for durability in [FSYNC, "storage: { durability: os, path: data }\n", ""] {
        let site = Site::new(0, if durability.is_empty() { "log: { level: info } # storage:\n" } else { durability });
        let mut program = site.serve();
        let push = |method, path, body| assert_eq!(ask(&program, &site, method, path, body).0, 200, "{path}");
        push(
            "PUT",
            "/metrics/job/a/instance@base64/=",
            "# HELP m of m\n# TYPE m counter\nm{l=\"1\"} 1\nm{l=\"2\"} 2\n",
        );
        push("POST", "/metrics/job/a", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n");
        push("PUT", "/metrics/job/b", "gone 1\n");
        push("PUT", "/metrics/job/b", "stays 1\n");
        push("PUT", "/metrics/job/c", "other 1\n");
        assert_eq!(ask(&program, &site, "DELETE", "/metrics/job/c", "").0, 202);
        assert_eq!(ask(&program, &site, "PUT", "/metrics/job/d", "m{job=\"a\"} 1 1\n").0, 400);
        let before = scraped(&program, &site);
        assert!(before.contains("stays") && !before.contains("gone") && before.contains("job=\"d\""), "{before}");
        program.kill();

        let program = site.serve();
        assert_eq!(scraped(&program, &site), before);
        // Another process that has never seen the first still judges by what that accepted.
        assert_eq!(ask(&program, &site, "POST", "/metrics/job/b", "# TYPE m gauge\nm 1\n").0, 400);
        assert!(!metrics(&program).contains("pushward_degraded{reason=\"quarantine\"} 1"));
    }
}

#[test]
fn what_was_wiped_does_not_come_back() {
    let site = Site::new(0, FSYNC);
    let mut program = site.serve();
    for job in 0..20 {
        assert_eq!(ask(&program, &site, "PUT", &format!("/metrics/job/{job}"), "m 1\n").0, 200);
    }
    assert_eq!(ask(&program, &site, "PUT", "/api/v1/admin/wipe", "").0, 202);
    program.kill();
    assert!(!scraped(&site.serve(), &site).contains("job="));
}

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let site = Site::new(0, FSYNC);
    let first = site.serve();
    first.port();
    let mut second = site.serve();
    assert_eq!(second.exit_code(), Some(1));
    assert!(second.said().contains("in use by another process"), "{}", second.said());
    assert_eq!(ask(&first, &site, "PUT", "/metrics/job/a", "m 1\n").0, 200);
}

#[test]
fn a_file_of_a_later_version_is_refused_and_left_as_it_is() {
    let site = Site::new(0, FSYNC);
    let mut program = site.serve();
    assert_eq!(ask(&program, &site, "PUT", "/metrics/job/a", "m 1\n").0, 200);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    let last = files(&site).pop().unwrap();
    let file = OpenOptions::new().write(true).open(&last).unwrap();
    file.write_all_at(&[2, 0, 0, 0], 8).unwrap();
    let before = fs::read(&last).unwrap();
    let mut program = site.serve();
    assert_eq!(program.exit_code(), Some(1));
    let said = program.said();
    assert!(said.contains("later version") && said.contains("format 2"), "{said}");
    assert_eq!(fs::read(&last).unwrap(), before);
    let checked = run(&["check", "--config", site.file().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&checked.stderr).contains("format 2"), "{checked:?}");
}

/// Pushes to three groups, stops in order, and changes a byte of what was kept of the second; the file.
fn damaged(site: &Site) -> PathBuf {
    let mut program = site.serve();
    for job in ["a", "b", "c"] {
        assert_eq!(ask(&program, site, "PUT", &format!("/metrics/job/{job}"), &format!("of_{job} 1\n")).0, 200);
    }
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    let file = files(site).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    let at = bytes.windows(6).position(|window| window == b"of_b{i").unwrap();
    OpenOptions::new().write(true).open(&file).unwrap().write_all_at(b"X", at as u64).unwrap();
    file
}

/// The checkpoint that such a file is followed by.
fn checkpoint(site: &Site) -> PathBuf {
    wait_for(
        || "a checkpoint".into(),
        || files(site).iter().find(|path| path.ends_with("checkpoint-0000000002.pushward")).cloned(),
    )
}

#[test]
fn a_damaged_record_is_kept_aside_and_the_rest_is_served() {
    let site = Site::new(0, FSYNC);
    let file = damaged(&site);
    let damaged = fs::read(&file).unwrap();

    let program = site.serve();
    let scrape = scraped(&program, &site);
    assert!(scrape.contains("of_a{") && scrape.contains("of_c{") && !scrape.contains("of_b{"), "{scrape}");
    assert!(metrics(&program).contains("pushward_degraded{reason=\"quarantine\"} 1"));
    let ready = exchange(connect(program.ops_port()), "GET", "/-/ready", "", "");
    assert_eq!(ready.0, 200, "{}", ready.1);
    let kept = data(&site).join("quarantine");
    assert_eq!(fs::read(kept.join(file.file_name().unwrap())).unwrap(), damaged);
    let report = fs::read_to_string(kept.join("report.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(report.lines().next().unwrap()).unwrap();
    assert_eq!((line["tenant"].as_str(), line["family"].as_str()), (Some("red"), Some("of_b")), "{report}");
    assert_eq!(report.lines().count(), 1);
    // What it is is written anew, so that it is told of once.
    checkpoint(&site);
}

/// Whom a path is for, and all below it.
fn modes(path: &Path) -> Vec<(PathBuf, u32)> {
    let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let below = path.is_dir().then(|| fs::read_dir(path).unwrap().map(|entry| modes(&entry.unwrap().path())));
    below.into_iter().flatten().flatten().chain([(path.to_owned(), mode)]).collect()
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let site = Site::new(0, FSYNC);
    damaged(&site);
    let program = site.serve();
    checkpoint(&site);
    let modes = modes(&data(&site));
    for (path, mode) in &modes {
        assert_eq!(*mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    let is_there = |name: &str| modes.iter().any(|(path, _)| path.file_name().is_some_and(|it| it == name));
    for name in ["lock", "quarantine", "report.jsonl", "log-0000000001.pushward", "log-0000000003.pushward"] {
        assert!(is_there(name), "{name} in {modes:?}, {}", program.said());
    }
}

/// Has the program read its configuration, which says this now.
fn reload(program: &Program, site: &Site, text: &str) {
    fs::write(site.file(), text).unwrap();
    let told = program.said().matches("message=reloaded").count();
    program.signal("HUP");
    wait_for(|| program.said(), || (program.said().matches("message=reloaded").count() > told).then_some(()));
}

#[test]
fn a_tenant_who_is_gone_has_its_data_again_when_it_comes_back() {
    for with_a_restart in [false, true] {
        let site = Site::new(0, FSYNC);
        let mut program = site.serve();
        assert_eq!(ask(&program, &site, "PUT", "/metrics/job/a", "m 1\n").0, 200);
        let before = scraped(&program, &site);
        let with = fs::read_to_string(site.file()).unwrap();
        let without = with.split("tenants:").next().unwrap().to_owned();
        for (text, is_there) in [(&without, false), (&with, true)] {
            if with_a_restart {
                fs::write(site.file(), text).unwrap();
                program.kill();
                program = site.serve();
                program.port();
            } else {
                reload(&program, &site, text);
            }
            let checked = run(&["check", "--config", site.file().to_str().unwrap()]);
            let said = String::from_utf8_lossy(&checked.stdout).into_owned();
            assert_eq!(said.contains("kept for red"), !is_there, "{said}");
            let (status, _) = ask(&program, &site, "GET", "/metrics", "");
            assert_eq!(status, if is_there { 200 } else { 401 });
        }
        assert_eq!(scraped(&program, &site), before);
    }
}

#[test]
fn a_tenant_who_comes_back_to_data_that_cannot_be_read_is_closed_alone_until_a_reload_can() {
    let site = Site::new(0, FSYNC);
    let made = run(&["token", "new", "--tenant", "blue", "--scope", "push", "--scope", "read"]);
    let text = String::from_utf8(made.stdout).unwrap();
    let (token, entry) = text.split_once("\n\n").unwrap();
    let blue = format!("Bearer {token}");
    let red_alone = fs::read_to_string(site.file()).unwrap();
    let (head, red) = red_alone.split_once("tenants:\n").unwrap();
    let blue_alone = format!("{head}tenants:\n  blue:\n    tokens:\n{entry}\n");
    let both = format!("{blue_alone}{red}");
    fs::write(site.file(), &both).unwrap();
    let mut program = site.serve();
    assert_eq!(ask(&program, &site, "PUT", "/metrics/job/a", "m 1\n").0, 200);
    let before = scraped(&program, &site);
    let of_blue = |program: &Program, body| exchange(connect(program.port()), "PUT", "/metrics/job/b", &blue, body).0;
    let is_closed = |program: &Program| {
        let told = metrics(program).contains("pushward_config_fault{part=\"tenant:red\"} 1");
        let ready = exchange(connect(program.ops_port()), "GET", "/-/ready", "", "").1;
        assert_eq!(ready.contains("config_closed"), told, "{ready}");
        told
    };
    reload(&program, &site, &blue_alone);
    // A directory of its name opens as the file did, and cannot be read.
    let log = files(&site).pop().unwrap();
    let aside = log.with_extension("aside");
    fs::rename(&log, &aside).unwrap();
    fs::create_dir(&log).unwrap();
    for _ in 0..2 {
        reload(&program, &site, &both);
        for (method, path) in [("GET", "/metrics"), ("PUT", "/metrics/job/a"), ("PUT", "/api/v1/admin/wipe")] {
            assert_eq!(ask(&program, &site, method, path, "").0, 401, "{}", program.said());
        }
        assert!(is_closed(&program) && program.said().contains("cannot be read"), "{}", program.said());
        assert_eq!(of_blue(&program, "m 2\n"), 200);
    }
    fs::remove_dir(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    reload(&program, &site, &both);
    assert!(!is_closed(&program));
    assert_eq!(scraped(&program, &site), before);
    assert_eq!((of_blue(&program, "m 3\n"), ask(&program, &site, "POST", "/metrics/job/a", "n 1\n").0), (200, 200));
    let before = scraped(&program, &site);
    program.kill();
    let program = site.serve();
    assert_eq!(scraped(&program, &site), before);
}

#[test]
fn what_is_kept_for_no_time_goes_with_its_tenant() {
    let site = Site::new(0, "storage: { durability: fsync, orphans_keep: 0s }\n");
    let mut program = site.serve();
    assert_eq!(ask(&program, &site, "PUT", "/metrics/job/a", "m 1\n").0, 200);
    let with = fs::read_to_string(site.file()).unwrap();
    for text in [with.split("tenants:").next().unwrap(), &with] {
        fs::write(site.file(), text).unwrap();
        program.kill();
        program = site.serve();
        wait_for(|| program.said(), || program.said().contains("loaded what was").then_some(()));
    }
    assert!(!scraped(&program, &site).contains("job="));
}

#[test]
fn a_tenant_that_asks_for_memory_is_forgotten_and_nothing_of_it_is_written() {
    let site = Site::new(0, FSYNC);
    let text = fs::read_to_string(site.file()).unwrap();
    fs::write(site.file(), text.replace("  red:\n", "  red:\n    durability: memory\n")).unwrap();
    let mut program = site.serve();
    assert_eq!(ask(&program, &site, "PUT", "/metrics/job/a", "not_written 1\n").0, 200);
    program.kill();
    for file in files(&site) {
        assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("not_written"), "{}", file.display());
    }
    assert!(!scraped(&site.serve(), &site).contains("job="));
}
