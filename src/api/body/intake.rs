//! Where every byte of a body passes, decompressed.

use super::PIECE_BYTES;
use super::Taken;
use super::Terms;
use super::compressed_max;
use super::held::Held;
use crate::api::ApiError;
use crate::limits::Meter;
use crate::model::PushBound;
use crate::model::PushBounds;
use crate::rejection::Rejection;
use axum::body::Bytes;

/// A compressed body that became no more than this is judged by what it became alone: a little text of one letter
/// compresses a thousand times.
const RATIO_FREE_BYTES: u64 = 64 << 10;

/// A body as far as it has come.
pub(super) struct Intake<'a> {
    bounds: &'a PushBounds,
    meter: &'a Meter,
    whole: Held,
    /// What has come and is not paid for: charged by the piece, since what is charged is rounded up.
    uncharged: usize,
}

impl<'a> Intake<'a> {
    pub(super) fn new(terms: Terms<'a>) -> Self {
        let Terms { bounds, meter, account, .. } = terms;
        Self { bounds, meter, whole: Held::new(account()), uncharged: 0 }
    }

    pub(super) fn body_bytes_max(&self) -> u64 {
        self.bounds.body_bytes_max
    }

    /// Whether so many bytes in all may come.
    pub(super) fn admit(&self, bytes: u64) -> Result<(), ApiError> {
        let limit = self.bounds.body_bytes_max;
        if bytes > limit { Err(ApiError::BodyTooLarge { limit }) } else { Ok(()) }
    }

    /// Whether of a compressed body, `sent` bytes of which have been read, `more` may come besides what came before. As
    /// much as `kept_back` may have been made and is still in the decoder.
    pub(super) fn admit_ratio(&self, sent: u64, more: usize, kept_back: usize) -> Result<(), ApiError> {
        let became = (self.whole.len() as u64).saturating_add(more as u64);
        self.admit(became)?;
        if sent > compressed_max(became.saturating_add(kept_back as u64)) {
            return Err(ApiError::Encoded("it holds next to nothing".into()));
        }
        self.admit_became(became, sent)
    }

    /// Whether a body of so many bytes may come, of which at least `ahead` bytes more have been made, handed out or not.
    pub(super) fn admit_ahead(&self, bytes: usize, ahead: usize) -> Result<(), ApiError> {
        let became = (self.whole.len() as u64).saturating_add(ahead as u64);
        self.admit(became)?;
        self.admit_became(became, bytes as u64)
    }

    fn admit_became(&self, became: u64, sent: u64) -> Result<(), ApiError> {
        let ratio_max = self.bounds.decompression_ratio_max;
        if became > RATIO_FREE_BYTES && became > sent.saturating_mul(ratio_max) {
            let over = self.bounds.over(PushBound::DecompressionRatio, became.div_ceil(sent.max(1)));
            return Err(ApiError::over(over, format!("the body is too large: {over}")));
        }
        Ok(())
    }

    /// Takes what came next.
    pub(super) async fn take(&mut self, data: &[u8]) -> Result<(), Rejection> {
        self.admit((self.whole.len() as u64).saturating_add(data.len() as u64))?;
        self.whole.extend(data).await?;
        self.charge(data.len()).await
    }

    /// Accounts for a frame as it came, which may be the whole body.
    pub(super) async fn hold(&mut self, frame: &Bytes) -> Result<(), Rejection> {
        self.admit(frame.len() as u64)?;
        Ok(self.whole.reserve(frame.len()).await?)
    }

    async fn charge(&mut self, bytes: usize) -> Result<(), Rejection> {
        self.uncharged += bytes;
        if self.uncharged >= PIECE_BYTES {
            self.meter.bytes(std::mem::take(&mut self.uncharged) as u64).await?;
        }
        Ok(())
    }

    /// The body, whose end has come.
    pub(super) async fn finish(self) -> Result<Taken, Rejection> {
        if self.uncharged > 0 {
            self.meter.bytes(self.uncharged as u64).await?;
        }
        let (bytes, held) = self.whole.into_parts();
        Ok(Taken { bytes, _held: held })
    }

    /// The body that is the one frame which [`Intake::hold`] accounted for.
    pub(super) async fn finish_with(self, frame: Bytes) -> Result<Taken, Rejection> {
        if !frame.is_empty() {
            self.meter.bytes(frame.len() as u64).await?;
        }
        let (_, held) = self.whole.into_parts();
        Ok(Taken { bytes: frame, _held: held })
    }
}
