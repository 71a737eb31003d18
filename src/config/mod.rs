//! The configuration, as types that cannot hold a bad value: one file for each section, named as the folder it
//! configures.

mod assembly;
mod audit;
mod certificates;
mod changes;
mod claim_rules;
mod claims;
mod client_cas;
mod credentials;
mod document;
mod fault;
mod field;
mod files;
mod gateway;
mod grant;
mod grants;
mod issuers;
mod judge;
mod jwts;
mod limits;
mod listener;
mod listeners;
mod log;
mod main_file;
mod namespace;
mod nearest;
mod operators;
mod ops;
mod parts;
mod password;
mod reload;
mod restart;
mod revoked;
mod samples;
mod shadowed;
mod source;
mod storage;
mod strangers;
mod template;
mod tenants;
mod tenants_dir;
mod units;
mod users;
mod users_file;

#[cfg(test)]
mod tests;

pub use audit::Audit;
pub use audit::AuditPushes;
pub use certificates::CertificateRule;
pub use certificates::SubjectRule;
pub use changes::Changes;
pub use client_cas::ClientAuth;
pub use client_cas::ClientCa;
pub use credentials::QUICKSTART_ID_PREFIX;
pub use fault::ConfigErrors;
pub use fault::Fault;
pub use gateway::GatewayLimits;
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
pub use limits::Amount;
pub use limits::CredentialLimits;
pub use limits::Limits;
pub use limits::OperatorLimits;
pub use limits::Pace;
pub use limits::Percent;
pub use limits::Places;
pub use limits::Rate;
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
pub use operators::Operator;
pub use ops::Ops;
pub use ops::OpsAuth;
pub use password::Argon2id;
pub use password::Bcrypt;
pub use password::PASSWORD_BYTES_MAX;
pub use password::PasswordHash;
pub use password::PasswordHashError;
pub use password::PasswordScheme;
pub use password::Passwords;
pub use reload::Watch;
pub use revoked::Revoked;
pub use source::PartFault;
pub use source::Since;
pub use source::Source;
pub use storage::Storage;
pub use strangers::Strangers;
pub use tenants::Tenant;
pub use units::duration as parse_duration;
pub use units::socket_addresses as parse_addresses;

use self::claims::Spots;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// At least one.
    pub listeners: Vec<Listener>,
    /// Where health with reasons and the gateway's own metrics are served.
    pub ops: Ops,
    pub storage: Storage,
    pub namespace: Namespace,
    pub gateway: GatewayLimits,
    pub strangers: Strangers,
    pub passwords: Passwords,
    pub log: Log,
    pub audit: Audit,
    pub watch: Watch,
    pub issuers: BTreeMap<String, Issuer>,
    pub revoked: Vec<Revoked>,
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub operators: BTreeMap<String, Operator>,
    /// Where more tenants stand, a file for each.
    pub tenants_dir: Option<PathBuf>,
    /// Every file but the main one that was read, or would have been, and `tenants_dir` itself: what is watched.
    pub files: Vec<PathBuf>,
    /// The names of all users who stand in a `users_file`.
    file_users: BTreeSet<String>,
    /// Whether there is any `users_file`.
    names_users_files: bool,
}

/// A configuration, and what in it is allowed and hardly meant: `check` calls that a fault, `serve` warns of it.
#[derive(Clone, Debug)]
pub struct Reading {
    pub config: Config,
    /// In the order in which they were found; empty where nothing is odd.
    pub cautions: Vec<Fault>,
    /// What could not be read and harms nobody else: the rest of `config` is in force without it.
    pub parts: Vec<PartFault>,
    /// Where each credential stands.
    spots: Spots,
}

impl From<Config> for Reading {
    /// As if the configuration had been read without a word to say about it.
    fn from(config: Config) -> Self {
        Self { config, cautions: Vec::new(), parts: Vec::new(), spots: Spots::default() }
    }
}

impl Config {
    /// Reads the file at `path` and those it names. What harms one tenant alone is no error: see [`Source::load`].
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Reading::load(path).map(|reading| reading.config)
    }

    /// Reads `text`. Faults name `file`, and relative paths start at its directory. No other file is opened: the tenants
    /// of a `tenants_dir` and the users of a `users_file` are not there.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        Reading::parse(text, file).map(|reading| reading.config)
    }
}

impl Reading {
    /// As [`Config::load`], at the start: nothing is kept of an earlier one.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Source::read(path)?.load(Since::Start)
    }

    /// As [`Config::parse`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        Source::parse(text, file)
    }
}
