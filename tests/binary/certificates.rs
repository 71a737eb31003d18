//! The program asks clients for certificates, as its file says, and its files change while it runs.

use crate::client::Open;
use crate::client::connect_as;
use crate::client::exchange;
use crate::client::tls_client;
use crate::client::tls_client_with;
use crate::program::Program;
use crate::program::wait_for;
use crate::reloading::own_metrics;
use pushward::model::Clock;
use pushward::model::SystemClock;
use pushward::model::Timestamp;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::HandshakeKind;
use rustls::StreamOwned;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const RULES: &str = r#"certificates: [ { ca: edge, uri: "spiffe://edge.example.org/red/*", scopes: [push] } ]"#;

/// A program whose listener asks for certificates, and a client whose connection is open and whose session is kept.
struct Edge {
    dir: TempDir,
    ca: TestCa,
    bad: TestCert,
    program: Program,
    client: Arc<ClientConfig>,
    open: Open<StreamOwned<ClientConnection, TcpStream>>,
}

fn in_hours(hours: u64) -> Timestamp {
    SystemClock::new().now().saturating_add(Duration::from_secs(hours * 3600))
}

impl Edge {
    /// `watch` is as in the file.
    fn start(watch: &str) -> Self {
        let (dir, ca, servers) = (TempDir::new().unwrap(), TestCa::named("edge"), TestCa::new());
        let bad = ca.client(|c| c.uri("spiffe://edge.example.org/red/site-7"));
        let (certificate, key) = servers.server(&["127.0.0.1"]);
        let path = |name: &str| dir.path().join(name);
        for (name, content) in [
            ("server.pem", certificate),
            ("server-key.pem", key),
            ("servers.pem", servers.pem()),
            ("edge.pem", ca.pem()),
            ("edge.crl", ca.crl(&[], in_hours(1)).pem),
            ("pushward.yml", main_file(watch, RULES, "")),
        ] {
            fs::write(path(name), content).unwrap();
        }
        let program = Program::start(&["serve", "--config", path("pushward.yml").to_str().unwrap()]);
        let client = tls_client_with(&path("servers.pem"), &bad);
        let mut open = Open::over(connect_as(program.port(), &client));
        assert_eq!(open.put("/metrics/job/a", "", "m 1\n"), 200);
        let edge = Self { dir, ca, bad, program, client, open };
        assert_eq!(edge.resumed(), (HandshakeKind::Resumed, 200));
        edge
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Another list in place of the file, as one who publishes it does.
    fn publish(&self, serials: &[&[u8]], until: Timestamp) {
        fs::write(self.path("new.crl"), self.ca.crl(serials, until).pem).unwrap();
        fs::rename(self.path("new.crl"), self.path("edge.crl")).unwrap();
    }

    /// A push in the session that is kept.
    fn resumed(&self) -> (HandshakeKind, u16) {
        let mut open = connect_as(self.program.port(), &self.client);
        let (status, _) = exchange(&mut open, "PUT", "/metrics/job/a", "", "m 1\n");
        (open.conn.handshake_kind().unwrap(), status)
    }

    /// Until the open connection is refused; how long that was.
    fn until_refused(&mut self) -> Duration {
        let clock = SystemClock::shared();
        let began = clock.tick();
        let (open, program) = (&mut self.open, &self.program);
        wait_for(|| program.said(), || (open.put("/metrics/job/a", "", "m 1\n") == 401).then_some(()));
        clock.tick().since(began)
    }
}

/// With `rules` of red and `more` behind everything.
fn main_file(watch: &str, rules: &str, more: &str) -> String {
    format!(
        "storage: {{ durability: memory }}\nlistener:\n  address: \"127.0.0.1:0\"\n  tls:\n    certificate_file: server.pem\n    key_file: server-key.pem\n    \
         client_auth: required\n    client_cas:\n      edge:\n        ca_file: edge.pem\n        crl_file: edge.crl\n        \
         trust_domain: edge.example.org\n        tenants: [red]\n\
         ops: {{ address: \"127.0.0.1:0\" }}\nreload: {{ watch: {watch} }}\nlimits: {{ requests_burst: 1000000 }}\n\
         tenants: {{ red: {{ {rules} }} }}\n{more}"
    )
}

#[test]
fn without_a_certificate_there_is_no_connection() {
    let edge = Edge::start("files");
    let nobody = tls_client(&edge.path("servers.pem"));
    let mut stream = connect_as(edge.program.port(), &nobody);
    let written = std::io::Write::write_all(&mut stream, b"GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n");
    let read = std::io::Read::read(&mut stream, &mut [0; 64]);
    let error = written.and(read.map(|_| ())).unwrap_err().to_string();
    assert!(error.contains("CertificateRequired"), "{error}");
}

#[test]
fn a_new_list_is_in_force_within_a_second_of_the_signal_on_open_connections_and_in_kept_sessions() {
    let mut edge = Edge::start("off");
    edge.publish(&[&edge.bad.serial], in_hours(2));
    edge.program.signal("HUP");
    let took = edge.until_refused();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(edge.resumed(), (HandshakeKind::Resumed, 401));
    edge.publish(&[], in_hours(2));
    edge.program.signal("HUP");
    let (open, program) = (&mut edge.open, &edge.program);
    wait_for(|| program.said(), || (open.put("/metrics/job/a", "", "m 1\n") == 200).then_some(()));
}

#[test]
fn a_new_list_is_found_without_a_signal_and_its_end_is_told() {
    let mut edge = Edge::start("files");
    let until = in_hours(3);
    let told = format!("pushward_crl_next_update_timestamp_seconds{{ca=\"edge\"}} {}", until.unix_seconds());
    assert!(!own_metrics(&edge.program).contains(&told));
    edge.publish(&[&edge.bad.serial], until);
    edge.until_refused();
    let metrics = own_metrics(&edge.program);
    assert!(metrics.contains(&told), "{metrics}");
    // What is no list changes nothing, and is told.
    fs::write(edge.path("edge.crl"), "no list").unwrap();
    let fault = "pushward_config_fault{part=\"ca:edge\"} 1\n";
    let (open, program) = (&mut edge.open, &edge.program);
    wait_for(|| program.said(), || own_metrics(program).contains(fault).then_some(()));
    assert_eq!(open.put("/metrics/job/a", "", "m 1\n"), 401);
    assert!(own_metrics(program).contains(&told));
}

#[test]
fn what_the_main_file_withdraws_is_withdrawn_within_a_second_of_the_signal() {
    let digits = |serial: &[u8]| serial.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let other = r#"certificates: [ { ca: edge, uri: "spiffe://edge.example.org/red/else/*", scopes: [push] } ]"#;
    for withdrawal in ["serial", "name", "rule"] {
        let mut edge = Edge::start("off");
        let text = match withdrawal {
            "serial" => format!("revoked: [ {{ ca: edge, serial: \"{}\" }} ]\n", digits(&edge.bad.serial)),
            "name" => "revoked: [ { ca: edge, uri: \"spiffe://edge.example.org/red/site-7\" } ]\n".to_owned(),
            _ => String::new(),
        };
        let rules = if withdrawal == "rule" { other } else { RULES };
        fs::write(edge.path("pushward.yml"), main_file("off", rules, &text)).unwrap();
        edge.program.signal("HUP");
        let took = edge.until_refused();
        assert!(took < Duration::from_secs(1), "{withdrawal}: {took:?}");
        assert_eq!(edge.resumed(), (HandshakeKind::Resumed, 401), "{withdrawal}");
    }
}
