//! The log, where nobody reads it.

use crate::client::connect;
use crate::client::exchange;
use crate::program::PROGRAM;
use crate::program::Program;
use crate::serving::Site;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Command;

/// With an open socket as descriptor 3, and a stderr that takes what a pipe holds and no more. It is open for reading as well,
/// so that nobody need be there.
const UNREAD: &str = r#"exec 3<&0 0</dev/null 2<>"$UNREAD"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;
/// Twice what Linux keeps in a pipe.
const LOGGED_BYTES: usize = 128 << 10;

#[test]
fn a_log_that_nobody_reads_holds_up_neither_a_push_nor_the_end() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let site = Site::new(port, "log: { level: debug }\n");
    let unread = site.file().with_file_name("stderr");
    assert!(Command::new("mkfifo").arg(&unread).status().unwrap().success());
    let mut command = Command::new("sh");
    command.args(["-c", UNREAD, PROGRAM, "serve", "--config"]).arg(site.file());
    let mut program = Program::spawn(command.env("UNREAD", &unread).stdin(OwnedFd::from(socket)));
    // Each is a line of at least a hundred bytes.
    for n in 0..LOGGED_BYTES / 100 {
        let (status, text) =
            exchange(connect(port), "PUT", &format!("/metrics/job/{n}"), &site.bearer(), "no sample\n");
        assert_eq!(status, 400, "{text}");
    }
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 1\n").0, 200);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
}
