//! Files of a CA that do not load: at the start it is closed, later its last good ones stay.

use super::site::START;
use super::site::Site;
use super::site::after;
use super::site::registry;
use super::site::shown;
use super::site::uri;
use http::HeaderMap;
use pushward::identity::Registry;
use pushward::listener::ClientChain;
use pushward::listener::Peer;
use pushward::testkit::TestCa;
use pushward::testkit::TestGateway;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

async fn lets_in(registry: &Registry, chain: &Arc<ClientChain>) -> bool {
    let peer = Peer::invented(SocketAddr::from(([127, 0, 0, 1], 1)), true).invented_at("public");
    registry.authenticate(&HeaderMap::new(), &peer.invented_with(chain.clone()), START).await.is_ok()
}

type Break = fn(&Path, &[u8]);

/// What can be wrong with a file of PEM.
const BROKEN: [(&str, Break); 6] = [
    ("missing", |file, _| std::fs::remove_file(file).unwrap()),
    ("empty", |file, _| std::fs::write(file, "").unwrap()),
    ("blank", |file, _| std::fs::write(file, "\n \n").unwrap()),
    ("garbage", |file, _| std::fs::write(file, "\x7fELF garbage").unwrap()),
    ("truncated", |file, good| std::fs::write(file, &good[..good.len() / 2]).unwrap()),
    ("a directory", |file, _| {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    }),
];

fn heal(file: &Path, good: &[u8]) {
    if file.is_dir() {
        std::fs::remove_dir(file).unwrap();
    }
    std::fs::write(file, good).unwrap();
}

