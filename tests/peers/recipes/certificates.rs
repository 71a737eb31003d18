//! Client certificates: an edge site with its own CA, and workloads with SPIFFE IDs.

use super::Site;
use super::site::Told;
use super::site::WITHIN;
use super::site::said;
use super::tokens::RELOAD;
use crate::process::eventually;
use crate::readme::from_readme;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use std::time::Duration;

pub(super) const EDGE: &str = "edge:\n        ca_file:";
pub(super) const DEV: &str = "pushward certs dev --host";
pub(super) const PUSH: &str = "--cert certs/edge-1.pem";
pub(super) const EXPLAIN: &str = "pushward explain";
pub(super) const LIST: &str = "mv new.crl";
pub(super) const SERIAL: &str = "serial: \"";
pub(super) const SPIFFE: &str = "spire:\n        ca_file:";
pub(super) const ID: &str = "ca: spire, uri:";

/// Puts a CA in the place of the one that `certs dev` made.
fn believe(site: &Site, ca: &TestCa) {
    site.write("new-ca.pem", &ca.pem());
    site.rename("new-ca.pem", "certs/edge-ca.pem");
}

/// A list of the CA, good for an hour, where the recipe expects it.
fn list(site: &Site, ca: &TestCa, revoked: &[&TestCert]) {
    let serials: Vec<&[u8]> = revoked.iter().map(|cert| &*cert.serial).collect();
    let in_an_hour = SystemClock::shared().now().saturating_add(Duration::from_secs(3600));
    site.write("new.crl", &ca.crl(&serials, in_an_hour).pem);
    site.types("sh", &from_readme(LIST));
}

/// A file of its own for the certificate and for its key.
fn give(site: &Site, name: &str, cert: &TestCert) {
    site.write(&format!("certs/{name}.pem"), &cert.chain_pem);
    site.write(&format!("certs/{name}-key.pem"), &cert.key_pem);
}

fn push(site: &Site, name: &str) -> Told {
    let file = |end: &str| site.file(&format!("certs/{name}{end}")).display().to_string();
    let certificate = ["--cert", &file(".pem"), "--key", &file("-key.pem")];
    site.curl(&[&certificate[..], &["--data-binary", "pushed 1\n"]].concat(), "/metrics/job/edge-recipe")
}

fn until(site: &Site, name: &str, status: &str) -> Told {
    eventually(&format!("{name}: {status}"), WITHIN, || {
        let told = push(site, name);
        (told.status == status).then_some(told)
    })
}

