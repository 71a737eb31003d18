//! Snappy and zstd: collected as they were sent, then decompressed piece by piece.

use super::PIECE_BYTES;
use super::Taken;
use super::Terms;
use super::compressed_max;
use super::frames::next_data;
use super::held::Held;
use super::intake::Intake;
use crate::api::ApiError;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;
use ruzstd::decoding::BlockDecodingStrategy;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::errors::ReadFrameHeaderError;
use std::fmt;
use std::io::Cursor;
use std::io::Read;

/// No zstd frame may ask for a larger window than RFC 9659 allows over HTTP.
const WINDOW_MAX: usize = 8 << 20;
/// What a block of zstd becomes at most.
const BLOCK_BYTES_MAX: usize = 128 << 10;
/// Frames of zstd, or chunks of snappy, that one piece is made of at most: each takes some microseconds, even if nothing is in
/// it.
const FRAMES_MAX: usize = 64;
/// What either decoder takes besides its window: tables and blocks.
const DECODER_BYTES: usize = 256 << 10;
/// A piece is made of several frames until it is so long: a turn for each of them would cost more than what is in it.
const PIECE_ENOUGH: usize = PIECE_BYTES / 2;

/// A decoder, and what is left of the body.
pub(super) enum Framed {
    Snappy(Box<snap::read::FrameDecoder<Cursor<Bytes>>>),
    Zstd(Box<Zstd>),
}

pub(super) struct Zstd {
    body: Cursor<Bytes>,
    frame: Option<FrameDecoder>,
    /// What may lie in the window of the frame.
    window: usize,
    /// What does so at least: that much will yet come out.
    ahead: usize,
}

/// Collects a body and decompresses it: beside the runtime where it is large, or becomes so. What only that takes is
/// accounted until it is done.
pub(super) async fn unframed(
    body: Body,
    mut intake: Intake<'_>,
    terms: Terms<'_>,
    decoder: fn(Bytes) -> Framed,
) -> Result<Taken, Rejection> {
    let (sent, mut scratch) = collected(body, &intake, terms).await?;
    let bytes = sent.len();
    let mut decoder = decoder(sent);
    let mut piece = Vec::new();
    // As how large a body it counts: by its length nobody sees what it becomes, so what it has become counts as well.
    let mut work = bytes;
    loop {
        let size = work.saturating_add(decoder.kept_back());
        let make = move || {
            piece.clear();
            let more = decoder.make(&mut piece);
            (decoder, piece, more)
        };
        let made = terms.turns.take(size, make).await;
        let more;
        (decoder, piece, more) = made.ok_or_else(|| malformed(&"no decoder reads it"))?;
        let more = more?;
        work = work.saturating_add(piece.len().max(PIECE_ENOUGH));
        // A window of 8 MiB is not filled to see that it is too much.
        intake.admit_ahead(bytes, piece.len().saturating_add(decoder.ahead()))?;
        intake.admit_ratio(decoder.read_so_far(), piece.len(), decoder.kept_back())?;
        intake.take(&piece).await?;
        scratch.reserve(bytes.saturating_add(decoder.memory())).await?;
        if !more {
            return intake.finish().await;
        }
        tokio::task::yield_now().await;
    }
}

/// A body as it was sent, and its account.
async fn collected(mut body: Body, intake: &Intake<'_>, terms: Terms<'_>) -> Result<(Bytes, Held), Rejection> {
    let limit = intake.body_bytes_max();
    let mut sent = Held::new((terms.account)());
    while let Some(data) = next_data(&mut body).await? {
        if (sent.len() as u64).saturating_add(data.len() as u64) > compressed_max(limit) {
            return Err(ApiError::BodyTooLarge { limit }.into());
        }
        sent.extend(&data).await?;
    }
    Ok(sent.freeze())
}

impl Framed {
    pub(super) fn snappy(body: Bytes) -> Self {
        Self::Snappy(Box::new(snap::read::FrameDecoder::new(Cursor::new(body))))
    }

    pub(super) fn zstd(body: Bytes) -> Self {
        Self::Zstd(Box::new(Zstd { body: Cursor::new(body), frame: None, window: 0, ahead: 0 }))
    }

    /// How much of the body has been read.
    fn read_so_far(&self) -> u64 {
        match self {
            Self::Snappy(decoder) => decoder.get_ref().position(),
            Self::Zstd(decoder) => decoder.body.position(),
        }
    }

