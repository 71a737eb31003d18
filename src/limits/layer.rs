//! This stage as a layer.

use super::buckets::Buckets;
use super::meter::Admitted;
use super::permit::Permit;
use crate::identity::Party;
use crate::identity::Principal;
use crate::rejection::Rejection;
use crate::relay::Answer;
use crate::relay::Relayed;
use arc_swap::ArcSwap;
use axum::response::Response;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tower::Layer;
use tower::Service;

/// Principal to [`Permit`]. A request has its places until its answer is sent.
#[derive(Clone, Debug)]
pub struct PaceLayer(pub Arc<ArcSwap<Buckets>>);

/// What [`PaceLayer`] makes, and what lies behind it.
#[derive(Debug)]
pub struct Paced<S> {
    buckets: Arc<ArcSwap<Buckets>>,
    behind: S,
}

impl<S> Layer<S> for PaceLayer {
    type Service = Paced<S>;

    fn layer(&self, behind: S) -> Paced<S> {
        Paced { buckets: self.0.clone(), behind }
    }
}

impl<'s, S, D> Service<Relayed<Principal, D>> for &'s Paced<S>
where
    S: Sync,
    D: Send + 's,
    &'s S: Service<Relayed<Permit, D>, Response = Response, Error = Rejection, Future = Answer<'s>>,
{
    type Response = Response;
    type Error = Rejection;
    type Future = Answer<'s>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, relayed: Relayed<Principal, D>) -> Answer<'s> {
        let Paced { buckets, behind } = *self;
        Box::pin(async move {
            let Relayed { baton: principal, to, initiator, head, body } = relayed;
            let (permit, places) = admit(buckets, principal).await?;
            let mut behind = behind;
            let answer = behind.call(Relayed { baton: permit, to, initiator, head, body }).await?;
            Ok(answer.map(|body| places.held_by(body)))
        })
    }
}

/// Charges a request before its body is read, in its turn, and gives whoever sends it a [`Permit`]. The places are to be
/// kept until its answer is sent.
async fn admit(buckets: &ArcSwap<Buckets>, principal: Principal) -> Result<(Permit, Admitted), Rejection> {
    // Whoever has no bucket went with a reload a moment ago.
    let meter = buckets.load().meter(principal.party()).ok_or_else(Rejection::withdrawn)?;
    let places = meter.admit().await?;
    // In line other credentials may have come in force: what counts is what they grant now.
    let principal = if meter.has_waited() { still(principal).await? } else { principal };
    Ok((Permit::new(principal, meter), places))
}

/// Whom the same credentials prove now: somebody of the same party, or nobody.
async fn still(principal: Principal) -> Result<Principal, Rejection> {
    let Some(renewed) = principal.renewed().await? else { return Ok(principal) };
    let same = match (principal.party(), renewed.party()) {
        (Party::Tenant(was), Party::Tenant(is)) => was.tenant == is.tenant,
        (Party::Operator(was), Party::Operator(is)) => was.operator == is.operator,
        _ => false,
    };
    if same { Ok(renewed) } else { Err(Rejection::withdrawn()) }
}
