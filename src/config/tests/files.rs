//! Files beside the main one, in a directory of their own: what one of them can do to the rest.

use super::super::Config;
use super::super::ConfigErrors;
use super::super::PartFault;
use super::super::Reading;
use super::super::Since;
use super::super::Source;
use super::hash;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub(super) struct Files {
    pub(super) dir: TempDir,
    pub(super) main: String,
}

impl Files {
    /// A main file with `keys` beside its listener, and an empty `tenants.d`.
    pub(super) fn with(keys: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("tenants.d")).unwrap();
        Self { dir, main: format!("listener: {{ address: '127.0.0.1:1' }}\n{keys}\n") }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    pub(super) fn load(&self, since: Since<'_>) -> Result<Reading, ConfigErrors> {
        Source::new(self.main.clone(), &self.path("p.yml")).load(since)
    }

    #[track_caller]
    pub(super) fn good(&self) -> Config {
        let reading = self.load(Since::Start).unwrap();
        assert_eq!(reading.parts, []);
        reading.config
    }

    /// What is at fault, and whether it is closed.
    #[track_caller]
    pub(super) fn parts(&self, since: Since<'_>) -> (Config, Vec<(String, bool)>) {
        let Reading { config, parts, .. } = self.load(since).unwrap();
        (config, parts.into_iter().map(|PartFault { part, closed, .. }| (part, closed)).collect())
    }
}

/// A tenant's file with one token.
pub(super) fn tenant(n: u32) -> String {
    format!("tokens:\n  - id: '{n:0>10}'\n    scopes: [push]\n    sha256: '{n:0>63}a'\n    jobs: [job-{n}]\n")
}

pub(super) const DIRECTORY: &str = "tenants_dir: tenants.d";

#[test]
fn a_directory_holds_a_tenant_in_each_file() {
    let files = Files::with(&format!("{DIRECTORY}\ntenants: {{ c: {{}} }}\noperators: {{ o: {{}} }}"));
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yaml", "users_file: { path: b.htpasswd, scopes: [read], jobs: [x] }\n");
    files.write("tenants.d/b.htpasswd", format!("# people\n\nbob:{}\r\neve:{}\n", hash(1), hash(2)));
    // What Kubernetes makes in a mount, what editors hide, and a directory.
    fs::create_dir(files.path("tenants.d/..2024_01_01")).unwrap();
    files.write("tenants.d/.a.yml.swp", "x");
    fs::create_dir(files.path("tenants.d/old")).unwrap();
    files.write("elsewhere", tenant(2));
    std::os::unix::fs::symlink(files.path("elsewhere"), files.path("tenants.d/linked.yml")).unwrap();
    let reading = files.load(Since::Start).unwrap();
    let config = reading.config;
    assert_eq!(config.tenants.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "linked"]);
    assert_eq!(config.tenants["a"].tokens[0].grant.jobs.as_ref().unwrap()[0].as_str(), "job-1");
    let users: Vec<_> = config.tenants["b"].users.iter().map(|user| &*user.grant.name).collect();
    assert_eq!(users, ["bob", "eve"]);
    // A file that somebody names may stand there; another is a fault, of the directory alone.
    assert_eq!(reading.parts, []);
    files.write("tenants.d/A.yml", tenant(3));
    files.write("tenants.d/notes.txt", "");
    let parts = files.load(Since::Start).unwrap().parts;
    let [PartFault { part, errors, closed: false }] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!((&**part, errors.faults().len()), ("tenants_dir", 2));
    assert!(errors.to_string().contains("tenants.d/A.yml: is named after no tenant"), "{errors}");
    assert!(
        errors.to_string().ends_with("tenants.d/notes.txt: is no tenant's file, expected NAME.yml, or no such file")
    );
    for name in ["tenants.d", "tenants.d/a.yml", "tenants.d/b.yaml", "tenants.d/b.htpasswd", "tenants.d/linked.yml"] {
        assert!(config.files.contains(&files.path(name)), "{name}");
    }
}

#[test]
fn a_tenant_is_removed_when_somebody_asks_and_never_by_watching() {
    let files = Files::with(DIRECTORY);
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yml", tenant(2));
    let good = files.good();
    files.remove("tenants.d/b.yml");
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:b".to_owned(), false)]);
    assert_eq!(config.tenants["b"], good.tenants["b"]);
    let fault = files.load(Since::Watched(&config)).unwrap().parts[0].errors.to_string();
    assert!(fault.contains("tenants.d/b.yml: is gone"), "{fault}");
    let (config, parts) = files.parts(Since::Asked(&config));
    assert_eq!((config.tenants.len(), parts), (1, vec![]));
    // It comes back as whoever it is now.
    files.write("tenants.d/b.yml", tenant(3));
    assert_eq!(files.parts(Since::Watched(&config)).0.tenants["b"].tokens[0].id.as_str(), "0000000003");
}

