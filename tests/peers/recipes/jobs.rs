//! Jobs that push with what their CI system or cluster signs for them.

#[path = "../../gateway/issuer_server.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "another suite needs more of it, and a test's way to fail is a panic"
)]
mod issuer_server;

use self::issuer_server::IssuerServer;
use self::issuer_server::Manner;
use super::Site;
use super::site::said;
use crate::readme::from_readme;
use pushward::config::Algorithm;
use pushward::model::SystemClock;
use pushward::testkit::TestIssuer;
use serde_json::Value;
use serde_json::json;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Output;
use tokio::runtime::Runtime;

pub(super) const GITHUB_RULE: &str = "preset: github-actions";
pub(super) const GITHUB_WORKFLOW: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(super) const KUBERNETES_RULE: &str = "preset: kubernetes";
pub(super) const KUBERNETES_JOB: &str = "kind: Job";

const OF_GITHUB: &str = "https://token.actions.githubusercontent.com";
const OF_CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";
/// What a runner hands to a job's steps.
const REQUEST_TOKEN: &str = "request-token-of-a-test";
/// The gateway's own service account.
const SERVICE_ACCOUNT: &str = "service-account-of-a-test";

/// With the only algorithm that the presets allow.
fn issuer(name: &str) -> TestIssuer {
    TestIssuer::with_keys(name, &[Algorithm::Rs256])
}

/// A token as its issuer writes it: good from now on for five minutes.
fn sign(issuer: &TestIssuer, iss: &str, audience: &str, claims: &Value) -> String {
    let now = SystemClock::shared().now().unix_seconds();
    let mut all = json!({ "iss": iss, "aud": audience, "iat": now, "nbf": now, "exp": now + 300 });
    let members = all.as_object_mut().expect("an object");
    members.extend(claims.as_object().expect("an object").clone());
    issuer.sign(&all)
}

fn yaml(block: &str) -> Value {
    serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"))
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// Runs the workflow's step as a runner does, which has a token at hand for whatever audience the step asks for.
fn step(site: &Site, issuer: &TestIssuer, claims: &Value) -> Output {
    let workflow = yaml(&site.here(&from_readme(GITHUB_WORKFLOW)));
    assert_eq!(text(&workflow, "/permissions/id-token"), "write", "without it a runner has no token");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the address it was bound to");
    let environment = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &*format!("http://{address}/token?api-version=2.0")),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN),
        ("RUNNER_TEMP", site.home().to_str().expect("a plain path")),
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| give_token(&listener.accept().expect("a connection").0, issuer, claims));
        let output = site.shell("bash", text(&workflow, "/steps/0/run"), &environment);
        // Where the step has asked for nothing, nobody waits for it any more.
        drop(TcpStream::connect(address));
        output
    })
}

