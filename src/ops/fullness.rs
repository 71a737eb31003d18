//! A word in the log when a tenant's quota fills: whoever reads no metrics is told all the same, before a push is refused.

use crate::config::Amount;
use crate::model::QuotaKind;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::Tick;
use crate::telemetry::Share;
use crate::telemetry::SharedShares;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

/// How often it is looked. Chosen: a quota that fills in less is told of by refusals.
const EVERY: Duration = Duration::from_secs(15);

/// A quota around its mark is told of this often at most. Chosen: whoever is told can do something within it.
const QUIET: Duration = Duration::from_secs(10 * 60);

const QUOTAS: [QuotaKind; 3] = [QuotaKind::Groups, QuotaKind::Series, QuotaKind::StoredBytes];

/// What was told, and not yet forgotten.
#[derive(Debug, Default)]
struct Told(HashMap<(TenantId, &'static str), Mark>);

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Whether it was at its mark when it was looked at last and was told of.
    over: bool,
    at: Tick,
}

/// Warns of each quota of which a tenant takes its `soft_warning` or more: once when it comes there, and again when it has
/// been below it in between. A push pays nothing for it. Never returns.
pub async fn warn_of_fullness(shares: SharedShares, clock: SharedClock) -> Infallible {
    let mut told = Told::default();
    loop {
        told.look(&shares.of_tenants(&|_| true), clock.tick());
        clock.sleep_until(clock.tick().after(EVERY)).await;
    }
}

impl Told {
    fn look(&mut self, tenants: &[(TenantId, Vec<Share>)], now: Tick) {
        let before = std::mem::take(&mut self.0);
        for (tenant, shares) in tenants {
            for kind in QUOTAS {
                let Some((limit, used, mark)) = quota_of(shares, kind) else { continue };
                let key = (tenant.clone(), kind.key());
                let known = before.get(&key).copied();
                let quiet = known.is_some_and(|known| known.over || now.since(known.at) < QUIET);
                if used >= mark && !quiet {
                    let (tenant, limit_key) = (tenant.as_str(), kind.key());
                    tracing::warn!(tenant, limit = limit_key, value = limit, used, "the tenant's quota fills");
                    self.0.insert(key, Mark { over: true, at: now });
                } else if let Some(known) = known {
                    // Whoever comes back to the mark in the quiet time is told of behind it.
                    let over = used >= mark && known.over;
                    if over || now.since(known.at) < QUIET {
                        self.0.insert(key, Mark { over, ..known });
                    }
                }
            }
        }
    }
}

/// A quota: what it is, what is taken of it, and how much has to be taken for a warning.
fn quota_of(shares: &[Share], kind: QuotaKind) -> Option<(u64, u64, u64)> {
    let of = |key| shares.iter().find(|share| share.key == key);
    let quota = of(kind.key())?;
    match (quota.limit, of("soft_warning")?.limit) {
        (Amount::Count(limit) | Amount::Bytes(limit), Amount::Part(part)) => Some((limit, quota.used?, part.of(limit))),
        _ => None,
    }
}
