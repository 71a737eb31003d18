//! The program while it serves, and after it was killed.

use crate::client::answer;
use crate::client::connect;
use crate::client::exchange;
use crate::client::free_port;
use crate::program::Program;
use crate::program::run;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory with a configuration, and a token that may do everything in it.
pub(crate) struct Site {
    dir: TempDir,
    pub(crate) token: String,
}

impl Site {
    /// `port` 0 is whichever is free; `more` stands at the end of the configuration. Nothing is kept, unless it says so.
    pub(crate) fn new(port: u16, more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let scopes = ["push", "delete", "read", "admin"].map(|scope| ["--scope", scope]);
        let made = run(&[&["token", "new", "--tenant", "red"][..], scopes.as_flattened()].concat());
        let text = String::from_utf8(made.stdout).unwrap();
        let (token, entry) = text.split_once("\n\n").unwrap();
        let head = format!("listener: {{ address: \"127.0.0.1:{port}\" }}\nops: {{ address: \"127.0.0.1:0\" }}\n");
        let storage = if more.contains("storage:") { "" } else { "storage: { durability: memory }\n" };
        let site = Self { dir, token: token.to_owned() };
        fs::write(site.file(), format!("{head}{storage}{more}tenants:\n  red:\n    tokens:\n{entry}")).unwrap();
        site
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("pushward.yml")
    }

    pub(crate) fn serve(&self) -> Program {
        Program::start(&["serve", "--config", self.file().to_str().unwrap()])
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

#[test]
fn after_a_kill_it_serves_at_once_on_the_same_port_and_has_forgotten_what_was_pushed() {
    let port = free_port();
    let site = Site::new(port, "");
    let mut program = site.serve();
    assert_eq!(program.port(), port);
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 1\n").0, 200);
    assert!(exchange(connect(port), "GET", "/metrics", &site.bearer(), "").1.contains("\nm{"));
    // A connection that is open when the process dies is no reason not to start.
    let open = connect(port);
    program.kill();
    drop(open);

    let program = site.serve();
    assert_eq!(program.port(), port);
    let (status, scrape) = exchange(connect(port), "GET", "/metrics", &site.bearer(), "");
    assert_eq!(status, 200);
    assert!(!scrape.contains("m{") && !scrape.contains("push_time_seconds"), "{scrape}");
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 2\n").0, 200);
    assert!(exchange(connect(port), "GET", "/metrics", &site.bearer(), "").1.contains("} 2\n"));
}

#[test]
fn the_log_tells_of_refusals_and_never_of_a_secret() {
    let site = Site::new(0, "log: { level: trace }\n");
    let mut program = site.serve();
    let port = program.port();
    let token = &site.token;
    let mistyped = format!("{}x", &token[..token.len() - 1]);
    for authorization in [site.bearer(), format!("Bearer {mistyped}"), format!("Basic {token}"), token.clone()] {
        for path in [format!("/metrics/job/{token}"), format!("/metrics?token={token}"), format!("/{token}")] {
            for body in [format!("m{{l=\"{token}\"}} 1\n"), format!("{token}\n")] {
                assert_ne!(exchange(connect(port), "PUT", &path, &authorization, &body).0, 0);
            }
        }
    }
    // What is no HTTP at all.
    let mut stream = connect(port);
    stream.write_all(format!("{token}\r\n{token}\r\n\r\n").as_bytes()).unwrap();
    answer(stream);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    let said = program.said();
    assert!(said.contains("refused"), "nothing was logged, so nothing was shown: {said}");
    let (_, secret) = token.rsplit_once('_').unwrap();
    assert!(!said.contains(&secret[..12]), "a secret came out");
}
