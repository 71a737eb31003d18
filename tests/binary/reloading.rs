//! The program's configuration changes while it runs: by a signal, or because a file does.

use crate::client::Open;
use crate::client::connect;
use crate::client::connect_as;
use crate::client::exchange;
use crate::client::tls_client;
use crate::program::Program;
use crate::program::wait_for;
use crate::serving::Site;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use rustls::ClientConfig;
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) fn own_metrics(program: &Program) -> String {
    exchange(connect(program.ops_port()), "GET", "/metrics", "", "").1
}

fn reloads(program: &Program) -> usize {
    program.said().matches("message=reloaded").count()
}

#[test]
fn a_withdrawn_token_is_refused_on_an_open_connection_within_a_second_of_the_signal() {
    let site = Site::new(0, "");
    let other = Site::new(0, "");
    let program = site.serve();
    let mut open = Open::plain(program.port());
    assert_eq!(open.put("/metrics/job/a", &site.bearer(), "m 1\n"), 200);
    assert_eq!(open.put("/metrics/job/a", &site.bearer(), "m 2\n"), 200);
    fs::copy(other.file(), site.file()).unwrap();
    let clock = SystemClock::shared();
    let began = clock.tick();
    program.signal("HUP");
    wait_for(|| "a refusal".to_owned(), || (open.put("/metrics/job/a", &site.bearer(), "m 3\n") == 401).then_some(()));
    let took = clock.tick().since(began);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(exchange(connect(program.port()), "GET", "/metrics", &other.bearer(), "").0, 200);
    let told = program.line_with("message=reloaded");
    let id = |site: &Site| site.token["pward_".len()..][..10].to_owned();
    assert!(told.contains(&format!("tokens_added: red/{}", id(&other))), "{told}");
    assert!(told.contains(&format!("tokens_removed: red/{}", id(&site))), "{told}");
}

#[test]
fn a_main_file_that_is_garbage_leaves_everything_as_it_was_and_is_said() {
    let site = Site::new(0, "");
    let mut program = site.serve();
    let port = program.port();
    let good = fs::read(site.file()).unwrap();
    fs::write(site.file(), &good[..good.len() / 2]).unwrap();
    program.signal("HUP");
    program.line_with("the configuration is refused");
    assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 1\n").0, 200);
    let metrics = own_metrics(&program);
    assert!(metrics.contains("pushward_config_last_reload_successful 0\n"), "{metrics}");
    assert!(metrics.contains("pushward_config_fault{part=\"main\"} 1\n"), "{metrics}");
    assert_eq!(exchange(connect(program.ops_port()), "GET", "/-/ready", "", "").0, 200);
    fs::write(site.file(), good).unwrap();
    program.signal("HUP");
    program.line_with("message=reloaded");
    assert!(own_metrics(&program).contains("pushward_config_last_reload_successful 1\n"));
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
}

#[test]
fn a_storm_of_signals_is_as_many_reloads_at_most_and_no_push_fails() {
    let site = Site::new(0, "limits: { requests_burst: 1000000 }\n");
    let program = site.serve();
    let mut open = Open::plain(program.port());
    for n in 0..100 {
        program.signal("HUP");
        for _ in 0..5 {
            assert_eq!(open.put("/metrics/job/a", &site.bearer(), &format!("m {n}\n")), 200);
        }
    }
    // The last signal has been seen, and there are no more of them in line.
    let other = Site::new(0, "");
    fs::copy(other.file(), site.file()).unwrap();
    program.signal("HUP");
    wait_for(|| program.said(), || (open.put("/metrics/job/a", &site.bearer(), "m 1\n") == 401).then_some(()));
    assert!((1..=101).contains(&reloads(&program)), "{}", reloads(&program));
}

/// A directory as Kubernetes makes one of a secret: what is seen is a link to a link to a directory with a version.
struct Secret {
    dir: TempDir,
    ca: TestCa,
}

