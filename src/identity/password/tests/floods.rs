//! What guessers at one address can do to others there: nothing that lasts.

use super::BURST;
use super::HERE;
use super::PAUSE;
use super::Site;
use super::THERE;
use super::argon2id;
use super::config;
use super::is_spent;
use super::usual;
use crate::identity::IdentityError;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_spent_budget_refuses_before_any_hash_and_only_at_its_address() {
    let site = Site::new(&usual());
    site.spend(HERE).await;
    assert!(is_spent(site.prove_paused(HERE, "nobody", "wrong").await));
    assert_eq!(site.verify.count(), 0);
    assert_eq!(site.prove(THERE, "nobody", "wrong").await.unwrap_err(), IdentityError::Unauthenticated);
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(site.prove(HERE, "nobody", "wrong").await.unwrap_err(), IdentityError::Unauthenticated);
}

#[tokio::test]
async fn a_cold_password_gets_in_from_an_address_whose_budget_is_spent() {
    let site = Site::new(&usual());
    site.spend(HERE).await;
    for user in ["alice", "bob", "carol"] {
        site.prove(HERE, user, "right").await.unwrap();
    }
    assert_eq!(site.verify.count(), 3);
}

#[tokio::test]
async fn a_warm_password_meets_no_budget_and_one_whose_time_is_over_neither() {
    let site = Site::new(&usual());
    site.prove(HERE, "alice", "right").await.unwrap();
    site.clock.advance(Duration::from_secs(299));
    site.spend(HERE).await;
    site.prove(HERE, "alice", "right").await.unwrap();
    assert_eq!(site.verify.count(), 0);
    // Even where somebody has spent every class of this very user's reserve.
    for n in 0..500 {
        let wrong = format!("wrong-{n}");
        let _ = tokio::time::timeout(Duration::ZERO, site.prove(HERE, "alice", &wrong)).await;
    }
    site.quiet().await;
    site.verify.take();
    site.clock.advance(Duration::from_secs(1));
    site.prove(HERE, "alice", "right").await.unwrap();
    assert_eq!(site.verify.count(), 1);
}

#[tokio::test]
async fn once_the_budget_is_spent_a_wrong_password_is_answered_as_an_unknown_name_is() {
    let site = Site::new(&usual());
    site.spend(HERE).await;
    let mut told = Vec::new();
    // Looked at on the reserve, not looked at any more, and nobody's.
    let wrong = site.wrong("alice");
    for (user, hashes) in [("alice", 1), ("alice", 1), ("alice", 0), ("nobody", 0)] {
        // The same moment for each: what the pause gave back is spent.
        while site.prove_in_budget(HERE).await {}
        site.verify.take();
        let began = site.now();
        told.push((site.prove_paused(HERE, user, &wrong).await.unwrap_err(), site.now().since(began)));
        assert_eq!(site.verify.count(), hashes, "{user}");
    }
    assert_eq!(told[0].1, PAUSE);
    assert!(matches!(told[0].0, IdentityError::TooManyFailures { .. }));
    assert!(told.iter().all(|each| *each == told[0]), "{told:?}");
}

#[tokio::test]
async fn a_wrong_password_sent_again_and_again_does_not_spend_what_the_right_one_needs() {
    let site = Site::new(&usual());
    site.spend(HERE).await;
    let wrong = site.wrong("alice");
    for _ in 0..50 {
        assert!(is_spent(site.prove_paused(HERE, "alice", &wrong).await));
        // What the pause gave back is spent at once.
        while site.prove_in_budget(HERE).await {}
    }
    site.prove(HERE, "alice", "right").await.unwrap();
}

