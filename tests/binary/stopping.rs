//! How the program ends: what is under way is answered, nothing new is begun.

use crate::client::answer;
use crate::client::connect;
use crate::client::exchange;
use crate::client::head;
use crate::program::Program;
use crate::program::wait_for;
use crate::serving::Site;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpStream;

const BODY: &str = "m 1\n";

/// A push whose body the gateway waits for: it has asked for it (100 Continue), and half of it is sent.
fn half_a_push(site: &Site, port: u16) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(connect(port));
    let head = head("PUT", "/metrics/job/a", &site.bearer(), BODY.len());
    stream.get_mut().write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.read_line(&mut line).unwrap();
    stream.get_mut().write_all(&BODY.as_bytes()[..2]).unwrap();
    stream
}

/// Until nobody is let in any more.
fn wait_for_closed_doors(program: &Program, port: u16) {
    program.line_with("stopping");
    wait_for(|| "a closed port".into(), || TcpStream::connect(("127.0.0.1", port)).err());
}

#[test]
fn a_push_under_way_is_answered_before_a_stop_by_sigterm_or_sigint() {
    for signal in ["TERM", "INT"] {
        let site = Site::new(0, "");
        let mut program = site.serve();
        let port = program.port();
        let mut push = half_a_push(&site, port);
        program.signal(signal);
        wait_for_closed_doors(&program, port);
        assert!(!program.is_over());
        push.get_mut().write_all(&BODY.as_bytes()[2..]).unwrap();
        let (status, text) = answer(push);
        assert_eq!(status, 200, "{text}");
        assert_eq!(program.exit_code(), Some(0), "{}", program.said());
        assert!(program.said().contains("message=stopped"), "{}", program.said());
    }
}

#[test]
fn a_stop_does_not_wait_for_a_client_for_ever() {
    let site = Site::new(0, "");
    let mut program = site.serve();
    // Connected, and silent.
    let silent = connect(program.port());
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    drop(silent);
}

#[test]
fn while_it_stops_the_operators_listener_goes_on_and_says_so() {
    let site = Site::new(0, "");
    let mut program = site.serve();
    let (port, ops) = (program.port(), program.ops_port());
    let ready = || exchange(connect(ops), "GET", "/-/ready", "", "");
    wait_for(|| "all that was kept".into(), || (ready().0 == 200).then_some(()));
    let mut push = half_a_push(&site, port);
    program.signal("TERM");
    wait_for_closed_doors(&program, port);
    let (status, text) = ready();
    assert_eq!(status, 503, "{text}");
    assert!(text.ends_with("not ready: stopping\n"), "{text}");
    push.get_mut().write_all(&BODY.as_bytes()[2..]).unwrap();
    assert_eq!(answer(push).0, 200);
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
}

#[test]
fn a_second_signal_ends_it_at_once_with_one() {
    let site = Site::new(0, "");
    let mut program = site.serve();
    let port = program.port();
    let push = half_a_push(&site, port);
    program.signal("TERM");
    wait_for_closed_doors(&program, port);
    program.signal("INT");
    assert_eq!(program.exit_code(), Some(1), "{}", program.said());
    assert!(program.said().contains("second signal"), "{}", program.said());
    drop(push);
}
