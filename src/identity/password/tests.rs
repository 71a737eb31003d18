//! Passwords with hashes that cost nothing and are counted, at a time that stands still.

mod floods;

use super::Passwords;
use super::hash::Kind;
use super::hash::Verify;
use super::room::PAUSE;
use crate::config::Config;
use crate::config::PasswordHash;
use crate::identity::Credential;
use crate::identity::IdentityError;
use crate::identity::scheme::Secret;
use crate::model::SharedClock;
use crate::model::Verb;
use crate::testkit::GatewayBuilder;
use crate::testkit::MockClock;
use argon2::Block;
use parking_lot::Condvar;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [198, 51, 100, 1];
/// As many failures as an address has by default.
const BURST: usize = 20;

/// The right password of every hash is `right`.
#[derive(Default)]
struct Counting {
    calls: Mutex<Vec<(Kind, String)>>,
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl Verify for Counting {
    fn verify(&self, password: &[u8], hash: &PasswordHash, _: &mut Vec<Block>) -> bool {
        let password = String::from_utf8_lossy(password).into_owned();
        let is_right = password == "right";
        self.calls.lock().push((Kind::of(hash), password));
        let mut is_closed = self.is_closed.lock();
        self.opened.wait_while(&mut is_closed, |is_closed| *is_closed);
        is_right
    }
}

/// It has the passwords that it was asked for.
impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting(..)")
    }
}

impl Counting {
    /// Until it is opened, every hash takes for ever.
    fn close(&self) {
        *self.is_closed.lock() = true;
    }

    fn open(&self) {
        *self.is_closed.lock() = false;
        self.opened.notify_all();
    }

    fn take(&self) -> Vec<(Kind, String)> {
        std::mem::take(&mut self.calls.lock())
    }

    /// The number of calls since the last look.
    fn count(&self) -> usize {
        self.take().len()
    }
}

struct Site {
    clock: MockClock,
    verify: Arc<Counting>,
    passwords: Arc<Passwords>,
}

fn argon2id(salt: char) -> String {
    let salt: String = std::iter::repeat_n(salt, 22).collect();
    format!("$argon2id$v=19$m=8,t=1,p=1${salt}$MTIzNDU2Nzg5MGFiY2RlZjEyMzQ1Njc4OTBhYmNkZWY")
}

fn bcrypt() -> String {
    "$2y$12$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u".to_owned()
}

/// Users of the tenant `red`, by name and hash.
fn config(users: &[(&str, String)]) -> Config {
    let builder = GatewayBuilder::new().tenant("red").tenant("blue");
    let with = |builder: GatewayBuilder, (name, hash): &(&str, String)| {
        builder.user_with_hash("red", name, hash, &[Verb::Push], |_| {})
    };
    users.iter().fold(builder, with).into_parts().0
}

fn usual() -> Config {
    config(&[("alice", argon2id('A')), ("bob", argon2id('Q')), ("carol", bcrypt())])
}

/// A test that fails leaves no thread behind that waits for ever.
impl Drop for Site {
    fn drop(&mut self) {
        self.verify.open();
    }
}

impl Site {
    fn new(config: &Config) -> Self {
        let (clock, verify) = (MockClock::new(), Arc::new(Counting::default()));
        let shared: SharedClock = Arc::new(clock.clone());
        let passwords = Arc::new(Passwords::with(config, &shared, None, verify.clone()));
        Self { clock, verify, passwords }
    }

    fn reloaded(&self, config: &Config) -> Self {
        let shared: SharedClock = Arc::new(self.clock.clone());
        let passwords = Passwords::new(config, &shared, Some(&self.passwords));
        Self { clock: self.clock.clone(), verify: self.verify.clone(), passwords: Arc::new(passwords) }
    }

    async fn prove(&self, address: [u8; 4], user: &str, password: &str) -> Result<Arc<Credential>, IdentityError> {
        self.passwords.prove(user, &Secret::new(password), IpAddr::from(address)).await
    }

