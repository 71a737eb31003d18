//! Stage `exposition`, pushes that are like one before them. Input: a body and a [`Mould`] made of another. Output: the
//! families that decoding and [`prepare`](super::prepare()) would make of it, for a fifth of the instructions.
//!
//! What a job pushes differs from what it, or its sibling of another group, pushed before in its numbers alone. So what
//! stands around the numbers is compared and not read; and what stands around them in the lines, with the names, the types
//! and the order of everything, is taken as it was made before. Whatever is not so, be it one byte, is no cast of the mould
//! and is decoded as ever.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod make;

#[cfg(test)]
mod tests;

use super::escape;
use super::float;
use super::media::PushFormat;
use super::prepare::Unfit;
use super::pushed;
use super::pushed::index;
use super::pushed::range;
use crate::model::Gathering;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use std::ops::Range;
use std::ops::RangeInclusive;
use std::sync::Arc;

pub use make::Original;

/// A number of more bytes has no place in a mould.
const DECIMAL_BYTES_MAX: usize = 32;

/// A body without its numbers, and the lines that it becomes without them and without the values of the labels of its group.
#[derive(Debug)]
pub struct Mould {
    format: PushFormat,
    labels: Box<[GroupLabel]>,
    body: Box<[u8]>,
    /// Where the body has its numbers.
    sites: Box<[Site]>,
    /// How many bytes of it are none of a number's.
    body_text_bytes: usize,
    /// The lines, without what is filled in.
    text: Box<[u8]>,
    fills: Box<[Fill]>,
    runs: Box<[Run]>,
    /// In the order of their names as they are compared.
    families: Box<[Family]>,
    /// How many lines of a scrape it becomes, and how many families it has, both as a decoder counts them.
    lines: u64,
    families_pushed: usize,
}

/// A label that a group must have for the mould, with some value; or without any.
#[derive(Debug)]
struct GroupLabel {
    name: Box<str>,
    is_empty: bool,
    /// What stands between the value of the label before it and its own.
    before: Box<str>,
}

impl GroupLabel {
    fn new(name: &str, value: &str) -> Self {
        Self { name: name.into(), is_empty: value.is_empty(), before: format!("\",{name}=\"").into() }
    }
}

/// Labels of the group which stand beside each other in some lines.
#[derive(Debug)]
struct Run {
    /// By their place among all.
    labels: RangeInclusive<usize>,
    /// How many lines have it.
    lines: usize,
}

/// Where a number stands in the body.
#[derive(Clone, Copy, Debug)]
struct Site {
    start: u32,
    end: u32,
    takes: Takes,
}

/// Which numbers may stand there, so that nothing else becomes of the body for them. The later, the fewer: a site that is seen on
/// several lines takes what the strictest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Takes {
    Any,
    /// On the lines of histograms and summaries: buckets and counts may not be below zero, sums and quantiles hardly ever are.
    Unsigned,
    /// The count of a summary is a whole number, whatever was pushed.
    Whole,
}

/// What is filled in where the text has come so far.
#[derive(Clone, Copy, Debug)]
struct Fill {
    until: u32,
    with: With,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    /// Which of the runs.
    Labels(u32),
    /// That of which site.
    Number(u32),
}

#[derive(Debug)]
struct Family {
    /// What it is, its lines aside.
    like: PreparedFamily,
    /// Where its text ends, and its fills.
    text_end: u32,
    fills_end: u32,
}

/// A body that is like that of a mould but for its numbers.
#[derive(Debug)]
pub struct Cast<'a> {
    mould: Arc<Mould>,
    body: &'a [u8],
    /// One for each site.
    numbers: Vec<Number>,
}

#[derive(Clone, Copy, Debug)]
struct Number {
    value: f64,
    /// Where the body has it as it is written in a line; or nothing, at no place.
    written: (u32, u32),
}

impl Mould {
    /// What one of a body of so many bytes and families takes at least.
    pub fn bytes_at_least(body_bytes: usize, families: usize) -> usize {
        body_bytes.saturating_add(families.saturating_mul(size_of::<Family>()))
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let texts = |family: &Family| family.like.name().len() + family.like.help().len();
        self.body.len()
            + self.text.len()
            + size_of_val(&*self.sites)
            + size_of_val(&*self.fills)
            + size_of_val(&*self.families)
            + size_of_val(&*self.labels)
            + size_of_val(&*self.runs)
            + self.labels.iter().map(|label| label.name.len() + label.before.len()).sum::<usize>()
            + self.families.iter().map(texts).sum::<usize>()
            + size_of::<Self>()
    }

