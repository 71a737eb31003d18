use super::explain;
use super::verb;
use crate::cli::args::Explain;
use crate::config::CertificateRule;
use crate::config::ClientAuth;
use crate::config::ClientCa;
use crate::config::KeySource;
use crate::config::SubjectRule;
use crate::config::Tls;
use crate::config::TlsProfile;
use crate::model::Pattern;
use crate::model::Service;
use crate::model::Verb;
use crate::testkit::GatewayBuilder;
use crate::testkit::MockClock;
use crate::testkit::TestCa;
use crate::testkit::TestIssuer;
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tempfile::TempDir;

/// Red's CA, with a rule for backups of the sites below `edge`, and a token of red for reading.
struct Site {
    dir: TempDir,
    ca: TestCa,
    config: crate::config::Config,
    tokens: BTreeMap<String, String>,
}

fn site() -> Site {
    let (dir, ca) = (TempDir::new().unwrap(), TestCa::new());
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, ca.pem()).unwrap();
    let builder = GatewayBuilder::new().tenant("red").tenant("blue").token("red", "reader", &[Verb::Read], |grant| {
        grant.networks = Some(vec!["10.0.0.0/8".parse().unwrap()]);
    });
    let (mut config, tokens) = builder.into_parts();
    let red = config.tenants.get_mut("red").unwrap();
    let mut grant = red.tokens[0].grant.clone();
    grant.name = "edge-backups".into();
    grant.scopes = [Verb::Push, Verb::Read].into();
    grant.jobs = Some(vec![Pattern::parse("backup-*").unwrap()]);
    grant.labels = [("env".to_owned(), "prod".to_owned())].into();
    let subject = SubjectRule::Dns(Pattern::parse("*.edge").unwrap());
    red.certificates.push(CertificateRule { ca: "edge".into(), subject, labels: BTreeMap::new(), grant });
    let mut tls = Tls::of_server(PathBuf::new(), PathBuf::new(), TlsProfile::Intermediate);
    tls.client_auth = ClientAuth::Optional;
    let entry = ClientCa {
        name: "edge".into(),
        ca_file,
        crl_file: None,
        trust_domain: None,
        cn_allowed: false,
        tenants: config.tenants.keys().cloned().collect(),
        operators: BTreeSet::new(),
    };
    tls.client_cas.insert("edge".into(), entry);
    config.listeners[0].tls = Some(tls);
    Site { dir, ca, config, tokens }
}

fn question(job: &str, method: &str) -> Explain {
    Explain {
        config: PathBuf::new(),
        token_file: None,
        jwt_file: None,
        certificate: None,
        job: Some(job.to_owned()),
        method: method.to_owned(),
    }
}

impl Site {
    fn file(&self, name: &str, content: &str) -> Option<PathBuf> {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        Some(path)
    }

    fn token(&self, name: &str) -> Option<PathBuf> {
        self.file(name, &format!("{}\n", self.tokens[name]))
    }

    fn certificate(&self, name: &str) -> Option<PathBuf> {
        self.file("client.pem", &self.ca.client(|c| c.dns(name)).chain_pem)
    }

    fn told(&self, token: Option<PathBuf>, certificate: Option<PathBuf>, job: &str, method: &str) -> (bool, String) {
        self.asked(&Explain { token_file: token, certificate, ..question(job, method) })
    }

    fn jwt(&self, text: &str, method: &str) -> (bool, String) {
        self.asked(&Explain { jwt_file: self.file("jwt", text), ..question("backup-db", method) })
    }

    fn asked(&self, args: &Explain) -> (bool, String) {
        let method = &args.method;
        let mut out = Vec::new();
        let Ok(asked) = verb(method) else { panic!("{method}") };
        let clock: crate::model::SharedClock = std::sync::Arc::new(MockClock::new());
        let told = explain(&self.config, args, asked, &clock, &mut out);
        (told.unwrap_or_else(|trouble| panic!("{trouble}")), String::from_utf8(out).unwrap())
    }
}

#[test]
fn a_certificate_is_told_by_its_rule_and_what_it_may_do() {
    let site = site();
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "backup-db", "PUT");
    assert!(allowed, "{text}");
    for line in [
        "certificate at the listener public: edge-backups, by tenants.red.certificates[0]",
        "tenant: red",
        "scopes: push, read",
        "jobs: backup-*",
        r#"bound: env="prod""#,
        r#"PUT of the job "backup-db": allowed, as {env="prod", job="backup-db"}"#,
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "report", "POST");
    assert!(!allowed && text.contains("refused: ") && text.contains("[job_refused]"), "{text}");
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "backup-db", "DELETE");
    assert!(!allowed && text.contains("[scope_refused]"), "{text}");
}

#[test]
fn who_is_nobody_is_told_so() {
    let mut site = site();
    let (allowed, text) = site.told(None, site.certificate("elsewhere"), "a", "GET");
    assert!(!allowed && text.contains("nobody: no CA of it vouches for it, or no rule matches"), "{text}");
    let expired = site.file("client.pem", &site.ca.client(|c| c.dns("a.edge").expired()).chain_pem);
    let (allowed, text) = site.told(None, expired.clone(), "a", "GET");
    assert!(!allowed && text.contains("[credential_expired]"), "{text}");
    let (allowed, text) = site.told(site.token("red"), expired, "a", "GET");
    assert!(!allowed && text.contains("[credential_expired]"), "{text}");
    let unknown = crate::model::PlainToken::generate("").unwrap();
    let (allowed, text) = site.told(site.file("unknown", unknown.reveal()), None, "a", "GET");
    assert!(!allowed && text.contains("[unauthenticated]") && !text.contains(unknown.reveal()), "{text}");
    std::fs::write(site.dir.path().join("ca.pem"), "").unwrap();
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "a", "GET");
    assert!(!allowed && text.contains("not in force: ca:edge: "), "{text}");
    site.config.listeners[0].tls = None;
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "a", "GET");
    assert!(!allowed && text.contains("no listener asks for one"), "{text}");
}

