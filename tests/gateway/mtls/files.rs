//! Files of CAs that cannot be used: what is closed at the start, what is kept at a reload, and that it is told.

use super::door::ENDED;
use super::door::PROTOCOLS;
use super::door::Running;
use crate::certificates::site::Site;
use crate::certificates::site::uri;
use pushward::config::ClientAuth;
use pushward::model::Clock;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use std::fs;
use std::path::Path;
use std::time::Duration;

const PUSHED: &str = "200";
const NOBODY: &str = "401 unauthenticated";

/// Two CAs of red: `edge`, with a list, and `office`.
struct Case {
    edge: TestCa,
    office: TestCa,
    list: String,
}

impl Case {
    fn new() -> Self {
        let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
        let list = edge.crl(&[], SystemClock::new().now().saturating_add(Duration::from_secs(3600))).pem;
        Self { edge, office, list }
    }

    fn site(&self) -> Site {
        let site = Site::new();
        let list = site.file("edge.crl", &self.list);
        site.ca_with("edge", &self.edge, &["red"], |ca| ca.crl_file = Some(list))
            .ca("office", &self.office, &["red"])
            .rule("red", "edge", uri("*"))
            .rule("red", "office", uri("*"))
    }

    /// What is wrong with a file, by what stands there instead of it. `None`: nothing, or a directory.
    fn wrong(&self, file: &str) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let good = if file == "edge.pem" { self.edge.pem() } else { self.list.clone() };
        let client = self.edge.client(|c| c);
        let other = if file == "edge.pem" { self.list.clone() } else { self.edge.pem() };
        vec![
            ("missing", None),
            ("a directory", None),
            ("empty", Some(Vec::new())),
            ("blank", Some(b"\n \n".to_vec())),
            ("garbage", Some(b"\x7fELF garbage".to_vec())),
            ("truncated", Some(good.as_bytes()[..good.len() / 2].to_vec())),
            ("a client's certificate", Some(client.chain_pem.into_bytes())),
            ("a private key", Some(client.key_pem.into_bytes())),
            ("what belongs into the other file", Some(other.into_bytes())),
        ]
    }
}

fn put(file: &Path, what: &str, content: Option<&[u8]>) {
    if file.is_dir() {
        fs::remove_dir(file).unwrap();
    }
    match content {
        Some(content) => fs::write(file, content).unwrap(),
        None => {
            fs::remove_file(file).unwrap();
            if what == "a directory" {
                fs::create_dir(file).unwrap();
            }
        }
    }
}

fn named(ca: &TestCa) -> TestCert {
    ca.client(|c| c.uri("https://edge/a"))
}

#[tokio::test]
async fn with_a_broken_file_of_roots_no_gateway_starts() {
    let case = Case::new();
    for (what, content) in case.wrong("edge.pem") {
        for auth in [ClientAuth::Optional, ClientAuth::Required] {
            let site = case.site();
            let file = site.file("edge.pem", case.edge.pem());
            put(&file, what, content.as_deref());
            let error = Running::try_start(site, auth, SystemClock::shared()).err();
            let text = error.unwrap_or_else(|| panic!("{what}")).to_string();
            assert!(text.contains(&file.display().to_string()), "{what}: {text}");
            assert!(!text.contains("PRIVATE KEY") && !text.contains("MIG"), "{what}: {text}");
        }
    }
}

