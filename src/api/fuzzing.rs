//! Doors for the fuzz targets: a path to its key, a body in its encoding to its bytes.

use super::ApiError;
use super::PathError;
use super::body;
use super::body::Terms;
use super::grouping;
use super::turns::Turns;
use crate::limits::Ceilings;
use crate::limits::Meter;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PushBounds;
use crate::model::TenantId;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use http_body::Frame;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

/// The group that a push path names; `path` starts with `/metrics/job`.
pub fn key_of(path: &str, names: NameScheme) -> Result<GroupingKey, PathError> {
    grouping::key_of(path, names)
}

/// A body that came in `frames`, decompressed to at most `limit` bytes.
pub fn decompressed(encoding: &'static str, frames: Vec<Bytes>, limit: u64) -> Result<Bytes, ApiError> {
    let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|_| ApiError::BodyBroken)?;
    let body = Body::new(Frames(frames.into()));
    let bounds = PushBounds { body_bytes_max: limit, decompression_ratio_max: u64::MAX, ..PushBounds::default() };
    let tenant = TenantId::parse("fuzzed").map_err(|_| ApiError::BodyBroken)?;
    let (ceilings, meter, turns) = (Ceilings::default(), Meter::default(), Turns::of(1));
    let terms = Terms { bounds: &bounds, meter: &meter, account: &|| ceilings.body(&tenant), turns: &turns };
    let read = async { body::body_of(body::Encoding::of(&headers)?, body, terms).await };
    match runtime.block_on(read) {
        Ok(taken) => Ok(taken.bytes),
        Err(Rejection::Api(error)) => Err(error),
        // Nobody else has anything under way.
        Err(_) => Err(ApiError::BodyBroken),
    }
}

struct Frames(VecDeque<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
    }
}
