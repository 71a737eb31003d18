//! What a client's certificate costs beside a token, and beside the limit that requires one too.

use super::ROUNDS;
use super::body;
use super::load::Manner;
use super::load::Target;
use super::median;
use super::server::Server;
use pushward::testkit::TestCa;
use std::path::Path;
use std::time::Duration;

/// Ours checks a revocation list, a trust domain and a rule besides; the limit believes whom its CA has signed. Both take
/// the CA's P-256 and the client's. The servers take turns, and each ratio is of one round.
pub(crate) fn measure(folder: &Path, round: Duration) {
    let clients = TestCa::named("clients");
    let cert = clients.client(|c| c.uri("spiffe://edge.example.org/bench/site-7"));
    let ours = Server::ours_asking(folder, &clients);
    let limit = Server::limit_requiring(folder, &clients);
    let body = body::text(10, 1);
    println!("{ROUNDS} rounds of {} s, 10 series, text, TLS 1.3 without resumption, 16 connections", round.as_secs());
    let (nothing, token) = ([String::new()], ours.authorizations());
    let with = |server: &'static str| match server {
        "ours, token" => (&ours, token, None),
        "ours, certificate" => (&ours, &nothing[..], Some(&cert)),
        "ours, both" => (&ours, token, Some(&cert)),
        _ => (&limit, &nothing[..], Some(&cert)),
    };
    let kinds = ["ours, token", "ours, certificate", "ours, both", "limit, certificate"];
    for (what, manner) in [("keep-alive", Manner::KeepAlive), ("a connection for each push", Manner::Fresh)] {
        let mut rounds: [Vec<f64>; 4] = Default::default();
        for _ in 0..ROUNDS {
            for (kind, costs) in kinds.into_iter().zip(&mut rounds) {
                let (server, authorizations, certificate) = with(kind);
                let target = Target { certificate, ..server.target(authorizations, &body, 100) };
                costs.push(server.load_as(&target, manner, 16, round).cpu_micros());
            }
        }
        println!("\n{what}");
        for (kind, costs) in kinds.into_iter().zip(&rounds) {
            println!("  {kind:<18}: {:7.1} µs of CPU for a push", median(&mut costs.clone()));
        }
        let [token, certificate, both, limit] = &rounds;
        for (name, of, to) in [
            ("certificate to token", certificate, token),
            ("both to token", both, token),
            ("certificate to limit", certificate, limit),
        ] {
            let mut ratios: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
            let middle = median(&mut ratios);
            println!("  {name}: {middle:.3} ({:.3}–{:.3})", ratios[0], ratios[ratios.len() - 1]);
        }
    }
}
