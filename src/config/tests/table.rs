//! Keys that grant or narrow, with every way of saying nothing: never does nothing mean everything.

use super::base;
use super::config;
use super::refused;

/// Ways of writing a value, in this order: absent, null, [], {}, "", a wrong kind, out of range.
const EMPTY: [Option<&str>; 5] = [None, Some(""), Some("[]"), Some("{}"), Some("''")];

#[test]
fn a_narrowing_key_may_be_absent_and_never_empty() {
    let wrong: &[(&str, bool, &[&str])] = &[
        ("jobs", true, &["backup", "7", "[7]", "['']", "[[a]]", "{a: b}", "[~]"]),
        (
            "labels",
            true,
            &[
                "[a]",
                "env",
                "{env: ''}",
                "{env: ~}",
                "{env: 1}",
                "{job: a}",
                "{tenant: a}",
                "{__a: b}",
                "{1a: b}",
                "{'': b}",
            ],
        ),
        ("networks", true, &["10.0.0.0/8", "[10.0.0.1/8]", "[here]", "['']", "[10]", "[::ffff:10.0.0.0/104]"]),
        ("expires", true, &["2027-01-31", "never", "7", "['2027-01-31T00:00:00Z']", "9999-01-01T00:00:00Z"]),
        ("name", true, &["7", "' a'", "\"a\\nb\""]),
        (
            "limits",
            true,
            &[
                "7",
                "{in_flight_max: 0}",
                "{in_flight_max: ~}",
                "{requests_per_second: 1}",
                "{requests_burst: 1}",
                "{requests_per_second: 0, requests_burst: 1}",
                "{bytes_per_second: 1KiB}",
                "{bytes_per_second: 1KiB, bytes_burst: 1KB}",
                "{samples_per_second: 1, samples_burst: ~}",
                "{wait_max: 1s}",
                "{groups_max: 1}",
            ],
        ),
        ("tenants", false, &["a", "[b]", "[A]", "['']", "[7]", "['*']"]),
        ("networks", false, &["10.0.0.0/8", "[10.0.0.1/8]", "[1]"]),
        ("expires", false, &["2027-01-31", "7"]),
    ];
    for (key, of_tenant, wrong) in wrong {
        let with = |value: Option<&str>| {
            let line = value.map_or(String::new(), |value| format!("        {key}: {value}"));
            if *of_tenant { base(&line, "") } else { base("", &line) }
        };
        config(&with(None));
        let path = if *of_tenant { "tenants.a" } else { "operators.o" };
        for value in EMPTY.into_iter().flatten().chain(wrong.iter().copied()) {
            refused(&with(Some(value)), &format!(": {path}.tokens[0].{key}"));
        }
    }
}

#[test]
fn a_key_that_grants_has_no_default_and_is_never_empty() {
    let wrong: &[(&str, &[&str])] = &[
        ("scopes", &["push", "[all]", "['*']", "[7]", "[~]", "[[push]]", "{push: true}"]),
        ("id", &["abc", "'4fQk2ZtR1_'", "7", "[a]", "1234567890"]),
        ("sha256", &["abc", "7", "'00'", "[a]"]),
    ];
    for (of_tenant, path) in [(true, "tenants.a"), (false, "operators.o")] {
        for (key, wrong) in wrong {
            for value in EMPTY.into_iter().chain(wrong.iter().copied().map(Some)) {
                let text = base("", "");
                let begin = format!("{key}:");
                let nth = if of_tenant { 0 } else { 1 };
                let mut seen = 0;
                let lines = text.lines().filter_map(|line| {
                    let at = line.find(&begin)?;
                    seen += 1;
                    let indent = &line[..at];
                    let keep = seen - 1 != nth;
                    Some((line, keep, indent.to_owned()))
                });
                let changed: Vec<_> = lines.filter(|(_, keep, _)| !keep).collect();
                let (old, _, indent) = &changed[0];
                let new = value.map_or_else(
                    // The dash of the list's item has to stay.
                    || {
                        if indent.contains('-') { format!("{indent}name: x") } else { String::new() }
                    },
                    |value| format!("{indent}{key}: {value}"),
                );
                let text = text.replacen(*old, &new, 1);
                refused(&text, &format!(": {path}.tokens[0].{key}"));
            }
        }
    }
}

