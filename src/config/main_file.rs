//! The main file: everything in it is right, or nothing of it is used.

use super::Audit;
use super::Config;
use super::ConfigErrors;
use super::Fault;
use super::GatewayLimits;
use super::KeySource;
use super::Limits;
use super::Log;
use super::Namespace;
use super::OperatorGrant;
use super::Ops;
use super::Passwords;
use super::Storage;
use super::Strangers;
use super::TenantGrant;
use super::Watch;
use super::claims::Spots;
use super::credentials::Credentials;
use super::credentials::Known;
use super::document;
use super::fault::Faults;
use super::fault::Spot;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::issuers;
use super::limits::Ceiling;
use super::listeners;
use super::operators;
use super::revoked;
use super::tenants;
use super::tenants::Names;
use super::users_file::UsersFile;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

pub(super) const CONFIG: Keys = Keys {
    known: &[
        "listener",
        "ops",
        "storage",
        "namespace",
        "strangers",
        "passwords",
        "gateway",
        "limits",
        "limits_ceiling",
        "log",
        "audit",
        "reload",
        "issuers",
        "revoked",
        "tenants",
        "tenants_dir",
        "operators",
    ],
    later: &[],
};

/// What the main file says, and what it takes to read the files that it names.
#[derive(Debug)]
pub(super) struct MainFile {
    /// Its own tenants and operators are in it, without the users of other files.
    pub(super) config: Config,
    pub(super) users_files: BTreeMap<TenantId, UsersFile<TenantGrant>>,
    pub(super) operators_users_files: BTreeMap<String, UsersFile<OperatorGrant>>,
    pub(super) spots: Spots,
    pub(super) known: Known,
    pub(super) limits: Limits,
    pub(super) ceiling: Ceiling,
    pub(super) cautions: Vec<Fault>,
    /// Unless there is none, it may not be used.
    pub(super) faults: Vec<Fault>,
    /// Where these keys stand, or would.
    pub(super) ops: Spot,
    pub(super) tenants: Spot,
}

impl MainFile {
    /// Itself, if there is no fault in it.
    pub(super) fn faultless(self) -> Result<Self, ConfigErrors> {
        if self.faults.is_empty() { Ok(self) } else { Err(self.faults.into()) }
    }

    /// Reads `text`; an error is one after which nothing of it can be read. `others` says which tenants there are besides those in it, from the path of `tenants_dir`.
    pub(super) fn read(
        text: &str,
        file: &Path,
        others: impl FnOnce(&Path) -> Result<BTreeSet<TenantId>, String>,
    ) -> Result<Self, ConfigErrors> {
        let document = document::parse(text, file)?;
        let mut faults = Faults::of(file);
        let Some(section) = Field::root(&document).section(&CONFIG, &mut faults) else {
            return Err(faults.into_errors());
        };
        let known = known(&section, others, &mut faults);
        let mut main = Self::read_section(&section, known, &mut faults);
        main.config.tenants_dir = section.path("tenants_dir", &mut faults.aside());
        main.config.files = main.files();
        main.judge(&mut faults);
        (main.faults, main.cautions) = faults.into_both();
        Ok(main)
    }

    fn read_section(section: &Section<'_>, mut known: Known, faults: &mut Faults) -> Self {
        let root = section.field.place();
        let get = |key: &str| section.get(key);
        let limits = get("limits").map_or_else(Limits::default, |field| Limits::default().overridden(field, faults));
        let ceiling = get("limits_ceiling").map_or_else(Ceiling::default, |field| Ceiling::read(field, faults));
        // Before the rules that name their CAs.
        let listeners = listeners::read(&root, get("listener"), &mut known, faults);
        let ops = Ops::read(&root, get("ops"), &mut known, faults);
        let mut credentials = Credentials::new(&known);
        let written = get("tenants").map(|field| tenants::tenants(field, limits, &mut credentials, faults));
        let (mut tenants, mut users_files) = (BTreeMap::new(), BTreeMap::new());
        for (id, written) in written.unwrap_or_default() {
            users_files.extend(written.users_file.map(|file| (id.clone(), file)));
            tenants.insert(id, written.tenant);
        }
        let operators = get("operators").map(|field| operators::read(field, &mut credentials, faults));
        let operators = operators.unwrap_or_default();
        let spots = credentials.spots;
        let config = Config {
            listeners,
            ops,
            storage: Storage::read(get("storage"), faults),
            // Its faults were found when the tenants' label was looked for.
            namespace: namespace(section, &mut faults.aside()),
            gateway: get("gateway").map_or_else(GatewayLimits::default, |field| GatewayLimits::read(field, faults)),
            strangers: get("strangers").map_or_else(Strangers::default, |field| Strangers::read(field, faults)),
            passwords: get("passwords").map_or_else(Passwords::default, |field| Passwords::read(field, faults)),
            log: get("log").map_or_else(Log::default, |field| Log::read(field, faults)),
            audit: get("audit").map_or_else(Audit::default, |field| Audit::read(field, faults)),
            watch: get("reload").map_or_else(Watch::default, |field| Watch::read(field, faults)),
            issuers: known.issuers.iter().filter_map(|(name, it)| Some((name.clone(), it.clone()?))).collect(),
            revoked: get("revoked").map_or_else(Vec::new, |field| revoked::read(field, &known, faults)),
            tenants,
            operators: operators.operators,
            tenants_dir: None,
            files: Vec::new(),
            file_users: BTreeSet::new(),
            names_users_files: !users_files.is_empty() || !operators.users_files.is_empty(),
        };
        Self {
            config,
            users_files,
            operators_users_files: operators.users_files,
            spots,
            known,
            limits,
            ceiling,
            cautions: Vec::new(),
            faults: Vec::new(),
            ops: faults.spot(&section.place_of("ops")),
            tenants: faults.spot(&section.place_of("tenants")),
        }
    }