#[test]
fn who_had_an_id_keeps_it() {
    let own = tenant(9).replace('\n', "\n    ");
    let files = Files::with(&format!("{DIRECTORY}\ntenants:\n  m:\n    {own}"));
    files.write("tenants.d/b.yml", tenant(1));
    let good = files.good();
    // `a` sorts first, and takes up what `b` has.
    files.write("tenants.d/a.yml", tenant(1));
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:a".to_owned(), true)]);
    assert!(config.tenants["a"].closed && config.tenants["b"] == good.tenants["b"]);
    // At the start nobody has it yet, and the names decide.
    assert_eq!(files.parts(Since::Start).1, [("tenant:b".to_owned(), true)]);
    // Both in turn may change who has it, but only when the other lets go.
    files.write("tenants.d/a.yml", tenant(2));
    let good = files.good();
    files.write("tenants.d/a.yml", tenant(1));
    files.write("tenants.d/b.yml", tenant(2));
    assert_eq!(files.parts(Since::Watched(&good)).1, []);
    // What one of the two that want to change keeps, the other cannot have.
    files.write("tenants.d/b.yml", "tokens: [\n");
    let (config, parts) = files.parts(Since::Watched(&good));
    assert_eq!(parts, [("tenant:a".to_owned(), false), ("tenant:b".to_owned(), false)]);
    assert_eq!(config.tenants, good.tenants);
    // And nobody has what the main file has.
    files.write("tenants.d/b.yml", tenant(9));
    let reading = files.load(Since::Asked(&good)).unwrap();
    let fault = reading.parts.iter().find(|part| part.part == "tenant:b").unwrap().errors.to_string();
    assert!(fault.contains("is that of tenants.m.tokens[0].id in ") && fault.contains("p.yml:6 too"), "{fault}");
    assert_eq!(reading.config.tenants["b"], good.tenants["b"]);
}

#[test]
fn a_name_of_a_users_file_is_nobody_elses() {
    let users_file = |path: &str, scope: &str| format!("users_file: {{ path: {path}, scopes: ['{scope}'] }}");
    let (of_m, of_o) = (users_file("m", "push"), users_file("o", "fleet:read"));
    let files = Files::with(&format!(
        "{DIRECTORY}\ntenants: {{ m: {{ {of_m} }}, n: {{ users: [ {{ name: nell, password_hash: '{}', scopes: [push] }} ] }} }}\n\
         operators: {{ o: {{ {of_o}, users: [ {{ name: olga, password_hash: '{}', scopes: ['ops:read'] }} ] }} }}",
        hash(9),
        hash(8)
    ));
    files.write("m", format!("meg:{}\n", hash(1)));
    files.write("o", format!("otto:{}\n", hash(2)));
    files.write("tenants.d/a.yml", tenant(1) + &users_file("../a", "push") + "\n");
    files.write("a", format!("ann:{}\n", hash(3)));
    let good = files.good();
    for (file, part, taken) in [
        ("m", "tenant:m", ["nell", "otto", "ann", "olga"]),
        ("o", "operator:o", ["nell", "meg", "ann", "olga"]),
        ("a", "tenant:a", ["nell", "meg", "otto", "0000000001"]),
    ] {
        let was = fs::read(files.path(file)).unwrap();
        for name in taken {
            files.write(file, format!("new:{}\n{name}:{}\n", hash(4), hash(5)));
            let (config, parts) = files.parts(Since::Watched(&good));
            assert_eq!(parts, [(part.to_owned(), false)], "{name}");
            assert_eq!(config.tenants, good.tenants, "{name}");
            assert_eq!(config.operators["o"].users, good.operators["o"].users, "{name}");
        }
        files.write(file, was);
    }
}

