//! A thousand cron jobs at midnight, each with a connection of its own, against the limits that a gateway begins with.

use crate::client::head;
use crate::client::tls_client;
use crate::program::DEADLINE;
use crate::serving::Site;
use pushward::testkit::TestCa;
use rustix::process::Resource;
use rustix::process::getrlimit;
use rustix::process::setrlimit;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

const JOBS: u32 = 1000;

/// By its defaults a listener lets in a thousand at once where 75 handshakes a second are made; both ends of a push cost
/// 2.3 ms of processor in a debug build. Chosen: other tests run beside this one, so that sockets and handshakes may take as
/// long as they like; how many sockets there may be, and all of `limits`, are the defaults.
const PATIENT: &str = "connections_wait_max: 30s, deadlines: { handshake: 30s, first_request: 30s, headers: 30s }";

/// A site as `Site::new`, under TLS.
fn site() -> (Site, Arc<ClientConfig>) {
    let (site, ca) = (Site::new(0, ""), TestCa::new());
    let (certificate, key) = ca.server(&["127.0.0.1"]);
    let path = |name: &str| site.file().with_file_name(name);
    for (name, pem) in [("server.pem", certificate), ("server-key.pem", key), ("ca.pem", ca.pem())] {
        fs::write(path(name), pem).unwrap();
    }
    let plain = "listener: { address: \"127.0.0.1:0\" }";
    let tls = format!(
        "listener: {{ address: \"127.0.0.1:0\", {PATIENT}, \
         tls: {{ certificate_file: server.pem, key_file: server-key.pem }} }}"
    );
    let text = fs::read_to_string(site.file()).unwrap();
    assert!(text.contains(plain));
    fs::write(site.file(), text.replace(plain, &tls)).unwrap();
    let mut client = (*tls_client(&path("ca.pem"))).clone();
    // Programs that were just started: none of them has been here before.
    client.resumption = Resumption::disabled();
    (site, Arc::new(client))
}

/// One job: connects from `source`, pushes, and says what came of it.
async fn push(port: u16, source: Ipv4Addr, number: u32, bearer: String, tls: TlsConnector) -> String {
    let exchange = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((source, 0)))?;
        let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        let mut stream = tls.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await?;
        let body = format!("last_run {number}\n");
        let head = head("PUT", &format!("/metrics/job/cron-{number}"), &bearer, body.len());
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        // A peer that ends without saying so in TLS has still said what it had to say.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Ok::<_, std::io::Error>(answer.lines().next().unwrap_or("no answer").to_owned())
    };
    match tokio::time::timeout(2 * DEADLINE, exchange).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "too late".to_owned(),
    }
}

/// All jobs at once; how many met with what.
fn midnight(source: impl Fn(u32) -> Ipv4Addr) -> BTreeMap<String, u32> {
    // Each job is a socket of this process.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: files.maximum, ..files }).unwrap();
    let (site, client) = site();
    let program = site.serve();
    let (port, tls) = (program.port(), TlsConnector::from(client));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let met = runtime.block_on(async {
        let mut jobs = JoinSet::new();
        for number in 0..JOBS {
            jobs.spawn(push(port, source(number), number, site.bearer(), tls.clone()));
        }
        let mut met = BTreeMap::new();
        while let Some(status) = jobs.join_next().await {
            *met.entry(status.unwrap()).or_default() += 1;
        }
        met
    });
    drop(program);
    met
}

/// Both in one test, as each takes all of the machine.
#[test]
fn a_thousand_pushes_at_once_are_all_accepted_from_one_address_and_from_as_many() {
    let all = BTreeMap::from([("HTTP/1.1 200 OK".to_owned(), JOBS)]);
    assert_eq!(midnight(|_| Ipv4Addr::LOCALHOST), all);
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    assert_eq!(midnight(|number| Ipv4Addr::from(first + number)), all);
}
