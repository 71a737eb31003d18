//! Debian's Pushgateway, and the same behind Debian's nginx with TLS and passwords. Whoever is not there is skipped, loudly.

use super::process::Process;
use super::process::free_port;
use super::process::pinned;
use super::process::until_listening;
use super::server::Door;
use super::server::Server;
use super::server::certificates;
use super::users;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

const PUSHGATEWAY: &str = "prometheus-pushgateway";
/// The user of nginx.
const USER: &str = "bench";
const PASSWORD: &str = "correct horse battery";
/// Of the password, as `openssl passwd -apr1` prints it: 1,000 rounds of MD5, which is what `htpasswd` writes by default.
const APR1: &str = "$apr1$bench0$r4Af25/C.E4tW2S/Dmd6E1";
/// Exporter's and Prometheus' own recommendation.
const BCRYPT_COST: u32 = 10;

/// How nginx knows a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Apr1,
    Bcrypt,
}

/// What is there to be measured.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pushgateway: Option<PathBuf>,
    nginx: Option<PathBuf>,
}

impl Peers {
    /// Looks for them on the path and under `target/peers/debian`, and says what is missing.
    pub(crate) fn find() -> Self {
        let peers = Self { pushgateway: find(PUSHGATEWAY), nginx: find("nginx") };
        for (name, found) in [(PUSHGATEWAY, &peers.pushgateway), ("nginx", &peers.nginx)] {
            match found {
                Some(program) => println!("{name}: {}", version(program)),
                None => println!(
                    "\n!!! SKIPPED: no {name}. To measure it, too:\n    mkdir -p target/peers/deb && cd target/peers/deb && \
                     apt-get download {name} && dpkg-deb -x {name}_*.deb ../debian\n"
                ),
            }
        }
        peers
    }

    /// Those who are there, each started: Pushgateway with its check and without, and both behind nginx.
    pub(crate) fn start(&self, folder: &Path) -> Vec<Server> {
        let alone = [("Pushgateway", true), ("Pushgateway, unchecked", false)];
        let behind = [("nginx + Pushgateway", true), ("nginx + Pushgateway, unchecked", false)];
        let alone = alone.into_iter().filter_map(|(name, checked)| self.pushgateway(folder, name, checked));
        let behind =
            behind.into_iter().filter_map(|(name, checked)| self.behind_nginx(folder, name, checked, Hash::Apr1));
        alone.chain(behind).collect()
    }

    /// In clear and without passwords, all in memory.
    pub(crate) fn pushgateway(&self, folder: &Path, name: &'static str, checked: bool) -> Option<Server> {
        let program = self.pushgateway.as_ref()?;
        let port = free_port();
        let mut command = pinned(program);
        // It has no templates here, which it looks for in its working directory's place.
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--persistence.file=", "--log.level=error"]);
        command.current_dir(folder);
        if !checked {
            command.arg("--push.disable-consistency-check");
        }
        let door = Door { port, secure: false };
        Some(Server::start(name, vec![Process::start(command)], [None, Some(door)], vec![String::new()], String::new()))
    }

    /// Behind nginx, which ends TLS and asks for a password; the two share the core.
    pub(crate) fn behind_nginx(&self, folder: &Path, name: &'static str, checked: bool, hash: Hash) -> Option<Server> {
        let program = self.nginx.as_ref()?;
        let mut server = self.pushgateway(folder, name, checked)?;
        let folder = folder.join(name);
        certificates(&folder);
        let port = free_port();
        let hash = match hash {
            Hash::Apr1 => APR1.to_owned(),
            Hash::Bcrypt => bcrypt::hash_with_salt(PASSWORD, BCRYPT_COST, *b"a bench's salt..").unwrap().to_string(),
        };
        fs::write(folder.join("htpasswd"), format!("{USER}:{hash}\n")).unwrap();
        let config = folder.join("nginx.conf");
        fs::write(&config, nginx_config(&folder, port, server.door.port)).unwrap();
        let mut command = pinned(program);
        command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(&config);
        server.processes.push(Process::start(command));
        until_listening(port);
        server.door = Door { port, secure: true };
        server.authorizations = vec![users::basic(USER, PASSWORD)];
        server.operator = users::basic(USER, PASSWORD);
        Some(server)
    }
}

/// One worker, since it has one core; connections to the upstream are kept, bodies stay in memory, nothing is logged.
fn nginx_config(folder: &Path, port: u16, upstream: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
user root;
worker_processes 1;
pid '{folder}/nginx.pid';
error_log '{folder}/error.log' crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path '{folder}/body';
    proxy_temp_path '{folder}/proxy';
    fastcgi_temp_path '{folder}/fastcgi';
    uwsgi_temp_path '{folder}/uwsgi';
    scgi_temp_path '{folder}/scgi';
    client_body_buffer_size 512k;
    client_max_body_size 64m;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    upstream pushgateway {{
        server 127.0.0.1:{upstream};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate '{folder}/server.pem';
        ssl_certificate_key '{folder}/server-key.pem';
        ssl_protocols TLSv1.3;
        ssl_ecdh_curve X25519;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        auth_basic bench;
        auth_basic_user_file '{folder}/htpasswd';
        location / {{
            proxy_pass http://pushgateway;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
        }}
    }}
}}
"
    )
}

fn find(name: &str) -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/debian/usr");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), ours.join("bin"), ours.join("sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn version(program: &Path) -> String {
    // nginx knows no `--version`, and both print what they know where it pleases them.
    let flag = if program.ends_with("nginx") { "-v" } else { "--version" };
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output();
    let output = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}
