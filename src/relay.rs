//! The relay of a request: what goes from stage to stage, and a stage as a layer of tower's.
//!
//! Each stage takes the baton of the stage before it, checks one thing, and hands on the next. The batons' types chain them:
//! a stack in another order does not compile.
//!
//! Services are called by reference. A service that is cloned for each request, with all that lies behind it, and boxed by
//! a type of its own costs a push some five thousand instructions a layer; this costs one allocation.

use crate::rejection::Rejection;
use crate::telemetry::Initiator;
use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use tower::Layer;
use tower::Service;

/// A request between two stages.
#[derive(Debug)]
pub struct Relayed<B, D = ()> {
    /// What the stage before has proved.
    pub baton: B,
    /// Where it leads, as far as that was looked up: nobody is told whom a stage refuses.
    pub to: D,
    /// Who began it, for the audit.
    pub initiator: Initiator,
    pub head: Parts,
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

/// What comes of a request behind a layer.
pub type Answer<'s> = Pin<Box<dyn Future<Output = Result<Response, Rejection>> + Send + 's>>;

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

impl<G: Clone, S> Layer<S> for StageLayer<G> {
    type Service = Staged<G, S>;

    fn layer(&self, behind: S) -> Staged<G, S> {
        Staged { stage: self.0.clone(), behind }
    }
}

impl<'s, G, S, B, D> Service<Relayed<B, D>> for &'s Staged<G, S>
where
    G: Stage<B, D>,
    S: Sync,
    B: Send + 's,
    D: Send + 's,
    &'s S: Service<Relayed<G::Given, D>, Response = Response, Error = Rejection, Future = Answer<'s>>,
{
    type Response = Response;
    type Error = Rejection;
    type Future = Answer<'s>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, relayed: Relayed<B, D>) -> Answer<'s> {
        let Staged { stage, behind } = *self;
        Box::pin(async move {
            let relayed = stage.pass(relayed).await?;
            let mut behind = behind;
            behind.call(relayed).await
        })
    }
}
