//! The program's configuration for these runs, its tenants, and the clients that write to them.

use super::bulk::Bulk;
use super::model::Change;
use super::model::Shelf;
use super::model::shown;
use super::rivals::Rival;
use super::worker::Worker;
use crate::client::body_of;
use crate::client::connect;
use crate::client::exchange;
use crate::program::Program;
use crate::program::run;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// Each with its durability, if it is not that of the gateway. `alone` and `bulk` have one client each.
const TENANTS: [(&str, &str); 6] =
    [("red", ""), ("blue", ""), ("alone", ""), ("bulk", ""), ("easy", "os"), ("forgetful", "memory")];
const RIVALS: u64 = 3;

/// Sends a request, and returns the status of its answer; an error where there was none, which is the last.
pub(super) type Line<'l> = dyn FnMut(&str, &str, &str, &str) -> io::Result<u16> + 'l;

/// Somebody who writes and remembers.
pub(super) trait Client: fmt::Debug + Send {
    fn account(&self) -> &Account;

    /// Sends changes until the line breaks, which leaves the last one open.
    ///
    /// # Panics
    /// If a change is answered in any other way than it is to be.
    fn work(&mut self, line: &mut Line<'_>, acknowledged: &Acknowledged);

    /// Compares with what the tenant's scrape shows, and believes it from now on.
    ///
    /// # Panics
    /// If it is neither what was acknowledged nor that with the one request that had no answer.
    fn compare(&mut self, shown: &Shelf, round: &str);

    /// The same with the whole text, for whoever writes what no model knows.
    fn compare_text(&mut self, _scrape: &str, _round: &str) {}
}

/// A tenant and its token.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) tenant: String,
    pub(super) bearer: String,
    /// Whether all it pushed is gone after a start.
    pub(super) forgets: bool,
}

/// How many changes of each sort were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    replaced: AtomicU64,
    merged: AtomicU64,
    refused: AtomicU64,
    deleted: AtomicU64,
    wiped: AtomicU64,
    of_rivals: AtomicU64,
    large: AtomicU64,
}

impl Acknowledged {
    pub(super) fn count(&self, change: &Change) {
        let count = match change {
            Change::Replace(..) => &self.replaced,
            Change::Merge(..) => &self.merged,
            Change::Fail(_) => &self.refused,
            Change::Delete(_) => &self.deleted,
            Change::Wipe => &self.wiped,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_rival(&self) {
        self.of_rivals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_bulk(&self) {
        self.large.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> u64 {
        let Self { replaced, merged, refused, deleted, wiped, of_rivals, large } = self;
        [replaced, merged, refused, deleted, wiped, of_rivals, large]
            .map(|count| count.load(Ordering::Relaxed))
            .iter()
            .sum()
    }
}

pub(super) struct Site {
    dir: TempDir,
    accounts: BTreeMap<&'static str, Account>,
    /// Whether the gateway itself asks for no more than the operating system.
    pub(super) durability: &'static str,
}

impl Site {
    /// `listener` is what its listener says besides the address.
    pub(super) fn new(address: &str, durability: &'static str, listener: &str) -> Self {
        let mut config = format!(
            "listener: {{ address: \"{address}\"{listener} }}\nops: {{ address: \"127.0.0.1:0\" }}\n\
            storage: {{ path: data, durability: {durability} }}\n\
            limits: {{ requests_per_second: 1000000, requests_burst: 1000000, bytes_per_second: 1GiB, bytes_burst: 1GiB }}\n\
            tenants:\n"
        );
        let mut accounts = BTreeMap::new();
        for (tenant, less) in TENANTS {
            let scopes = ["push", "delete", "read", "admin"].map(|scope| ["--scope", scope]);
            let made = run(&[&["token", "new", "--tenant", tenant][..], scopes.as_flattened()].concat());
            let text = String::from_utf8(made.stdout).unwrap();
            let (token, entry) = text.split_once("\n\n").unwrap();
            let (bearer, forgets) = (format!("Bearer {token}"), less == "memory");
            accounts.insert(tenant, Account { tenant: tenant.into(), bearer, forgets });
            let less = if less.is_empty() { String::new() } else { format!("    durability: {less}\n") };
            config += &format!("  {tenant}:\n{less}    tokens:\n{entry}");
        }
        let site = Self { dir: TempDir::new().unwrap(), accounts, durability };
        fs::write(site.file(), config).unwrap();
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("pushward.yml")
    }

    pub(super) fn serve(&self) -> Program {
        Program::start(&["serve", "--config", self.file().to_str().unwrap()])
    }

    pub(super) fn serve_on(&self, socket: &TcpListener) -> Program {
        Program::with_socket(socket, &["serve", "--config", self.file().to_str().unwrap()])
    }

    /// Whether a checkpoint is being written.
    pub(super) fn writes_a_checkpoint(&self) -> bool {
        let Ok(entries) = fs::read_dir(self.path("data")) else { return false };
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "new"))
    }

    pub(super) fn bytes(&self) -> u64 {
        size_of(&self.path("data"))
    }

    pub(super) fn clients(&self, seed: u64) -> Vec<Box<dyn Client>> {
        let account = |tenant: &str| self.accounts[tenant].clone();
        let mut clients: Vec<Box<dyn Client>> = vec![Box::new(Bulk::new(account("bulk")))];
        let tenants = ["red", "red", "blue", "blue", "alone", "easy", "easy", "forgetful"];
        for (number, tenant) in (0..).zip(tenants) {
            let alone = ["alone", "forgetful"].contains(&tenant);
            clients.push(Box::new(Worker::new(number, seed, account(tenant), alone)));
        }
        for rival in Rival::group(RIVALS, seed, &account("blue")) {
            clients.push(Box::new(rival));
        }
        clients
    }

    pub(super) fn compare(&self, scrape: impl Fn(&Account) -> String, clients: &mut [Box<dyn Client>], round: &str) {
        for account in self.accounts.values() {
            let text = scrape(account);
            let clients = clients.iter_mut().filter(|client| client.account().tenant == account.tenant);
            if account.tenant == "bulk" {
                clients.for_each(|client| client.compare_text(&text, round));
            } else {
                let shown = shown(&text);
                clients.for_each(|client| client.compare(&shown, round));
            }
        }
    }
}

/// What a scrape without TLS shows.
pub(super) fn scrape(port: u16) -> impl Fn(&Account) -> String {
    move |account| body_of(exchange(connect(port), "GET", "/metrics", &account.bearer, ""))
}

fn size_of(path: &Path) -> u64 {
    let meta = fs::metadata(path).unwrap();
    match meta.is_dir() {
        true => fs::read_dir(path).unwrap().map(|entry| size_of(&entry.unwrap().path())).sum(),
        false => meta.len(),
    }
}
