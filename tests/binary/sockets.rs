//! Sockets that were open before the program was.

use crate::client::connect;
use crate::client::exchange;
use crate::client::free_port;
use crate::program::Program;
use crate::serving::Site;
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

/// Enough for a push to meet every moment of a stop and a start.
const RESTARTS: usize = 20;
const PUSHERS: usize = 4;

fn arguments(site: &Site) -> [String; 3] {
    ["serve".into(), "--config".into(), site.file().to_str().unwrap().to_owned()]
}

fn serve(site: &Site, socket: &TcpListener) -> Program {
    let arguments = arguments(site);
    Program::with_socket(socket, &arguments.each_ref().map(|argument| &**argument))
}

#[test]
fn a_restart_refuses_no_connection_where_the_socket_is_passed() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let site = Site::new(port, "");
    let over = AtomicBool::new(false);
    let push = &|pusher: usize| {
        let mut pushes = 0;
        while !over.load(Ordering::Relaxed) {
            // A refused connection is a panic in `connect`, one that is cut a status of zero.
            let path = format!("/metrics/job/{pusher}");
            let (status, text) = exchange(connect(port), "PUT", &path, &site.bearer(), "m 1\n");
            assert_eq!(status, 200, "after {pushes}: {text}");
            pushes += 1;
        }
        pushes
    };
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..PUSHERS).map(|pusher| scope.spawn(move || push(pusher))).collect();
        let mut program = serve(&site, &socket);
        for _ in 0..RESTARTS {
            program.line_with("message=serving");
            let (status, _) = exchange(connect(port), "GET", "/metrics", &site.bearer(), "");
            assert_eq!(status, 200);
            program.signal("TERM");
            assert_eq!(program.exit_code(), Some(0), "{}", program.said());
            program = serve(&site, &socket);
        }
        program.line_with("message=serving");
        over.store(true, Ordering::Relaxed);
        let pushes: Vec<usize> = pushers.into_iter().map(|pusher| pusher.join().unwrap()).collect();
        assert!(pushes.iter().all(|pushes| *pushes >= RESTARTS), "{pushes:?}");
    });
}

#[test]
fn a_passed_socket_that_no_listener_has_is_no_start() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new(free_port(), "");
    let mut program = serve(&site, &socket);
    assert_eq!(program.exit_code(), Some(1));
    let address = socket.local_addr().unwrap().to_string();
    assert!(program.said().contains(&address) && program.said().contains("no listener has"), "{}", program.said());
}
