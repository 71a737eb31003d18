//! This stage as a layer.

use super::buckets::Buckets;
use super::meter::Admitted;
use super::permit::Permit;
use crate::identity::Party;
use crate::identity::Principal;
use crate::rejection::Rejection;
use crate::relay::Answer;
use crate::relay::Around;
use crate::relay::Behind;
use crate::relay::Relayed;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Principal to [`Permit`]. A request has its places until its answer is sent.
#[derive(Clone, Debug)]
pub struct Pace(pub Arc<ArcSwap<Buckets>>);

impl<S, D> Behind<Relayed<Principal, D>> for Around<Pace, S>
where
    S: Behind<Relayed<Permit, D>, Outcome = Answer>,
    D: Send,
{
    type Outcome = Answer;

    async fn meet(&self, relayed: Relayed<Principal, D>) -> Answer {
        let Relayed { baton: principal, to, initiator, head, body } = relayed;
        let (permit, places) = admit(&self.what.0, principal).await?;
        let answer = self.behind.meet(Relayed { baton: permit, to, initiator, head, body }).await?;
        Ok(answer.map(|body| places.held_by(body)))
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
