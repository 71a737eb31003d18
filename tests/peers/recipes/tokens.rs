//! API tokens: a team is added, rotates its token, and loses a laptop.

use super::Site;
use super::site::WITHIN;
use crate::process::eventually;
use crate::readme::from_readme;

pub(super) const ADD: &str = "--token-file search.token;";
pub(super) const ROTATE: &str = "--token-file search-2.token;";
pub(super) const REVOKED: &str = "revoked:\n  - { token:";
pub(super) const RELOAD: &str = "--request POST";

/// Of the token in this file.
fn id(site: &Site, token: &str) -> String {
    site.read(token)["pward_".len()..][..10].to_owned()
}

/// The file of the tenant without the entry of this id.
fn without(text: &str, id: &str) -> String {
    let (first, second) = text.split_once("# tenants:").expect("an entry begins with a comment");
    let (one, other) = second.split_once("# tenants:").expect("there are two");
    let (gone, stays) = if one.contains(id) { (one, other) } else { (other, one) };
    assert!(gone.contains(id) && !stays.contains(id), "{text}");
    format!("{first}# tenants:{stays}")
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_team_is_added_by_its_file_and_rotates_its_token_while_both_work() {
    let site = Site::new().start();
    site.types("sh", &from_readme(ADD));
    assert!(!site.read("tenants.d/search.yml").contains(&site.read("search.token")));
    site.until("search.token", "200");
    assert!(site.scrape().contains("pushed{tenant=\"search\",instance=\"\",job=\"recipe\"} 1\n"), "{}", site.scrape());
    site.types("sh", &from_readme(ROTATE));
    site.until("search-2.token", "200");
    assert_eq!(site.push("search.token").status, "200", "both work during the overlap");
    let used = "pushward_credential_last_used_timestamp_seconds{tenant=\"search\",credential=";
    for token in ["search.token", "search-2.token"] {
        let metric = format!("{used}\"{}\"}}", id(&site, token));
        assert!(site.own_metrics().contains(&metric), "{metric}");
    }
    site.write("search.yml", &without(&site.read("tenants.d/search.yml"), &id(&site, "search.token")));
    site.rename("search.yml", "tenants.d/search.yml");
    let told = site.until("search.token", "401");
    assert!(told.text.contains("[unauthenticated]"), "{told:?}");
    assert_eq!(site.push("search-2.token").status, "200");
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_laptops_token_is_revoked_and_told_so_and_each_attempt_is_audited() {
    let site = Site::new();
    site.types("sh", &from_readme(ADD));
    site.types("sh", &from_readme(ROTATE));
    let site = site.start();
    assert_eq!((&*site.push("search.token").status, &*site.push("search-2.token").status), ("200", "200"));
    let laptop = id(&site, "search.token");
    let entry = from_readme(REVOKED);
    let (before, behind) = entry.split_once("token: \"").expect("an id in quotes");
    site.add_to_main(&format!("{before}token: \"{laptop}{}", &behind[10..]));
    assert_eq!(site.types("sh", &from_readme(RELOAD)), "reloaded\n");
    let told = site.push("search.token");
    assert_eq!(told.status, "401");
    assert!(told.text.contains("[credential_revoked]"), "{told:?}");
    assert_eq!(site.push("search-2.token").status, "200", "nobody else is revoked");
    eventually("the attempt stands in the audit", WITHIN, || {
        let audit = site.read("audit.jsonl");
        let of_laptop = format!("\"credential\":\"{laptop}\",\"code\":\"credential_revoked\"");
        audit.lines().any(|line| line.contains(&of_laptop)).then_some(())
    });
}
