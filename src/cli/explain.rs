//! `pushward explain`.
//!
//! Asks the very stages that a request passes, without a request: `identity` for who it is, `namespace` for what that may do.
//! What is told comes from the configuration and the certificate's own names; no token, no claim, no hash.

use super::Surroundings;
use super::Trouble;
use super::args::Explain;
use super::serve;
use crate::config::ClientAuth;
use crate::config::Config;
use crate::config::Listener;
use crate::config::Reading;
use crate::identity::Credential;
use crate::identity::IdentityError;
use crate::identity::Party;
use crate::identity::Registry;
use crate::model::GroupingKey;
use crate::model::PlainToken;
use crate::model::Service;
use crate::model::SharedClock;
use crate::model::Timestamp;
use crate::model::Verb;
use crate::model::rfc3339;
use crate::namespace;
use crate::rejection::Rejection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longer is neither a token nor a chain that a handshake would carry.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn run(args: &Explain, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let verb = verb(&args.method)?;
    // The server's own key is nothing that is asked here, and need not be there to be read.
    let Reading { config, parts, .. } = Reading::load(&args.config).map_err(|errors| serve::bad(errors.faults()))?;
    for part in &parts {
        for fault in part.errors.faults() {
            writeln!(around.out, "not in force: {}: {fault}", part.part)?;
        }
    }
    let told = explain(&config, args, verb, &around.clock, around.out)?;
    Ok(if told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes what there is to say; whether it may do what was asked.
fn explain(
    config: &Config,
    args: &Explain,
    verb: Verb,
    clock: &SharedClock,
    out: &mut dyn Write,
) -> Result<bool, Trouble> {
    let now = clock.now();
    let key = args.job.as_deref().map(|job| {
        GroupingKey::new::<&str, &str>(job, []).map_err(|error| Trouble::Usage(format!("--job {job:?}: {error}")))
    });
    let key = key.transpose()?;
    let registry = Registry::new(config, clock, None);
    for (part, fault) in registry.faults() {
        writeln!(out, "not in force: {part}: {fault}")?;
    }
    let header = match (&args.token_file, &args.jwt_file) {
        (Some(file), _) => Some(told("token", registry.explain_token(&token(file)?, now), config, out)?),
        (None, Some(file)) => Some(jwt(&registry, file, config, now, out)?),
        (None, None) => None,
    };
    // Another kind of header goes the same way; one that fails is refused, whatever stands beside it.
    let header = match header {
        Some(None) => return Ok(false),
        Some(proved) => proved,
        None => None,
    };
    // One that makes nobody may still open the door.
    let is_certified = args.certificate.is_some();
    let certificate = match &args.certificate {
        Some(file) => match seen(&registry, &certificates(file)?, config, key.as_ref().map(|_| verb), now, out)? {
            Ok(certificate) => certificate,
            Err(Refused) => return Ok(false),
        },
        None => None,
    };
    let credential = match (header, certificate) {
        (Some(header), Some(certificate)) => match registry.explain_both(&header, &certificate) {
            Ok(both) => both,
            Err(error) => return Ok(refused("both together", &error.into(), out)?),
        },
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Ok(false),
    };
    describe(&credential, out)?;
    match key {
        Some(key) => {
            let what = format!("{} of the job {:?}", args.method, key.job());
            if let Some(wall) = wall(config, &credential, verb, is_certified) {
                writeln!(out, "{what}: refused: {wall}")?;
                return Ok(false);
            }
            Ok(allowed(&what, &credential, verb, key, out)?)
        }
        None => Ok(true),
    }
}

/// Who a JWT is. Where the issuer's keys are not at hand, that is said, and the rest goes on as if it were genuine.
fn jwt(
    registry: &Registry,
    file: &Path,
    config: &Config,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Option<Arc<Credential>>, Trouble> {
    let content = read(file)?;
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    let Some(explained) = registry.explain_jwt(text, now) else {
        writeln!(out, "jwt: nobody: this is no JWT whose `iss` is that of an issuer here")?;
        return Ok(None);
    };
    let what = format!("jwt of the issuer {}", explained.issuer);
    match explained.is_genuine {
        Some(true) => {}
        Some(false) => writeln!(out, "{what}: its signature is not by a key and algorithm that are believed")?,
        None => writeln!(out, "{what}: its signature is not checked, since the keys are not at hand")?,
    }
    Ok(told(&what, explained.found, config, out)?)
}

/// The certificate stands in the way, whatever stands beside it.
struct Refused;

/// Whom the listeners see in a certificate. Listeners ask different CAs, so each may see somebody else: the first that sees
/// somebody, and serves what is asked for, is followed further.
fn seen(
    registry: &Registry,
    chain: &[CertificateDer<'_>],
    config: &Config,
    asked: Option<Verb>,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Result<Option<Arc<Credential>>, Refused>, Trouble> {
    let found = registry.explain_certificate(chain, now);
    if found.is_empty() {
        writeln!(out, "certificate: no listener asks for one")?;
    }
    let serves = |name: &str, service| {
        config.listeners.iter().any(|listener| listener.name == name && listener.serves.contains(&service))
    };
    let (mut first, mut is_refused) = (None, false);
    for (listener, found) in found {
        let what = format!("certificate at the listener {listener}");
        match found {
            Ok(None) => writeln!(out, "{what}: nobody: no CA of it vouches for it, or no rule matches")?,
            Ok(Some(credential)) => {
                let is_served = asked.is_none_or(|verb| serves(&listener, service(credential.party(), verb)));
                let credential = told(&what, Ok(credential), config, out)?;
                if is_served {
                    first = first.or(credential);
                } else {
                    writeln!(out, "{what}: what is asked for is not served there")?;
                }
            }
            Err(error) => is_refused |= told(&what, Err(error), config, out)?.is_none(),
        }
    }
    Ok(if first.is_none() && is_refused { Err(Refused) } else { Ok(first) })
}

/// Says who it is by which entry, or why it is nobody.
fn told(
    what: &str,
    found: Result<Arc<Credential>, IdentityError>,
    config: &Config,
    out: &mut dyn Write,
) -> io::Result<Option<Arc<Credential>>> {
    match found {
        Ok(credential) => {
            let places = places(config, &credential).join(" or ");
            writeln!(out, "{what}: {}, by {places}", credential.name())?;
            Ok(Some(credential))
        }
        Err(error) => refused(what, &error.into(), out).map(|_| None),
    }
}

/// Where in the configuration the credential stands: names are there once, but for rules that share one.
fn places(config: &Config, credential: &Credential) -> Vec<String> {
    let name = credential.name();
    let mut places = Vec::new();
    let mut find = |section: String, names: Vec<&String>| {
        let here = names.into_iter().enumerate().filter(|(_, held)| *held == name);
        places.extend(here.map(|(position, _)| format!("{section}[{position}]")));
    };
    match credential.party() {
        Party::Tenant(grant) => {
            let Some(tenant) = config.tenants.get(&grant.tenant) else { return places };
            let section = |key: &str| format!("tenants.{}.{key}", grant.tenant);
            find(section("tokens"), tenant.tokens.iter().map(|token| &token.grant.name).collect());
            find(section("jwts"), tenant.jwts.iter().map(|rule| &rule.grant.name).collect());
            find(section("certificates"), tenant.certificates.iter().map(|rule| &rule.grant.name).collect());
        }
        Party::Operator(grant) => {
            let Some(operator) = config.operators.get(&grant.operator) else { return places };
            let section = |key: &str| format!("operators.{}.{key}", grant.operator);
            find(section("tokens"), operator.tokens.iter().map(|token| &token.grant.name).collect());
            find(section("certificates"), operator.certificates.iter().map(|rule| &rule.grant.name).collect());
        }
    }
    places
}

/// All that narrows it.
fn describe(credential: &Credential, out: &mut dyn Write) -> io::Result<()> {
    match credential.party() {
        Party::Tenant(grant) => {
            writeln!(out, "tenant: {}", grant.tenant)?;
            writeln!(out, "scopes: {}", listed(grant.scopes.iter(), "none"))?;
            for patterns in grant.jobs.iter() {
                writeln!(out, "jobs: {}", listed(patterns.iter().map(|pattern| pattern.as_str()), "none"))?;
            }
            for (name, value) in grant.labels.iter() {
                writeln!(out, "bound: {name}={value:?}")?;
            }
        }
        Party::Operator(grant) => {
            writeln!(out, "operator: {}", grant.operator)?;
            writeln!(out, "scopes: {}", listed(grant.scopes.iter(), "none"))?;
            if let Some(tenants) = &grant.tenants {
                writeln!(out, "tenants: {}", listed(tenants.iter(), "none"))?;
            }
        }
    }
    if let Some(networks) = credential.networks() {
        writeln!(out, "from: {}", listed(networks.iter(), "nowhere"))?;
    }
    match credential.expires() {
        Some(at) => writeln!(out, "until: {}", rfc3339(at)),
        None => Ok(()),
    }
}

fn listed(items: impl Iterator<Item = impl Display>, none: &str) -> String {
    let items: Vec<_> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

fn allowed(what: &str, credential: &Credential, verb: Verb, key: GroupingKey, out: &mut dyn Write) -> io::Result<bool> {
    match namespace::explain(credential.party(), verb, key) {
        Ok(key) => {
            let labels = key.labels().map(|(name, value)| format!("{name}={value:?}"));
            writeln!(out, "{what}: allowed, as {{{}}}", listed(labels, ""))?;
            Ok(true)
        }
        Err(error) => refused(what, &error.into(), out),
    }
}

/// Why it does not get as far as being asked what it may do.
fn wall(config: &Config, credential: &Credential, verb: Verb, is_certified: bool) -> Option<&'static str> {
    if credential.networks().is_some_and(<[_]>::is_empty) {
        return Some("what was shown together is good from nowhere");
    }
    let service = service(credential.party(), verb);
    let mut doors = config.listeners.iter().filter(|listener| listener.serves.contains(&service));
    let wants_more = |listener: &Listener| {
        !is_certified && listener.tls.as_ref().is_some_and(|tls| tls.client_auth == ClientAuth::Required)
    };
    doors.all(wants_more).then_some("no listener that serves it lets this in without a certificate that it believes")
}

/// Of what it is part for such a party.
fn service(party: &Party, verb: Verb) -> Service {
    match (party, verb) {
        (Party::Operator(_), _) => Service::Operator,
        (Party::Tenant(_), Verb::Read) => Service::Scrape,
        (Party::Tenant(_), Verb::Push | Verb::Delete | Verb::Admin) => Service::Push,
    }
}

/// In the words and with the code of the answer that a client would get.
fn refused(what: &str, rejection: &Rejection, out: &mut dyn Write) -> io::Result<bool> {
    writeln!(out, "{what}: refused: {rejection} [{}]", rejection.code())?;
    Ok(false)
}

fn verb(method: &str) -> Result<Verb, Trouble> {
    match method {
        "PUT" | "POST" => Ok(Verb::Push),
        "DELETE" => Ok(Verb::Delete),
        "GET" => Ok(Verb::Read),
        other => Err(Trouble::Usage(format!("--method {other:?} is none, expected PUT, POST, DELETE or GET"))),
    }
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let mut content = Zeroizing::new(Vec::new());
    let read = File::open(file).and_then(|open| open.take(FILE_BYTES_MAX).read_to_end(&mut content));
    read.map_err(|error| Trouble::Usage(format!("{}: cannot be read: {error}", file.display())))?;
    Ok(content)
}

fn token(file: &Path) -> Result<PlainToken, Trouble> {
    let content = read(file)?;
    let text = std::str::from_utf8(&content).ok().map(str::trim);
    let token = text.and_then(|text| PlainToken::parse(text).ok());
    token.ok_or_else(|| Trouble::Usage(format!("{}: no API token in it, or more than one", file.display())))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let found = CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| Trouble::Usage(format!("{}: this is not PEM: {error}", file.display())))?;
    if found.is_empty() {
        return Err(Trouble::Usage(format!("{}: no certificate in it, expected PEM", file.display())));
    }
    Ok(found)
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
