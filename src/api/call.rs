//! What a handler gets.

use super::state::Api;
use crate::relay::Relayed;
use crate::telemetry::Initiator;
use axum::body::Body;
use http::request::Parts;

/// A request that may be answered: `scope` is the baton that says so. A handler takes apart what it needs.
#[derive(Debug)]
pub struct Call<B> {
    pub api: Api,
    pub scope: B,
    pub initiator: Initiator,
    pub head: Box<Parts>,
    pub body: Body,
}

impl<B> Call<B> {
    /// Of a request whose baton was handed on to here.
    pub fn of<D>(relayed: Relayed<B, D>, api: &Api) -> Self {
        let Relayed { baton, initiator, head, body, .. } = relayed;
        Self { api: api.clone(), scope: baton, initiator, head, body }
    }

    /// The same with that baton.
    pub fn holding<C>(self, scope: C) -> Call<C> {
        let Self { api, initiator, head, body, .. } = self;
        Call { api, scope, initiator, head, body }
    }
}
