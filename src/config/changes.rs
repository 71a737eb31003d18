//! What one configuration changes against another, by name and id: for the log and the audit. Two configurations are
//! compared with all their hashes; none of them is ever written out.

use super::CertificateRule;
use super::ClientCa;
use super::Config;
use super::JwtRule;
use super::Listener;
use super::Operator;
use super::OperatorGrant;
use super::Revoked;
use super::Tenant;
use super::TenantGrant;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

/// Names and ids under what became of them, such as `tokens_removed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    kinds: BTreeMap<&'static str, Vec<String>>,
}

/// Of each kind so many are named in a line of the log. The audit names all.
const NAMED_MAX: usize = 20;

/// What things of one sort are called that came, went, or are there still and not as before.
struct Sort {
    added: &'static str,
    removed: &'static str,
    changed: &'static str,
}

const TENANTS: Sort = Sort { added: "tenants_added", removed: "tenants_removed", changed: "tenants_changed" };
const OPERATORS: Sort = Sort { added: "operators_added", removed: "operators_removed", changed: "operators_changed" };
const TOKENS: Sort = Sort { added: "tokens_added", removed: "tokens_removed", changed: "tokens_changed" };
const USERS: Sort = Sort { added: "users_added", removed: "users_removed", changed: "users_changed" };
const RULES: Sort = Sort { added: "rules_added", removed: "rules_removed", changed: "rules_changed" };
const ISSUERS: Sort = Sort { added: "issuers_added", removed: "issuers_removed", changed: "issuers_changed" };
const CLIENT_CAS: Sort =
    Sort { added: "client_cas_added", removed: "client_cas_removed", changed: "client_cas_changed" };

impl Changes {
    /// What stands in `after` and not, or not so, in `before`. What needs a restart is not looked at.
    pub fn between(before: &Config, after: &Config) -> Self {
        let mut changes = Self::default();
        changes.parties(before, after);
        changes.credentials(before, after);
        changes.sort(&ISSUERS, &by_name(&before.issuers), &by_name(&after.issuers));
        changes.sort(&CLIENT_CAS, &client_cas(before), &client_cas(after));
        changes.revoked(&before.revoked, &after.revoked);
        let settings = [
            ("passwords", before.passwords != after.passwords),
            ("gateway", before.gateway != after.gateway),
            ("strangers", before.strangers != after.strangers),
            ("audit.pushes", before.audit.pushes != after.audit.pushes),
            ("reload.watch", before.watch != after.watch),
        ];
        let changed = settings.iter().filter(|(_, changed)| *changed).map(|(key, _)| (*key).to_owned());
        changes.add("settings_changed", changed.collect());
        changes.add("settings_changed", client_auth(before, after));
        changes
    }

    /// More of a kind; none is no change.
    pub fn add(&mut self, kind: &'static str, names: Vec<String>) {
        if !names.is_empty() {
            self.kinds.entry(kind).or_default().extend(names);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Each kind with all its names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.kinds.iter().map(|(kind, names)| (*kind, names.as_slice()))
    }

    fn parties(&mut self, before: &Config, after: &Config) {
        // A tenant that is there still is told of by what changed in it.
        let names = |config: &Config| config.tenants.keys().map(|id| (id.to_string(), ())).collect();
        self.sort(&TENANTS, &names(before), &names(after));
        let names = |config: &Config| config.operators.keys().map(|name| (name.clone(), ())).collect();
        self.sort(&OPERATORS, &names(before), &names(after));
        let both: Vec<(&TenantId, &Tenant, &Tenant)> =
            after.tenants.iter().filter_map(|(id, tenant)| Some((id, before.tenants.get(id)?, tenant))).collect();
        let those = |differ: fn(&Tenant, &Tenant) -> bool| {
            both.iter().filter(|(_, was, is)| differ(was, is)).map(|(id, ..)| id.to_string()).collect()
        };
        self.add("tenants_closed", those(|was, is| !was.closed && is.closed));
        self.add("tenants_opened", those(|was, is| was.closed && !is.closed));
        self.add("limits_changed", those(|was, is| was.limits != is.limits));
        self.add("reading_changed", those(|was, is| (was.text, was.utf8_names) != (is.text, is.utf8_names)));
        self.add(
            "rules_reordered",
            those(|was, is| reordered(jwts(was), jwts(is)) || reordered(certificates(was), certificates(is))),
        );
        let operators = after
            .operators
            .iter()
            .filter(|(name, operator)| before.operators.get(*name).is_some_and(|was| was.limits != operator.limits));
        self.add("limits_changed", operators.map(|(name, _)| of_operator(name)).collect());
        let operators = after.operators.iter().filter(|(name, operator)| {
            let was = before.operators.get(*name);
            was.is_some_and(|was| reordered(operators_rules(was), operators_rules(operator)))
        });
        self.add("rules_reordered", operators.map(|(name, _)| of_operator(name)).collect());
    }

    fn credentials(&mut self, before: &Config, after: &Config) {
        self.sort(&TOKENS, &tenants_tokens(before), &tenants_tokens(after));
        self.sort(&TOKENS, &operators_tokens(before), &operators_tokens(after));
        self.sort(&USERS, &tenants_users(before), &tenants_users(after));
        self.sort(&USERS, &operators_users(before), &operators_users(after));
        self.sort(&RULES, &rules(before), &rules(after));
        self.sort(&RULES, &tenants_certificates(before), &tenants_certificates(after));
        self.sort(&RULES, &operators_certificates(before), &operators_certificates(after));
    }

    fn revoked(&mut self, before: &[Revoked], after: &[Revoked]) {
        let only_in = |these: &[Revoked], those: &[Revoked]| {
            these.iter().filter(|entry| !those.contains(entry)).map(name_of_revoked).collect()
        };
        self.add("revoked_added", only_in(after, before));
        self.add("revoked_removed", only_in(before, after));
    }

    fn sort<V: PartialEq>(&mut self, sort: &Sort, before: &BTreeMap<String, V>, after: &BTreeMap<String, V>) {
        let names = |these: &BTreeMap<String, V>, those: &BTreeMap<String, V>| {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        self.add(sort.added, names(after, before));
        self.add(sort.removed, names(before, after));
        let changed = after.iter().filter(|(name, is)| before.get(*name).is_some_and(|was| was != *is));
        self.add(sort.changed, changed.map(|(name, _)| name.clone()).collect());
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (kind, names)) in self.kinds.iter().enumerate() {
            let named: Vec<_> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
            write!(f, "{}{kind}: {}", if n == 0 { "" } else { "; " }, named.join(", "))?;
            if let Some(more) = names.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
                write!(f, " and {more} more")?;
            }
        }
        Ok(())
    }
}

