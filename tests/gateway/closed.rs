//! Whatever stands in the place of a file or of a key that gives authority: who is let in then, at the start and after a
//! reload, as the whole gateway answers. Nobody is ever let in to more than the good files say.

use super::issuer_server::IssuerServer;
use super::issuer_server::Manner;
use pushward::config::Algorithm;
use pushward::config::Since;
use pushward::config::Source;
use pushward::gateway::Beginning;
use pushward::gateway::Gateway;
use pushward::gateway::Trigger;
use pushward::model::PlainToken;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestGateway;
use pushward::testkit::TestIssuer;
use pushward::testkit::cheap_hash;
use serde_json::Value;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

const MAIN: &str = "p.yml";
/// What each answer depends on stands before the probe's first space.
type Picture = Vec<(&'static str, u16)>;

/// A configuration with everything that gives somebody authority, and those who try to use it.
struct Site {
    dir: TempDir,
    main: String,
    tenant: String,
    tokens: [PlainToken; 4],
    /// Keys in a file; RS256 is not among the issuer's algorithms.
    filed: TestIssuer,
    /// Keys at a URL.
    fetched: TestIssuer,
    ca: String,
    _server: IssuerServer,
}

impl Site {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tokens = [(); 4].map(|()| PlainToken::generate("").unwrap());
        let [red, own, narrow, _] = [0, 1, 2, 3]
            .map(|n: usize| format!("id: \"{}\", sha256: \"{}\"", tokens[n].id(), tokens[n].digest().to_hex()));
        let filed = TestIssuer::with_keys("filed", &[Algorithm::Es256, Algorithm::Rs256]);
        let fetched = TestIssuer::new("fetched");
        let server = IssuerServer::start(Manner::KeysFor("sesame", fetched.jwks())).await;
        let issuer = |name: &str, keys: &str| {
            format!(
                "{{ issuer: \"https://{name}.example\", audiences: [\"{}\"], algorithms: [ES256], tenants: [own], {keys} }}",
                TestIssuer::AUDIENCE
            )
        };
        let url = format!("jwks_url: \"{}\", jwks_ca_file: ca.pem, jwks_token_file: jwks.token", server.url("/"));
        let main = format!(
            "listener: {{ address: \"127.0.0.1:0\" }}\nops: {{ address: \"127.0.0.1:0\" }}\nstorage: {{ durability: memory }}\ntenants_dir: t\nissuers:\n  \
             filed: {}\n  fetched: {}\nrevoked: [ {{ issuer: filed, claims: {{ run: 7 }} }} ]\ntenants:\n  red: {{ tokens: [ {{ {red}, scopes: [push] }} ] }}\n  \
             meg: {{ users_file: {{ path: m.htpasswd, scopes: [push] }} }}\noperators:\n  o:\n    tokens: [ {{ {narrow}, scopes: [\"fleet:read\"], tenants: [red] }} ]\n    \
             users_file: {{ path: o.htpasswd, scopes: [\"fleet:read\"] }}\n",
            issuer("filed", "jwks_file: keys.json"),
            issuer("fetched", &url),
        );
        let rule = |issuer: &str| {
            format!(
                "  - {{ issuer: {issuer}, claims: {{ sub: ci }}, scopes: [push], jobs: [\"ci-*\"], labels: {{ env: prod }}, networks: [127.0.0.0/8] }}\n"
            )
        };
        let tenant = format!(
            "tokens:\n  - {{ {own}, scopes: [push], jobs: [\"ci-*\"], labels: {{ env: prod }}, networks: [127.0.0.0/8], expires: \"2030-06-01T00:00:00Z\" }}\n\
             jwts:\n{}{}users_file: {{ path: ../a.htpasswd, scopes: [push], jobs: [\"ci-*\"], labels: {{ env: prod }}, networks: [127.0.0.0/8] }}\n",
            rule("filed"),
            rule("fetched")
        );
        let ca = fs::read_to_string(server.file("ca.pem")).unwrap();
        let site = Self { dir, main, tenant, tokens, filed, fetched, ca, _server: server };
        site.restore();
        site
    }

    /// Every file as it is good.
    fn restore(&self) {
        for (file, _) in FILES.iter().filter(|(file, _)| *file != "t") {
            remove(&self.path(file));
        }
        remove(&self.path("t"));
        fs::create_dir(self.path("t")).unwrap();
        self.write(MAIN, &self.main);
        self.write("t/own.yml", &self.tenant);
        self.write("keys.json", &(self.filed.jwks() + "\n"));
        self.write("ca.pem", &self.ca);
        self.write("jwks.token", "sesame\n");
        for (file, user) in [("a.htpasswd", "ann"), ("m.htpasswd", "meg"), ("o.htpasswd", "otto")] {
            self.write(file, &format!("{user}:{}\n", cheap_hash("right")));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// `None`: it does not start.
    fn start(&self) -> Option<TestGateway> {
        Source::read(&self.path(MAIN)).and_then(|source| source.load(Since::Start)).ok()?;
        Some(GatewayBuilder::new().start_from(&self.path(MAIN)))
    }

    /// How each probe is answered.
    async fn picture(&self, gateway: &TestGateway) -> Picture {
        const GOOD: &str = "/metrics/job/ci-a/env/prod";
        let bearer = |text: &str| gateway.stranger().with("authorization", &format!("Bearer {text}"));
        let token = |n: usize| bearer(self.tokens[n].reveal());
        let jwt = |issuer: &TestIssuer, claims: Value| bearer(&issuer.sign(&claims));
        let ci = || json!({ "sub": "ci" });
        let of_own = [
            ("own.token", token(1)),
            ("own.ann", gateway.basic("ann", "right")),
            ("own.filed", jwt(&self.filed, ci())),
            ("own.fetched", jwt(&self.fetched, ci())),
        ];
        let mut probes = vec![
            ("red", token(0), "PUT", GOOD),
            ("meg", gateway.basic("meg", "right"), "PUT", GOOD),
            ("o.narrow", token(2), "GET", "/metrics?tenant=red"),
            ("o.narrow for another", token(2), "GET", "/metrics?tenant=meg"),
            ("o.narrow reloads", token(2), "POST", "/-/reload"),
            ("o.otto", gateway.basic("otto", "right"), "GET", "/metrics"),
            ("o.otto reloads", gateway.basic("otto", "right"), "POST", "/-/reload"),
            ("stranger with a token", token(3), "PUT", GOOD),
            ("stranger with a name", gateway.basic("eve", "right"), "PUT", GOOD),
            ("stranger with nothing", gateway.stranger(), "PUT", GOOD),
            ("stranger of no rule", jwt(&self.fetched, json!({ "sub": "cd" })), "PUT", GOOD),
            ("stranger for another", jwt(&self.fetched, json!({ "sub": "ci", "aud": "them" })), "PUT", GOOD),
            ("stranger who is revoked", jwt(&self.filed, json!({ "sub": "ci", "run": 7 })), "PUT", GOOD),
            ("stranger by another algorithm", bearer(&self.other_algorithm()), "PUT", GOOD),
        ];
        for (who, client) in of_own {
            let elsewhere = client.clone().from_address("192.0.2.1");
            probes.push((who, client.clone(), "PUT", GOOD));
            probes.push((who, client.clone(), "PUT", "/metrics/job/other/env/prod"));
            probes.push((who, client.clone(), "PUT", "/metrics/job/ci-a/env/dev"));
            probes.push((who, client.clone(), "DELETE", GOOD));
            probes.push((who, client, "GET", "/metrics"));
            probes.push((who, elsewhere, "PUT", GOOD));
        }
        let mut picture = Picture::new();
        for (who, client, method, path) in probes {
            picture.push((who, client.send(method, path, "").await.status.as_u16()));
        }
        picture
    }

    /// By the key of an algorithm that the issuer is not allowed.
    fn other_algorithm(&self) -> String {
        self.filed.sign_with_header(&json!({ "alg": "RS256", "kid": "filed-2" }), &json!({ "sub": "ci" }))
    }

    async fn reload(&self, gateway: &TestGateway, trigger: Trigger) -> bool {
        gateway.reloader().reload(trigger).await.is_ok()
    }

    /// Puts it there, whatever was.
    fn spoil(&self, name: &str, how: &str) {
        let path = self.path(name);
        let was = fs::read(&path).unwrap_or_default();
        let is_directory = path.is_dir();
        remove(&path);
        match how {
            "missing" => {}
            "directory" => fs::create_dir(path).unwrap(),
            "empty" if is_directory => fs::create_dir(path).unwrap(),
            "truncated" => fs::write(path, &was[..was.len() * 2 / 3]).unwrap(),
            text => fs::write(path, if text == "empty" { "" } else { text }).unwrap(),
        }
    }
}

fn remove(path: &Path) {
    drop(fs::remove_file(path).or_else(|_| fs::remove_dir_all(path)));
}

/// Whose answers a file decides.
const FILES: [(&str, &str); 9] = [
    (MAIN, ""),
    ("t", "own"),
    ("t/own.yml", "own"),
    ("a.htpasswd", "own"),
    ("m.htpasswd", "meg"),
    ("o.htpasswd", "o.otto"),
    ("keys.json", "own.filed"),
    ("ca.pem", "own.fetched"),
    ("jwks.token", "own.fetched"),
];

const WAYS: [&str; 10] = [
    "missing",
    "empty",
    "directory",
    "truncated",
    "~\n",
    "[]\n",
    "{}\n",
    "{\"keys\":[]}\n",
    "tokens: { users: 7 }\n",
    "\0\u{fffd}: [}",
];

/// `picture` where nobody whose answers begin with `whose` is anybody.
fn without(picture: &Picture, whose: &str) -> Picture {
    let closed = |(who, status): &(&'static str, u16)| (*who, if who.starts_with(whose) { 401 } else { *status });
    picture.iter().map(closed).collect()
}

#[tokio::test]
async fn whatever_stands_in_the_place_of_a_file_lets_in_nobody_more() {
    let site = Site::new().await;
    let good = site.picture(&site.start().unwrap()).await;
    assert!(good.iter().all(|(who, status)| *status == 401 || !who.starts_with("stranger")), "{good:?}");
    let let_in = good.iter().filter(|(who, status)| *status == 200 && !who.starts_with("stranger")).count();
    assert_eq!((let_in, good.iter().filter(|(_, status)| *status == 403).count()), (8, 23), "{good:?}");
    for (file, whose) in FILES {
        for how in WAYS {
            site.restore();
            let running = site.start().unwrap();
            let good = site.picture(&running).await;
            site.spoil(file, how);
            let what = format!("{how:?} in the place of {file}");

            // Somebody may take everything away by a file that says so, or that is gone when he asks.
            let is_emptied = file == "t/own.yml" && how == "{}\n";
            let is_gone =
                (file, how) == ("t/own.yml", "missing") || file == "t" && ["empty", "directory"].contains(&how);
            for trigger in [Trigger::Watch, Trigger::Request] {
                let done = site.reload(&running, trigger).await;
                assert_eq!(done, file != MAIN || trigger == Trigger::Watch, "{what}");
                let withdrawn = is_emptied || is_gone && trigger == Trigger::Request;
                let expected = if withdrawn { without(&good, whose) } else { good.clone() };
                assert_eq!(site.picture(&running).await, expected, "{what}, {trigger:?}");
            }
            match site.start() {
                Some(gateway) => {
                    assert_ne!(file, MAIN, "{what}");
                    assert_eq!(site.picture(&gateway).await, without(&good, whose), "{what}, at the start");
                }
                None => assert!(file == MAIN || file == "t" && !is_gone, "{what}"),
            }
        }
    }
}

/// Keys that give or narrow authority as they stand in the good files, and whether they may be absent.
const KEYS: [(&str, &str, bool); 17] = [
    (MAIN, "audiences: [\"https://push.example\"]", false),
    (MAIN, "algorithms: [ES256]", false),
    (MAIN, "tenants: [own]", false),
    (MAIN, "jwks_file: keys.json", false),
    (MAIN, "claims: { run: 7 }", false),
    (MAIN, "scopes: [push]", false),
    (MAIN, "tenants: [red]", true),
    (MAIN, "scopes: [\"fleet:read\"]", false),
    (MAIN, "path: o.htpasswd", false),
    ("t/own.yml", "scopes: [push]", false),
    ("t/own.yml", "claims: { sub: ci }", false),
    ("t/own.yml", "issuer: filed", false),
    ("t/own.yml", "path: ../a.htpasswd", false),
    ("t/own.yml", "jobs: [\"ci-*\"]", true),
    ("t/own.yml", "labels: { env: prod }", true),
    ("t/own.yml", "networks: [127.0.0.0/8]", true),
    ("t/own.yml", "expires: \"2030-06-01T00:00:00Z\"", true),
];

const VALUES: [&str; 10] = ["", "~", "[]", "{}", "\"\"", "[~]", "[\"\"]", "[[]]", "{ x: [] }", "true"];

#[tokio::test]
async fn whatever_stands_in_the_place_of_a_key_that_gives_authority_lets_in_nobody_more() {
    let site = Site::new().await;
    let good = site.picture(&site.start().unwrap()).await;
    for (file, key, may_be_absent) in KEYS {
        let text = if file == MAIN { &site.main } else { &site.tenant };
        let (name, value) = key.split_once(": ").unwrap();
        let spoilt = VALUES.map(|value| text.replace(key, &format!("{name}: {value}")));
        // The last is another key, which nobody knows, in its place.
        let others = [text.replace(key, &format!("un{name}: {value}"))];
        for (n, bad) in spoilt.iter().chain(&others).enumerate() {
            let what = format!("{name}: {} in {file}", VALUES.get(n).unwrap_or(&"unknown"));
            assert_ne!(bad, text, "{what}");
            site.restore();
            let running = site.start().unwrap();
            site.write(file, bad);
            for trigger in [Trigger::Request, Trigger::Watch] {
                site.reload(&running, trigger).await;
                assert_eq!(site.picture(&running).await, good, "{what}, {trigger:?}");
            }
            match site.start() {
                Some(gateway) => {
                    assert_ne!(file, MAIN, "{what}");
                    assert_eq!(site.picture(&gateway).await, without(&good, "own"), "{what}, at the start");
                }
                None => assert_eq!(file, MAIN, "{what}"),
            }
        }
        let gone = text.replace(&format!("{key}, "), "").replace(&format!(", {key}"), "");
        assert_ne!(&gone, text, "{name}");
        site.restore();
        site.write(file, &gone);
        match site.start() {
            None => assert!(file == MAIN && !may_be_absent, "without {name}"),
            Some(_) if may_be_absent => {}
            Some(gateway) => {
                assert_eq!(site.picture(&gateway).await, without(&good, "own"), "without {name}");
            }
        }
    }
}

#[tokio::test]
async fn without_its_certificate_its_key_or_its_audit_it_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = TestCa::new().server(&["localhost"]);
    let main = "listener: { address: \"127.0.0.1:0\", tls: { certificate_file: c.pem, key_file: k.pem } }\n\
                ops: { address: \"127.0.0.1:0\" }\naudit: { file: a/audit.jsonl }\n";
    let path = |name: &str| dir.path().join(name);
    let start = || {
        let source = Source::read(&path(MAIN)).unwrap();
        let reading = source.load(Since::Start).unwrap();
        Gateway::bind(Beginning { source: Some(source), reading }, Arc::new(MockClock::new()))
    };
    let restore = || {
        for name in ["c.pem", "k.pem", "a"] {
            remove(&path(name));
        }
        fs::create_dir(path("a")).unwrap();
        for (name, text) in [(MAIN, main), ("c.pem", &certificate), ("k.pem", &key)] {
            fs::write(path(name), text).unwrap();
        }
    };
    restore();
    start().unwrap();
    for name in ["c.pem", "k.pem"] {
        let was = fs::read_to_string(path(name)).unwrap();
        for bad in
            ["", "~\n", "[]\n", "\0: [}", &was[..was.len() / 2], if name == "c.pem" { &key } else { &certificate }]
        {
            restore();
            fs::write(path(name), bad).unwrap();
            let refused = start().unwrap_err().to_string();
            assert!(refused.contains(name) && !refused.contains("PRIVATE"), "{bad}: {refused}");
        }
        restore();
        remove(&path(name));
        assert!(start().unwrap_err().to_string().contains(name));
        fs::create_dir(path(name)).unwrap();
        assert!(start().unwrap_err().to_string().contains(name));
    }
    restore();
    remove(&path("a"));
    assert!(start().unwrap_err().to_string().contains("audit.jsonl"));
    fs::create_dir_all(path("a/audit.jsonl")).unwrap();
    assert!(start().unwrap_err().to_string().contains("audit.jsonl"));
}
