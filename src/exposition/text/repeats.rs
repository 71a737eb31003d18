//! Lines that are written like one before them: the same name, the same labels in the same order, other values.
//!
//! Nearly all lines of a push are. What surrounds the values has been read and judged then, so here it is only compared;
//! whatever is not exactly the same is left to be read from the start of its line, and what is wrong in it is found there.

use super::error::Fault;
use super::line::Line;
use super::line::NameOf;
use super::named::Named;
use super::parser::Parser;
use super::parser::is_single;
use crate::exposition::float;
use crate::exposition::pushed::Form;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::exposition::pushed::lines_always;
use std::borrow::Cow;

/// So many ways of writing labels are remembered. A histogram has two or three, and a push one after the other.
const PATTERNS_MAX: usize = 4;

/// What is remembered of the lines before.
#[derive(Default)]
pub(super) struct Repeats<'a> {
    /// The name of the last line that had one without quotes, and what it means.
    pub(super) name: Option<(&'a str, Named)>,
    patterns: Vec<Pattern>,
    /// Of pattern after pattern, what stands before each value and behind the last: `{a="`, `",b="`, `"}`.
    pieces: Vec<&'a [u8]>,
    /// Of pattern after pattern, which of the sorted labels each one is.
    order: Vec<u32>,
    /// The pattern of the last line.
    last: usize,
    /// The line before, if it was a sample with labels that were read here.
    before: Option<Before>,
    /// Its values, or those of the line that is being read, in the order in which they are written.
    written: Vec<Text>,
    /// The shape of lines without labels.
    bare: Option<u32>,
    /// A shape without one of its names, as it was last asked for.
    pub(super) without: Option<((u32, usize), u32)>,
}

/// One way of writing the labels of a line.
#[derive(Clone, Copy)]
struct Pattern {
    shape: u32,
    /// Where its pieces begin; behind those before each label there is one more.
    pieces: usize,
    order: usize,
    labels: usize,
    /// Whether its labels are written in their order, so that a line of this pattern is written again as it stands there.
    sorted: bool,
}

/// A sample whose name and labels were read here.
#[derive(Clone, Copy)]
struct Before {
    start: u32,
    named: Named,
    pattern: usize,
    /// How many bytes it has up to the brace that closes its labels, and with that.
    closed: usize,
}