    /// As much as it may have made and not handed out.
    fn kept_back(&self) -> usize {
        match self {
            Self::Snappy(_) => 0,
            Self::Zstd(decoder) => decoder.window.min(WINDOW_MAX + PIECE_BYTES + BLOCK_BYTES_MAX),
        }
    }

    /// As much as it has made for certain and not handed out.
    fn ahead(&self) -> usize {
        match self {
            Self::Snappy(_) => 0,
            Self::Zstd(decoder) => decoder.ahead,
        }
    }

    /// The bytes it takes besides the body. A buffer that grows may be twice as long as what is in it.
    fn memory(&self) -> usize {
        DECODER_BYTES + self.kept_back() * 2
    }

    /// Makes a piece, which may be empty; and says whether there is more.
    fn make(&mut self, piece: &mut Vec<u8>) -> Result<bool, ApiError> {
        piece.resize(PIECE_BYTES, 0);
        let mut made = 0;
        let more = match self {
            Self::Snappy(decoder) => unsnapped(decoder, piece, &mut made),
            Self::Zstd(decoder) => decoder.make(piece, &mut made),
        };
        piece.truncate(made);
        more
    }
}

impl Zstd {
    /// Frames one behind the other are one body, as the `zstd` tool makes them of several files.
    fn make(&mut self, piece: &mut [u8], made: &mut usize) -> Result<bool, ApiError> {
        for _ in 0..FRAMES_MAX {
            let Some(frame) = &mut self.frame else {
                if !self.open()? {
                    return Ok(false);
                }
                continue;
            };
            if frame.can_collect() == 0 && !frame.is_finished() {
                let strategy = BlockDecodingStrategy::UptoBytes(PIECE_BYTES);
                frame.decode_blocks(&mut self.body, strategy).map_err(|error| malformed(&error))?;
                self.window = self.window.saturating_add(PIECE_BYTES + BLOCK_BYTES_MAX);
                if !frame.is_finished() {
                    self.ahead = self.ahead.saturating_add(PIECE_BYTES);
                }
            }
            let read = read_on(frame, piece, made)?;
            self.ahead = self.ahead.saturating_sub(read);
            if frame.is_finished() && frame.can_collect() == 0 {
                let sent = frame.get_checksum_from_data();
                if sent.is_some() && sent != frame.get_calculated_checksum() {
                    return Err(malformed(&"invalid checksum"));
                }
                (self.frame, self.window, self.ahead) = (None, 0, 0);
            } else {
                // There is more of it than fits, or what it made is still in its window.
                return Ok(true);
            }
            if *made >= PIECE_ENOUGH {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Begins the next frame, or passes over one that is to be skipped; `false` at the end of the body.
    fn open(&mut self) -> Result<bool, ApiError> {
        let left = (self.body.get_ref().len() as u64).saturating_sub(self.body.position());
        if left == 0 {
            return Ok(false);
        }
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW_MAX as u64);
        match frame.init(&mut self.body) {
            Ok(()) => self.frame = Some(frame),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let behind = self.body.position().saturating_add(length.into());
                if behind > self.body.get_ref().len() as u64 {
                    return Err(malformed(&"EOF"));
                }
                self.body.set_position(behind);
            }
            Err(error) => return Err(malformed(&error)),
        }
        Ok(true)
    }
}

/// Reads chunk by chunk; `false` at the end of the body.
fn unsnapped(from: &mut impl Read, piece: &mut [u8], made: &mut usize) -> Result<bool, ApiError> {
    for _ in 0..FRAMES_MAX {
        if read_on(from, piece, made)? == 0 {
            return Ok(false);
        }
        if *made >= PIECE_ENOUGH {
            break;
        }
    }
    Ok(true)
}

/// Reads once, behind what is made of the piece; how much.
fn read_on(from: &mut impl Read, piece: &mut [u8], made: &mut usize) -> Result<usize, ApiError> {
    let room = piece.get_mut(*made..).unwrap_or_default();
    let read = from.read(room).map_err(|error| malformed(&error))?;
    *made = made.saturating_add(read);
    Ok(read)
}

fn malformed(what: &dyn fmt::Display) -> ApiError {
    ApiError::Encoded(what.to_string())
}