/// Operators are not to be taken for tenants of the same name.
fn of_operator(name: &str) -> String {
    format!("operator:{name}")
}

fn by_name<V>(map: &BTreeMap<String, V>) -> BTreeMap<String, &V> {
    map.iter().map(|(name, value)| (name.clone(), value)).collect()
}

fn tenants_tokens(config: &Config) -> BTreeMap<String, impl PartialEq> {
    let of = |(id, tenant): (&TenantId, &Tenant)| {
        tenant.tokens.iter().map(|token| (format!("{id}/{}", token.id), token.clone())).collect::<Vec<_>>()
    };
    config.tenants.iter().flat_map(of).collect()
}

fn operators_tokens(config: &Config) -> BTreeMap<String, impl PartialEq> {
    let tokens =
        config.operators.values().flat_map(|operator| operator.tokens.iter().map(move |token| (operator, token)));
    tokens.map(|(operator, token)| (format!("{}/{}", of_operator(&operator.name), token.id), token.clone())).collect()
}

fn tenants_users(config: &Config) -> BTreeMap<String, impl PartialEq> {
    let users = config.tenants.iter().flat_map(|(id, tenant)| tenant.users.iter().map(move |user| (id, user)));
    users.map(|(id, user)| (format!("{id}/{}", user.grant.name), user.clone())).collect()
}

fn operators_users(config: &Config) -> BTreeMap<String, impl PartialEq> {
    let users = config.operators.values().flat_map(|operator| operator.users.iter().map(move |user| (operator, user)));
    users
        .map(|(operator, user)| (format!("{}/{}", of_operator(&operator.name), user.grant.name), user.clone()))
        .collect()
}

fn rules(config: &Config) -> BTreeMap<String, &JwtRule> {
    let rules = config.tenants.iter().flat_map(|(id, tenant)| tenant.jwts.iter().map(move |rule| (id, rule)));
    rules.map(|(id, rule)| (format!("{id}/{}", rule.grant.name), rule)).collect()
}

fn tenants_certificates(config: &Config) -> BTreeMap<String, &CertificateRule<TenantGrant>> {
    let rules = config.tenants.iter().flat_map(|(id, tenant)| tenant.certificates.iter().map(move |rule| (id, rule)));
    rules.map(|(id, rule)| (format!("{id}/{}", rule.grant.name), rule)).collect()
}

fn operators_certificates(config: &Config) -> BTreeMap<String, &CertificateRule<OperatorGrant>> {
    let rules = config.operators.iter().flat_map(|(of, operator)| operator.certificates.iter().map(move |it| (of, it)));
    rules.map(|(of, rule)| (format!("{}/{}", of_operator(of), rule.grant.name), rule)).collect()
}

