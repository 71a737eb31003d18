//! What a reload cannot put in force: sockets, what connections began with, what the store and the log were made with.

use super::Config;
use super::Listener;
use super::Ops;

impl Config {
    /// The keys in which `self` differs from `running`, the configuration that the process began with, and that wait for
    /// a restart. Everything else is for a reload.
    pub fn needs_restart(&self, running: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        let names = |config: &Self| config.listeners.iter().map(|listener| listener.name.clone()).collect::<Vec<_>>();
        if names(self) == names(running) {
            for (wanted, running) in self.listeners.iter().zip(&running.listeners) {
                keys.extend(listener(wanted, running).map(|key| format!("listener.{}.{key}", running.name)));
            }
        } else {
            keys.push("listener".to_owned());
        }
        let Ops { listener: wanted, auth } = &self.ops;
        keys.extend(listener(wanted, &running.ops.listener).map(|key| format!("ops.{key}")));
        let others = [
            ("ops.auth", *auth != running.ops.auth),
            ("storage", self.storage != running.storage),
            ("tenants.*.durability", self.keeps_otherwise(running)),
            ("namespace", self.namespace != running.namespace),
            ("log", self.log != running.log),
            ("audit.file", self.audit.file != running.audit.file),
        ];
        keys.extend(others.iter().filter(|(_, differs)| *differs).map(|(key, _)| (*key).to_owned()));
        keys
    }
}

impl Config {
    /// Whether a tenant that is in both is promised something else.
    fn keeps_otherwise(&self, running: &Self) -> bool {
        let both = self.tenants.iter().filter_map(|(id, tenant)| Some((tenant, running.tenants.get(id)?)));
        both.into_iter().any(|(wanted, running)| wanted.durability != running.durability)
    }
}

/// The keys of one listener. Taken apart, so that a new field asks here on which side it stands.
fn listener(wanted: &Listener, running: &Listener) -> impl Iterator<Item = &'static str> {
    let Listener {
        name: _,
        addresses,
        serves,
        route_prefix,
        tls,
        proxy_protocol,
        connections_max,
        connections_per_address_max,
        connections_wait_max,
        address_rules,
        deadlines,
    } = wanted;
    let keys = [
        ("address", *addresses != running.addresses),
        ("serves", *serves != running.serves),
        ("route_prefix", *route_prefix != running.route_prefix),
        // Another certificate is for a reload; TLS or none is not.
        ("tls", tls.is_some() != running.tls.is_some()),
        ("proxy_protocol", *proxy_protocol != running.proxy_protocol),
        ("connections_max", *connections_max != running.connections_max),
        ("connections_per_address_max", *connections_per_address_max != running.connections_per_address_max),
        ("connections_wait_max", *connections_wait_max != running.connections_wait_max),
        ("addresses", *address_rules != running.address_rules),
        ("deadlines", *deadlines != running.deadlines),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("test.yml")).unwrap()
    }

    #[test]
    fn what_waits_for_a_restart_is_named() {
        let plain = "listener: { address: \"127.0.0.1:1\" }\n";
        for (text, keys) in [
            (plain, &[][..]),
            (
                "listener: { address: \"127.0.0.1:2\", connections_max: 7 }\n",
                &["listener.public.address", "listener.public.connections_max"],
            ),
            ("listener: { address: \"127.0.0.1:1\", deadlines: { idle: 1s } }\n", &["listener.public.deadlines"]),
            ("listener: { name: other, address: \"127.0.0.1:1\" }\n", &["listener"]),
            (
                "listener: { address: \"127.0.0.1:1\" }\nops: { address: \"127.0.0.1:3\", auth: operators }\n",
                &["ops.address", "ops.auth"],
            ),
            (
                "listener: { address: \"127.0.0.1:1\" }\nnamespace: { label: team }\nlog: { level: warn }\n",
                &["namespace", "log"],
            ),
            ("listener: { address: \"127.0.0.1:1\" }\ntenants: { red: { utf8_names: true } }\n", &[]),
            ("listener: { address: \"127.0.0.1:1\" }\nstorage: { orphans_keep: 1d }\n", &["storage"]),
            ("listener: { address: \"127.0.0.1:1\" }\ntenants: { red: { durability: os } }\n", &[]),
            (
                "listener: { address: \"127.0.0.1:1\", tls: { certificate_file: a, key_file: b } }\n",
                &["listener.public.tls"],
            ),
        ] {
            assert_eq!(config(text).needs_restart(&config(plain)), keys, "{text}");
        }
        let tls = |file: &str| {
            config(&format!(
                "listener: {{ address: \"127.0.0.1:1\", tls: {{ certificate_file: {file}, key_file: b }} }}\n"
            ))
        };
        assert!(tls("one").needs_restart(&tls("two")).is_empty());
        let red = |durability: &str| {
            config(&format!("listener: {{ address: \"127.0.0.1:1\" }}\ntenants: {{ red: {{ {durability} }} }}\n"))
        };
        let another = red("durability: memory").needs_restart(&red("utf8_names: true"));
        assert_eq!(another, ["tenants.*.durability"]);
    }
}
