//! A configuration in the making: whom a test needs, one call each.

use super::TestGateway;
use super::TestIssuer;
use super::audit::AuditWriter;
use crate::config::ClaimValue;
use crate::config::Config;
use crate::config::Issuer;
use crate::config::JwtRule;
use crate::config::Limits;
use crate::config::Operator;
use crate::config::OperatorGrant;
use crate::config::PasswordHash;
use crate::config::Since;
use crate::config::Source;
use crate::config::Tenant;
use crate::config::TenantGrant;
use crate::config::Token;
use crate::config::User;
use crate::gateway::Beginning;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::PlainToken;
use crate::model::TenantId;
use crate::model::Verb;
use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::Version;
use std::collections::BTreeMap;
use std::path::Path;

/// A configuration in the making, and the tokens that go with it.
#[derive(Clone, Debug)]
pub struct GatewayBuilder {
    pub config: Config,
    pub(super) tokens: BTreeMap<String, String>,
    audit: Option<AuditWriter>,
}

fn tenant_id(name: &str) -> TenantId {
    TenantId::parse(name).expect("a test names a good tenant")
}

fn tenant_grant(name: &str, scopes: &[Verb]) -> TenantGrant {
    TenantGrant {
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect(),
        jobs: None,
        labels: BTreeMap::new(),
        networks: None,
        expires: None,
        limits: None,
    }
}

fn operator_grant(name: &str, scopes: &[OperatorScope]) -> OperatorGrant {
    OperatorGrant {
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect(),
        tenants: None,
        networks: None,
        expires: None,
    }
}

/// The argon2id hash of a password for 8 KiB of memory and one pass, the least there is.
pub fn cheap_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).expect("the least there is");
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(password.as_bytes(), b"a test's salt").expect("a good salt");
    hash.to_string()
}

impl GatewayBuilder {
    /// Defaults, without anybody.
    pub fn new() -> Self {
        let text = "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\nstorage: { durability: memory }\n";
        let config = Config::parse(text, Path::new("test.yml")).expect("the defaults are good");
        Self { config, tokens: BTreeMap::new(), audit: None }
    }

    /// A tenant with the default limits and a token of its own name with all scopes.
    #[must_use]
    pub fn tenant(self, name: &str) -> Self {
        self.tenant_with(name, |_| {}).token(name, name, &Verb::ALL, |_| {})
    }

    /// A tenant without tokens.
    #[must_use]
    pub fn tenant_with(mut self, name: &str, change: impl FnOnce(&mut Tenant)) -> Self {
        let id = tenant_id(name);
        let mut tenant = Tenant::without_credentials(id.clone(), Limits::default());
        change(&mut tenant);
        self.config.tenants.insert(id, tenant);
        self
    }

    /// One more token of a tenant.
    #[must_use]
    pub fn token(mut self, tenant: &str, name: &str, scopes: &[Verb], change: impl FnOnce(&mut TenantGrant)) -> Self {
        let plain = PlainToken::generate("").expect("the system has random numbers");
        let mut grant = tenant_grant(name, scopes);
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").tokens.push(token);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// A user of a tenant, with a hash that costs next to nothing. The password is that of [`TestGateway::basic`].
    #[must_use]
    pub fn user(
        self,
        tenant: &str,
        name: &str,
        password: &str,
        scopes: &[Verb],
        change: impl FnOnce(&mut TenantGrant),
    ) -> Self {
        self.user_with_hash(tenant, name, &cheap_hash(password), scopes, change)
    }

    /// The same with a hash from elsewhere.
    #[must_use]
    pub fn user_with_hash(
        mut self,
        tenant: &str,
        name: &str,
        hash: &str,
        scopes: &[Verb],
        change: impl FnOnce(&mut TenantGrant),
    ) -> Self {
        let mut grant = tenant_grant(name, scopes);
        change(&mut grant);
        let hash = PasswordHash::parse(hash).expect("a test brings a good hash");
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").users.push(User { hash, grant });
        self
    }

    /// A user of an operator, who comes first.
    #[must_use]
    pub fn operator_user(mut self, operator: &str, name: &str, password: &str, scopes: &[OperatorScope]) -> Self {
        let hash = PasswordHash::parse(&cheap_hash(password)).expect("a hash that was just made");
        let user = User { hash, grant: operator_grant(name, scopes) };
        self.config.operators.get_mut(operator).expect("the operator comes first").users.push(user);
        self
    }

    /// An operator with one token of its own name.
    #[must_use]
    pub fn operator(mut self, name: &str, scopes: &[OperatorScope], change: impl FnOnce(&mut OperatorGrant)) -> Self {
        let plain = PlainToken::generate("").expect("the system has random numbers");
        let mut grant = operator_grant(name, scopes);
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        let operator = Operator {
            name: name.to_owned(),
            tokens: vec![token],
            users: Vec::new(),
            certificates: Vec::new(),
            limits: Default::default(),
        };
        self.config.operators.insert(name.to_owned(), operator);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// An issuer whose keys are in its file, on whose tokens these tenants may write rules.
    #[must_use]
    pub fn issuer(mut self, issuer: &TestIssuer, tenants: &[&str], change: impl FnOnce(&mut Issuer)) -> Self {
        let mut config = issuer.config();
        config.tenants = tenants.iter().map(|name| tenant_id(name)).collect();
        change(&mut config);
        self.config.issuers.insert(config.name.clone(), config);
        self
    }

    /// A rule of a tenant, by which tokens with these texts as claims may do everything.
    #[must_use]
    pub fn jwt_rule(
        mut self,
        tenant: &str,
        issuer: &str,
        claims: &[(&str, &str)],
        change: impl FnOnce(&mut JwtRule),
    ) -> Self {
        let value = |text: &str| vec![ClaimValue::Text(Pattern::parse(text).expect("a pattern"))];
        let mut rule = JwtRule {
            issuer: issuer.to_owned(),
            claims: claims.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect(),
            labels: BTreeMap::new(),
            grant: TenantGrant {
                name: format!("{tenant}-{issuer}"),
                scopes: Verb::ALL.into(),
                jobs: None,
                labels: BTreeMap::new(),
                networks: None,
                expires: None,
                limits: None,
            },
        };
        change(&mut rule);
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").jwts.push(rule);
        self
    }

    /// What `start` would begin with, for whoever brings the sockets along: the configuration, and the tokens by name.
    pub fn into_parts(self) -> (Config, BTreeMap<String, String>) {
        (self.config, self.tokens)
    }

    /// The audit goes there, and not to where [`TestGateway::audit`] reads it.
    #[must_use]
    pub fn audit_to(mut self, writer: impl std::io::Write + Send + 'static) -> Self {
        self.audit = Some(AuditWriter::new(writer));
        self
    }

    /// The audit goes to `audit.file` if there is one, else to where [`TestGateway::audit`] reads it.
    pub fn start(self) -> TestGateway {
        let Self { config, tokens, audit } = self;
        TestGateway::begin(Beginning::from(config), tokens, audit)
    }

    /// A gateway that begins with the file at `path`, and whose tokens are this builder's.
    pub fn start_from(self, path: &Path) -> TestGateway {
        let source = Source::read(path).expect("the file is there");
        let reading = source.load(Since::Start).expect("the configuration is good");
        TestGateway::begin(Beginning { source: Some(source), reading }, self.tokens, self.audit)
    }
}

impl Default for GatewayBuilder {
    fn default() -> Self {
        Self::new()
    }
}