fn listeners(config: &Config) -> impl Iterator<Item = &Listener> {
    config.listeners.iter().chain([&config.ops.listener])
}

/// A listener's own, since each lists those that it believes.
fn client_cas(config: &Config) -> BTreeMap<String, &ClientCa> {
    let with_tls = listeners(config).filter_map(|listener| Some((&listener.name, listener.tls.as_ref()?)));
    let cas = with_tls.flat_map(|(listener, tls)| tls.client_cas.iter().map(move |(name, ca)| (listener, name, ca)));
    cas.map(|(listener, name, ca)| (format!("{listener}/{name}"), ca)).collect()
}

/// The listeners that ask otherwise for certificates than before; with TLS or without is for a restart.
fn client_auth(before: &Config, after: &Config) -> Vec<String> {
    let asks = |listener: &Listener| listener.tls.as_ref().map(|tls| tls.client_auth);
    let changed = listeners(after).filter(|is| {
        let was = listeners(before).find(|was| was.name == is.name);
        was.is_some_and(|was| asks(was).zip(asks(is)).is_some_and(|(was, is)| was != is))
    });
    changed.map(|listener| format!("{}.client_auth", listener.name)).collect()
}

fn jwts(tenant: &Tenant) -> Vec<&str> {
    tenant.jwts.iter().map(|rule| rule.grant.name.as_str()).collect()
}

fn certificates(tenant: &Tenant) -> Vec<&str> {
    tenant.certificates.iter().map(|rule| rule.grant.name.as_str()).collect()
}

fn operators_rules(operator: &Operator) -> Vec<&str> {
    operator.certificates.iter().map(|rule| rule.grant.name.as_str()).collect()
}

/// Whether rules that are in both stand in another order: the first that matches decides.
fn reordered(before: Vec<&str>, after: Vec<&str>) -> bool {
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
    before.iter().filter(|name| is.contains(name)).ne(after.iter().filter(|name| was.contains(name)))
}