    /// As [`Self::prove`], of whom it is expected to be answered behind the pause; the clock is moved when it is awaited.
    async fn prove_paused(&self, address: [u8; 4], user: &str, password: &str) -> Result<(), IdentityError> {
        let mut answer = std::pin::pin!(self.prove(address, user, password));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.map(|_| ()),
                () = tokio::task::yield_now() => {}
            }
            if self.passwords.process.as_ref().unwrap().room.taken() > 0 && self.is_quiet() {
                self.clock.advance(PAUSE);
            }
        }
    }

    /// Nothing is computed and nobody waits for it.
    fn is_quiet(&self) -> bool {
        self.passwords.process.as_ref().unwrap().flights.is_empty()
    }

    async fn quiet(&self) {
        while !self.is_quiet() {
            tokio::task::yield_now().await;
        }
    }

    /// Spends the budget of an address.
    async fn spend(&self, address: [u8; 4]) {
        for n in 0..BURST {
            let answer = self.prove(address, &format!("nobody-{n}"), "wrong").await;
            assert_eq!(answer.unwrap_err(), IdentityError::Unauthenticated);
        }
        self.verify.take();
    }

    /// The classes of a password on a user's reserve.
    fn classes(&self, user: &str, password: &str) -> [u8; 2] {
        let known = self.passwords.users.get(user);
        let tag = super::fields_of(known, user, &Secret::new(password)).map(<[u8]>::to_vec);
        let tag = self.passwords.process.as_ref().unwrap().key.tag(&tag.each_ref().map(Vec::as_slice));
        tag.first_bytes().map(|byte| byte % crate::identity::strangers::CLASSES)
    }

    /// A wrong password that has two classes and shares none with the right one.
    fn wrong(&self, user: &str) -> String {
        let right = self.classes(user, "right");
        let mut candidates = (0..).map(|n| format!("wrong-{n}"));
        let fits = |[a, b]: [u8; 2]| a != b && !right.contains(&a) && !right.contains(&b);
        candidates.find(|wrong| fits(self.classes(user, wrong))).unwrap()
    }
}

fn is_spent(answer: Result<(), IdentityError>) -> bool {
    matches!(answer, Err(IdentityError::TooManyFailures { .. }))
}

#[tokio::test]
async fn unknown_users_cost_the_same_hash_calls_as_known_ones() {
    let kinds = [argon2id('A'), bcrypt()].map(|hash| Kind::of(&PasswordHash::parse(&hash).unwrap()));
    let site = Site::new(&usual());
    for (user, kind) in [("alice", kinds[0]), ("bob", kinds[0]), ("carol", kinds[1])] {
        assert_eq!(site.prove(HERE, user, "wrong").await.unwrap_err(), IdentityError::Unauthenticated);
        assert_eq!(site.verify.take(), [(kind, "wrong".to_owned())], "{user}");
    }
    let mut seen = Vec::new();
    for n in 0..40 {
        let address = [203, 0, 113, n];
        let name = format!("nobody-{n}");
        // `right` is the right password of a dummy too, and yet opens nothing.
        for password in ["wrong", "right", "right"] {
            assert_eq!(site.prove(address, &name, password).await.unwrap_err(), IdentityError::Unauthenticated);
        }
        let calls = site.verify.take();
        assert_eq!(calls.len(), 3, "one for each attempt, and no success was kept: {calls:?}");
        assert!(calls.iter().all(|(kind, _)| *kind == calls[0].0), "a name always costs the same: {calls:?}");
        seen.push(calls[0].0);
    }
    assert!(kinds.iter().all(|kind| seen.contains(kind)), "an unknown name costs what some user costs");
    // What nobody can have as a name or a password costs neither anything.
    let long = "x".repeat(513);
    for (user, password) in [("alice", ""), ("nobody", ""), ("alice", &*long), ("nobody", &long), (&long, "right")] {
        assert_eq!(site.prove(HERE, user, password).await.unwrap_err(), IdentityError::Unauthenticated);
        assert_eq!(site.verify.count(), 0);
    }
}

#[tokio::test]
async fn without_a_user_an_unknown_name_costs_what_is_configured() {
    let config = config(&[]);
    let site = Site::new(&config);
    site.prove(HERE, "nobody", "wrong").await.unwrap_err();
    assert_eq!(site.verify.take(), [(Kind::configured(&config.passwords), "wrong".to_owned())]);
}

#[tokio::test]
async fn a_right_password_is_hashed_once_until_its_time_is_over_and_a_wrong_one_every_time() {
    let site = Site::new(&usual());
    for _ in 0..3 {
        assert_eq!(site.prove(HERE, "alice", "right").await.unwrap().name(), "alice");
    }
    assert_eq!(site.verify.count(), 1);
    for _ in 0..3 {
        site.prove(HERE, "alice", "wrong").await.unwrap_err();
    }
    assert_eq!(site.verify.count(), 3);
    site.clock.advance(Duration::from_secs(299));
    site.prove(THERE, "alice", "right").await.unwrap();
    assert_eq!(site.verify.count(), 0);
    site.clock.advance(Duration::from_secs(1));
    site.prove(THERE, "alice", "right").await.unwrap();
    assert_eq!(site.verify.count(), 1);
}