#[test]
fn a_rule_that_stays_does_not_outlive_what_its_issuer_grants() {
    let issuer = "{ issuer: j, audiences: [x], algorithms: [ES256], jwks_file: k, tenants: [a, b] }";
    let mut files = Files::with(&format!("{DIRECTORY}\nissuers: {{ i: {issuer} }}\ntenants: {{ b: {{}} }}"));
    files.write("tenants.d/a.yml", tenant(1) + "jwts: [ { issuer: i, claims: { sub: x }, scopes: [push] } ]\n");
    let good = files.good();
    files.write("tenants.d/a.yml", "tokens: [\n");
    assert_eq!(files.parts(Since::Asked(&good)).0.tenants["a"], good.tenants["a"]);
    let main = files.main.clone();
    for (issuer_now, rules) in [
        (issuer.replace("[a, b]", "[b]"), 0),
        (issuer.replace("issuer: j", "preset: gitlab, issuer: j"), 0),
        (issuer.replace("[x]", "[y]"), 1),
    ] {
        files.main = main.replace(issuer, &issuer_now);
        let tenant = files.parts(Since::Asked(&good)).0.tenants["a"].clone();
        assert_eq!((tenant.tokens.len(), tenant.jwts.len()), (1, rules), "{issuer_now}");
    }
    files.main = main.replace(&format!("issuers: {{ i: {issuer} }}"), "");
    assert_eq!(files.parts(Since::Asked(&good)).0.tenants["a"].jwts, []);
}

#[test]
fn a_rule_on_certificates_that_stays_does_not_outlive_what_its_ca_grants() {
    let ca = "{ ca_file: c, cn_allowed: true, tenants: [a, b] }";
    let tls = format!("client_auth: optional, client_cas: {{ e: {ca} }}");
    let listener =
        format!("listener: {{ name: x, address: '127.0.0.1:7', tls: {{ certificate_file: s, key_file: k, {tls} }} }}");
    let of_b = "b: { certificates: [ { ca: e, dns: z, scopes: [push] } ], users_file: { path: u, scopes: [push] } }";
    let mut files = Files::with(&format!("{DIRECTORY}\ntenants: {{ {of_b} }}"));
    files.write("u", format!("bob:{}\n", hash(1)));
    files.main = format!("{listener}\n{}", files.main.split_once('\n').unwrap().1);
    let rules = "certificates: [ { ca: e, cn: x, scopes: [push] }, { ca: e, dns: y, scopes: [push] } ]\n";
    files.write("tenants.d/a.yml", tenant(1) + rules);
    let good = files.good();
    assert_eq!(good.tenants["a"].certificates.len(), 2);
    files.write("tenants.d/a.yml", "tokens: [\n");
    assert_eq!(files.parts(Since::Asked(&good)).0.tenants["a"], good.tenants["a"]);
    assert!(files.parts(Since::Start).0.tenants["a"].certificates.is_empty());
    files.write("u", "bob:\n");
    let b = &files.parts(Since::Start).0.tenants["b"];
    assert!(b.closed && b.certificates.is_empty());
    assert_eq!(files.parts(Since::Asked(&good)).0.tenants["b"], good.tenants["b"]);
    files.write("u", format!("bob:{}\n", hash(1)));
    let main = files.main.replace(of_b, "b: {}");
    for (ca_now, rules) in [
        (ca.replace("[a, b]", "[b]"), 0),
        (ca.replace("cn_allowed: true", "cn_allowed: false"), 1),
        (ca.replace("cn_allowed: true", "trust_domain: d"), 0),
        (ca.replace("ca_file: c", "ca_file: d"), 2),
    ] {
        files.main = main.replace(ca, &ca_now);
        let tenant = files.parts(Since::Asked(&good)).0.tenants["a"].clone();
        assert_eq!((tenant.tokens.len(), tenant.certificates.len()), (1, rules), "{ca_now}");
    }
    files.main = main.replace(&tls, "client_auth: off");
    assert_eq!(files.parts(Since::Asked(&good)).0.tenants["a"].certificates, []);
}

