//! gzip, decompressed as it comes.

use super::PIECE_BYTES;
use super::Taken;
use super::Terms;
use super::frames::next_data;
use super::held::Held;
use super::intake::Intake;
use crate::api::ApiError;
use crate::rejection::Rejection;
use axum::body::Body;
use flate2::write::MultiGzDecoder;
use std::io;
use std::io::Write;

/// Calls of the decoder before others have their turn, whatever comes out: each may begin a member, which takes some
/// microseconds.
const CALLS_MAX: usize = 64;
/// What the decoder takes: a window of 32 KiB, as much for what comes out, and its tables.
const DECODER_BYTES: usize = 96 << 10;

/// Members one behind the other are one body. One call of the decoder makes 32 KiB, and what its state still holds: some
/// 16 KiB more at most. So no frame, however much is in it, becomes more than that before it is counted.
pub(super) async fn gunzipped(mut body: Body, mut intake: Intake<'_>, terms: Terms<'_>) -> Result<Taken, Rejection> {
    let mut scratch = Held::new((terms.account)());
    scratch.reserve(DECODER_BYTES).await?;
    let mut decoder = MultiGzDecoder::new(Vec::new());
    let (mut sent, mut calls, mut since) = (0_u64, 0, 0);
    while let Some(data) = next_data(&mut body).await? {
        let mut rest = &data[..];
        while !rest.is_empty() {
            let read = decoder.write(rest).map_err(malformed)?;
            if read == 0 && decoder.get_ref().is_empty() {
                return Err(ApiError::Encoded("corrupt deflate stream".into()).into());
            }
            rest = rest.get(read..).unwrap_or_default();
            sent = sent.saturating_add(read as u64);
            since += take(&mut decoder, sent, &mut intake).await?;
            calls += 1;
            if since >= PIECE_BYTES || calls >= CALLS_MAX {
                (since, calls) = (0, 0);
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

/// Takes what the decoder has made, and says how much it was.
async fn take(decoder: &mut MultiGzDecoder<Vec<u8>>, sent: u64, intake: &mut Intake<'_>) -> Result<usize, Rejection> {
    let made = decoder.get_mut();
    intake.admit_ratio(sent, made.len(), 0)?;
    intake.take(made).await?;
    let length = made.len();
    made.clear();
    Ok(length)
}

fn malformed(error: io::Error) -> ApiError {
    ApiError::Encoded(error.kind().to_string())
}