impl Secret {
    fn new() -> Self {
        let secret = Self { dir: TempDir::new().unwrap(), ca: TestCa::new() };
        secret.turn_to("one");
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), secret.path(name)).unwrap();
        }
        fs::write(secret.path("ca.pem"), secret.ca.pem()).unwrap();
        secret
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A new certificate in a directory of its own, and then the one link to it.
    fn turn_to(&self, version: &str) {
        let (certificate, key) = self.ca.server(&["127.0.0.1"]);
        fs::create_dir(self.path(version)).unwrap();
        fs::write(self.path(version).join("tls.crt"), certificate).unwrap();
        fs::write(self.path(version).join("tls.key"), key).unwrap();
        symlink(version, self.path("..new")).unwrap();
        fs::rename(self.path("..new"), self.path("..data")).unwrap();
    }

    fn site(&self) -> Site {
        let site = Site::new(0, "");
        let text = fs::read_to_string(site.file()).unwrap();
        let (certificate, key) = (self.path("tls.crt"), self.path("tls.key"));
        let tls = format!("tls: {{ certificate_file: {certificate:?}, key_file: {key:?} }}");
        fs::write(site.file(), text.replacen("127.0.0.1:0\" }", &format!("127.0.0.1:0\", {tls} }}"), 1)).unwrap();
        site
    }
}

/// One connection: the certificate that was shown, and how its handshake went.
fn shown(port: u16, client: &Arc<ClientConfig>) -> (CertificateDer<'static>, HandshakeKind) {
    let mut stream = connect_as(port, client);
    let (status, text) = exchange(&mut stream, "GET", "/-/healthy", "", "");
    assert_eq!(status, 200, "{text}");
    let certificate = stream.conn.peer_certificates().unwrap()[0].clone().into_owned();
    (certificate, stream.conn.handshake_kind().unwrap())
}

#[test]
fn a_certificate_is_replaced_without_a_signal_where_a_link_leads_elsewhere_and_no_session_outlives_it() {
    let secret = Secret::new();
    let site = secret.site();
    let program = site.serve();
    let port = program.port();
    let client = tls_client(&secret.path("ca.pem"));
    let (first, kind) = shown(port, &client);
    assert_eq!(kind, HandshakeKind::Full);
    assert_eq!(shown(port, &client), (first.clone(), HandshakeKind::Resumed));
    secret.turn_to("two");
    let (second, kind) =
        wait_for(|| program.said(), || Some(shown(port, &client)).filter(|(certificate, _)| *certificate != first));
    assert_ne!(kind, HandshakeKind::Resumed);
    assert_eq!(shown(port, &client), (second, HandshakeKind::Resumed));
    let told = program.line_with("message=reloaded");
    // A reload that finds the same files keeps the sessions.
    program.signal("HUP");
    program.line_with("trigger=signal");
    assert_eq!(shown(port, &client).1, HandshakeKind::Resumed);
    assert!(told.contains("trigger=watch") && told.contains("certificates_changed: public serial "), "{told}");
}

#[test]
fn a_certificate_that_cannot_be_used_leaves_the_old_one_and_is_said_until_it_can() {
    let secret = Secret::new();
    let site = secret.site();
    let program = site.serve();
    let port = program.port();
    let client = tls_client(&secret.path("ca.pem"));
    let (first, _) = shown(port, &client);
    // Half a file, and it stays half.
    let whole = fs::read(secret.path("tls.key")).unwrap();
    fs::write(secret.path("tls.key"), &whole[..whole.len() / 2]).unwrap();
    wait_for(
        || program.said(),
        || own_metrics(&program).contains("pushward_config_fault{part=\"certificate:public\"} 1\n").then_some(()),
    );
    assert_eq!(shown(port, &client).0, first);
    assert!(own_metrics(&program).contains("pushward_degraded{reason=\"config_kept\"} 1\n"));
    // All else goes on, and the next look that finds it whole is the end of it.
    fs::write(secret.path("tls.key"), &whole).unwrap();
    wait_for(|| program.said(), || (!own_metrics(&program).contains("pushward_config_fault{")).then_some(()));
    assert_eq!(shown(port, &client).0, first);
}
