//! testssl.sh, which knows what was ever wrong with TLS, against both profiles.

use crate::target::Setup;
use crate::target::Target;
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::process::Stdio;

/// In testssl.sh's own order. WARN is of testssl.sh itself: what it could not find out.
const GOOD_ENOUGH: [&str; 4] = ["OK", "INFO", "LOW", "WARN"];

/// Findings of the test's certificate, and why they are not the gateway's.
const OF_THE_CERTIFICATE: [(&str, &str); 2] = [
    ("cert_revocation", "the test's CA says nowhere where its lists are"),
    ("cert_validityPeriod", "the test's certificate is valid until the year 4096"),
];

#[test]
#[ignore = "needs testssl.sh, and a minute and a half: ./tests/run"]
fn intermediate_has_no_finding_above_low() {
    has_no_finding_above_low("intermediate", &["TLS1_2", "TLS1_3"]);
}

#[test]
#[ignore = "needs testssl.sh, and a minute: ./tests/run"]
fn modern_has_no_finding_above_low() {
    has_no_finding_above_low("modern", &["TLS1_3"]);
}

fn has_no_finding_above_low(profile: &'static str, offered: &[&str]) {
    let target = Target::start(&Setup { profile, ..Setup::DEFAULT });
    let findings = findings(&target);
    assert!(findings.len() > 100, "only {} findings, so nothing was shown: {findings:?}", findings.len());
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    for protocol in ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"] {
        let finding = findings.iter().find(|finding| finding["id"] == protocol).unwrap();
        let is_offered = text(finding, "finding").starts_with("offered");
        assert_eq!(is_offered, offered.contains(&protocol), "{finding}");
    }
    let mut faults = Vec::new();
    for finding in &findings {
        let (id, severity) = (text(finding, "id"), text(finding, "severity"));
        let excused = OF_THE_CERTIFICATE.iter().find(|(name, _)| id == *name || id.starts_with(&format!("{name} ")));
        if severity == "LOW" || !GOOD_ENOUGH.contains(&severity.as_str()) {
            let reason = excused.map_or("", |(_, reason)| reason);
            println!("{profile}: {severity} {id}: {} ({reason})", text(finding, "finding"));
        }
        if !GOOD_ENOUGH.contains(&severity.as_str()) && excused.is_none() {
            faults.push(finding.to_string());
        }
    }
    assert!(faults.is_empty(), "{profile}:\n{}", faults.join("\n"));
}

/// Debian calls the program `testssl`.
fn findings(target: &Target) -> Vec<Value> {
    let file = target.directory.path().join("findings.json");
    let mut command = Command::new("testssl");
    command.args(["--quiet", "--warnings", "batch", "--nodns", "none", "--color", "0", "--sneaky"]);
    command.args(["--connect-timeout", "5", "--openssl-timeout", "5"]);
    command.arg("--add-ca").arg(target.directory.path().join("ca.pem")).arg("--jsonfile").arg(&file);
    let output = command.arg(format!("127.0.0.1:{}", target.port)).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("testssl: {error}; run ./tests/run"));
    let text = fs::read_to_string(&file);
    let text = text.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