#[tokio::test]
async fn a_ca_whose_files_do_not_load_is_closed_at_the_start_and_keeps_its_last_good_ones_later() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let site = Site::new();
    let crl_file = site.file("edge.crl", edge.crl(&[], after(3600)).pem);
    let crl = Some(crl_file.clone());
    let site = site
        .ca_with("edge", &edge, &["red"], |ca| ca.crl_file = crl)
        .ca("office", &office, &["red"])
        .rule("red", "edge", uri("*"))
        .rule("red", "office", uri("*"));
    let config = &site.builder.config;
    let ca_file = config.listeners[0].tls.as_ref().unwrap().client_cas["edge"].ca_file.clone();
    let of_edge = shown(&edge.client(|c| c.uri("https://red/a")));
    let of_office = shown(&office.client(|c| c.uri("https://red/a")));
    let good = registry(config, None);
    assert!(lets_in(&good, &of_edge).await && lets_in(&good, &of_office).await);

    for file in [&ca_file, &crl_file] {
        let content = std::fs::read(file).unwrap();
        for (what, break_it) in BROKEN {
            break_it(file, &content);
            let first = registry(config, None);
            assert!(!lets_in(&first, &of_edge).await, "{what}");
            assert!(lets_in(&first, &of_office).await, "{what}");
            let faults = first.faults();
            let [(part, reason)] = faults.as_slice() else { panic!("{what}: {faults:?}") };
            assert!(part == "ca:edge" && reason.starts_with(&file.display().to_string()), "{what}: {part} {reason}");
            assert!(first.crl_next_updates().is_empty());

            let later = registry(config, Some(&good));
            assert!(lets_in(&later, &of_edge).await && lets_in(&later, &of_office).await, "{what}");
            assert_eq!(later.faults(), faults, "{what}");
            assert_eq!(later.crl_next_updates(), [("edge".to_owned(), after(3600))], "{what}");
            // What was kept once is kept again; what never was is not made up.
            assert!(lets_in(&registry(config, Some(&later)), &of_edge).await, "{what}");
            assert!(!lets_in(&registry(config, Some(&first)), &of_edge).await, "{what}");

            heal(file, &content);
            let healed = registry(config, Some(&first));
            assert!(lets_in(&healed, &of_edge).await && healed.faults().is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_no_cas() {
    let edge = TestCa::named("edge");
    let client = edge.client(|c| c.uri("https://red/a"));
    let crl = edge.crl(&[], after(3600));
    for (ca, list, what) in [
        (client.chain_pem.clone(), crl.pem.clone(), "a client's certificate as a CA"),
        (client.key_pem.clone(), crl.pem.clone(), "a key as a CA"),
        (crl.pem.clone(), crl.pem.clone(), "a list as a CA"),
        (edge.pem(), edge.pem(), "a CA as a list"),
        (edge.pem() + &client.chain_pem, crl.pem.clone(), "a client's certificate behind a CA"),
    ] {
        let site = Site::new();
        let (ca_file, crl_file) = (site.file("ca", ca), site.file("crl", list));
        let files = |ca: &mut pushward::config::ClientCa| (ca.ca_file, ca.crl_file) = (ca_file, Some(crl_file));
        let site = site.ca_with("edge", &edge, &["red"], files).rule("red", "edge", uri("*"));
        let registry = registry(&site.builder.config, None);
        assert_eq!(registry.faults().len(), 1, "{what}");
        assert!(!lets_in(&registry, &shown(&client)).await, "{what}");
    }
}

#[tokio::test]
async fn the_last_good_files_are_not_another_cas() {
    let edge = TestCa::named("edge");
    let mut site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
    let chain = shown(&edge.client(|c| c.uri("https://red/a")));
    let before = registry(&site.builder.config, None);
    let ca = site.builder.config.listeners[0].tls.as_mut().unwrap().client_cas.get_mut("edge").unwrap();
    ca.crl_file = Some("not-there.crl".into());
    let after = registry(&site.builder.config, Some(&before));
    assert!(lets_in(&before, &chain).await && !lets_in(&after, &chain).await);
}

#[tokio::test]
async fn a_renewed_list_is_in_force_with_the_reload_and_told_of_and_its_end_is_a_metric() {
    let edge = TestCa::named("edge");
    let client = edge.client(|c| c.uri("https://red/a"));
    let dir = tempfile::TempDir::new().unwrap();
    let crl_file = dir.path().join("edge.crl");
    let site = || {
        let files = |ca: &mut pushward::config::ClientCa| ca.crl_file = Some(crl_file.clone());
        let mut site = Site::new().ca_with("edge", &edge, &["red"], files).rule("red", "edge", uri("*"));
        let tls = site.builder.config.listeners[0].tls.as_mut().unwrap();
        tls.client_cas.get_mut("edge").unwrap().ca_file = dir.path().join("edge.pem");
        site.builder
    };
    std::fs::write(dir.path().join("edge.pem"), edge.pem()).unwrap();
    std::fs::write(&crl_file, edge.crl(&[], after(3600)).pem).unwrap();
    let mut gateway = site().start();
    let metrics = async |gateway: &TestGateway| gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text();
    gateway.stranger().with_certificate(shown(&client)).get("/metrics").await.ok();
    let text = metrics(&gateway).await;
    for expected in [
        format!("pushward_crl_next_update_timestamp_seconds{{ca=\"edge\"}} {}", after(3600).unix_seconds()),
        format!(
            "pushward_credential_last_used_timestamp_seconds{{tenant=\"red\",credential=\"red-edge\"}} {}",
            START.unix_seconds()
        ),
    ] {
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
    std::fs::write(&crl_file, edge.crl(&[&client.serial], after(7200)).pem).unwrap();
    let reloaded = gateway.reload(site()).await;
    let told = reloaded.changes.to_string();
    assert!(told.contains("revocation_lists_changed: edge until 2030-01-01T02:00:00Z"), "{told}");
    let refused = gateway.stranger().with_certificate(shown(&client)).get("/metrics").await;
    refused.refused(401, "credential_revoked");
    assert!(metrics(&gateway).await.contains(&format!("{{ca=\"edge\"}} {}", after(7200).unix_seconds())));
    // The list is gone: what it said stays said, and is a fault.
    std::fs::remove_file(&crl_file).unwrap();
    gateway.reload(site()).await;
    let refused = gateway.stranger().with_certificate(shown(&client)).get("/metrics").await;
    refused.refused(401, "credential_revoked");
    assert!(metrics(&gateway).await.contains("pushward_config_fault{part=\"ca:edge\"} 1"));
}

#[tokio::test]
async fn all_roots_of_a_file_count_and_a_list_may_be_der() {
    let (old, new) = (TestCa::named("old"), TestCa::named("new"));
    let site = Site::new();
    let (both, der) = (site.file("both", old.pem() + &new.pem()), site.file("crl", new.crl(&[], after(60)).der));
    let lists = site.file("lists", old.crl(&[], after(60)).pem + &new.crl(&[], after(60)).pem);
    for (crl_file, old_counts) in [(lists, true), (der, false)] {
        let both = both.clone();
        let files = |ca: &mut pushward::config::ClientCa| (ca.ca_file, ca.crl_file) = (both, Some(crl_file));
        let site = Site::new().ca_with("edge", &old, &["red"], files).rule("red", "edge", uri("*"));
        let registry = registry(&site.builder.config, None);
        assert_eq!(registry.faults(), []);
        assert_eq!(lets_in(&registry, &shown(&old.client(|c| c.uri("https://red/a")))).await, old_counts);
        assert!(lets_in(&registry, &shown(&new.client(|c| c.uri("https://red/a")))).await);
    }
}