    /// `body` as a cast of this mould, if it is one.
    pub fn cast<'a>(self: &Arc<Self>, format: PushFormat, body: &'a [u8], key: &GroupingKey) -> Option<Cast<'a>> {
        if format != self.format || !self.is_for(key) {
            return None;
        }
        let numbers = self.numbers(body)?;
        Some(Cast { mould: self.clone(), body, numbers })
    }

    /// Whether the group has the labels that it must have.
    fn is_for(&self, key: &GroupingKey) -> bool {
        let fits = |(label, (name, value)): (&GroupLabel, (&str, &str))| {
            // One with a NUL is refused where a body is prepared.
            *label.name == *name && label.is_empty == value.is_empty() && !value.contains('\0')
        };
        let labels = key.labels();
        labels.len() == self.labels.len() && self.labels.iter().zip(labels).all(fits)
    }

    /// The numbers of a body in which all else is as here.
    fn numbers(&self, body: &[u8]) -> Option<Vec<Number>> {
        let (mut rest, mut from) = (body, 0);
        let mut numbers = Vec::new();
        for site in &self.sites {
            rest = rest.strip_prefix(self.body.get(range((from, site.start)))?)?;
            // Most bodies that are none of this mould's are told by how they begin.
            if numbers.is_empty() {
                numbers.reserve_exact(self.sites.len());
            }
            let (number, length) = match self.format {
                PushFormat::Text => site.takes.decimal(rest, index(body.len() - rest.len()))?,
                PushFormat::Protobuf => (Number::unwritten(f64::from_le_bytes(*rest.first_chunk()?)), 8),
            };
            numbers.push(number);
            rest = rest.get(length..)?;
            from = site.end;
        }
        (rest == self.body.get(from as usize..)?).then_some(numbers)
    }

    /// The runs of labels as they are written for this group, one behind the other, and where each is.
    fn written_runs(&self, key: &GroupingKey) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut text = Vec::with_capacity(64);
        let places = self.runs.iter().map(|run| {
            let start = text.len();
            for (label, (_, value)) in
                self.labels.iter().zip(key.labels()).take(run.labels.end() + 1).skip(*run.labels.start())
            {
                if text.len() > start {
                    text.extend_from_slice(label.before.as_bytes());
                }
                escape::label_value(&mut text, value);
            }
            start..text.len()
        });
        let places = places.collect();
        (text, places)
    }
}

impl Takes {
    /// The decimal that `text` begins with, which lies at this place of the body, and how long it is.
    fn decimal(self, text: &[u8], at: u32) -> Option<(Number, usize)> {
        let plain = float::plain(text).filter(|plain| !text.get(plain.length).is_some_and(float::may_be_decimal));
        let (number, length) = match plain {
            Some(plain) if plain.written_so => {
                (Number { value: plain.value, written: (at, at + index(plain.length)) }, plain.length)
            }
            Some(plain) => (Number::unwritten(plain.value), plain.length),
            None => {
                let ahead = text.get(..DECIMAL_BYTES_MAX).unwrap_or(text);
                let length = ahead.iter().position(|byte| !float::may_be_decimal(byte)).unwrap_or(ahead.len());
                (Number::unwritten(float::parse(text.get(..length)?)?), length)
            }
        };
        self.takes(number.value).then_some((number, length))
    }

    fn takes(self, value: f64) -> bool {
        /// Up to it every whole number is one of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Any => true,
            Self::Unsigned => value.is_sign_positive(),
            Self::Whole => value.is_sign_positive() && value.fract() == 0.0 && value < EXACT,
        }
    }
}

impl Number {
    const fn unwritten(value: f64) -> Self {
        Self { value, written: (0, 0) }
    }

    fn write(self, out: &mut Vec<u8>, body: &[u8]) {
        match self.written {
            (0, 0) => float::write(out, self.value),
            written => out.extend_from_slice(body.get(range(written)).unwrap_or_default()),
        }
    }
}

impl Cast<'_> {
    /// As [`PushedFamilies::line_count`](super::PushedFamilies::line_count).
    pub fn line_count(&self) -> u64 {
        self.mould.lines
    }

    /// As [`PushedFamilies::prepared_bytes`](super::PushedFamilies::prepared_bytes).
    pub fn prepared_bytes(&self, key: &GroupingKey) -> u64 {
        pushed::prepared_bytes(self.mould.lines, self.mould.families_pushed, self.body.len() as u64, key)
    }

    /// As [`prepare`](super::prepare()), in the order of the families' names. A mould is made only of a body that contradicts
    /// itself in nothing, and other numbers change nothing in that.
    pub fn prepare(&self, key: &GroupingKey, bytes_max: u64) -> Result<Vec<PreparedFamily>, Unfit> {
        let Self { mould, body, numbers } = self;
        let (labels, runs) = mould.written_runs(key);
        // About as much as is needed, so that nothing is given back: an allocator may map a large piece and unmap it again, and each
        // of its pages is a fault then.
        let in_runs = mould.runs.iter().zip(&runs).map(|(run, text)| run.lines.saturating_mul(text.len()));
        let room = in_runs.fold(mould.text.len() + self.number_bytes(), usize::saturating_add);
        let mut gathered = Gathering::with_room(mould.families.len(), room);
        let (mut bytes_left, mut from, mut fills) = (bytes_max, 0, mould.fills.iter());
        let mut filled = 0;
        for family in &mould.families {
            let lines = gathered.lines();
            let start = lines.len();
            for fill in fills.by_ref().take((family.fills_end - filled) as usize) {
                lines.extend_from_slice(mould.text.get(range((from, fill.until))).unwrap_or_default());
                from = fill.until;
                match fill.with {
                    With::Labels(run) => {
                        let run = runs.get(run as usize).cloned().unwrap_or_default();
                        lines.extend_from_slice(labels.get(run).unwrap_or_default());
                        // What stands on every line can be a thousand times what was sent.
                        if (lines.len() - start) as u64 > bytes_left {
                            return Err(Unfit::TooLarge);
                        }
                    }
                    With::Number(site) => {
                        if let Some(number) = numbers.get(site as usize) {
                            number.write(lines, body);
                        }
                    }
                }
            }
            filled = family.fills_end;
            lines.extend_from_slice(mould.text.get(range((from, family.text_end))).unwrap_or_default());
            from = family.text_end;
            let stored_bytes = gathered.add_like(&family.like);
            bytes_left = bytes_left.checked_sub(stored_bytes).ok_or(Unfit::TooLarge)?;
        }
        Ok(gathered.done())
    }

    /// How many bytes all numbers have in the lines, if each is written once.
    fn number_bytes(&self) -> usize {
        match self.mould.format {
            PushFormat::Text => self.body.len().saturating_sub(self.mould.body_text_bytes),
            // As most have that are measured: three digits, a point, and three more.
            PushFormat::Protobuf => self.numbers.len() * 7,
        }
    }
}
