//! Users with passwords who come from elsewhere.

use super::Site;
use super::site::said;
use crate::readme::from_readme;
use std::process::Command;

pub(super) const FILE: &str = "users_file:";

/// As `htpasswd -nB` writes them, at its own cost of 5 and at 10; made with the system's crypt(3). Each is a test's alone.
const USERS: &str = "\
# Apache's own way to write a comment.
nightly:$2y$05$Gm8Nt1vQ4cXo7hW2yB5sKeRHC1k5/bdm8m.23TC0.Wm6YSaBkhZca

alice:$2y$10$bP3dR6fL9jT0uZ5xC8vN1O3TqT7K6caA2TXpEPf4OhXjw7D.IKfVS
";

#[test]
#[ignore = "needs bash, curl, jq and Python's prometheus_client: ./tests/run"]
fn users_of_an_htpasswd_file_push_with_curl_and_python_as_they_did() {
    let site = Site::new().with(&from_readme(FILE));
    site.write("users.htpasswd", USERS);
    let site = site.start();
    let push = |user: &str| site.curl(&["--user", user, "--data-binary", "by_curl 1\n"], "/metrics/job/curl");
    assert_eq!(push("nightly:correct horse battery").status, "200");
    for wrong in ["nightly:an older password", "nightly:", "bob:an older password"] {
        let told = push(wrong);
        assert_eq!(told.status, "401", "{wrong}");
        assert!(told.text.contains("[unauthenticated]"), "{told:?}");
    }
    site.write("password", "an older password\n");
    let mut python = Command::new("python3");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/python.py");
    python.env("SSL_CERT_FILE", site.file("ca.pem")).arg(script).arg(site.url()).arg(site.file("password"));
    let output = python.args(["push", "by_python", "2", "a", "alice"]).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", said(&output));
    let scrape = site.scrape();
    assert!(scrape.contains("by_curl{tenant=\"payments\",instance=\"\",job=\"curl\"} 1\n"), "{scrape}");
    assert!(
        scrape.contains("by_python{tenant=\"payments\",grouped=\"a\",instance=\"\",job=\"library\"} 2\n"),
        "{scrape}"
    );
}
