//! The bytes of a file: its header, and frames behind it. docs/RELIABILITY.md describes them for whoever reads a file by
//! other means.
//!
//! A frame is one batch, and is there whole or not at all. Each number is little-endian, each checksum CRC-32 (IEEE).

use super::bytes::Reader;
use super::bytes::length;

/// What every file begins with.
const MAGIC: [u8; 8] = *b"PUSHWARD";
/// The format of this version. A file of a later one is refused, since it may say what this one would not understand.
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: u64 = 64;
/// What every frame begins with: bytes that no text has.
pub(super) const FRAME_MAGIC: [u8; 4] = [0xfe, b'P', b'W', 0xff];
pub(super) const FRAME_HEAD_BYTES: usize = 32;
/// More is no batch. Chosen: a wipe of every group there may be is far below.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileKind {
    /// Everything that the logs up to its number came to.
    Checkpoint,
    /// Batches in their order.
    Log,
}

/// A file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    pub(super) number: u64,
    pub(super) kind: FileKind,
}

impl FileName {
    pub(super) fn log(number: u64) -> Self {
        Self { kind: FileKind::Log, number }
    }

    pub(super) fn checkpoint(number: u64) -> Self {
        Self { kind: FileKind::Checkpoint, number }
    }

    /// `None`: no file of ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = match name.split_once('-')? {
            ("checkpoint", rest) => (FileKind::Checkpoint, rest),
            ("log", rest) => (FileKind::Log, rest),
            _ => return None,
        };
        let number = rest.strip_suffix(".pushward")?.parse().ok()?;
        let found = Self { kind, number };
        (found.text() == name).then_some(found)
    }

    pub(super) fn text(self) -> String {
        let kind = match self.kind {
            FileKind::Checkpoint => "checkpoint",
            FileKind::Log => "log",
        };
        format!("{kind}-{:010}.pushward", self.number)
    }

    /// While it is being written, where that takes more than a moment.
    pub(super) fn unfinished(self) -> String {
        format!("{}.new", self.text())
    }
}

/// Where the log before this one ends: what stands behind was refused, or never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) number: u64,
    pub(super) length: u64,
}

/// The first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: FileName,
    pub(super) seal: Option<Seal>,
    pub(super) mark: Mark,
}

/// Random bytes that every frame and record of a file repeats: what a client sends may look like a record, but it cannot
/// know these, and neither can what lay on the disk before.
pub(super) type Mark = [u8; 8];

/// Why a file's first bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// It was written by a later version, which this is the number of.
    Newer(u32),
    Damaged,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        let kind: u32 = match self.name.kind {
            FileKind::Log => 1,
            FileKind::Checkpoint => 2,
        };
        out.extend_from_slice(&kind.to_le_bytes());
        out.extend_from_slice(&self.name.number.to_le_bytes());
        let seal = self.seal.unwrap_or(Seal { number: 0, length: 0 });
        out.extend_from_slice(&seal.number.to_le_bytes());
        out.extend_from_slice(&seal.length.to_le_bytes());
        out.extend_from_slice(&self.mark);
        out.resize(60, 0);
        let sum = crc32fast::hash(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The header of the file `name`.
    pub(super) fn decode(bytes: &[u8], name: FileName) -> Result<Self, HeaderFault> {
        let mut reader = Reader::of(bytes);
        if reader.take(8) != Some(&MAGIC) {
            return Err(HeaderFault::Damaged);
        }
        match reader.u32() {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => return Err(HeaderFault::Newer(newer)),
            _ => return Err(HeaderFault::Damaged),
        }
        Self::decode_body(bytes, name).ok_or(HeaderFault::Damaged)
    }

    fn decode_body(bytes: &[u8], name: FileName) -> Option<Self> {
        let summed = bytes.get(..60)?;
        let mut reader = Reader::of(bytes.get(16..)?);
        let (number, seal) = (reader.u64()?, Seal { number: reader.u64()?, length: reader.u64()? });
        let (name_found, seal) = (FileName { kind: name.kind, number }, (seal.number > 0).then_some(seal));
        let found = Self { name: name_found, seal, mark: reader.take(8)?.try_into().ok()? };
        let sum = Reader::of(bytes.get(60..)?).u32()?;
        (sum == crc32fast::hash(summed) && found.encode() == bytes && found.name == name).then_some(found)
    }
}

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) payload_bytes: usize,
    /// Grows by one from frame to frame, over all files.
    pub(super) sequence: u64,
    pub(super) payload_sum: u32,
}

impl FrameHead {
    /// `mark` is that of the file; `None`: whichever stands there, as the header is damaged.
    pub(super) fn decode(bytes: &[u8], mark: Option<Mark>) -> Option<(Self, Mark)> {
        let mut reader = Reader::of(bytes);
        let magic = reader.take(4)?;
        let payload_bytes = reader.u32()? as usize;
        let (sequence, found): (u64, Mark) = (reader.u64()?, reader.take(8)?.try_into().ok()?);
        let (payload_sum, sum) = (reader.u32()?, reader.u32()?);
        let good = magic == FRAME_MAGIC
            && mark.is_none_or(|mark| mark == found)
            && payload_bytes <= PAYLOAD_BYTES_MAX
            && sum == crc32fast::hash(bytes.get(..FRAME_HEAD_BYTES - 4)?);
        good.then_some((Self { payload_bytes, sequence, payload_sum }, found))
    }
}

/// Room for a frame's head in place of all there was, to be filled by [`close_frame`] once the payload stands behind it.
pub(super) fn open_frame(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(FRAME_HEAD_BYTES, 0);
}

/// Writes the head of a frame whose payload is there.
pub(super) fn close_frame(frame: &mut [u8], sequence: u64, mark: Mark) {
    let Some((head, payload)) = frame.split_at_mut_checked(FRAME_HEAD_BYTES) else {
        return;
    };
    let mut written = Vec::with_capacity(FRAME_HEAD_BYTES);
    written.extend_from_slice(&FRAME_MAGIC);
    written.extend_from_slice(&length(payload).to_le_bytes());
    written.extend_from_slice(&sequence.to_le_bytes());
    written.extend_from_slice(&mark);
    written.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    written.extend_from_slice(&crc32fast::hash(&written).to_le_bytes());
    head.copy_from_slice(&written);
}
