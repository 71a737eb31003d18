//! Limits: a team asks what it has, gets more up to a ceiling, gives a job less; a client that comes again; alerts.

use super::Site;
use super::site::WITHIN;
use super::site::said;
use super::tokens::ADD;
use crate::process::eventually;
use crate::prometheus::Prometheus;
use crate::readme::from_readme;
use serde_json::Value;

pub(super) const RETRY: &str = "--retry 5";
pub(super) const ASK: &str = "/api/v1/limits";
pub(super) const MORE: &str = "requests_burst: 3000";
pub(super) const CEILING: &str = "limits_ceiling:";
pub(super) const LESS: &str = "--token-file nightly.token";
pub(super) const SMALL: &str = "stored_bytes_max: 168MiB";
pub(super) const RULES: &str = "alert: PushwardTenantFills";

/// The team of the recipe, with these limits from the start, and its tokens: to push, and to read.
fn team(limits: &str) -> Site {
    let site = Site::new();
    site.types("sh", &from_readme(ADD));
    let read = "pushward token new --tenant search --scope read --token-file read.token";
    site.types(
        "sh",
        &format!("{{ echo '{limits}'; cat tenants.d/search.yml; {read}; }} > new && mv new tenants.d/search.yml"),
    );
    site.types("sh", "printf 'Authorization: Bearer %s' \"$(cat search.token)\" > push.header");
    site
}

/// What the recipe's question is answered of the team.
fn asked(site: &Site) -> Value {
    let told: Value = serde_json::from_str(&site.types("sh", &from_readme(ASK))).expect("it is JSON");
    assert_eq!((&told["status"], &told["data"]["tenants"][0]["tenant"]), (&"success".into(), &"search".into()));
    told["data"]["tenants"][0].clone()
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_team_asks_what_it_may_take_and_gets_more_up_to_the_ceiling() {
    let site = team("").with(&from_readme(CEILING)).start();
    assert_eq!(site.push("search.token").status, "200");
    let told = asked(&site);
    assert_eq!((&told["limits"]["series_max"], &told["usage"]["series_max"]), (&500_000.into(), &1.into()), "{told}");
    site.types("sh", &from_readme(MORE));
    let limits = eventually("more is in force", WITHIN, || {
        Some(asked(&site)["limits"].clone()).filter(|limits| limits["series_max"] == 2_000_000)
    });
    assert_eq!((&limits["requests_burst"], &limits["stored_bytes_max"]), (&3000.into(), &(1_u64 << 30).into()));
    site.write(
        "too-much.yml",
        &site.read("tenants.d/search.yml").replace("series_max: 2000000", "series_max: 2000001"),
    );
    site.rename("too-much.yml", "tenants.d/search.yml");
    let fault = "pushward_config_fault{part=\"tenant:search\"} 1";
    eventually("too much is refused", WITHIN, || site.own_metrics().contains(fault).then_some(()));
    assert_eq!(asked(&site)["limits"]["series_max"], 2_000_000, "the tenant stays as it was");
    let checked = site.shell("sh", "pushward check --config pushward.yml", &[]);
    assert!(!checked.status.success() && said(&checked).contains("limits_ceiling"), "{}", said(&checked));
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_job_with_limits_of_its_own_leaves_the_rest_to_the_others() {
    let site = team("");
    site.types("sh", &from_readme(LESS));
    let site = site.start();
    let header = format!("Authorization: Bearer {}", site.read("nightly.token"));
    let told = site.curl(&["--header", &header, "--data-binary", "m 1\n", "--parallel"], "/metrics/job/n[1-80]");
    assert!(told.text.contains("[rate_limited]"), "{told:?}");
    // Sixty at once and one a second for as long as they wait.
    let accepted = told.status.matches("200").count();
    assert!((60..75).contains(&accepted), "{accepted} of 80: {told:?}");
    assert_eq!(site.push("search.token").status, "200");
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn whoever_comes_again_as_printed_is_accepted_when_the_time_has_come() {
    let site = team("limits: { requests_per_second: 1, requests_burst: 1, wait_max: 0s }").start();
    assert_eq!(site.push("search.token").status, "200");
    let pushed = site.shell("sh", &from_readme(RETRY), &[]);
    assert!(pushed.status.success() && said(&pushed).contains("[rate_limited]"), "{}", said(&pushed));
    let line = "backup_last_success_timestamp_seconds{tenant=\"search\",instance=\"\",job=\"backup\"} ";
    assert_eq!(site.scrape().matches(line).count(), 1, "{}", site.scrape());
}

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn a_small_machine_is_served_as_printed() {
    let site = Site::new().with_listener(&from_readme(SMALL));
    site.types("sh", &from_readme(ADD));
    let site = site.start();
    assert_eq!(site.push("search.token").status, "200");
    let header = format!("Authorization: Bearer {}", site.read("operator.token"));
    let told: Value = serde_json::from_str(&site.curl(&["--header", &header], "/api/v1/limits").text).expect("JSON");
    assert_eq!(told["data"]["gateway"]["limits"]["stored_bytes_max"], 168_u64 << 20, "{told}");
}

#[test]
#[ignore = "needs prometheus, bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn the_rules_load_and_a_real_prometheus_raises_each_of_their_alerts() {
    let site = team("limits: { groups_max: 1 }");
    site.write("rules.yml", &from_readme(RULES));
    site.types("sh", "promtool check rules rules.yml");
    // A file that says nothing of its tenant closes it, and the gateway says that it is degraded.
    site.write("tenants.d/broken.yml", "nothing\n");
    let site = site.start();
    assert_eq!(site.push("search.token").status, "200");
    site.write("now.yml", &from_readme(RULES).replace("for: 15m", "for: 0s").replace("for: 1m", "for: 0s"));
    let scraped = format!("static_configs: [ {{ targets: [\"{}\"] }} ]", site.ops());
    site.write(
        "prometheus.yml",
        &format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [now.yml]\n\
             scrape_configs: [ {{ job_name: pushward-ops, {scraped} }} ]\n"
        ),
    );
    let prometheus = Prometheus::on(&site.file("prometheus.yml"), site.home(), &[]);
    let fires = |alert: &str, labels: &str| {
        prometheus.one(&format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\",{labels}}}"));
    };
    fires("PushwardTenantFills", "tenant=\"search\",limit=\"groups_max\"");
    fires("PushwardDegraded", "reason=\"config_closed\"");
    let pushes = "for n in 1 2 3 4 5 6; do curl -s -H @push.header --data-binary 'm 1' \
                  https://push.example.org:9091/metrics/job/other || true; sleep 1; done";
    site.types("sh", pushes);
    fires("PushwardRefusesForLimits", "code=\"quota_full\"");
}
