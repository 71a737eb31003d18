//! Doors for the fuzz targets: a path to its key, a body in its encoding to its bytes.

use super::ApiError;
use super::PathError;
use super::decode;
use super::grouping;
use super::turns::Turns;
use crate::model::GroupingKey;
use crate::model::NameScheme;
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
    runtime.block_on(decode::body_of(&headers, body, limit, &Turns::of(1)))
}

struct Frames(VecDeque<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
    }
}
