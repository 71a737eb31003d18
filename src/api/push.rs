//! PUT and POST of a group.

use super::ApiError;
use super::body::Taken;
use super::body::Terms;
use super::body::body_of;
use super::grouping::key_of;
use super::state::Api;
use super::state::TenantReading;
use crate::config::AuditPushes;
use crate::exposition;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
use crate::limits::Meter;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::Timestamp;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use crate::store::Method;
use crate::store::Push;
use crate::store::Refusal;
use crate::telemetry::Initiator;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use http::StatusCode;
use http::Uri;
use http::header::CONTENT_TYPE;

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
    let meter = Meter::default();
    let account = || api.ceilings.body();
    let terms = Terms { bounds: &reading.bounds, meter: &meter, account: &account, turns: &api.turns };
    let body = body_of(headers, body, terms).await?;
    // The body took its time: what counts is what the credential grants now.
    let (scope, key, bounds) = match scope.renewed().await? {
        None => (scope.clone(), key, bounds),
        Some(scope) => {
            let key = scope.bind(key)?;
            let bounds = bounds_of(&reading, &key)?;
            (scope, key, bounds)
        }
    };
    let size = body.bytes.len();
    api.metrics.size(size);
    let format = PushFormat::of(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
    let arrived = Arrived { api: api.clone(), scope, method, key, bounds, reading, format, body };
    let read = api.turns.take(size, move || arrived.read()).await;
    let mut read = read.unwrap_or(Err(Rejection::Misassembled("a panic")))?;
    meter.samples(read.lines).await?;
    // The samples may have been waited for.
    if let Some(scope) = read.arrived.scope.renewed().await? {
        read.arrived.scope = scope;
    }
    let stored = api.turns.take(size, move || read.store()).await;
    stored.unwrap_or(Err(Rejection::Misassembled("a panic")))
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

/// A push that has been read. The store knows nothing of it yet.
struct Read {
    arrived: Arrived,
    at: Timestamp,
    /// How many lines of a scrape it is.
    lines: u64,
    families: Result<Vec<PreparedFamily>, Unfit>,
}

impl Read {
    /// Hands to the store: the push, or that it failed.
    fn store(self) -> Result<(), Rejection> {
        let Self { arrived: Arrived { api, scope, method, key, .. }, at, families, .. } = self;
        match families {
            Ok(families) => Ok(api.store.push(&scope, &Push::new(key, method, families, at))?),
            Err(Unfit::Inconsistent(inconsistent)) => {
                api.store.note_failure(&scope, &key, at)?;
                Err(Refusal::Inconsistent(inconsistent.to_string()).into())
            }
            Err(Unfit::TooLarge) => Err(api.store.refuse_too_large(&scope, &key, at).into()),
        }
    }
}

impl Arrived {
    /// Parses and prepares.
    fn read(self) -> Result<Read, Rejection> {
        let Self { api, scope, key, .. } = &self;
        let parsed = self.parsed()?;
        let lines = parsed.line_count();
        // As upstream: the time of a push is the moment after its body was read.
        let at = api.clock.now();
        let bytes_max = api.store.push_bytes_max(scope)?;
        let families = exposition::prepare(parsed, key, &api.hasher, &api.reading.namespace_label, bytes_max);
        Ok(Read { at, lines, families, arrived: self })
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
