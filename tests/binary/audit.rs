//! The audit of the real program, and what it never says.

use crate::client::connect;
use crate::client::connect_tls;
use crate::client::exchange;
use crate::client::free_port;
use crate::program::run;
use crate::program::wait_for;
use crate::serving::Site;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Every line of the audit that stands in the log, from its event on.
fn audited(said: &str) -> Vec<&str> {
    said.lines()
        .filter_map(|line| line.split_once("target=pushward::audit message=audit event="))
        .map(|(_, rest)| rest)
        .collect()
}

#[test]
fn without_a_file_the_audit_is_in_the_log_at_every_level() {
    for level in ["error", "warn", "info"] {
        let port = free_port();
        let site = Site::new(port, &format!("log: {{ level: {level} }}\n"));
        let mut program = site.serve();
        wait_for(|| program.said(), || TcpStream::connect(("127.0.0.1", port)).ok());
        assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", "Bearer x", "m 1\n").0, 401);
        assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 1\n").0, 200);
        assert_eq!(exchange(connect(port), "DELETE", "/metrics/job/a%0A%1Bb", &site.bearer(), "").0, 202);
        program.signal("TERM");
        assert_eq!(program.exit_code(), Some(0));
        let said = program.said();
        let events: Vec<_> = audited(&said).iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(events, ["start", "authentication_failed", "first_use", "delete", "stop"], "{said}");
        let delete = audited(&said)[3];
        assert!(delete.contains(" peer=127.0.0.1 tenant=red credential="), "{delete}");
        assert!(delete.ends_with(r#" details="{\"job\":\"a\\n\\u001bb\"}""#), "{delete}");
    }
}

/// Stands in every secret that is no token.
const CANARY: &str = "CANARYcanaryCANARY";

#[test]
fn no_secret_is_in_the_log_at_any_level_under_tls_or_in_clear() {
    for level in ["trace", "debug"] {
        let site = Site::new(0, &format!("log: {{ level: {level} }}\n"));
        let certs = site.file().with_file_name("certs");
        let made = run(&["certs", "dev", "--dir", certs.to_str().unwrap(), "--host", "127.0.0.1"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let files = "tls: { certificate_file: certs/server.pem, key_file: certs/server-key.pem }";
        let config = fs::read_to_string(site.file()).unwrap();
        fs::write(site.file(), config.replacen("127.0.0.1:0\" }", &format!("127.0.0.1:0\", {files} }}"), 1)).unwrap();
        let mut program = site.serve();
        let port = program.port();
        let token = &site.token;
        let mistyped = format!("{}x", &token[..token.len() - 1]);
        let claims = format!(r#"{{"iss":"https://issuer.example","aud":"us","sub":"{CANARY}"}}"#);
        let [header, claims] = [r#"{"alg":"RS256","kid":"1"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let jwt = format!("{header}.{claims}.{CANARY}");
        let basic = |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let authorizations = [
            site.bearer(),
            format!("Bearer {mistyped}"),
            format!("Basic {token}"),
            token.clone(),
            basic("alice", token),
            basic(token, CANARY),
            basic("alice", CANARY),
            format!("Bearer aaa.{CANARY}.bbb"),
            format!("Bearer {jwt}"),
            format!("Digest {CANARY}"),
        ];
        for authorization in &authorizations {
            for path in [
                format!("/metrics/job/{token}"),
                format!("/metrics/job/a/{jwt}"),
                format!("/metrics?token={CANARY}&tenant={token}"),
                format!("/{CANARY}"),
                "/api/v1/admin/wipe".to_owned(),
            ] {
                let body = format!("m{{l=\"{token}\"}} {CANARY}\n");
                let tls = connect_tls(port, &certs.join("ca.pem"));
                assert_ne!(exchange(tls, "PUT", &path, authorization, &body).0, 0);
                assert_eq!(exchange(connect(port), "PUT", &path, authorization, &body).0, 400);
            }
        }
        let (_, metrics) = exchange(connect(program.ops_port()), "GET", "/metrics", "", "");
        program.signal("TERM");
        assert_eq!(program.exit_code(), Some(0));
        let said = program.said();
        assert!(said.contains("event=authentication_failed") && said.contains("in clear"), "nothing was shown: {said}");
        let (_, secret) = token.rsplit_once('_').unwrap();
        for needle in [CANARY, &claims[..24], &secret[..12], &STANDARD.encode(CANARY), &STANDARD.encode(token)] {
            for text in [&said, &metrics] {
                let line = text.lines().find(|line| line.contains(needle));
                assert!(line.is_none(), "{needle} came out: {line:?}");
            }
        }
    }
}

#[test]
fn after_a_rotation_the_signal_makes_a_new_file_and_no_line_is_lost() {
    let site = Site::new(0, "audit: { file: audit.jsonl, pushes: all }\n");
    let mut program = site.serve();
    let port = program.port();
    let (file, rotated) = (site.file().with_file_name("audit.jsonl"), site.file().with_file_name("audit.jsonl.1"));
    let push = || assert_eq!(exchange(connect(port), "PUT", "/metrics/job/a", &site.bearer(), "m 1\n").0, 200);
    push();
    let written = |file: &Path| fs::read_to_string(file).unwrap().matches("\"event\":\"push\"").count();
    wait_for(|| "a line".to_owned(), || (written(&file) == 1).then_some(()));
    fs::rename(&file, &rotated).unwrap();
    // Until it is told, it writes where it wrote.
    push();
    wait_for(|| "another line".to_owned(), || (written(&rotated) == 2).then_some(()));
    program.signal("HUP");
    program.line_with("message=reloaded");
    push();
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    let events = |file: &Path| -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let event = |line: &str| line.split("\"event\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        text.lines().map(event).collect()
    };
    assert_eq!(events(&rotated), ["start", "first_use", "push", "push"]);
    // The log says that it is done a moment before the audit does.
    let mut after = events(&file);
    assert_eq!(after.pop().as_deref(), Some("stop"));
    after.sort();
    assert_eq!(after, ["push", "reload"]);
    assert!(!program.said().contains("target=pushward::audit"), "{}", program.said());
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}
