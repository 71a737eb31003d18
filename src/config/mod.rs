//! The configuration, as types that cannot hold a bad value: one file for each section, named as the folder it
//! configures.

mod audit;
mod certificates;
mod client_cas;
mod credentials;
mod document;
mod fault;
mod field;
mod grant;
mod issuers;
mod jwts;
mod limits;
mod listener;
mod listeners;
mod log;
mod namespace;
mod nearest;
mod ops;
mod password;
mod reload;
mod revoked;
mod source;
mod storage;
mod strangers;
mod tenants;
mod units;

#[cfg(test)]
mod tests;

pub use audit::Audit;
pub use audit::AuditPushes;
pub use certificates::CertificateRule;
pub use certificates::SubjectRule;
pub use client_cas::ClientAuth;
pub use client_cas::ClientCa;
pub use credentials::QUICKSTART_ID_PREFIX;
pub use fault::ConfigErrors;
pub use fault::Fault;
pub use grant::OperatorGrant;
pub use grant::TenantGrant;
pub use grant::Token;
pub use grant::User;
pub use issuers::Algorithm;
pub use issuers::Issuer;
pub use issuers::KeySource;
pub use issuers::Preset;
pub use jwts::ClaimValue;
pub use jwts::Claims;
pub use jwts::JwtRule;
pub use jwts::LabelTemplate;
pub use jwts::TemplatePart;
pub use limits::Limits;
pub use limits::OperatorLimits;
pub use listener::AddressRule;
pub use listener::Deadlines;
pub use listener::Listener;
pub use listener::Tls;
pub use listener::TlsProfile;
pub use listeners::ProxyProtocol;
pub use log::Log;
pub use log::LogFormat;
pub use namespace::JobLabel;
pub use namespace::NamePattern;
pub use namespace::Namespace;
pub use ops::Ops;
pub use ops::OpsAuth;
pub use password::PasswordHash;
pub use password::PasswordHashError;
pub use password::Passwords;
pub use reload::Watch;
pub use revoked::Revoked;
pub use source::PartFault;
pub use source::Since;
pub use source::Source;
pub use storage::Durability;
pub use storage::Storage;
pub use strangers::Strangers;
pub use tenants::Operator;
pub use tenants::Tenant;
pub use units::duration as parse_duration;
pub use units::socket_addresses as parse_addresses;

use self::credentials::Credentials;
use self::fault::Faults;
use self::fault::Place;
use self::field::Field;
use self::field::Keys;
use self::field::Section;
use crate::model::OperatorScope;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

const CONFIG: Keys = Keys {
    known: &["listener", "ops", "storage", "namespace", "limits", "log", "tenants", "operators"],
    later: &[
        "strangers",
        "passwords",
        "gateway",
        "limits_ceiling",
        "audit",
        "reload",
        "issuers",
        "revoked",
        "tenants_dir",
    ],
};

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one.
    pub listeners: Vec<Listener>,
    /// Where health with reasons and the gateway's own metrics are served.
    pub ops: Ops,
    pub storage: Storage,
    pub namespace: Namespace,
    pub strangers: Strangers,
    pub passwords: Passwords,
    pub log: Log,
    pub audit: Audit,
    pub watch: Watch,
    pub issuers: BTreeMap<String, Issuer>,
    pub revoked: Vec<Revoked>,
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub operators: BTreeMap<String, Operator>,
    /// Every file but the main one that was read, or would have been: what is watched.
    pub files: Vec<PathBuf>,
}

/// A configuration, and what in it is allowed and hardly meant: `check` calls that a fault, `serve` warns of it.
#[derive(Clone, Debug)]
pub struct Reading {
    pub config: Config,
    /// In the order in which they were found; empty where nothing is odd.
    pub cautions: Vec<Fault>,
    /// What could not be read and harms nobody else: the rest of `config` is in force without it.
    pub parts: Vec<PartFault>,
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Reading::load(path).map(|reading| reading.config)
    }

    /// Reads `text`. Faults name `file`, and relative paths start at its directory; nothing is opened.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        Reading::parse(text, file).map(|reading| reading.config)
    }
}