impl<'a> Repeats<'a> {
    /// Looks at the labels of a line, which lie between `opened` and `closed` and are given in the order in which they were
    /// written. Hands back whether it is a pattern that can be remembered.
    pub(super) fn learn(&mut self, body: &'a [u8], read: &[(Cow<'a, str>, Text)], opened: u32, closed: u32) -> bool {
        if self.patterns.len() == PATTERNS_MAX {
            *self = Self { name: self.name, bare: self.bare, without: self.without, ..Self::default() };
        }
        let known = self.patterns.last().map_or(0, |last| last.pieces + last.labels + 1);
        self.pieces.truncate(known);
        let mut from = opened;
        for (at, (name, value)) in read.iter().enumerate() {
            let piece = body.get(from as usize..value.start as usize).unwrap_or_default();
            // Between a quote and the next there is nothing else that is as short.
            if piece.len() != name.len() + if at == 0 { r#"{=""#.len() } else { r#"",=""#.len() } {
                return false;
            }
            self.pieces.push(piece);
            from = value.end;
        }
        let last = body.get(from as usize..closed as usize).unwrap_or_default();
        self.pieces.push(last);
        last == br#""}"#
    }

    /// The shape of the pattern that was looked at last.
    pub(super) fn learnt(&mut self, pushed: &PushedFamilies<'a>, shape: u32) {
        let known = self.patterns.last().map_or(0, |last| last.pieces + last.labels + 1);
        let (old, new) = self.pieces.split_at_checked(known).unwrap_or_default();
        let pieces_of = |pattern: &Pattern| old.get(pattern.pieces..=pattern.pieces + pattern.labels);
        if let Some(at) = self.patterns.iter().position(|pattern| pieces_of(pattern) == Some(new)) {
            self.last = at;
            return;
        }
        let names = pushed.names_of(shape);
        let order = self.order.len();
        for (at, piece) in new.iter().take(names.len()).enumerate() {
            let name = piece.get(if at == 0 { 1 } else { 2 }..piece.len().saturating_sub(2)).unwrap_or_default();
            let place = names.binary_search_by(|candidate| candidate.as_bytes().cmp(name)).unwrap_or_default();
            self.order.push(index(place));
        }
        let sorted = self.order.get(order..).unwrap_or_default().is_sorted();
        self.last = self.patterns.len();
        self.patterns.push(Pattern { shape, pieces: known, order, labels: names.len(), sorted });
    }

    /// Reads the labels that are next in `line`, from their brace on, if they are written like ones before them: which way that
    /// is, and where they end. The values are in [`Repeats::written`] then.
    fn labels(&mut self, (line, start): (&[u8], u32), at: usize, value_max: u64) -> Option<(usize, usize)> {
        for nth in 0..self.patterns.len() {
            // The last one first, then the others.
            let candidate = match nth {
                0 => self.last,
                nth => nth - usize::from(nth <= self.last),
            };
            let pattern = self.patterns.get(candidate).copied()?;
            let pieces = self.pieces.get(pattern.pieces..=pattern.pieces + pattern.labels)?;
            self.written.clear();
            if let Some(end) = read_values(&mut self.written, pieces, (line, start), at, value_max) {
                self.last = candidate;
                return Some((candidate, end));
            }
        }
        None
    }

    /// Reads the name and the labels of the line that begins at `start`, if they are those of the line before but for what some
    /// values are: where they end. The values are in [`Repeats::written`] then, and what is there else is not to be used.
    ///
    /// What is the same need not be looked at but for being the same. Where the two lines part, it is in a value: that one is
    /// read from there, and the lines are the same again or part again behind it.
    fn like_before(&mut self, body: &[u8], before: &Before, start: u32, value_max: u64) -> Option<usize> {
        let (old, new) = (body.get(before.start as usize..)?, body.get(start as usize..)?);
        let mut values = self.written.iter_mut();
        let (mut at_old, mut at_new) = (0, 0);
        // How far what is the same has moved.
        let mut moved = start.wrapping_sub(before.start);
        loop {
            let same = same_length(old.get(at_old..)?, new.get(at_new..)?, before.closed - at_old);
            (at_old, at_new) = (at_old + same, at_new + same);
            if at_old == before.closed {
                values.for_each(|value| value.move_by(moved));
                return Some(at_new);
            }
            let place = before.start + index(at_old);
            let value = loop {
                let value = values.next()?;
                if place <= value.end {
                    break value;
                }
                value.move_by(moved);
            };
            if place < value.start {
                return None;
            }
            at_new += plain_length(new.get(at_new..)?)?;
            at_old = (value.end - before.start) as usize;
            let (value_start, value_end) = (value.start.wrapping_add(moved), start + index(at_new));
            if u64::from(value_end - value_start) > value_max {
                return None;
            }
            moved = value_end.wrapping_sub(value.end);
            (value.start, value.end) = (value_start, value_end);
        }
    }

    /// Adds the values that were read, in the order of their names.
    fn keep(&self, values: &mut Vec<Text>, pattern: &Pattern) {
        let kept = values.len();
        values.extend_from_slice(&self.written);
        if pattern.sorted {
            return;
        }
        let sorted = values.get_mut(kept..).unwrap_or_default();
        let order = self.order.get(pattern.order..pattern.order + pattern.labels).unwrap_or_default();
        for (value, place) in self.written.iter().zip(order) {
            if let Some(slot) = sorted.get_mut(*place as usize) {
                *slot = *value;
            }
        }
    }
}

