//! PUT and POST of a group.

use super::ApiError;
use super::body::Taken;
use super::body::Terms;
use super::body::body_of;
use super::grouping::key_of;
use super::state::Api;
use super::state::TenantReading;
use super::turns::Turns;
use crate::config::AuditPushes;
use crate::exposition;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use crate::store::Method;
use crate::store::Push;
use crate::store::Refusal;
use crate::store::Written;
use crate::telemetry::Initiator;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use http::StatusCode;
use http::Uri;
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use http_body::Body as HttpBody;

/// PUT: the group becomes what the body says.
pub async fn replace(
    state: State<Api>,
    scope: Scope,
    initiator: Extension<Initiator>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> PushAnswer {
    push(state, scope, initiator, Method::Replace, uri, headers, body).await
}

/// POST: the families in the body replace those of their names.
pub async fn merge(
    state: State<Api>,
    scope: Scope,
    initiator: Extension<Initiator>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> PushAnswer {
    push(state, scope, initiator, Method::Merge, uri, headers, body).await
}

type PushAnswer = Result<StatusCode, Rejection>;

async fn push(
    State(api): State<Api>,
    scope: Scope,
    Extension(initiator): Extension<Initiator>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> PushAnswer {
    let outcome = accept(&api, &scope, &initiator, method, &uri, &headers, body).await;
    let code = outcome.as_ref().map_or_else(Rejection::code, |()| "accepted");
    api.metrics.pushed(scope.tenant(), code);
    outcome.map(|()| StatusCode::OK)
}

/// From path and body to the store. What is refused before the store's judgement leaves no trace.
async fn accept(
    api: &Api,
    scope: &Scope,
    initiator: &Initiator,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Rejection> {
    let reading = api.reading_of(scope.tenant())?;
    // The labels of a group are shown as in the push that created it, whatever empty ones this push spells.
    let key = scope.bind(key_of(uri.path(), reading.names).map_err(ApiError::from)?)?;
    let key = api.store.spelling(scope, key);
    let bounds = bounds_of(&reading, &key)?;
    if api.audit.pushes() != AuditPushes::Off {
        initiator.aims_at(key.clone());
    }
    if !headers.contains_key(CONTENT_ENCODING) {
        // What says that it is too long need not come.
        scope.meter().fits(body.size_hint().lower())?;
    }
    let turns = api.turns.of_tenant(scope.tenant());
    let account = || api.ceilings.body(scope.tenant());
    let terms = Terms { bounds: &reading.bounds, meter: scope.meter(), account: &account, turns: &turns };
    let body = body_of(headers, body, terms).await?;
    api.metrics.size(body.bytes.len());
    let format = PushFormat::of(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
    // The body took its time: what counts is what the credential grants now.
    let arrived = Arrived { api: api.clone(), scope: scope.clone(), method, key, bounds, reading, format, body };
    // What has arrived is accounted for until it is stored.
    let (_arrived, written) = arrived.renewed().await?.handed_over(&turns).await?;
    let written = written.await;
    api.readers.relieve(&api.store);
    Ok(written?)
}

/// The bounds for a push of this group, whose own labels may be over them.
fn bounds_of(reading: &TenantReading, key: &GroupingKey) -> Result<GroupBounds, ApiError> {
    let over = |over| ApiError::over(over, format!("the push is too large: {over} in the path"));
    reading.bounds.of_group(key).map_err(over)
}

/// A push whose body is there whole.
struct Arrived {
    api: Api,
    scope: Scope,
    method: Method,
    key: GroupingKey,
    bounds: GroupBounds,
    reading: TenantReading,
    format: PushFormat,
    body: Taken,
}

/// What became of it in its turn.
enum Outcome {
    /// The store has it, whose answer may yet be awaited.
    HandedOver(Written),
    /// Nothing yet: its samples cannot be charged without a wait.
    OverRate { samples: u64 },
}

impl Arrived {
    /// The same under what the credential grants now.
    async fn renewed(self) -> Result<Self, Rejection> {
        match self.scope.renewed().await? {
            None => Ok(self),
            Some(scope) => {
                let key = scope.bind(self.key)?;
                let bounds = bounds_of(&self.reading, &key)?;
                Ok(Self { key, bounds, scope, ..self })
            }
        }
    }

    /// To the store, as soon as its samples can be charged.
    async fn handed_over(self, turns: &Turns) -> Result<(Self, Written), Rejection> {
        let (mut arrived, mut charged) = (self, false);
        loop {
            let (same, outcome) = arrived.store_in_turn(turns, charged).await?;
            match outcome {
                Outcome::HandedOver(written) => return Ok((same, written)),
                Outcome::OverRate { samples } => {
                    // In line it holds its body alone, and no turn.
                    same.scope.meter().samples(samples).await?;
                    (arrived, charged) = (same.renewed().await?, true);
                }
            }
        }
    }

    async fn store_in_turn(self, turns: &Turns, charged: bool) -> Result<(Self, Outcome), Rejection> {
        let bytes = self.body.bytes.len();
        let work = move || self.store(charged).map(|outcome| (self, outcome));
        turns.take(bytes, work).await.unwrap_or(Err(Rejection::Misassembled("a panic")))
    }

    /// Parses, charges the samples unless they are, prepares, and hands to the store.
    fn store(&self, charged: bool) -> Result<Outcome, Rejection> {
        let Self { api, scope, method, key, .. } = self;
        let parsed = self.parsed()?;
        let samples = parsed.line_count();
        if !charged && !scope.meter().try_samples(samples)? {
            return Ok(Outcome::OverRate { samples });
        }
        // As upstream: the time of a push is the moment after its body was read.
        let at = api.clock.now();
        let bytes_max = api.store.push_bytes_max(scope)?;
        let families = match exposition::prepare(parsed, key, &api.hasher, &api.reading.namespace_label, bytes_max) {
            Ok(families) => families,
            Err(Unfit::Inconsistent(inconsistent)) => {
                let refusal = Refusal::Inconsistent(inconsistent.to_string());
                return Ok(Outcome::HandedOver(api.store.refuse(scope, key, at, refusal)));
            }
            Err(Unfit::TooLarge) => return Ok(Outcome::HandedOver(api.store.refuse_too_large(scope, key, at))),
        };
        Ok(Outcome::HandedOver(api.store.push(scope, Push::new(key.clone(), *method, families, at))))
    }

    /// The body as its content type says it is written.
    fn parsed(&self) -> Result<PushedFamilies<'_>, ApiError> {
        let TenantReading { dialect, names, .. } = self.reading;
        let Self { bounds, body: Taken { bytes, .. }, .. } = self;
        match self.format {
            PushFormat::Text => exposition::text::parse_within(bytes, dialect, names, bounds)
                .map_err(|error| ApiError::unread(&error, error.bound())),
            PushFormat::Protobuf => exposition::protobuf::parse_within(bytes, names, bounds)
                .map_err(|error| ApiError::unread(&error, error.bound())),
        }
    }
}
