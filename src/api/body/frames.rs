//! A body as it comes, frame by frame.

use super::Taken;
use super::intake::Intake;
use crate::api::ApiError;
use crate::listener::BodyTooSlow;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;

/// A body that is not compressed.
pub(super) async fn plain(mut body: Body, mut intake: Intake<'_>) -> Result<Taken, Rejection> {
    // What is announced to be too large is refused before it comes.
    intake.admit(body.size_hint().lower())?;
    let first = next_data(&mut body).await?.unwrap_or_default();
    intake.hold(&first).await?;
    // A body of one frame, as nearly every push is, is not copied; and is not asked for more where it says that there is none.
    let second = if body.is_end_stream() { None } else { next_data(&mut body).await? };
    let Some(mut data) = second else {
        return intake.finish_with(first).await;
    };
    intake.take(&first).await?;
    drop(first);
    loop {
        intake.take(&data).await?;
        match next_data(&mut body).await? {
            Some(next) => data = next,
            None => return intake.finish().await,
        }
    }
}

/// The next frame that has data.
pub(super) async fn next_data(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if BodyTooSlow::caused(&error) => return Err(ApiError::BodyTooSlow),
            Some(Err(_)) => return Err(ApiError::BodyBroken),
        }
    }
}

/// Reads a body that means nothing to its end, or as far as `bytes_max`, and keeps nothing of it.
pub(in crate::api) async fn discard(mut body: Body, bytes_max: usize) {
    let mut left = bytes_max;
    while let Ok(Some(data)) = next_data(&mut body).await {
        match left.checked_sub(data.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
