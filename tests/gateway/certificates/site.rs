//! A gateway that knows CAs.

use pushward::config::CertificateRule;
use pushward::config::ClientAuth;
use pushward::config::ClientCa;
use pushward::config::Config;
use pushward::config::LabelTemplate;
use pushward::config::Listener;
use pushward::config::SubjectRule;
use pushward::config::TemplatePart;
use pushward::config::TenantGrant;
use pushward::config::Tls;
use pushward::config::TlsProfile;
use pushward::identity::Registry;
use pushward::listener::ClientChain;
use pushward::model::Pattern;
use pushward::model::SharedClock;
use pushward::model::TenantId;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use pushward::testkit::TestGateway;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Where a test's clock stands at its beginning.
pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_893_456_000);

/// The moment so many seconds behind the beginning.
pub(crate) fn after(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

/// What a listener hands on of a client with this certificate.
pub(crate) fn shown(cert: &TestCert) -> Arc<ClientChain> {
    Arc::new(ClientChain::invented(cert.chain_der.clone()))
}

pub(crate) fn uri(pattern: &str) -> SubjectRule {
    SubjectRule::Uri(Pattern::parse(pattern).unwrap())
}

pub(crate) fn dns(pattern: &str) -> SubjectRule {
    SubjectRule::Dns(Pattern::parse(pattern).unwrap())
}

pub(crate) fn email(pattern: &str) -> SubjectRule {
    SubjectRule::Email(Pattern::parse(pattern).unwrap())
}

pub(crate) fn cn(pattern: &str) -> SubjectRule {
    SubjectRule::Cn(Pattern::parse(pattern).unwrap())
}

/// A label whose value is this piece of the name.
pub(crate) fn label(rule: &mut CertificateRule<TenantGrant>, name: &str, piece: &str) {
    let parts = vec![TemplatePart::Claim(piece.to_owned())];
    rule.labels.insert(name.to_owned(), LabelTemplate { parts });
}

/// A configuration in the making, with the files it names.
pub(crate) struct Site {
    pub(crate) builder: GatewayBuilder,
    dir: TempDir,
}

impl Site {
    /// One listener, `public`, that asks for certificates and trusts nobody yet; the tenants red and blue.
    pub(crate) fn new() -> Self {
        let mut builder = GatewayBuilder::new().tenant("red").tenant("blue");
        builder.config.listeners[0].tls = Some(tls());
        Self { builder, dir: TempDir::new().unwrap() }
    }

    /// One more listener that asks for certificates.
    pub(crate) fn listener(mut self, name: &str) -> Self {
        let listener = Listener { name: name.to_owned(), tls: Some(tls()), ..Listener::on(Vec::new()) };
        self.builder.config.listeners.push(listener);
        self
    }

    /// A CA of the first listener that speaks for these tenants.
    pub(crate) fn ca(self, name: &str, ca: &TestCa, tenants: &[&str]) -> Self {
        self.ca_with(name, ca, tenants, |_| {})
    }

    pub(crate) fn ca_with(
        mut self,
        name: &str,
        ca: &TestCa,
        tenants: &[&str],
        change: impl FnOnce(&mut ClientCa),
    ) -> Self {
        let mut entry = ClientCa {
            name: name.to_owned(),
            ca_file: self.file(&format!("{name}.pem"), ca.pem()),
            crl_file: None,
            trust_domain: None,
            cn_allowed: false,
            tenants: tenants.iter().map(|name| TenantId::parse(name).unwrap()).collect(),
            operators: BTreeSet::new(),
        };
        change(&mut entry);
        self.trust(0, entry);
        self
    }

    /// A listener by its place asks this CA too.
    pub(crate) fn trust(&mut self, listener: usize, ca: ClientCa) {
        let tls = self.builder.config.listeners[listener].tls.as_mut().unwrap();
        tls.client_cas.insert(ca.name.clone(), ca);
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A rule of a tenant, named as the tenant with `-edge` behind it, with all scopes.
    pub(crate) fn rule(self, tenant: &str, ca: &str, subject: SubjectRule) -> Self {
        self.rule_with(tenant, ca, subject, |_| {})
    }

    pub(crate) fn rule_with(
        mut self,
        tenant: &str,
        ca: &str,
        subject: SubjectRule,
        change: impl FnOnce(&mut CertificateRule<TenantGrant>),
    ) -> Self {
        let grant = TenantGrant {
            name: format!("{tenant}-edge"),
            scopes: Verb::ALL.into(),
            jobs: None,
            labels: BTreeMap::new(),
            networks: None,
            expires: None,
            limits: None,
        };
        let mut rule = CertificateRule { ca: ca.to_owned(), subject, labels: BTreeMap::new(), grant };
        change(&mut rule);
        self.builder.config.tenants.get_mut(tenant).unwrap().certificates.push(rule);
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Self {
        self.builder = change(self.builder);
        self
    }

    pub(crate) fn start(self) -> TestGateway {
        self.builder.start()
    }
}

fn tls() -> Tls {
    let tls = Tls::of_server("unread.pem".into(), "unread-key.pem".into(), TlsProfile::Intermediate);
    Tls { client_auth: ClientAuth::Optional, ..tls }
}

/// What `config` makes of its credentials, with a clock that stands still.
pub(super) fn registry(config: &Config, before: Option<&Registry>) -> Registry {
    let clock: SharedClock = Arc::new(MockClock::new());
    Registry::new(config, &clock, before)
}
