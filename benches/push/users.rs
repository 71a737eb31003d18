//! Many users with passwords: whether a push costs more the more of them there are.

use super::ROUNDS;
use super::body;
use super::load;
use super::load::Manner;
use super::median;
use super::server::Server;
use super::server::itself;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pushward::cli;
use pushward::config::Config;
use pushward::config::PasswordHash;
use pushward::config::TenantGrant;
use pushward::config::User;
use pushward::model::SystemClock;
use pushward::model::Verb;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

/// Every user's.
const PASSWORD: &str = "correct horse battery";

/// Serves the configuration in `file` with so many more users, named `user-0` and on.
pub(crate) fn serve(file: &str, users: usize) {
    let mut config = Config::load(Path::new(file)).unwrap();
    // Of thousands the first round, in which each is hashed, would take minutes at the real cost.
    let kib = if users > 200 { 8 } else { 19_456 };
    let argon2 = Argon2::from(Params::new(kib, 2, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(PASSWORD.as_bytes(), b"a bench's salt").unwrap().to_string();
    let user = |n: usize| User {
        hash: PasswordHash::parse(&hash).unwrap(),
        grant: TenantGrant {
            name: format!("user-{n}"),
            scopes: [Verb::Push].into(),
            jobs: None,
            labels: BTreeMap::new(),
            networks: None,
            expires: None,
            limits: None,
        },
    };
    config.tenants.get_mut("bench").unwrap().users = (0..users).map(user).collect();
    cli::serve_until_stopped(config.into(), SystemClock::shared());
}

/// A server with so many users.
pub(crate) fn start(folder: &Path, limits: &str, users: usize) -> Server {
    Server::configured(&folder.join(users.to_string()), limits, |file| command(file, users))
}

/// What serves the configuration in `file` with so many more users.
pub(crate) fn command(file: &Path, users: usize) -> Command {
    let mut command = itself();
    command.arg("serve-users").arg(file).arg(users.to_string());
    command
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) fn right(n: usize) -> String {
    basic(&format!("user-{n}"), PASSWORD)
}

pub(crate) fn measure(folder: &Path, round: Duration) {
    println!(
        "{ROUNDS} rounds each of 10 series, text, TLS, keep-alive, 16 connections; the user changes with each push"
    );
    let body = body::text(10, 1);
    for users in [50, 200, 5_000] {
        let limits = "requests_per_second: 4000000000, requests_burst: 4000000000";
        let server = start(folder, limits, users);
        let passwords: Vec<String> = (0..users).map(right).collect();
        let began = Instant::now();
        load::fill(&server.target(&passwords, &body, users), &(0..users).collect::<Vec<_>>(), |_| body.clone().into());
        println!("\n{users} users, each proved once in {:.1} s", began.elapsed().as_secs_f64());
        let targets = [("passwords", &passwords[..]), ("one token", server.authorizations())];
        let mut figures = [const { (Vec::new(), Vec::new()) }; 2];
        for _ in 0..ROUNDS {
            for ((_, authorizations), (rates, costs)) in targets.iter().zip(&mut figures) {
                let target = server.target(authorizations, &body, users);
                let figure = server.load_as(&target, Manner::KeepAlive, 16, round);
                rates.push(figure.rate());
                costs.push(figure.cpu_micros());
            }
        }
        for ((what, _), (rates, costs)) in targets.iter().zip(&mut figures) {
            println!("  {what}: {:8.0} pushes/s, {:6.1} µs of CPU", median(rates), median(costs));
        }
    }
}
