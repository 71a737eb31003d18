//! What quickstart writes.

use super::super::Trouble;
use super::super::args::Quickstart;
use super::super::authority::Authority;
use super::super::authority::LIFE;
use super::super::authority::QUICKSTART;
use super::super::entry::Entry;
use super::super::entry::list;
use super::super::new_file;
use super::super::new_file::Audience;
use super::paste::reached_at;
use crate::config::Config;
use crate::config::QUICKSTART_ID_PREFIX;
use crate::model::PlainToken;
use crate::model::Timestamp;
use crate::model::rfc3339;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use zeroize::Zeroizing;

pub(super) const CONFIG: &str = "pushward.yml";
/// All files, the configuration last: a directory that has it has everything.
pub(super) const NAMES: [&str; 12] = [
    "ca.pem",
    "server.pem",
    "server-key.pem",
    "push.token",
    "read.token",
    "admin.token",
    "prometheus.token",
    "operator.token",
    "push.header",
    "prometheus.yml",
    "rules.yml",
    CONFIG,
];

const ADDRESS: &str = "127.0.0.1:9091";
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const RULES: &str = include_str!("rules.yml");

/// A token and its place: (name, scopes, whether `--expose` lets it come from elsewhere).
type Grant = (&'static str, &'static [&'static str], bool);
const TENANT_GRANTS: [Grant; 3] = [
    ("push", &["push", "delete"], true),
    ("read", &["read"], true),
    ("admin", &["push", "delete", "read", "admin"], false),
];
const OPERATOR_GRANTS: [Grant; 2] =
    [("prometheus", &["fleet:read", "ops:read"], false), ("operator", &["fleet:read", "fleet:admin"], false)];

/// Everything that is to be written, before anything is: what cannot be served is not made.
pub(super) struct Plan {
    files: Vec<(String, Zeroizing<String>, Audience)>,
}

impl Plan {
    pub(super) fn new(args: &Quickstart, now: Timestamp) -> Result<Self, Trouble> {
        let addresses = addresses(args.address.as_deref().unwrap_or(ADDRESS))?;
        let authority = Authority::new(QUICKSTART, "", now)?;
        let server = authority.server(&hosts(args, &addresses))?;
        let ops = ops_address(&addresses);
        let mut plan = Self { files: Vec::new() };
        plan.add("ca.pem", authority.pem(), Audience::Everybody);
        plan.add("server.pem", server.certificate, Audience::Everybody);
        plan.add_secret("server-key.pem", server.key);
        let expires = now.saturating_add(LIFE);
        let mut config = head(&addresses, ops, expires);
        config.push_str("tenants:\n  demo:\n    tokens:\n");
        for grant in &TENANT_GRANTS {
            let token = plan.token(grant, args.expose, expires, &mut config)?;
            if grant.0 == "push" {
                let header = format!("Authorization: Bearer {}\n", token.reveal());
                plan.add_secret("push.header", Zeroizing::new(header));
            }
        }
        config.push_str("operators:\n");
        for grant in &OPERATOR_GRANTS {
            config.push_str(&format!("  {}:\n    tokens:\n", grant.0));
            plan.token(grant, args.expose, expires, &mut config)?;
        }
        plan.add("prometheus.yml", prometheus(&addresses, ops), Audience::Everybody);
        plan.add("rules.yml", RULES.to_owned(), Audience::Everybody);
        Config::parse(&config, Path::new(CONFIG))
            .map_err(|faults| Trouble::Usage(format!("this cannot be served:\n{faults}")))?;
        plan.add(CONFIG, config, Audience::Everybody);
        Ok(plan)
    }

    /// Writes all of it.
    pub(super) fn make(&self, dir: &Path) -> Result<(), Trouble> {
        new_file::directory(dir, Audience::Everybody)?;
        for (name, content, audience) in &self.files {
            new_file::create(&dir.join(name), content, *audience)?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, content: String, audience: Audience) {
        self.files.push((name.to_owned(), Zeroizing::new(content), audience));
    }

    fn add_secret(&mut self, name: &str, content: Zeroizing<String>) {
        self.files.push((name.to_owned(), content, Audience::Owner));
    }

    /// A token: its file, which holds it and nothing else, and its entry at the end of `config`.
    fn token(
        &mut self,
        (name, scopes, exposable): &Grant,
        expose: bool,
        expires: Timestamp,
        config: &mut String,
    ) -> Result<PlainToken, Trouble> {
        let token = PlainToken::generate(QUICKSTART_ID_PREFIX).map_err(|error| Trouble::Failure(error.to_string()))?;
        let everywhere = *exposable && expose;
        let entry = Entry {
            name: Some(name),
            scopes: scopes.to_vec(),
            networks: if everywhere { Vec::new() } else { LOOPBACK.to_vec() },
            expires: Some(expires),
            ..Entry::default()
        };
        config.push_str(&entry.yaml(&token, "      "));
        self.add_secret(&format!("{name}.token"), Zeroizing::new(token.reveal().to_owned()));
        Ok(token)
    }
}

/// What is listened on: the address asked for, and loopback beside it, since the tokens are for that.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, Trouble> {
    let expected = "expected an IP address and a port, such as 127.0.0.1:9091 or :9091";
    let parsed = crate::config::parse_addresses(text).filter(|found| found.iter().all(|address| address.port() != 0));
    let mut addresses = parsed.ok_or_else(|| Trouble::Usage(format!("--address {text:?}, {expected}")))?;
    if let [only] = *addresses
        && !only.ip().is_unspecified()
        && !only.ip().to_canonical().is_loopback()
    {
        addresses.push((Ipv4Addr::LOCALHOST, only.port()).into());
    }
    Ok(addresses)
}

/// What the server's certificate is for, beside the machine itself.
fn hosts(args: &Quickstart, addresses: &[SocketAddr]) -> Vec<String> {
    let specific = addresses.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
    args.host.iter().cloned().chain(specific.map(|ip| ip.to_string())).collect()
}

/// The port of `ops`, unless the listener has it.
fn ops_address(addresses: &[SocketAddr]) -> SocketAddr {
    let taken = addresses.iter().any(|address| address.port() == 9191);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), if taken { 9192 } else { 9191 })
}

fn head(addresses: &[SocketAddr], ops: SocketAddr, expires: Timestamp) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!(
        r#"# Made by `pushward quickstart` to try things. Its certificates and tokens end on {expires}.
# For more than trying: certificates of your own CA, tokens of `pushward token new`.
listener:
  address: {addresses}
  tls:
    certificate_file: "server.pem"
    key_file: "server-key.pem"
ops:
  address: "{ops}"
storage:
  path: "data"
  durability: "fsync" # what is acknowledged outlives a crash
"#,
        expires = rfc3339(expires),
        addresses = list(&addresses),
    )
}

fn prometheus(addresses: &[SocketAddr], ops: SocketAddr) -> String {
    let target = list(&[reached_at(addresses)]);
    let ops = list(&[ops.to_string()]);
    format!(
        r#"# Made by `pushward quickstart`. Paths start at the directory of this file.
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files: ["rules.yml"]
scrape_configs:
  # What was pushed, of all tenants. honor_labels keeps the pushed job and instance.
  - job_name: pushward
    honor_labels: true
    scheme: https
    tls_config:
      ca_file: "ca.pem"
    authorization:
      credentials_file: "prometheus.token"
    static_configs:
      - targets: {target}
  # The gateway's own metrics, on this machine alone.
  - job_name: pushward-ops
    static_configs:
      - targets: {ops}
"#
    )
}