/// How many bytes both begin with, of so many as are `wanted`. It may be fewer where one of the two ends.
fn same_length(one: &[u8], other: &[u8], wanted: usize) -> usize {
    const CHUNK: usize = 16;
    let (one, other) = (one.as_chunks::<CHUNK>().0, other.as_chunks::<CHUNK>().0);
    let chunks = wanted.div_ceil(CHUNK).min(one.len()).min(other.len());
    let (one, other) = (one.get(..chunks).unwrap_or_default(), other.get(..chunks).unwrap_or_default());
    let parted = one.iter().zip(other).enumerate().find(|(_, (one, other))| one != other);
    let same = parted.map_or(chunks * CHUNK, |(chunk, (one, other))| {
        let differs = u128::from_le_bytes(*one) ^ u128::from_le_bytes(*other);
        chunk * CHUNK + (differs.trailing_zeros() / 8) as usize
    });
    same.min(wanted)
}

/// Reads values, each between two of the pieces and without an escape; where the pieces end.
fn read_values(
    values: &mut Vec<Text>,
    pieces: &[&[u8]],
    (line, start): (&[u8], u32),
    mut at: usize,
    value_max: u64,
) -> Option<usize> {
    let (last, pieces) = pieces.split_last()?;
    let mut rest = line.get(at..)?;
    for piece in pieces {
        let ahead = rest.strip_prefix(*piece)?;
        let length = plain_length(ahead)?;
        if length as u64 > value_max {
            return None;
        }
        let value = start + index(at + piece.len());
        values.push(Text { start: value, end: value + index(length), form: Form::Plain });
        at += piece.len() + length;
        rest = ahead.get(length..)?;
    }
    rest.starts_with(last).then_some(at + last.len())
}

/// How many bytes stand before the quote that closes a value; none where there is an escape or the end of the line before it.
fn plain_length(ahead: &[u8]) -> Option<usize> {
    /// Values longer than this are searched by what is made for long ones.
    const SHORT: usize = 32;
    let mut at = 0;
    while at < SHORT
        && let Some(bytes) = ahead.get(at..).and_then(|ahead| ahead.first_chunk::<8>())
    {
        let word = u64::from_le_bytes(*bytes);
        let found = places_of(b'"', word) | places_of(b'\\', word) | places_of(b'\n', word);
        if found != 0 {
            at += (found.trailing_zeros() / 8) as usize;
            return (ahead.get(at) == Some(&b'"')).then_some(at);
        }
        at += 8;
    }
    let found = at + memchr::memchr3(b'"', b'\\', b'\n', ahead.get(at..)?)?;
    (ahead.get(found) == Some(&b'"')).then_some(found)
}

/// The high bit of each byte of `word` that is `byte`, up to the first; what is above that need not be right.
const fn places_of(byte: u8, word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let others = word ^ (EACH * byte as u64);
    others.wrapping_sub(EACH) & !others & (EACH << 7)
}

/// What a sample is but for its value.
struct Head {
    named: Named,
    labels: Labels,
    /// Whether its labels are written in their order.
    sorted: bool,
    /// Where what follows them begins.
    at: usize,
}

impl<'a> Parser<'a> {
    /// Reads the line that `text` begins with, if it is written like one before and of a body without NUL. How long it is, its
    /// line feed included. None: it is not, and nothing of it has been read but which family it is of.
    pub(super) fn again(&mut self, text: &'a str, lenient: bool) -> Option<Result<usize, Fault>> {
        let before = self.repeats.before.take();
        if text.starts_with('#') {
            return self.comment_again(text, lenient).map(Ok);
        }
        let values = self.pushed.values.len();
        let read = self.head_again(text, before).and_then(|head| self.value_again(head, text, lenient));
        if read.is_none() {
            self.pushed.values.truncate(values);
        }
        read
    }

