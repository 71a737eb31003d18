//! The relay of a request: what goes from stage to stage, and a stage as a layer of tower's.
//!
//! Each stage takes the baton of the stage before it, checks one thing, and hands on the next. The batons' types chain them:
//! a stack in another order does not compile.
//!
//! What lies behind a layer is called by reference, and what comes of it is a part of the one future that a request is: a
//! future of its own for each layer, boxed as tower's services have it, is laid somewhere, filled and moved for each push.

use crate::rejection::Rejection;
use crate::telemetry::Initiator;
use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use std::future::Future;
use tower::Layer;

/// A request between two stages.
#[derive(Debug)]
pub struct Relayed<B, D = ()> {
    /// What the stage before has proved.
    pub baton: B,
    /// Where it leads, as far as that was looked up: nobody is told whom a stage refuses.
    pub to: D,
    /// Who began it, for the audit.
    pub initiator: Initiator,
    /// Behind a pointer, as every stage hands it on.
    pub head: Box<Parts>,
    pub body: Body,
}

impl<B, D> Relayed<B, D> {
    /// The same with the next baton, made from the one before.
    pub fn hand<C>(self, next: impl FnOnce(B) -> C) -> Relayed<C, D> {
        let Self { baton, to, initiator, head, body } = self;
        Relayed { baton: next(baton), to, initiator, head, body }
    }

    /// The same on its way to there.
    pub fn lead<E>(self, to: E) -> Relayed<B, E> {
        let Self { baton, initiator, head, body, .. } = self;
        Relayed { baton, to, initiator, head, body }
    }
}

/// What comes of a request behind a guard.
pub type Answer = Result<Response, Rejection>;

/// What lies behind a layer: the stages that follow, and at last the handlers.
pub trait Behind<R>: Sync {
    /// What comes of a request.
    type Outcome;

    /// Takes a request to its end.
    fn meet(&self, relayed: R) -> impl Future<Output = Self::Outcome> + Send;
}

/// A stage that has nothing to do with the answer.
pub trait Stage<B, D>: Sync {
    /// The baton that it hands on.
    type Given: Send;

    /// Lets the request on, or not.
    fn pass(&self, relayed: Relayed<B, D>) -> impl Future<Output = Result<Relayed<Self::Given, D>, Rejection>> + Send;
}

/// A [`Stage`] as a layer.
#[derive(Clone, Debug)]
pub struct StageLayer<G>(pub G);

/// A [`Stage`], and what lies behind it.
#[derive(Debug)]
pub struct Staged<G, S> {
    stage: G,
    behind: S,
}

/// Something as a layer that has to do with the answer too, or answers by itself.
#[derive(Clone, Debug)]
pub struct AroundLayer<G>(pub G);

/// The same, and what lies behind it. Each says itself how it takes a request.
#[derive(Debug)]
pub struct Around<G, S> {
    pub what: G,
    pub behind: S,
}

impl<G: Clone, S> Layer<S> for AroundLayer<G> {
    type Service = Around<G, S>;

    fn layer(&self, behind: S) -> Around<G, S> {
        Around { what: self.0.clone(), behind }
    }
}

impl<G: Clone, S> Layer<S> for StageLayer<G> {
    type Service = Staged<G, S>;

    fn layer(&self, behind: S) -> Staged<G, S> {
        Staged { stage: self.0.clone(), behind }
    }
}

impl<G, S, B, D> Behind<Relayed<B, D>> for Staged<G, S>
where
    G: Stage<B, D>,
    S: Behind<Relayed<G::Given, D>, Outcome = Answer>,
    B: Send,
    D: Send,
{
    type Outcome = Answer;

    async fn meet(&self, relayed: Relayed<B, D>) -> Answer {
        let relayed = self.stage.pass(relayed).await?;
        self.behind.meet(relayed).await
    }
}
