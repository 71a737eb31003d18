//! From nothing to a first push, by the files that quickstart makes.

use crate::client::connect;
use crate::client::connect_tls;
use crate::client::exchange;
use crate::client::free_port;
use crate::program::Program;
use crate::program::wait_for;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const SECRETS: [&str; 7] =
    ["server-key.pem", "push.token", "read.token", "admin.token", "prometheus.token", "operator.token", "push.header"];

/// Every file with its content, in order.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut all: Vec<_> = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn quickstart_makes_its_files_once_and_what_they_say_works() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("first");
    let path = dir.to_str().unwrap();
    let port = free_port();
    let mut first = Program::start(&["quickstart", "--dir", path, "--address", &format!("127.0.0.1:{port}")]);
    let ends_in = ["message=serving", "cannot listen on 127.0.0.1:9191"];
    let found = || ends_in.into_iter().find(|words| first.said().contains(words));
    // The port of `ops` is one that quickstart has chosen, and another gateway on this machine may have it.
    wait_for(|| first.said(), found);
    first.kill();
    for name in SECRETS {
        let mode = dir.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    let config = dir.join("pushward.yml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"127.0.0.1:9191\"", "\"127.0.0.1:0\"")).unwrap();
    let before = content(&dir);
    let mut second = Program::start(&["quickstart", "--dir", path]);
    assert_eq!(second.port(), port);
    assert_eq!(content(&dir), before, "a second start changed a file");
    assert!(second.said().contains("What was pushed is kept in "));

    let token = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let ca = dir.join("ca.pem");
    let (push, read) = (format!("Bearer {}", token("push.token")), format!("Bearer {}", token("read.token")));
    let tls = || connect_tls(port, &ca);
    assert_eq!(exchange(tls(), "PUT", "/metrics/job/backup", &push, "backup_success 1\n").0, 200);
    assert_eq!(exchange(tls(), "GET", "/metrics", &push, "").0, 403);
    let (status, scrape) = exchange(tls(), "GET", "/metrics", &read, "");
    assert_eq!(status, 200);
    assert!(scrape.contains("backup_success{instance=\"\",job=\"backup\"} 1\n"), "{scrape}");
    let prometheus = format!("Bearer {}", token("prometheus.token"));
    let (_, scrape) = exchange(tls(), "GET", "/metrics", &prometheus, "");
    assert!(scrape.contains("backup_success{tenant=\"demo\",instance=\"\",job=\"backup\"} 1\n"), "{scrape}");

    // In clear: refused in words, and the token is named by its id, since it is to be replaced.
    let (status, text) = exchange(connect(port), "PUT", "/metrics/job/backup", &push, "backup_success 1\n");
    assert_eq!(status, 400);
    assert!(text.contains("https://"), "{text}");
    let id = &token("push.token")["pward_".len()..][..10];
    assert!(second.line_with("sent in clear").contains(id), "{}", second.said());

    second.signal("TERM");
    assert_eq!(second.exit_code(), Some(0));
    let said = second.said() + &first.said();
    for name in ["push.token", "read.token", "admin.token", "prometheus.token", "operator.token"] {
        let token = token(name);
        assert!(!said.contains(&token["pward_".len() + 11..]), "{name} came out");
    }
}