    /// What no section can see by itself.
    fn judge(&self, faults: &mut Faults) {
        let ops = &self.config.ops.listener;
        if let Some((address, other)) = self.config.listeners.iter().find_map(|it| listeners::meeting(ops, it)) {
            let text = format!("{address} meets the listener's {other}, expected a port of its own");
            faults.push(self.ops.fault(text));
        }
    }

    /// The files that it names, but `jwks_token_file`: that is read at each use.
    fn files(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let listeners = config.listeners.iter().chain([&config.ops.listener]);
        let tls: Vec<_> = listeners.filter_map(|listener| listener.tls.as_ref()).collect();
        let certificates = tls.iter().flat_map(|tls| [&tls.certificate_file, &tls.key_file]);
        let cas = tls.iter().flat_map(|tls| tls.client_cas.values());
        let certificates = certificates.chain(cas.flat_map(|ca| [&ca.ca_file].into_iter().chain(&ca.crl_file)));
        let keys = config.issuers.values().filter_map(|issuer| match &issuer.keys {
            KeySource::File(path) => Some(path),
            KeySource::Url { ca_file, .. } => ca_file.as_ref(),
        });
        let users = self.users_files.values().map(|file| &file.path);
        let users = users.chain(self.operators_users_files.values().map(|file| &file.path));
        let all: BTreeSet<&PathBuf> = certificates.chain(keys).chain(users).chain(&config.tenants_dir).collect();
        all.into_iter().cloned().collect()
    }
}

fn namespace(section: &Section<'_>, faults: &mut Faults) -> Namespace {
    section.get("namespace").map_or_else(Namespace::default, |field| Namespace::read(field, faults))
}

/// What the credentials' readers need, but the CAs: the tenant's label, the names of tenants and operators, and the issuers.
fn known(
    section: &Section<'_>,
    others: impl FnOnce(&Path) -> Result<BTreeSet<TenantId>, String>,
    faults: &mut Faults,
) -> Known {
    let mut tenants = Names::default();
    if let Some(field) = section.get("tenants") {
        let named = field.named(tenants::TENANTS, &mut faults.aside()).unwrap_or_default();
        tenants.all.extend(named.iter().filter_map(|(name, _)| TenantId::parse(name).ok()));
    }
    if let Some(directory) = section.path("tenants_dir", faults) {
        tenants.come_and_go = true;
        match others(&directory) {
            Ok(others) => tenants.all.extend(others),
            Err(wrong) => faults.add(&section.place_of("tenants_dir"), wrong),
        }
    }
    let mut operators = BTreeSet::new();
    if let Some(field) = section.get("operators") {
        let named = field.named(operators::OPERATORS, &mut faults.aside()).unwrap_or_default();
        operators.extend(named.iter().map(|(name, _)| (*name).to_owned()));
    }
    let tenant_label = namespace(section, faults).label;
    let issuers = section.get("issuers").map(|field| issuers::read(field, &tenants, faults)).unwrap_or_default();
    let durability = Storage::read(section.get("storage"), &mut faults.aside()).durability;
    Known { durability, tenant_label, tenants, issuers, operators, client_cas: BTreeMap::new() }
}