#[test]
fn what_the_main_file_withdraws_is_withdrawn_beside_a_file_that_cannot_be_read() {
    let token = "{ id: '0000000001', sha256: '1111111111111111111111111111111111111111111111111111111111111111', scopes: [push, delete] }";
    let users_file = "users_file: { path: u, scopes: [push, read] }";
    let user = format!("{{ name: eve, password_hash: '{}', scopes: [push] }}", hash(7));
    let mut files =
        Files::with(&format!("tenants: {{ m: {{ tokens: [ {token} ], users: [ {user} ], {users_file} }} }}"));
    files.write("u", format!("bob:{}\n", hash(1)));
    let good = files.good();
    files.write("u", "bob:\n");
    files.main = files.main.replace(token, "").replace(&user, "").replace("[push, read]", "[read]");
    let (config, parts) = files.parts(Since::Asked(&good));
    assert_eq!(parts, [("tenant:m".to_owned(), false)]);
    let tenant = &config.tenants["m"];
    assert_eq!((tenant.tokens.len(), tenant.users.len(), tenant.users[0].grant.scopes.len()), (0, 1, 1));
    // The users stay through any number of reloads, and none of them comes back who was closed.
    assert_eq!(files.parts(Since::Watched(&config)).0.tenants, config.tenants);
    let (closed, _) = files.parts(Since::Start);
    assert_eq!(files.parts(Since::Asked(&closed)).1, [("tenant:m".to_owned(), true)]);
    files.write("u", format!("eve:{}\n", hash(2)));
    assert_eq!(files.parts(Since::Watched(&closed)).0.tenants["m"].users[0].grant.name, "eve");
}

#[test]
fn a_directorys_file_stays_below_the_ceiling_and_out_of_the_main_files_tenants() {
    let files = Files::with(&format!(
        "{DIRECTORY}\nlimits: {{ series_max: 900 }}\nlimits_ceiling: {{ groups_max: 10, stored_bytes_max: 1MiB, series_max: 7 }}\n\
         tenants: {{ m: {{ limits: {{ groups_max: 11 }} }} }}"
    ));
    files.write("tenants.d/a.yml", "limits: { groups_max: 10, requests_burst: 4000000000 }\n");
    files.write("tenants.d/b.yml", "limits: { groups_max: 11, stored_bytes_max: 2MiB }\n");
    files.write("tenants.d/m.yml", tenant(1));
    files.write("tenants.d/t.yml", tenant(2));
    files.write("tenants.d/t.yaml", tenant(2));
    let reading = files.load(Since::Start).unwrap();
    let faults: Vec<_> = reading.parts.iter().map(|part| (&*part.part, part.errors.to_string())).collect();
    let [(dir, dir_faults), (b, b_faults), (t, t_faults)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((*dir, *b, *t), ("tenants_dir", "tenant:b", "tenant:t"));
    assert!(dir_faults.ends_with("m.yml: m stands in `tenants` too, expected it here or there"), "{dir_faults}");
    assert!(b_faults.contains("limits.groups_max: is 11, above `limits_ceiling`, expected at most 10\n"), "{b_faults}");
    assert!(b_faults.contains("limits.stored_bytes_max: is 2MiB, above `limits_ceiling`, expected at most 1MiB"));
    assert!(t_faults.contains("is a second file of t"), "{t_faults}");
    // What the file does not write is the main file's own word.
    assert_eq!(reading.config.tenants["a"].limits.quota.series_max, 900);
    assert!(reading.config.tenants["m"].tokens.is_empty() && !reading.config.tenants["m"].closed);
}

#[test]
fn the_files_that_are_watched_are_all_that_are_named() {
    let files = Files::with(
        "ops: { tls: { certificate_file: c.pem, key_file: k.pem } }\n\
         issuers:\n  i: { issuer: i, audiences: [a], algorithms: [ES256], jwks_file: keys.json, tenants: [m] }\n  \
         j: { issuer: j, audiences: [a], algorithms: [ES256], jwks_url: 'https://j/', jwks_ca_file: ca.pem, jwks_token_file: t, tenants: [m] }\n\
         tenants: { m: { users_file: { path: sub/u, scopes: [push] } } }",
    );
    let names = |config: &Config| -> Vec<_> {
        let name = |path: &std::path::PathBuf| path.strip_prefix(files.dir.path()).unwrap().display().to_string();
        config.files.iter().map(name).collect()
    };
    let (config, parts) = files.parts(Since::Start);
    assert_eq!(parts, [("tenant:m".to_owned(), true)]);
    assert_eq!(names(&config), ["c.pem", "ca.pem", "k.pem", "keys.json", "sub/u"]);
    assert_eq!(names(&Config::parse(&files.main, &files.path("p.yml")).unwrap()), names(&config));
}

#[test]
fn nothing_else_is_opened_when_only_a_text_is_read() {
    let text = format!(
        "{DIRECTORY}\nlistener: {{ address: '127.0.0.1:1' }}\ntenants: {{ m: {{ users_file: {{ path: u, scopes: [push] }} }} }}"
    );
    let reading = Reading::parse(&text, Path::new("/nonexistent/p.yml")).unwrap();
    assert_eq!((reading.cautions, reading.parts), (vec![], vec![]));
    assert!(!reading.config.tenants["m"].closed);
}
