//! gzip, decompressed as it comes.

use super::PIECE_BYTES;
use super::Taken;
use super::Terms;
use super::frames::next_data;
use super::held::Held;
use super::intake::Intake;
use crate::api::ApiError;
use crate::api::turns::Turns;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;
use bytes::Buf;
use flate2::write::MultiGzDecoder;
use std::io;
use std::io::Write;

/// Calls of the decoder before others have their turn, whatever comes out: each may begin a member, which takes some
/// microseconds.
const CALLS_MAX: usize = 64;
/// What the decoder takes: a window of 32 KiB, its tables, and a piece with what the call that fills it makes beyond it.
const DECODER_BYTES: usize = 192 << 10;
/// As much of a body that is read beside the runtime is there before a turn is taken, unless it ends: changing threads takes
/// some ten microseconds, and a sender may have a frame for each byte.
const RUN_BYTES: usize = 32 << 10;

/// A body as it comes: frame by frame, or small ones together.
struct Runs {
    body: Body,
    /// What did not fit to those before it.
    ahead: Option<Bytes>,
    ended: bool,
}

/// Members one behind the other are one body. One call of the decoder makes 32 KiB, and what its state still holds: some
/// 16 KiB more at most. So no frame, however much is in it, becomes more than a piece and that before it is counted.
///
/// What a body is as work shows only as it is read: beyond the first piece it is read on beside the runtime.
pub(super) async fn gunzipped(body: Body, mut intake: Intake<'_>, terms: Terms<'_>) -> Result<Taken, Rejection> {
    let mut scratch = Held::new((terms.account)());
    scratch.reserve(DECODER_BYTES).await?;
    let mut decoder = MultiGzDecoder::new(Vec::new());
    let (mut sent, mut work) = (0_u64, 0);
    let mut runs = Runs { body, ahead: None, ended: false };
    while let Some(mut rest) = runs.next(Turns::are_for(work), &mut scratch).await? {
        while !rest.is_empty() {
            let before = rest.len();
            let make = move || {
                let calls = piece(&mut decoder, &mut rest);
                (decoder, rest, calls)
            };
            let calls;
            let made = terms.turns.take(work, make).await;
            (decoder, rest, calls) = made.ok_or_else(corrupt)?;
            let calls = calls?;
            sent = sent.saturating_add((before - rest.len()) as u64);
            let made = take(&mut decoder, sent, &mut intake).await?;
            work = work.saturating_add(made.max(calls * (PIECE_BYTES / CALLS_MAX)));
            if made >= PIECE_BYTES || calls >= CALLS_MAX {
                tokio::task::yield_now().await;
            }
        }
    }
    if sent == 0 {
        return Err(ApiError::Encoded("EOF".into()).into());
    }
    decoder.try_finish().map_err(malformed)?;
    take(&mut decoder, sent, &mut intake).await?;
    intake.finish().await
}

impl Runs {
    /// The next frame, or as many as make [`RUN_BYTES`], accounted in `scratch` beside the decoder.
    async fn next(&mut self, together: bool, scratch: &mut Held) -> Result<Option<Bytes>, Rejection> {
        let Some(first) = self.frame().await? else { return Ok(None) };
        if !together || first.len() >= RUN_BYTES {
            return Ok(Some(first));
        }
        scratch.reserve(DECODER_BYTES + RUN_BYTES).await?;
        let mut run = Vec::with_capacity(RUN_BYTES);
        run.extend_from_slice(&first);
        while let Some(next) = self.frame().await? {
            if run.len() + next.len() > RUN_BYTES {
                self.ahead = Some(next);
                break;
            }
            run.extend_from_slice(&next);
        }
        Ok(Some(run.into()))
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.ahead.is_some() || self.ended {
            return Ok(self.ahead.take());
        }
        let frame = next_data(&mut self.body).await?;
        self.ended = frame.is_none();
        Ok(frame)
    }
}

/// Reads on until a piece is made, and says in how many calls.
fn piece(decoder: &mut MultiGzDecoder<Vec<u8>>, rest: &mut Bytes) -> Result<usize, ApiError> {
    let mut calls = 0;
    while !rest.is_empty() && calls < CALLS_MAX && decoder.get_ref().len() < PIECE_BYTES {
        let before = decoder.get_ref().len();
        let read = decoder.write(rest).map_err(malformed)?;
        if read == 0 && decoder.get_ref().len() == before {
            return Err(corrupt());
        }
        rest.advance(read);
        calls += 1;
    }
    Ok(calls)
}

/// Takes what the decoder has made, and says how much it was.
async fn take(decoder: &mut MultiGzDecoder<Vec<u8>>, sent: u64, intake: &mut Intake<'_>) -> Result<usize, Rejection> {
    let made = decoder.get_mut();
    intake.admit_ratio(sent, made.len(), 0)?;
    intake.take(made).await?;
    let length = made.len();
    made.clear();
    Ok(length)
}

fn corrupt() -> ApiError {
    ApiError::Encoded("corrupt deflate stream".into())
}

fn malformed(error: io::Error) -> ApiError {
    ApiError::Encoded(error.kind().to_string())
}