#[tokio::test]
async fn sixty_jobs_at_midnight_with_one_password_cost_one_hash() {
    let site = Arc::new(Site::new(&usual()));
    site.verify.close();
    let mut jobs = tokio::task::JoinSet::new();
    for n in 0..60 {
        let site = site.clone();
        // Half of them behind one address, half each from its own.
        let address = if n % 2 == 0 { HERE } else { [203, 0, 113, n] };
        jobs.spawn(async move { site.prove(address, "alice", "right").await.map(|_| ()) });
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    site.verify.open();
    assert!(jobs.join_all().await.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(site.verify.count(), 1);
}

#[tokio::test]
async fn sixty_users_behind_one_address_all_get_in_when_the_gateway_has_just_started() {
    let names: Vec<String> = (0..60).map(|n| format!("user-{n}")).collect();
    let users: Vec<_> = names.iter().map(|name| (name.as_str(), argon2id('A'))).collect();
    let site = Arc::new(Site::new(&config(&users)));
    let mut jobs = tokio::task::JoinSet::new();
    for name in names.clone() {
        let site = site.clone();
        jobs.spawn(async move { site.prove(HERE, &name, "right").await.map(|_| ()) });
    }
    assert!(jobs.join_all().await.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(site.verify.count(), 60);
}

#[tokio::test]
async fn who_hangs_up_is_charged_all_the_same_and_others_who_wait_are_served() {
    let site = Arc::new(Site::new(&usual()));
    site.verify.close();
    for n in 0..BURST {
        let wrong = format!("wrong-{n}");
        let gone = site.prove(HERE, "alice", &wrong);
        let _ = tokio::time::timeout(Duration::ZERO, gone).await;
    }
    let first = tokio::time::timeout(Duration::ZERO, site.prove(THERE, "bob", "right")).await;
    assert!(first.is_err());
    let mut waiting = tokio::task::JoinSet::new();
    let also = site.clone();
    waiting.spawn(async move { also.prove(THERE, "bob", "right").await.map(|_| ()) });
    tokio::task::yield_now().await;
    site.verify.open();
    waiting.join_next().await.unwrap().unwrap().unwrap();
    site.quiet().await;
    assert_eq!(site.verify.count(), BURST + 1);
    assert!(is_spent(site.prove_paused(HERE, "nobody", "wrong").await));
}

#[tokio::test]
async fn a_full_queue_refuses_and_charges_nothing() {
    let mut config = usual();
    (config.passwords.concurrency, config.passwords.queue) = (1, 1);
    let site = Arc::new(Site::new(&config));
    site.verify.close();
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..2 {
        let site = site.clone();
        waiting.spawn(async move { site.prove(HERE, "alice", &format!("wrong-{n}")).await.map(|_| ()) });
        tokio::task::yield_now().await;
    }
    for user in ["bob", "nobody"] {
        for _ in 0..2 * BURST {
            assert_eq!(site.prove(HERE, user, "wrong").await.unwrap_err(), IdentityError::Busy);
        }
    }
    site.verify.open();
    waiting.join_all().await;
    assert_eq!(site.verify.count(), 2);
    // Two failures were charged, no more.
    for n in 2..BURST {
        let answer = site.prove(HERE, &format!("nobody-{n}"), "wrong").await;
        assert_eq!(answer.unwrap_err(), IdentityError::Unauthenticated);
    }
    assert!(is_spent(site.prove_paused(HERE, "nobody", "wrong").await));
}

#[tokio::test]
async fn a_reload_remembers_who_is_unchanged_and_nobody_else() {
    let site = Site::new(&usual());
    let all = ["alice", "bob", "carol"];
    for user in all {
        site.prove(HERE, user, "right").await.unwrap();
    }
    assert_eq!(site.verify.count(), 3);
    let mut changed = usual();
    let red = changed.tenants.get_mut("red").unwrap();
    red.users.get_mut(1).unwrap().hash = PasswordHash::parse(&argon2id('g')).unwrap();
    let moved = red.users.remove(2);
    changed.tenants.get_mut("blue").unwrap().users.push(moved);
    let site = site.reloaded(&changed);
    for (user, hashes) in [("alice", 0), ("bob", 1), ("carol", 1)] {
        site.prove(HERE, user, "right").await.unwrap();
        assert_eq!(site.verify.count(), hashes, "{user}");
    }
    // Gone and back again is as good as new.
    let site = site.reloaded(&config(&[])).reloaded(&usual());
    site.prove(HERE, "alice", "right").await.unwrap();
    assert_eq!(site.verify.count(), 1);
    let mut closed = usual();
    closed.tenants.get_mut("red").unwrap().closed = true;
    let site = site.reloaded(&closed);
    assert_eq!(site.prove(HERE, "alice", "right").await.unwrap_err(), IdentityError::Unauthenticated);
}

#[tokio::test]
async fn nothing_of_a_password_is_in_a_debug() {
    let site = Site::new(&usual());
    site.verify.close();
    let _ = tokio::time::timeout(Duration::ZERO, site.prove(HERE, "alice", "right")).await;
    let said = format!("{:?}", site.passwords);
    assert!(said.contains("alice") && !said.contains("right\"") && !said.contains("$argon2id"), "{said}");
    site.verify.open();
}