/// A block that is to fail, and to say this.
fn fails(site: &Site, block: &str, code: &str) {
    let output = site.shell("sh", block, &[]);
    assert!(!output.status.success() && said(&output).contains(code), "{block}\n{}", said(&output));
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn an_edge_site_pushes_its_own_groups_with_what_certs_dev_makes_and_explain_says_who_it_is() {
    let site = Site::new().with_listener(&from_readme(EDGE));
    std::fs::remove_dir_all(site.file("certs")).expect("they are made by the recipe");
    site.types("sh", &from_readme(DEV));
    site.types("sh", "cp certs/ca.pem .");
    let site = site.start();
    let (pushing, explaining) = (from_readme(PUSH), from_readme(EXPLAIN));
    site.types("sh", &pushing);
    let line =
        "edge_last_contact_timestamp_seconds{tenant=\"payments\",instance=\"\",job=\"edge-uplink\",site=\"site-1\"} ";
    assert_eq!(site.scrape().matches(line).count(), 1, "{}", site.scrape());
    fails(&site, &pushing.replace("edge-1", "edge-2"), "[credential_revoked]");
    fails(&site, &pushing.replace("/job/edge-uplink", "/job/edge-uplink/site/site-2"), "[label_refused]");
    fails(&site, &pushing.replace("/job/edge-uplink", "/job/other"), "[job_refused]");
    fails(&site, &pushing.replace("--cert certs/edge-1.pem --key certs/edge-1-key.pem", ""), "[unauthenticated]");
    let told = site.types("sh", &explaining);
    let said = ["by tenants.payments.certificates[0]\n", "allowed, as {job=\"edge-uplink\", site=\"site-1\"}\n"];
    assert!(said.iter().all(|said| told.contains(said)), "{told}");
    fails(&site, &explaining.replace("edge-1", "edge-2"), "[credential_revoked]");
    fails(&site, &explaining.replace("PUT", "DELETE"), "[scope_refused]");
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_sites_certificate_is_withdrawn_by_its_cas_list_or_by_its_serial_number() {
    let site = Site::new().with_listener(&from_readme(EDGE));
    let edge = TestCa::named("edge");
    let [first, second, third] =
        ["site-1", "site-2", "site-3"].map(|name| edge.client(|c| c.dns(&format!("{name}.edge.example.org"))));
    believe(&site, &edge);
    list(&site, &edge, &[]);
    for (name, cert) in [("first", &first), ("second", &second), ("third", &third)] {
        give(&site, name, cert);
    }
    let site = site.start();
    for name in ["first", "second", "third"] {
        assert_eq!(push(&site, name).status, "200", "{name}");
    }
    let metric = "pushward_crl_next_update_timestamp_seconds{ca=\"edge\"} ";
    assert!(site.own_metrics().contains(metric), "{}", site.own_metrics());
    list(&site, &edge, &[&first]);
    let told = until(&site, "first", "401");
    assert!(told.text.contains("[credential_revoked]"), "{told:?}");
    let entry = from_readme(SERIAL);
    let serial: Vec<String> = second.serial.iter().map(|byte| format!("{byte:02X}")).collect();
    site.add_to_main(&entry.replace("0A:1B:2C", &serial.concat()));
    assert_eq!(site.types("sh", &from_readme(RELOAD)), "reloaded\n");
    let told = push(&site, "second");
    assert!(told.status == "401" && told.text.contains("[credential_revoked]"), "{told:?}");
    assert_eq!(push(&site, "third").status, "200", "nobody else is withdrawn");
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_workload_pushes_with_its_svid_from_whatever_bundle_is_in_force_and_is_withdrawn_by_its_id() {
    let site = Site::new().with_listener(&from_readme(SPIFFE)).start();
    assert_eq!((&*push(&site, "edge-1").status, &*push(&site, "edge-2").status), ("200", "200"));
    let line = "pushed{tenant=\"payments\",instance=\"\",job=\"edge-recipe\",site=\"site-1\"} 1\n";
    assert!(site.scrape().contains(line), "{}", site.scrape());
    site.add_to_main(&from_readme(ID));
    assert_eq!(site.types("sh", &from_readme(RELOAD)), "reloaded\n");
    let told = push(&site, "edge-2");
    assert!(told.status == "401" && told.text.contains("[credential_revoked]"), "{told:?}");
    assert_eq!(push(&site, "edge-1").status, "200", "nobody else is withdrawn");

    let next = TestCa::named("next");
    let id = |name: &str| format!("spiffe://edge.example.org/payments/{name}");
    give(&site, "next-1", &next.client(|c| c.uri(&id("site-1"))));
    give(&site, "next-2", &next.client(|c| c.uri(&id("site-2"))));
    give(&site, "two", &next.client(|c| c.uri(&id("site-1")).uri(&id("site-3"))));
    give(&site, "foreign", &next.client(|c| c.uri("spiffe://evil.example.org/payments/site-1")));
    believe(&site, &next);
    until(&site, "next-1", "200");
    for (name, code) in
        [("next-2", "[credential_revoked]"), ("two", "[certificate_refused]"), ("foreign", "[certificate_refused]")]
    {
        let told = push(&site, name);
        assert!(told.status == "401" && told.text.contains(code), "{name}: {told:?}");
    }
}
