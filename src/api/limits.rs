//! `GET /api/v1/limits`: what whoever asks may take, and what of it is taken now.
//!
//! ```json
//! {"status": "success", "data": {
//!   "credential": {"name": "nightly-cron", "limits": {}, "usage": {}},
//!   "tenants": [{"tenant": "payments", "limits": {"groups_max": 10000, "wait_max": 5.0}, "usage": {"groups_max": 12}}]
//! }}
//! ```
//!
//! Keys are the configuration's. Counts and sizes are whole numbers, sizes in bytes; durations are in seconds; `usage` is in
//! the units of its limit, and of a burst what is spent and not there again yet. A tenant's credential sees its tenant alone;
//! a narrowed one is told no usage (`null`), since that is of groups and requests it cannot see. An operator has `operator`
//! besides, all tenants that it may see, or those it names, and over all of them `gateway`.

use super::call::Call;
use crate::config::Amount;
use crate::model::TenantId;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::telemetry::Share;
use axum::response::IntoResponse;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The limits of whoever asks.
pub async fn limits(Call { api, scope: view, initiator, .. }: Call<View>) -> Result<Response, Rejection> {
    let who = initiator.who().ok_or(Rejection::Misassembled("nobody was proved"))?;
    let mut data = Map::new();
    match view {
        View::Tenant(scope) => {
            let tenants = api.shares.of_tenants(&|tenant| tenant == scope.tenant());
            if tenants.is_empty() {
                // It went with a reload a moment ago.
                return Err(Rejection::withdrawn());
            }
            data.insert("tenants".to_owned(), list(&tenants, scope.narrowing().is_everything()));
        }
        View::Fleet(scope) => {
            let tenants = api.shares.of_tenants(&|tenant| scope.admits(tenant));
            data.insert("tenants".to_owned(), list(&tenants, true));
            let operator = who.operator.as_deref().unwrap_or_default();
            data.insert("operator".to_owned(), named("name", operator, &api.shares.of_operator(operator), true));
            // What all tenants take together tells whoever sees some of them what the others take.
            if scope.is_everything() {
                let gateway = api.shares.of_gateway();
                let gateway = json!({ "limits": limits_of(&gateway), "usage": usage_of(&gateway) });
                data.insert("gateway".to_owned(), gateway);
            }
        }
    }
    // What a credential takes by itself is nobody else's.
    data.insert("credential".to_owned(), named("name", &who.credential, &api.shares.of_credential(who), true));
    let answer = json!({ "status": "success", "data": data });
    Ok(([(CONTENT_TYPE, "application/json")], answer.to_string()).into_response())
}

fn list(tenants: &[(TenantId, Vec<Share>)], usage: bool) -> Value {
    tenants.iter().map(|(tenant, shares)| named("tenant", tenant.as_str(), shares, usage)).collect()
}

/// Whose shares, and what they are. Without `usage` it is withheld.
fn named(what: &str, name: &str, shares: &[Share], usage: bool) -> Value {
    let usage = if usage { usage_of(shares) } else { Value::Null };
    json!({ what: name, "limits": limits_of(shares), "usage": usage })
}

fn limits_of(shares: &[Share]) -> Value {
    let amount = |limit| match limit {
        Amount::Count(amount) | Amount::Bytes(amount) => Value::from(amount),
        Amount::Time(time) => Value::from(time.as_secs_f64()),
        Amount::Part(part) => Value::from(part.fraction()),
    };
    shares.iter().map(|share| (share.key.to_owned(), amount(share.limit))).collect::<Map<_, _>>().into()
}

fn usage_of(shares: &[Share]) -> Value {
    let used = shares.iter().filter_map(|share| Some((share.key.to_owned(), Value::from(share.used?))));
    used.collect::<Map<_, _>>().into()
}
