//! A body that was read: by a decoder, or as one before it that it is like.

use super::state::Api;
use crate::exposition;
use crate::exposition::Cast;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;

/// A body that was read.
pub(super) enum Read<'b> {
    Decoded(PushedFamilies<'b>),
    Cast(Cast<'b>),
}

impl Read<'_> {
    pub(super) fn line_count(&self) -> u64 {
        match self {
            Self::Decoded(pushed) => pushed.line_count(),
            Self::Cast(cast) => cast.line_count(),
        }
    }

    pub(super) fn prepared_bytes(&self, body_bytes: u64, key: &GroupingKey) -> u64 {
        match self {
            Self::Decoded(pushed) => pushed.prepared_bytes(body_bytes, key),
            Self::Cast(cast) => cast.prepared_bytes(key),
        }
    }

    pub(super) fn prepare(self, key: &GroupingKey, api: &Api, bytes_max: u64) -> Result<Vec<PreparedFamily>, Unfit> {
        match self {
            Self::Decoded(pushed) => {
                exposition::prepare(pushed, key, &api.hasher, &api.reading.namespace_label, bytes_max)
            }
            Self::Cast(cast) => cast.prepare(key, bytes_max),
        }
    }
}

/// How much a body was that was decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    pub(super) families: usize,
    pub(super) lines: u64,
}

impl Decoded {
    /// As how long a body of so many bytes counts when its mould is made: some four times as much is done to it, and something to
    /// each of its lines.
    pub(super) fn making_bytes(self, body_bytes: usize) -> usize {
        const OF_LINE: u64 = 400;
        let of_lines = usize::try_from(self.lines.saturating_mul(OF_LINE)).unwrap_or(usize::MAX);
        body_bytes.saturating_mul(4).max(of_lines)
    }
}

#[cfg(test)]
mod tests {
    use super::Decoded;
    use crate::api::turns::Turns;

    #[test]
    fn the_mould_of_what_has_many_lines_is_made_in_a_turn_however_short_they_are() {
        let takes_a_turn = |lines, body_bytes| Turns::are_for(Decoded { families: 1, lines }.making_bytes(body_bytes));
        assert!(!takes_a_turn(10, 2_000) && !takes_a_turn(200, 20_000));
        assert!(takes_a_turn(300, 1_800) && takes_a_turn(1, 50_000));
    }
}
