//! An input made of others: bytes changed, taken out, put in, doubled, words of the target's put in, two inputs joined.

use crate::random::Random;

/// Bytes and numbers at the edges of what they can be.
const EDGES: [u8; 10] = [0, 1, 0x0a, 0x20, 0x22, 0x7f, 0x80, 0xc0, 0xfe, 0xff];

/// One, two, four or eight changes to `data`.
pub(crate) fn mutate(data: &mut Vec<u8>, words: &[&[u8]], pool: &[Vec<u8>], random: &mut Random) {
    let changes = 1 << random.below(4);
    for _ in 0..changes {
        change(data, words, pool, random);
    }
}

fn change(data: &mut Vec<u8>, words: &[&[u8]], pool: &[Vec<u8>], random: &mut Random) {
    let at = random.below(data.len());
    match random.below(12) {
        0 => edit(data, at, |byte| byte ^ 1 << (at % 8)),
        1 => {
            let bit = random.below(8);
            edit(data, at, |byte| byte ^ 1 << bit);
        }
        2 => {
            let new = random.byte();
            edit(data, at, |_| new);
        }
        3 => {
            let new = *random.pick(&EDGES).unwrap_or(&0);
            edit(data, at, |_| new);
        }
        4 => edit(data, at, |byte| byte.wrapping_add(1)),
        5 => data.insert(at, random.byte()),
        6 => drop(data.drain(range(data.len(), at, random))),
        7 => {
            let piece = data[range(data.len(), at, random)].to_vec();
            insert(data, random.below(data.len() + 1), &piece);
        }
        8 | 9 => {
            let word = random.pick(words).copied().unwrap_or_default();
            insert(data, at, word);
        }
        10 => {
            let word = random.pick(words).copied().unwrap_or_default();
            let end = (at + word.len()).min(data.len());
            data.splice(at..end, word.iter().copied());
        }
        _ => {
            let Some(other) = random.pick(pool) else { return };
            let from = random.below(other.len());
            let piece = &other[range(other.len(), from, random)];
            match random.below(2) {
                0 => insert(data, at, piece),
                _ => {
                    data.truncate(at);
                    data.extend_from_slice(&other[from..]);
                }
            }
        }
    }
}

fn edit(data: &mut [u8], at: usize, with: impl FnOnce(u8) -> u8) {
    if let Some(byte) = data.get_mut(at) {
        *byte = with(*byte);
    }
}

fn insert(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    data.splice(at..at, piece.iter().copied());
}

/// From `at`, mostly short.
fn range(length: usize, at: usize, random: &mut Random) -> std::ops::Range<usize> {
    let longest = length - at.min(length);
    let end = match random.below(4) {
        0 => random.below(longest + 1),
        _ => random.below(longest.min(16) + 1),
    };
    at.min(length)..at.min(length) + end
}