#[test]
fn a_token_is_told_without_itself_and_beside_a_certificate_as_both() {
    let site = site();
    let (allowed, text) = site.told(site.token("reader"), None, "a", "GET");
    assert!(allowed && text.contains("token: reader, by tenants.red.tokens[1]"), "{text}");
    assert!(text.contains("from: 10.0.0.0/8"), "{text}");
    for (name, token) in &site.tokens {
        let digest = crate::model::PlainToken::parse(token).unwrap().digest().to_hex();
        let (_, text) = site.told(site.token(name), site.certificate("site-7.edge"), "a", "GET");
        assert!(!text.contains(token.as_str()) && !text.contains(&digest), "{text}");
    }
    let (allowed, text) = site.told(site.token("reader"), site.certificate("site-7.edge"), "backup-db", "GET");
    assert!(allowed && text.contains("scopes: read\njobs: backup-*"), "{text}");
    let (allowed, text) = site.told(site.token("reader"), site.certificate("site-7.edge"), "backup-db", "PUT");
    assert!(!allowed && text.contains("[scope_refused]"), "{text}");
    let (allowed, text) = site.told(site.token("blue"), site.certificate("site-7.edge"), "backup-db", "PUT");
    assert!(!allowed && text.contains("both together: refused: ") && text.contains("[credentials_differ]"), "{text}");
    // A door key changes nothing.
    let (allowed, text) = site.told(site.token("red"), site.certificate("elsewhere"), "a", "DELETE");
    assert!(allowed, "{text}");
}

#[test]
fn what_meets_a_wall_before_anybody_asks_what_it_may_do_is_not_called_allowed() {
    let mut site = site();
    // Networks apart.
    let elsewhere = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    site.config.tenants.get_mut("red").unwrap().certificates[0].grant.networks = elsewhere;
    let (allowed, text) = site.told(site.token("reader"), site.certificate("site-7.edge"), "backup-db", "GET");
    assert!(!allowed && text.contains("from: nowhere") && text.contains("refused: what was shown together"), "{text}");
    // Nobody comes in without a certificate.
    site.config.listeners[0].tls.as_mut().unwrap().client_auth = ClientAuth::Required;
    let (allowed, text) = site.told(site.token("red"), None, "a", "GET");
    assert!(!allowed && text.contains("refused: no listener that serves it"), "{text}");
    let (allowed, text) = site.told(site.token("red"), site.certificate("elsewhere"), "a", "GET");
    assert!(allowed, "{text}");
    // The one listener that knows the certificate takes no pushes.
    site.config.listeners[0].serves = [Service::Scrape].into();
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "backup-db", "GET");
    assert!(allowed, "{text}");
    let (allowed, text) = site.told(None, site.certificate("site-7.edge"), "backup-db", "PUT");
    assert!(!allowed && text.contains("what is asked for is not served there"), "{text}");
    let who = Explain { certificate: site.certificate("site-7.edge"), job: None, ..question("", "PUT") };
    assert!(site.asked(&who).0);
    let (allowed, text) = site.told(site.token("red"), site.certificate("site-7.edge"), "backup-db", "PUT");
    assert!(!allowed && text.contains("refused: no listener that serves it"), "{text}");
}

#[test]
fn a_jwt_is_told_by_its_rule_and_never_by_its_claims() {
    let (issuer, other) = (TestIssuer::new("ci"), TestIssuer::new("ci"));
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let (config, _) = builder.jwt_rule("red", "ci", &[("sub", "job")], |_| {}).into_parts();
    let mut site = Site { config, ..site() };
    let claims = json!({ "sub": "job", "email": "alice@example.org" });
    let (allowed, text) = site.jwt(&format!("{}\n", issuer.sign(&claims)), "PUT");
    assert!(allowed && text.contains("jwt of the issuer ci: red-ci, by tenants.red.jwts[0]\ntenant: red"), "{text}");
    let refused = [
        (other.sign(&claims), "[unauthenticated]", "its signature is not by a key"),
        (issuer.sign(&json!({ "sub": "x", "email": "alice@example.org" })), "refused: ", ""),
        (issuer.sign(&json!({ "sub": "job", "exp": 1 })), "[credential_expired]", ""),
        (issuer.sign(&json!({ "sub": "job", "iss": "https://elsewhere" })), "jwt: nobody: ", ""),
        ("a.b.c".to_owned(), "jwt: nobody: ", ""),
    ];
    for (token, why, more) in refused {
        let (allowed, text) = site.jwt(&token, "PUT");
        assert!(!allowed && text.contains(why) && text.contains(more), "{text}");
        assert!(!text.contains("alice") && !text.contains(&token), "{text}");
    }
    // Keys that are fetched are not here.
    let (url, ca_file, token_file) = ("https://ci.example/keys".to_owned(), None, None);
    site.config.issuers.get_mut("ci").unwrap().keys = KeySource::Url { url, ca_file, token_file };
    let (allowed, text) = site.jwt(&issuer.sign(&claims), "PUT");
    assert!(allowed && text.contains("its signature is not checked"), "{text}");
    assert!(!text.contains("alice"), "{text}");
}