#[test]
fn a_fault_in_a_grant_names_the_nearest_word() {
    let of = |scope: &str| base("", "").replace("[push]", &format!("[{scope}]"));
    refused(&of("pusg"), "did you mean \"push\"?");
    refused(&of("'fleet:read'"), "expected push, delete, read or admin");
    refused(&base("        job: [a]", ""), "unknown key, did you mean `jobs`?");
    refused(&base("", "        tenants: [zzz]"), "no tenant here, expected a key of `tenants`");
    refused(&base("", "        jobs: [a]"), "operators.o.tokens[0].jobs: unknown key");
}

#[test]
fn numbers_durations_sizes_and_words_are_within_their_bounds() {
    for (path, bad) in [
        ("limits.requests_per_second", &["0", "-1", "1.5", "many", "4294967296", "~", "[]", "'5'"][..]),
        ("limits.requests_burst", &["0"]),
        ("limits.in_flight_max", &["0", "4294967296"]),
        ("limits.body_bytes_max", &["0", "10MB", "5GiB", "-1", "~", "[]"]),
        ("limits.series_max", &["0", "1e9"]),
        ("limits.stored_bytes_max", &["0KiB", "x"]),
        ("limits.soft_warning", &["0", "0.0", "1.01", "80", "80%", "0.805", "-0.8", "-1", "1e99", "~", "'0.8'", "[]"]),
        ("listener.connections_max", &["0", "1000001"]),
        ("listener.connections_per_address_max", &["0"]),
        ("listener.connections_wait_max", &["5", "2h", "-1s"]),
        ("listener.deadlines", &["[]", "~", "10s"]),
        ("listener.deadlines.idle", &["0s", "0", "10", "2d", "~", "1h30m"]),
        ("listener.name", &["''", "~", "ops", "A", "7", "'a b'"]),
        ("listener.address", &["~", "[]", "''", "9091", "localhost:9091", "[127.0.0.1:1, 127.0.0.1:1]"]),
        ("listener.serves", &["~", "[]", "push", "[all]", "['*']", "[7]", "{push: true}"]),
        (
            "listener.route_prefix",
            &["~", "/", "pg", "/pg/", "//pg", "/a//b", "/..", "/a/./b", "/a%20b", "'/a b'", "/é", "7"],
        ),
        ("listener.proxy_protocol", &["~", "{}", "[]", "true", "{ required: false }"]),
        ("listener.proxy_protocol.trusted", &["~", "[]", "10.0.0.0/8", "[10.0.0.1/8]", "['']", "['*']", "[any]"]),
        ("listener.proxy_protocol.required", &["~", "yes", "1"]),
        ("listener.tls", &["~", "[]", "true"]),
        ("listener.tls.certificate_file", &["~", "''", "7"]),
        ("listener.tls.profile", &["old", "~"]),
        ("listener.tls.client_auth", &["~", "on", "true", "[optional]"]),
        ("listener.tls.client_cas", &["~", "{}", "[]", "edge"]),
        ("listener.tls.client_cas.e", &["~", "[]", "{}", "ca.pem", "{ ca_file: c }"]),
        ("listener.tls.client_cas.e.ca_file", &["~", "''", "7", "[]"]),
        ("listener.tls.client_cas.e.crl_file", &["~", "''", "7"]),
        ("listener.tls.client_cas.e.trust_domain", &["~", "''", "7", "A.b", "a/b", "spiffe://a", "a:1", "'*'"]),
        ("listener.tls.client_cas.e.cn_allowed", &["~", "yes", "1"]),
        ("listener.tls.client_cas.e.tenants", &["~", "[]", "a", "[nobody]", "{}"]),
        ("listener.tls.client_cas.e.operators", &["~", "[]", "a", "[nobody]", "[7]"]),
        ("listener.tls.client_cas.Edge", &["{}"]),
        ("listener.plaintext_allowed", &["yes", "~", "1"]),
        ("listener.addresses", &["~", "{}", "[~]", "[{}]"]),
        ("listener.addresses", &["[ { networks: [10.0.0.0/8], connections_max: 5, failures_per_minute: 0 } ]"]),
        ("ops.auth", &["all", "~", "false"]),
        ("storage.durability", &["disk", "~"]),
        ("storage.path", &["~", "''", "7", "[]"]),
        ("storage.orphans_keep", &["~", "30", "3651d", "-1s"]),
        ("tenants.a.durability", &["disk", "~", "[]"]),
        ("namespace.job", &["drop", "~"]),
        ("namespace.label", &["~", "''", "job", "instance", "le", "quantile", "__t", "exported_t", "a-b", "7"]),
        ("namespace.names_reserved", &["~", "up", "['*']", "['']", "['a*b']", "[7]"]),
        ("log.level", &["loud", "~", "INFO"]),
        ("log.format", &["text"]),
        ("tenants", &["~", "[]", "a"]),
        ("tenants.a", &["~", "[]"]),
        ("tenants.a.text", &["~", "loose"]),
        ("tenants.a.tokens", &["~", "{}", "[~]"]),
        ("operators", &["~", "[]"]),
    ] {
        each_is_refused(path, bad);
    }
}