#[tokio::test]
async fn with_a_broken_list_its_ca_is_closed_from_the_start_and_nobody_else() {
    let case = Case::new();
    for (what, content) in case.wrong("edge.crl") {
        let site = case.site();
        let file = site.file("edge.crl", &case.list);
        put(&file, what, content.as_deref());
        let gateway = Running::start(site, ClientAuth::Optional);
        let edge = gateway.client("http/1.1", Some(&named(&case.edge)));
        let office = gateway.client("h2", Some(&named(&case.office)));
        assert_eq!((edge.pushes("a").await.as_str(), office.pushes("a").await.as_str()), (NOBODY, PUSHED), "{what}");
        // Its holder's token is good as ever.
        assert_eq!(edge.clone().with(gateway.bearer("red")).pushes("a").await, PUSHED, "{what}");
        let metrics = gateway.metrics().await;
        assert!(metrics.contains("pushward_config_fault{part=\"ca:edge\"} 1\n"), "{what}: {metrics}");
        // A reload that finds it as it was opens nothing; one that finds it mended does.
        gateway.reload().await;
        assert_eq!(edge.pushes("a").await, NOBODY, "{what}");
        put(&file, what, Some(case.list.as_bytes()));
        gateway.reload().await;
        assert_eq!(edge.pushes("a").await, PUSHED, "{what}");
        assert!(!gateway.metrics().await.contains("pushward_config_fault{"), "{what}");
    }
}

#[tokio::test]
async fn at_a_reload_the_last_good_files_stay_and_it_is_told() {
    let case = Case::new();
    for file in ["edge.pem", "edge.crl"] {
        for (what, content) in case.wrong(file) {
            let site = case.site();
            let good = if file == "edge.pem" { case.edge.pem() } else { case.list.clone() };
            let file = site.file(file, &good);
            let gateway = Running::start(site, ClientAuth::Required);
            put(&file, what, content.as_deref());
            gateway.reload().await;
            gateway.reload().await;
            let metrics = gateway.metrics().await;
            assert!(metrics.contains("pushward_config_fault{part=\"ca:edge\"} 1\n"), "{what}: {metrics}");
            for ca in [&case.edge, &case.office] {
                for protocol in PROTOCOLS {
                    assert_eq!(gateway.client(protocol, Some(&named(ca))).pushes("a").await, PUSHED, "{what}");
                }
            }
            // What the gateway does not know, it does not believe: no other roots stand in.
            let stranger = named(&TestCa::named("edge"));
            assert_eq!(gateway.client("h2", Some(&stranger)).pushes("a").await, ENDED, "{what}");
            put(&file, what, Some(good.as_bytes()));
            gateway.reload().await;
            assert!(!gateway.metrics().await.contains("pushward_config_fault{"), "{what}");
        }
    }
}

#[tokio::test]
async fn a_list_that_revokes_stays_in_force_when_its_file_breaks() {
    let case = Case::new();
    let bad = named(&case.edge);
    let until = SystemClock::new().now().saturating_add(Duration::from_secs(3600));
    let list = case.edge.crl(&[&bad.serial], until).pem;
    for (what, content) in case.wrong("edge.crl") {
        let site = case.site();
        let file = site.file("edge.crl", &list);
        let gateway = Running::start(site, ClientAuth::Optional);
        put(&file, what, content.as_deref());
        gateway.reload().await;
        let client = gateway.client("http/1.1", Some(&bad));
        assert_eq!(client.pushes("a").await, "401 credential_revoked", "{what}");
    }
}

#[tokio::test]
async fn a_ca_without_its_list_is_another_one_and_a_new_list_counts_at_once() {
    let case = Case::new();
    let bad = named(&case.edge);
    let mut gateway = Running::start(case.site(), ClientAuth::Optional);
    let client = gateway.client("http/1.1", Some(&bad));
    assert_eq!(client.pushes("a").await, PUSHED);
    // Named anew and not there: what was good under the other name is no good for this one.
    let missing = gateway.site.file("other.crl", "").with_file_name("missing.crl");
    gateway
        .change(|config| {
            let tls = config.listeners[0].tls.as_mut().unwrap();
            tls.client_cas.get_mut("edge").unwrap().crl_file = Some(missing.clone());
        })
        .await;
    assert_eq!(client.pushes("a").await, NOBODY);
    fs::write(&missing, &case.list).unwrap();
    gateway.reload().await;
    assert_eq!(client.pushes("a").await, PUSHED);
}