/// Answers one request as GitHub does.
fn give_token(mut stream: &TcpStream, issuer: &TestIssuer, claims: &Value) {
    let head = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let head: Vec<String> = head.collect();
    let Some((_, asked)) = head.first().and_then(|first| first.split_once("&audience=")) else { return };
    let audience = asked.split(' ').next().unwrap_or_default();
    let is_its_job = head.iter().any(|line| line.ends_with(&format!("Bearer {REQUEST_TOKEN}")));
    let body = json!({ "count": 1, "value": sign(issuer, OF_GITHUB, audience, claims) }).to_string();
    let status = if is_its_job { "200 OK" } else { "401 Unauthorized" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).expect("curl reads it");
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_job_of_github_actions_pushes_with_its_own_token_and_one_of_another_owner_does_not() {
    let runtime = Runtime::new().expect("a runtime");
    let github = issuer("github");
    let server = runtime.block_on(IssuerServer::start(Manner::Keys(github.jwks())));
    // GitHub is here.
    let (url, ca) = (server.url("/jwks"), server.file("ca.pem"));
    let here = format!("{GITHUB_RULE}\n    jwks_url: {url}\n    jwks_ca_file: {}", ca.display());
    let site = Site::new().with(&from_readme(GITHUB_RULE).replace(GITHUB_RULE, &here)).start();
    let claims = |owner: &str, branch: &str| {
        json!({
            "sub": format!("repo:octo-org/app:ref:{branch}"),
            "ref": branch,
            "repository": "octo-org/app",
            "repository_owner": "octo-org",
            "repository_owner_id": owner,
        })
    };
    let pushed = step(&site, &github, &claims("12345", "refs/heads/main"));
    assert!(pushed.status.success(), "{}", said(&pushed));
    let line =
        "ci_last_success_timestamp_seconds{tenant=\"payments\",instance=\"\",job=\"ci-build\",repo=\"octo-org/app\"} ";
    assert_eq!(site.scrape().matches(line).count(), 1, "{}", site.scrape());
    // Somebody who took the name over, and a branch that anybody with write access makes.
    for (owner, branch) in [("54321", "refs/heads/main"), ("12345", "refs/heads/other")] {
        let refused = step(&site, &github, &claims(owner, branch));
        assert!(!refused.status.success() && said(&refused).contains("[no_rule]"), "{owner}: {}", said(&refused));
    }
    // Whoever can write tokens, but is not GitHub.
    let refused = step(&site, &issuer("github"), &claims("12345", "refs/heads/main"));
    assert!(!refused.status.success() && said(&refused).contains("[unauthenticated]"), "{}", said(&refused));
}

/// Mounts a pod's token and runs its container.
fn pod(site: &Site, issuer: &TestIssuer, account: &str) -> Output {
    let job = yaml(&site.here(&from_readme(KUBERNETES_JOB)));
    let spec = job.pointer("/spec/template/spec").expect("a pod");
    assert_eq!(text(&job, "/metadata/namespace"), "payments");
    assert_eq!(text(spec, "/serviceAccountName"), "backup");
    let projected = spec.pointer("/volumes/0/projected/sources/0/serviceAccountToken").expect("a projected token");
    let mounted = text(spec, "/containers/0/volumeMounts/0/mountPath");
    let token = sign(issuer, OF_CLUSTER, text(projected, "/audience"), &json!({ "sub": account }));
    site.write(&format!("pod{mounted}/{}", text(projected, "/path")), &token);
    let command: Vec<&str> = ["0", "1", "2"].map(|at| text(spec, &format!("/containers/0/command/{at}"))).into();
    assert_eq!(command[..2], ["sh", "-ec"]);
    let root = site.file("pod").display().to_string();
    let script = command[2].replace(mounted, &format!("{root}{mounted}"));
    site.shell(command[0], &script, &[])
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_pod_pushes_with_the_token_that_is_mounted_and_one_of_another_account_does_not() {
    let runtime = Runtime::new().expect("a runtime");
    let cluster = issuer("cluster");
    let server = runtime.block_on(IssuerServer::start(Manner::KeysFor(SERVICE_ACCOUNT, cluster.jwks())));
    let rule = from_readme(KUBERNETES_RULE);
    let rule = rule.replace("https://kubernetes.default.svc/", &server.url("/"));
    let rule = rule.replace("/var/run/secrets/kubernetes.io/", "gateway/");
    let site = Site::new().with(&rule);
    site.write("gateway/serviceaccount/token", SERVICE_ACCOUNT);
    let ca = std::fs::read_to_string(server.file("ca.pem")).expect("the server wrote it");
    site.write("gateway/serviceaccount/ca.crt", &ca);
    let site = site.start();
    let pushed = pod(&site, &cluster, "system:serviceaccount:payments:backup");
    assert!(pushed.status.success(), "{}", said(&pushed));
    let line = "backup_last_success_timestamp_seconds{tenant=\"payments\",instance=\"\",job=\"backup\"} ";
    assert_eq!(site.scrape().matches(line).count(), 1, "{}", site.scrape());
    assert_eq!(server.paths(), ["/openid/v1/jwks"]);
    for account in ["system:serviceaccount:payments:other", "system:serviceaccount:others:backup"] {
        let refused = pod(&site, &cluster, account);
        assert!(!refused.status.success() && said(&refused).contains("[no_rule]"), "{account}: {}", said(&refused));
    }
}