impl Reading {
    /// As [`Config::load`].
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Source::read(path)?.load(Since::Start)
    }

    fn text_of(path: &Path) -> Result<String, ConfigErrors> {
        let whole_file = |text: String| ConfigErrors::from(Fault::new(path, None, "", text));
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(document::FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| whole_file(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > document::FILE_BYTES_MAX {
            return Err(whole_file("is larger than 16MiB, expected a configuration".into()));
        }
        String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            whole_file(format!("line {line} is not UTF-8, expected UTF-8"))
        })
    }

    /// As [`Config::parse`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        let document = document::parse(text, file)?;
        let mut faults = Faults::of(file);
        let root = Field::root(&document);
        let Some(section) = root.section(&CONFIG, &mut faults) else {
            return Err(faults.into_errors());
        };
        let mut credentials = Credentials::default();
        let config = Config::read(&section, &mut credentials, &mut faults);
        config.judge(&section, &credentials, &mut faults);
        let cautions = faults.finish()?;
        Ok(Self { config, cautions, parts: Vec::new() })
    }
}

impl Config {
    fn read(section: &Section<'_>, credentials: &mut Credentials, faults: &mut Faults) -> Self {
        let root = section.field.place();
        let namespace = section.get("namespace");
        let namespace = namespace.map_or_else(Namespace::default, |field| Namespace::read(field, faults));
        credentials.reserve_label(&namespace.label);
        let limits = section.get("limits");
        let limits = limits.map_or_else(Limits::default, |field| Limits::default().overridden(field, faults));
        let tenants = section
            .get("tenants")
            .map(|field| tenants::tenants(field, limits, credentials, faults))
            .unwrap_or_default();
        credentials.know(tenants.keys().cloned());
        Self {
            listeners: listeners::read(&root, section.get("listener"), faults),
            ops: Ops::read(&root, section.get("ops"), faults),
            storage: Storage::read(section.get("storage"), faults),
            namespace,
            strangers: Strangers::default(),
            passwords: Passwords::default(),
            audit: Audit::default(),
            watch: Watch::default(),
            issuers: BTreeMap::new(),
            revoked: Vec::new(),
            files: Vec::new(),
            log: section.get("log").map_or_else(Log::default, |field| Log::read(field, faults)),
            tenants,
            operators: section
                .get("operators")
                .map(|field| tenants::operators(field, credentials, faults))
                .unwrap_or_default(),
        }
    }

    /// What no section can see by itself.
    fn judge(&self, section: &Section<'_>, credentials: &Credentials, faults: &mut Faults) {
        let place = |key: &str| match section.get(key) {
            Some(field) => field.place(),
            None => Place { key: key.to_owned(), ..section.field.place() },
        };
        let met = self.listeners.iter().find_map(|listener| listeners::meeting(&self.ops.listener, listener));
        if let Some((address, other)) = met {
            let text = format!("{address} meets the listener's {other}, expected a port of its own");
            faults.add(&place("ops"), text);
        }
        let mut grants = self.operators.values().flat_map(|operator| &operator.tokens);
        let ops_read = grants.any(|token| token.grant.scopes.contains(&OperatorScope::OpsRead));
        if self.ops.auth == OpsAuth::Operators && !ops_read {
            faults.caution(&place("ops"), "nobody can read it, expected an operator's token with the scope ops:read");
        }
        if credentials.is_empty() {
            faults.caution(&place("tenants"), "nobody can do anything here, expected a tenant's or operator's token");
        }
        let mut all = self.listeners.iter().chain([&self.ops.listener]);
        let beyond = all.find_map(Listener::beyond_loopback);
        if let Some(address) = beyond {
            for (id, place) in credentials.of_quickstart() {
                let text = format!(
                    "{id} was made by `pushward quickstart` to try things, and {address} reaches beyond loopback, expected a token of `pushward token new`"
                );
                faults.caution(place, text);
            }
        }
    }
}