#[test]
fn who_proves_what_and_how_is_within_its_bounds() {
    for (path, bad) in [
        ("strangers", &["~", "[]", "7"][..]),
        ("strangers.failures_per_minute", &["0", "~", "-1", "off", "[]", "1.5"]),
        ("strangers.failures_burst", &["0", "~", "4294967296"]),
        ("passwords", &["~", "[]"]),
        ("passwords.memory", &["~", "0", "6MiB", "257MiB", "19MB", "[]"]),
        ("passwords.iterations", &["0", "11", "~"]),
        ("passwords.parallelism", &["0", "5"]),
        ("passwords.concurrency", &["0", "65"]),
        ("passwords.queue", &["10001", "-1", "~"]),
        ("passwords.cache_ttl", &["~", "5", "61m"]),
        ("gateway", &["~", "[]", "4GiB"]),
        ("gateway.stored_bytes_max", &["0", "~", "4GB", "2000000GiB", "[]"]),
        ("gateway.bodies_in_flight_bytes_max", &["0", "~", "512MB", "-1"]),
        ("gateway.scrapes_in_flight_max", &["0", "~", "10001", "1.5", "16KiB"]),
        ("limits_ceiling", &["~", "[]", "7"]),
        ("limits_ceiling.groups_max", &["0", "~"]),
        ("audit", &["~", "[]", "audit.jsonl"]),
        ("audit.file", &["~", "''", "7", "[]"]),
        ("audit.pushes", &["~", "some", "true", "[]"]),
        ("reload", &["~", "files"]),
        ("reload.watch", &["~", "false", "main"]),
        ("issuers", &["~", "[]", "x"]),
        ("issuers.i", &["~", "[]", "github"]),
        ("revoked", &["~", "{}", "x"]),
        ("tenants_dir", &["~", "''", "7", "[]", "{}"]),
        ("tenants.a.users", &["~", "{}", "[~]", "alice"]),
        ("tenants.a.users_file", &["~", "{}", "[]", "u"]),
        ("tenants.a.jwts", &["~", "{}", "[~]"]),
        ("tenants.a.certificates", &["~", "{}", "[~]", "[{}]", "[ { ca: e } ]"]),
        ("operators.o.certificates", &["~", "{}", "[~]", "[{}]"]),
        ("operators.o.users", &["~", "{}", "[~]"]),
        ("operators.o.users_file", &["~", "{}", "u"]),
    ] {
        each_is_refused(path, bad);
    }
}

/// Each of the values at the end of a path is a fault there.
fn each_is_refused(path: &str, bad: &[&str]) {
    for value in bad {
        let (open, close) = ("{ ", " }");
        let text = path.rsplit('.').fold((*value).to_owned(), |inner, key| format!("{open}{key}: {inner}{close}"));
        refused(&text, &format!(": {path}"));
    }
}

#[test]
fn nothing_may_be_reserved_and_a_list_of_tokens_may_be_empty() {
    let text = "listener: { address: 127.0.0.1:1 }\nnamespace: { names_reserved: [] }\ntenants: { a: { tokens: [] } }";
    let config = config(text);
    assert!(config.namespace.names_reserved.is_empty());
    assert!(config.tenants["a"].tokens.is_empty());
}
