//! A write on its way: what it asks, what comes of it, and the answer to whoever waits for it.

use super::Push;
use super::Refusal;
use super::space::Room;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::Timestamp;
use crate::namespace::Narrowing;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tokio::sync::oneshot;

/// What a write asks of a shelf.
#[derive(Debug)]
pub(super) enum Write {
    /// `all_visible`: whether whoever pushes can see all groups, and so may be told what they hold.
    Push {
        push: Push,
        all_visible: bool,
    },
    /// A push of the group was refused before it came here: that is noted, and `refusal` is the answer.
    Refused {
        key: GroupingKey,
        at: Timestamp,
        refusal: Refusal,
    },
    Delete {
        key: GroupingKey,
    },
    /// Every group that it lets through.
    Wipe {
        narrowing: Arc<Narrowing>,
    },
}

impl Write {
    /// The one group that it is about.
    pub(super) fn key(&self) -> Option<&GroupingKey> {
        match self {
            Self::Push { push, .. } => Some(&push.key),
            Self::Refused { key, .. } | Self::Delete { key } => Some(key),
            Self::Wipe { .. } => None,
        }
    }
}

/// What comes of a write once it is judged.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    /// None: it changes nothing.
    pub(super) effect: Option<Effect<'a>>,
    /// What it adds to all that is stored is reserved until it is shown or dropped.
    pub(super) room: Option<Room>,
    /// What whoever asked is told when the effect is shown.
    pub(super) answer: Result<(), Refusal>,
}

/// How an accepted write changes a shelf. The keys are as the groups hold them.
#[derive(Debug)]
pub(super) enum Effect<'a> {
    Push { key: Arc<GroupingKey>, push: &'a Push, after: Usage },
    Failure { key: Arc<GroupingKey>, at: Timestamp, after: Usage },
    Delete { key: Arc<GroupingKey> },
    Wipe { keys: Vec<Arc<GroupingKey>> },
}

pub(super) type Answer = oneshot::Sender<Result<(), Refusal>>;

/// What becomes of a write, once it is journalled and shown, or refused.
///
/// Whoever does not wait for it does not take it back: it may still be journalled and shown, whole.
#[derive(Debug)]
#[must_use = "a write is not acknowledged before its outcome is known"]
pub struct Written {
    outcome: Outcome,
    by_operator: bool,
}

#[derive(Debug)]
enum Outcome {
    Known(Result<(), Refusal>),
    Awaited(oneshot::Receiver<Result<(), Refusal>>),
}

impl Written {
    pub(super) const fn known(outcome: Result<(), Refusal>) -> Self {
        Self { outcome: Outcome::Known(outcome), by_operator: false }
    }

    /// One whose outcome comes from elsewhere. If the answer is dropped, nobody can say whether it was written.
    pub(super) fn awaited() -> (Answer, Self) {
        let (answer, outcome) = oneshot::channel();
        (answer, Self { outcome: Outcome::Awaited(outcome), by_operator: false })
    }

    /// For an operator who named the tenant: if that is gone, it is not whoever asks that is unknown.
    pub(super) fn by_operator(self) -> Self {
        Self { by_operator: true, ..self }
    }

    /// The outcome, for a thread that may block. Panics on one of the runtime, unless the outcome is known.
    pub fn wait(self) -> Result<(), Refusal> {
        let outcome = match self.outcome {
            Outcome::Known(outcome) => outcome,
            Outcome::Awaited(outcome) => outcome.blocking_recv().unwrap_or(Err(Refusal::Unavailable)),
        };
        told(outcome, self.by_operator)
    }
}

impl Future for Written {
    type Output = Result<(), Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.outcome {
            // Only for whoever polls again what has ended is this not the outcome.
            Outcome::Known(outcome) => Poll::Ready(std::mem::replace(outcome, Err(Refusal::Unavailable))),
            Outcome::Awaited(outcome) => {
                Pin::new(outcome).poll(context).map(|outcome| outcome.unwrap_or(Err(Refusal::Unavailable)))
            }
        };
        outcome.map(|outcome| told(outcome, self.by_operator))
    }
}

fn told(outcome: Result<(), Refusal>, by_operator: bool) -> Result<(), Refusal> {
    match outcome {
        Err(Refusal::NoTenant) if by_operator => Err(Refusal::OutOfScope),
        outcome => outcome,
    }
}
