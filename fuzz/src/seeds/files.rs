//! Configurations.

use crate::Seed;
use crate::texts;
use std::fs;
use std::path::Path;

const TOKEN: &str = "\
listener: {address: 127.0.0.1:9091}
tenants:
  red:
    tokens:
      - id: 4fQk2ZtR1a
        sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        scopes: [push, read]
        jobs: [a*]
        labels: {team: red}
        networks: [10.0.0.0/8, '::1']
        expires: 2030-01-31T00:00:00Z
operators:
  ops:
    tokens:
      - id: AAAAAAAAAA
        name: ops-token
        sha256: FEDCBA9876543210fedcba9876543210fedcba9876543210fedcba9876543210
        scopes: [fleet:read]
        tenants: [red]
";

const USER: &str = "\
listener: {address: '[::1]:9091'}
tenants:
  red:
    utf8_names: true
    text: strict
    limits: {groups_max: 10, body_bytes_max: 1MiB}
    users:
      - name: u
        password_hash: $2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde
        scopes: [push]
";

const SHARED: &str = "\
listener: {address: 127.0.0.1:9091}
tenants:
  red: &shared {limits: &limits {groups_max: 10}}
  blue: *shared
  green: {limits: *limits}
";

pub(crate) fn configurations() -> Vec<Seed> {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..4 {
        bomb += &format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(8));
    }
    let issuer = "\
listener: {address: 127.0.0.1:9091}
issuers:
  ci: {issuer: 'https://ci.example.org', audiences: [pushward], algorithms: [RS256], jwks_file: keys.json, tenants: [red]}
tenants:
  red:
    jwts:
      - {issuer: ci, claims: {repository: ['red/*'], runs: [1, 2]}, labels: {repo: '{repository}'}, scopes: [push]}
revoked:
  - token: 4fQk2ZtR1a
";
    let mut seeds = texts(&[
        ("least", "listener: {address: 127.0.0.1:9091}\n"),
        ("token", TOKEN),
        ("user", USER),
        ("shared", SHARED),
        ("issuer", issuer),
        ("bomb", &bomb),
        (
            "no-scopes",
            "listener: {address: 127.0.0.1:9091}\ntenants: {red: {tokens: [{id: 4fQk2ZtR1a, scopes: []}]}}\n",
        ),
        ("twice", "a: 1\nb: 2\na: 3\n"),
        ("two-documents", "a: 1\n---\nb: 2\n"),
        ("comment", "# nothing\n"),
        ("tags", "a: !!binary aGk=\nb: !!str 1\nc: !x y\n"),
        ("scalars", "a: [1, -1, 1.5, .inf, 0x10, 0o7, ~, yes, true, '1', |\n  text\n, >-\n  folded\n]\n"),
        ("deep", &"[".repeat(100)),
    ]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/pushward.example.yml");
    let example = fs::read_to_string(example).expect("the example");
    // Its comments are most of it, and nothing to a reader of YAML.
    let lines = example.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty());
    seeds.push(("example", lines.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()));
    seeds
}