    /// The name and the labels of a sample.
    fn head_again(&mut self, text: &'a str, before: Option<Before>) -> Option<Head> {
        let ahead = text.as_bytes();
        let values = index(self.pushed.values.len());
        let value_max = self.bounds.push().label_value_bytes_max;
        let like_before = before.and_then(|before| {
            let closed = self.repeats.like_before(self.pushed.body, &before, self.start, value_max)?;
            Some(Before { start: self.start, closed, ..before })
        });
        let read = match like_before {
            Some(like_before) => like_before,
            None => {
                let (named, length) = self.name_again(text)?;
                if ahead.get(length) != Some(&b'{') {
                    // Behind blanks there may yet be labels.
                    if matches!(ahead.get(length + 1), Some(b' ' | b'\t' | b'{')) {
                        return None;
                    }
                    let pushed = &mut self.pushed;
                    let shape = *self.repeats.bare.get_or_insert_with(|| pushed.add_shape(std::iter::empty()));
                    return Some(Head { named, labels: Labels { shape, values }, sorted: false, at: length });
                }
                let (pattern, closed) = self.repeats.labels((ahead, self.start), length, value_max)?;
                Before { start: self.start, named, pattern, closed }
            }
        };
        self.repeats.before = Some(read);
        let Before { named, pattern, closed, .. } = read;
        let pattern = self.repeats.patterns.get(pattern).copied()?;
        self.repeats.keep(&mut self.pushed.values, &pattern);
        Some(Head { named, labels: Labels { shape: pattern.shape, values }, sorted: pattern.sorted, at: closed })
    }

    /// The rest of a sample, whose name and labels have been read.
    fn value_again(&mut self, head: Head, text: &'a str, lenient: bool) -> Option<Result<usize, Fault>> {
        let Head { named, labels, sorted, at } = head;
        let ahead = text.as_bytes();
        if let [b' ', number @ ..] = ahead.get(at..)?
            && let Some(number) = float::plain(number)
            && let end = at + 1 + number.length
            && ahead.get(end) == Some(&b'\n')
            && end as u64 <= self.bounds.push().line_bytes_max
        {
            let kind = self.names.settle(named.family, &self.pushed);
            if is_single(kind) {
                // As it stands there, or up to the number.
                let copied = if number.written_so { end + 1 } else { at + 1 };
                let verbatim = if sorted { (self.start, self.start + index(copied)) } else { (0, 0) };
                let measured = Measured::Value(number.value);
                self.pushed.metrics.push(Metric { family: named.family, labels, verbatim, measured });
                return Some(self.count_lines(lines_always(kind), 0).map(|()| end + 1));
            }
        }
        let line = self.line_of(text, lenient)?;
        let mut read = Line::of_text(line, true).from(at);
        read.skip_blanks();
        let verbatim =
            if sorted && ahead.get(at) == Some(&b' ') { (self.start, self.start + index(at + 1)) } else { (0, 0) };
        Some(self.measured(named, labels, verbatim, 0, read).map(|()| line.len() + 1))
    }

    /// The line that `text` begins with, if it is one as every dialect has it and no longer than it may be.
    pub(super) fn line_of(&self, text: &'a str, lenient: bool) -> Option<&'a str> {
        let line = text.get(..memchr::memchr(b'\n', text.as_bytes())?)?;
        let fits = line.len() as u64 <= self.bounds.push().line_bytes_max;
        (fits && !(lenient && line.ends_with('\r'))).then_some(line)
    }

    /// The family of the name that `text` begins with, and how long that is: most often the one of the line before. None:
    /// it is no name without quotes that a brace or a blank follows, or it would be one family too many.
    pub(super) fn name_again(&mut self, text: &'a str) -> Option<(Named, usize)> {
        let ends = |length: usize| matches!(text.as_bytes().get(length), Some(b'{' | b' '));
        if let Some((name, named)) = self.repeats.name
            && text.starts_with(name)
            && ends(name.len())
        {
            return Some((named, name.len()));
        }
        let length = NameOf::Metric.length(text.as_bytes());
        let bounds = self.bounds.push();
        if !ends(length) || length as u64 > bounds.metric_name_bytes_max {
            return None;
        }
        let name = text.get(..length)?;
        if !NameOf::Metric.begins(name.bytes().next()?) {
            return None;
        }
        let named = self.names.find(Cow::Borrowed(name), &mut self.pushed, bounds.families_per_push_max)?;
        self.repeats.name = Some((name, named));
        Some((named, length))
    }
}
