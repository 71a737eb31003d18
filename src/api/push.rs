//! PUT and POST of a group.

use super::ApiError;
use super::decode::body_of;
use super::grouping::key_of;
use super::state::Api;
use super::state::TenantReading;
use crate::config::AuditPushes;
use crate::exposition;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
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
use axum::body::Bytes;
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
    if api.audit.pushes() != AuditPushes::Off {
        initiator.aims_at(key.clone());
    }
    let body = body_of(headers, body, reading.body_bytes_max, &api.turns).await?;
    // The body took its time: what counts is what the credential grants now.
    let (scope, key) = match scope.renewed().await? {
        None => (scope.clone(), key),
        Some(scope) => {
            let key = scope.bind(key)?;
            (scope, key)
        }
    };
    api.metrics.size(body.len());
    let format = PushFormat::of(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
    let arrived = Arrived { api: api.clone(), scope, method, key, reading, format, body };
    let stored = api.turns.take(arrived.body.len(), move || arrived.store()).await;
    let written = stored.unwrap_or(Err(Rejection::Misassembled("a panic")))?.await;
    api.readers.relieve(&api.store);
    Ok(written?)
}

/// A push whose body is there whole.
struct Arrived {
    api: Api,
    scope: Scope,
    method: Method,
    key: GroupingKey,
    reading: TenantReading,
    format: PushFormat,
    body: Bytes,
}

impl Arrived {
    /// Parses, prepares, and hands to the store, whose answer may yet be awaited.
    fn store(self) -> Result<Written, Rejection> {
        let Self { api, scope, method, key, .. } = &self;
        let parsed = self.parsed()?;
        // As upstream: the time of a push is the moment after its body was read.
        let at = api.clock.now();
        let bytes_max = api.store.push_bytes_max(scope)?;
        let families = match exposition::prepare(parsed, key, &api.hasher, &api.reading.namespace_label, bytes_max) {
            Ok(families) => families,
            Err(Unfit::Inconsistent(inconsistent)) => {
                return Ok(api.store.refuse(scope, key, at, Refusal::Inconsistent(inconsistent.to_string())));
            }
            Err(Unfit::TooLarge) => return Ok(api.store.refuse_too_large(scope, key, at)),
        };
        Ok(api.store.push(scope, Push::new(key.clone(), *method, families, at)))
    }

    /// The body as its content type says it is written.
    fn parsed(&self) -> Result<PushedFamilies<'_>, ApiError> {
        let TenantReading { dialect, names, .. } = self.reading;
        match self.format {
            PushFormat::Text => {
                exposition::text::parse(&self.body, dialect, names).map_err(|error| ApiError::Body(error.to_string()))
            }
            PushFormat::Protobuf => {
                exposition::protobuf::parse(&self.body, names).map_err(|error| ApiError::Body(error.to_string()))
            }
        }
    }
}