/// Which entry it is. The values of claims are left out: they are somebody's words.
fn name_of_revoked(entry: &Revoked) -> String {
    match entry {
        Revoked::Token(id) => format!("token:{id}"),
        Revoked::Serial { ca, serial } => {
            format!("certificate:{ca}/{}", serial.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
        }
        Revoked::Uri { ca, uri } => format!("certificate:{ca}/{}", uri.as_str()),
        Revoked::Claims { issuer, claims } => {
            format!("issuer:{issuer}/{}", claims.keys().map(String::as_str).collect::<Vec<_>>().join("+"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Changes;
    use crate::config::CertificateRule;
    use crate::config::ClientAuth;
    use crate::config::Config;
    use crate::config::PasswordHash;
    use crate::config::Revoked;
    use crate::config::TenantGrant;
    use crate::config::User;
    use std::num::NonZeroU32;
    use std::path::Path;

    /// A tenant `red` with one token and an operator with another.
    fn config() -> Config {
        let token = |id: &str, digit: char, scope: &str| {
            let digest = String::from(digit).repeat(64);
            format!("[ {{ id: \"{id}\", sha256: \"{digest}\", scopes: [\"{scope}\"] }} ]")
        };
        let text = format!(
            "listener: {{ address: \"127.0.0.1:0\" }}\ntenants: {{ red: {{ tokens: {} }} }}\noperators: {{ red: {{ tokens: {} }} }}\n",
            token("aaaaaaaaaa", '1', "push"),
            token("bbbbbbbbbb", '2', "fleet:read")
        );
        Config::parse(&text, Path::new("test.yml")).unwrap()
    }

    /// What `change` does to the configuration, in the words of the log.
    fn told(change: impl FnOnce(&mut Config)) -> String {
        let (before, mut after) = (config(), config());
        change(&mut after);
        Changes::between(&before, &after).to_string()
    }

    #[test]
    fn what_changed_is_told_by_id() {
        assert_eq!(told(|_| {}), "");
        assert_eq!(told(|c| c.tenants.clear()), "tenants_removed: red; tokens_removed: red/aaaaaaaaaa");
        assert_eq!(told(|c| c.operators.clear()), "operators_removed: red; tokens_removed: operator:red/bbbbbbbbbb");
        assert_eq!(told(|c| c.tenants.get_mut("red").unwrap().closed = true), "tenants_closed: red");
        assert_eq!(
            told(|c| c.tenants.get_mut("red").unwrap().limits.pace.places.in_flight_max = 1),
            "limits_changed: red"
        );
        let one = NonZeroU32::MIN;
        let slow = told(|c| c.operators.get_mut("red").unwrap().limits.requests.burst = one);
        assert_eq!(slow, "limits_changed: operator:red");
        assert_eq!(told(|c| c.tenants.get_mut("red").unwrap().utf8_names = true), "reading_changed: red");
        assert_eq!(told(|c| c.passwords.queue = 1), "settings_changed: passwords");
        assert_eq!(told(|c| c.gateway.scrapes_in_flight_max = 1), "settings_changed: gateway");
        assert_eq!(
            told(|c| c.tenants.get_mut("red").unwrap().tokens[0].grant.networks =
                Some(vec!["10.0.0.0/8".parse().unwrap()])),
            "tokens_changed: red/aaaaaaaaaa"
        );
        let id = config().tenants["red"].tokens[0].id;
        assert_eq!(told(|c| c.revoked.push(Revoked::Token(id))), "revoked_added: token:aaaaaaaaaa");
    }

    #[test]
    fn who_is_believed_and_which_rules_fit_are_told() {
        let text = "listener: { address: '127.0.0.1:0', tls: { certificate_file: a, key_file: b, client_auth: optional,\n\
                    client_cas: { edge: { ca_file: c, tenants: [red], operators: [red] } } } }\n\
                    tenants: { red: { certificates: [ { ca: edge, dns: x, scopes: [push] }, { ca: edge, dns: y, scopes: [push] } ] } }\n\
                    operators: { red: { certificates: [ { ca: edge, dns: z, scopes: ['ops:read'] } ] } }\n";
        let config = || Config::parse(text, Path::new("test.yml")).unwrap();
        let told = |change: fn(&mut Config)| {
            let mut after = config();
            change(&mut after);
            assert!(after.needs_restart(&config()).is_empty());
            Changes::between(&config(), &after).to_string()
        };
        fn rules(config: &mut Config) -> &mut Vec<CertificateRule<TenantGrant>> {
            &mut config.tenants.get_mut("red").unwrap().certificates
        }
        assert_eq!(told(|_| {}), "");
        let asks = |c: &mut Config| c.listeners[0].tls.as_mut().unwrap().client_auth = ClientAuth::Required;
        assert_eq!(told(asks), "settings_changed: public.client_auth");
        let ca =
            |c: &mut Config| c.listeners[0].tls.as_mut().unwrap().client_cas.get_mut("edge").unwrap().cn_allowed = true;
        assert_eq!(told(ca), "client_cas_changed: public/edge");
        assert_eq!(
            told(|c| c.listeners[0].tls.as_mut().unwrap().client_cas.clear()),
            "client_cas_removed: public/edge"
        );
        let mut after = config();
        rules(&mut after).reverse();
        assert_eq!(Changes::between(&config(), &after).to_string(), "rules_reordered: red");
        rules(&mut after).truncate(1);
        assert_eq!(Changes::between(&config(), &after).to_string(), "rules_removed: red/red/edge/1");
        let mut after = config();
        rules(&mut after)[0].grant.expires = Some(crate::model::Timestamp::from_unix_seconds(1));
        assert_eq!(Changes::between(&config(), &after).to_string(), "rules_changed: red/red/edge/1");
        let gone = |c: &mut Config| c.operators.get_mut("red").unwrap().certificates.clear();
        assert_eq!(told(gone), "rules_removed: operator:red/operator:red/edge/1");
        let serial = |c: &mut Config| c.revoked.push(Revoked::Serial { ca: "edge".into(), serial: vec![10] });
        assert_eq!(told(serial), "revoked_added: certificate:edge/0A");
    }

    #[test]
    fn another_secret_is_a_change_and_is_not_told() {
        let told = told(|c| {
            let (tenant, operator) = (c.tenants.get_mut("red").unwrap(), &c.operators["red"]);
            tenant.tokens[0].digest = operator.tokens[0].digest;
        });
        assert_eq!(told, "tokens_changed: red/aaaaaaaaaa");
        let hash = |digit: char| format!("$2y$05${}{}O", "e".repeat(22), digit.to_string().repeat(30));
        let with = |hash: &str| {
            let mut config = config();
            let red = config.tenants.get_mut("red").unwrap();
            let grant = red.tokens[0].grant.clone();
            red.users.push(User { hash: PasswordHash::parse(hash).unwrap(), grant });
            config
        };
        let changes = Changes::between(&with(&hash('a')), &with(&hash('b')));
        assert_eq!(changes.to_string(), "users_changed: red/aaaaaaaaaa");
        assert!(!format!("{changes:?}").contains("$2y"), "{changes:?}");
    }

    #[test]
    fn a_line_of_the_log_names_some_and_the_audit_all() {
        let mut changes = Changes::default();
        changes.add("tokens_removed", (0..50).map(|n| n.to_string()).collect());
        let line = changes.to_string();
        assert!(line.ends_with("18, 19 and 30 more"), "{line}");
        assert_eq!(changes.iter().next().unwrap().1.len(), 50);
    }
}