#[tokio::test]
async fn a_reserve_that_was_spent_is_there_again_within_a_minute() {
    let site = Site::new(&usual());
    site.spend(HERE).await;
    for n in 0..500 {
        let wrong = format!("wrong-{n}");
        let _ = tokio::time::timeout(Duration::ZERO, site.prove(HERE, "alice", &wrong)).await;
    }
    site.quiet().await;
    // Two of the sixteen classes may by chance share a slot.
    assert!((14..=16).contains(&site.verify.count()), "as much as the reserve");
    assert!(is_spent(site.prove_paused(HERE, "alice", "right").await));
    assert_eq!(site.verify.count(), 0);
    site.clock.advance(Duration::from_secs(48));
    while site.prove_in_budget(HERE).await {}
    site.prove(HERE, "alice", "right").await.unwrap();
}

/// Sixty seconds in steps of 50 ms, fifty wrong tries in each: half for names that are nobody's, half for configured ones.
#[tokio::test]
async fn at_a_thousand_wrong_tries_a_second_a_cold_password_gets_in_within_a_minute_and_few_hashes_are_computed() {
    let names: Vec<String> = (0..10).map(|n| format!("guessed-{n}")).collect();
    let users = names.iter().map(String::as_str).chain(["warm", "cold"]);
    let users: Vec<_> = users.map(|name| (name, argon2id('A'))).collect();
    let site = Arc::new(Site::new(&config(&users)));
    site.prove(HERE, "warm", "right").await.unwrap();
    let mut flood = tokio::task::JoinSet::new();
    let mut next_try = site.now().after(Duration::from_secs(20));
    let (mut refused, mut is_in) = (0, false);
    for step in 0..1_200 {
        for n in 0..50 {
            let user = if n % 2 == 0 { format!("nobody-{step}-{n}") } else { names[(step + n) % 10].clone() };
            let site = site.clone();
            flood.spawn(async move { site.prove(HERE, &user, &format!("{step}-{n}")).await.map(|_| ()) });
        }
        site.settle().await;
        site.prove(HERE, "warm", "right").await.unwrap();
        if !is_in && site.now() >= next_try {
            match site.prove_at_once("cold").await {
                Some(Ok(())) => is_in = true,
                Some(Err(IdentityError::TooManyFailures { retry_after })) => {
                    refused += 1;
                    next_try = site.now().after(retry_after);
                }
                other => panic!("{other:?}"),
            }
        }
        site.clock.advance(Duration::from_millis(50));
    }
    assert!(is_in && refused <= 1, "it was found right behind the first refusal: {refused}");
    site.clock.advance(PAUSE);
    let answers = flood.join_all().await;
    assert!(answers.iter().all(Result::is_err));
    // A burst and a minute's worth for the address, and the same for each of the ten names that were guessed at.
    let hashes = site.verify.count();
    assert!(hashes <= 2 * BURST + 10 * (16 + 20) + 2, "{hashes} hashes");
    assert!(hashes >= 2 * BURST, "{hashes} hashes");
}

impl Site {
    fn now(&self) -> crate::model::Tick {
        crate::model::Clock::tick(&self.clock)
    }

    /// Whether there was budget for one more failure, which is spent now.
    async fn prove_in_budget(&self, address: [u8; 4]) -> bool {
        let mut attempt = std::pin::pin!(self.prove(address, "nobody", "wrong"));
        loop {
            tokio::select! {
                biased;
                answer = &mut attempt => return answer.unwrap_err() == IdentityError::Unauthenticated,
                () = tokio::task::yield_now() => {}
            }
            if self.passwords.process.as_ref().unwrap().room.taken() > 0 {
                return false;
            }
        }
    }

    /// Until every attempt that was spawned is answered, waits in the room, or is being computed to its end.
    async fn settle(&self) {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            self.quiet().await;
        }
    }

    /// An attempt while the clock stands still: `None` if it waits.
    async fn prove_at_once(&self, user: &str) -> Option<Result<(), IdentityError>> {
        let mut attempt = std::pin::pin!(self.prove(HERE, user, "right"));
        for _ in 0..1_000 {
            tokio::select! {
                biased;
                answer = &mut attempt => return Some(answer.map(|_| ())),
                () = self.settle() => {}
            }
        }
        None
    }
}
