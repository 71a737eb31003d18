//! Several listeners, each with keys of its own.

use super::config;
use super::read;
use super::refused;
use crate::model::Service;

#[test]
fn listeners_are_one_map_or_a_list_of_maps() {
    let two = config(
        "listener:\n  - { name: inside, address: '127.0.0.1:1', serves: [scrape, operator], connections_max: 7 }\n  - { address: '127.0.0.1:2' }\n",
    );
    let [inside, public] = &two.listeners[..] else { panic!("{:?}", two.listeners) };
    assert_eq!((&*inside.name, inside.connections_max), ("inside", 7));
    assert_eq!(inside.serves, [Service::Scrape, Service::Operator].into());
    assert_eq!((&*public.name, public.connections_max), ("public", 10_000));
    assert_eq!(public.serves, Service::ALL.into());
    assert_eq!(config("listener: [ { address: '127.0.0.1:1' } ]").listeners.len(), 1);
}

#[test]
fn a_route_prefix_is_empty_or_a_path() {
    for prefix in ["''", "/pg", "/a/b.c/d~e_f-9"] {
        let text = format!("listener: {{ address: '127.0.0.1:1', route_prefix: {prefix} }}");
        assert_eq!(config(&text).listeners[0].route_prefix, prefix.trim_matches('\''));
    }
}

#[test]
fn a_proxy_is_trusted_by_its_network_and_required_unless_it_is_said_not_to_be() {
    let of = |proxy: &str| format!("listener: {{ address: '127.0.0.1:1', proxy_protocol: {proxy} }}");
    let proxy = config(&of("{ trusted: [10.0.0.0/8, 'fd00::/8'] }")).listeners[0].proxy_protocol.clone().unwrap();
    assert!(proxy.required);
    for (address, trusted) in [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("fd00::1", true), ("11.0.0.1", false)] {
        assert_eq!(proxy.trusts(address.parse().unwrap()), trusted, "{address}");
    }
    let lax = config(&of("{ trusted: [10.0.0.0/8], required: false }"));
    assert!(!lax.listeners[0].proxy_protocol.clone().unwrap().required);
    let cautions = read(&of("{ trusted: ['::/0'] }")).unwrap().cautions;
    assert!(cautions.iter().any(|caution| caution.to_string().contains("::/0 is everybody")), "{cautions:?}");
}

#[test]
fn two_listeners_have_no_name_and_no_port_in_common() {
    let two = |one: &str, other: &str| format!("listener:\n  - {{ {one} }}\n  - {{ {other} }}\n");
    refused(
        &two("address: '127.0.0.1:1'", "address: '127.0.0.1:2'"),
        ": listener[1]: is the second listener named \"public\"",
    );
    for (one, other) in [("127.0.0.1:1", "127.0.0.1:1"), ("0.0.0.0:1", "127.0.0.1:1"), ("127.0.0.1:1", ":1")] {
        let text = two(
            &format!("name: a, plaintext_allowed: true, address: '{one}'"),
            &format!("name: b, plaintext_allowed: true, address: '{other}'"),
        );
        refused(&text, ": listener[1]: ");
        refused(&text, "expected a port of its own");
    }
    config(&two("name: a, address: '127.0.0.1:0'", "name: b, address: '127.0.0.1:0'"));
    refused(
        "listener:\n  - { address: '127.0.0.1:1' }\n  - { name: b, address: '127.0.0.1:9191' }\n",
        ": ops: 127.0.0.1:9191 meets",
    );
    refused("listener: []", ": listener: is an empty list");
    refused("listener: [ [] ]", ": listener[0]: ");
    refused("listener: [ { name: ops } ]", ": listener[0].name: ");
    refused(
        "listener:\n  - { address: '127.0.0.1:1' }\n  - { name: b, address: '0.0.0.0:2' }\n",
        ": listener[1].address: 0.0.0.0:2 reaches beyond loopback",
    );
}
