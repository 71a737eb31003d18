//! `pushward certs dev`.

use super::Surroundings;
use super::Trouble;
use super::args::DevCerts;
use super::authority::Authority;
use super::authority::DEV;
use super::entry::quoted;
use super::new_file;
use super::new_file::Audience;
use std::process::ExitCode;

/// The trust domain of the clients. `example.org` is nobody's, by RFC 2606.
const EDGE: &str = "edge.example.org";

pub(super) fn run(args: &DevCerts, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let now = around.clock.now();
    let (authority, edge) = (Authority::new(DEV, "", now)?, Authority::new(DEV, " edge", now)?);
    let server = authority.server(&args.host)?;
    let client = |site: &str| edge.client(&format!("spiffe://{EDGE}/payments/{site}"), &format!("{site}.{EDGE}"));
    let (first, second) = (client("site-1")?, client("site-2")?);
    let (ca, edge_ca, crl) = (authority.pem(), edge.pem(), edge.crl(&[&second])?);
    let files = [
        ("ca.pem", &*ca, Audience::Everybody),
        ("server.pem", &server.certificate, Audience::Everybody),
        ("server-key.pem", &server.key, Audience::Owner),
        ("edge-ca.pem", &edge_ca, Audience::Everybody),
        ("edge.crl", &crl, Audience::Everybody),
        ("edge-1.pem", &first.certificate, Audience::Everybody),
        ("edge-1-key.pem", &first.key, Audience::Owner),
        ("edge-2.pem", &second.certificate, Audience::Everybody),
        ("edge-2-key.pem", &second.key, Audience::Owner),
    ];
    // Asked before anything is made, so that no new server's certificate comes to lie beside an old CA.
    let there: Vec<_> = files.iter().map(|(name, ..)| *name).filter(|name| args.dir.join(name).exists()).collect();
    if !there.is_empty() {
        let (dir, there) = (args.dir.display(), there.join(", "));
        return Err(Trouble::Usage(format!("{dir} has {there} already; remove them or take another --dir")));
    }
    new_file::directory(&args.dir, Audience::Everybody)?;
    for (name, content, audience) in files {
        let path = args.dir.join(name);
        new_file::create(&path, content, audience)?;
        writeln!(around.out, "{}", path.display())?;
    }
    explain(args, around)?;
    Ok(ExitCode::SUCCESS)
}

/// What to do with them.
fn explain(args: &DevCerts, around: &mut Surroundings<'_>) -> Result<(), Trouble> {
    let path = |name: &str| quoted(&args.dir.join(name).to_string_lossy());
    let [server, server_key, edge_ca, crl] = ["server.pem", "server-key.pem", "edge-ca.pem", "edge.crl"].map(path);
    let text = format!(
        r#"
They last 30 days, for development only. The CAs' keys are not written, so they sign nothing more.
edge-1 is spiffe://{EDGE}/payments/site-1; edge-2 is site-2 of the same, and revoked by edge.crl.

For the configuration (a relative path begins at its directory):

listener:
  tls:
    certificate_file: {server}
    key_file: {server_key}
    client_auth: optional
    client_cas:
      edge:
        ca_file: {edge_ca}
        crl_file: {crl}
        trust_domain: {EDGE}
        tenants: [payments]
tenants:
  payments:
    certificates:
      - {{ ca: edge, uri: "spiffe://{EDGE}/payments/*", scopes: [push], labels: {{ site: "{{uri.2}}" }} }}
"#
    );
    Ok(around.out.write_all(text.as_bytes())?)
}
