//! A snapshot as it is written, step by step.
//!
//! What is held is a piece of some 64 KiB. Protobuf says a family's length before the family, so a large one is written
//! twice there: once to know how long it comes out, and once to be sent.

use super::readers::Pieces;
use super::state::Api;
use super::state::Reading;
use crate::exposition::FleetLabels;
use crate::exposition::Negotiated;
use crate::exposition::ScrapeFormat;
use crate::exposition::Shown;
use crate::exposition::lines_from;
use crate::exposition::protobuf::FamilyMessage;
use crate::exposition::write_header;
use crate::exposition::write_lines;
use crate::exposition::write_measured_lines;
use crate::model::MetricKind;
use crate::model::TenantId;
use crate::namespace::View;
use crate::store::FleetPiece;
use crate::store::FleetSnapshot;
use crate::store::Piece;
use crate::store::Pin;
use crate::store::Reached;
use crate::store::Sheet;
use crate::store::Snapshot;
use std::sync::Arc;

/// What is written before it is handed on: four TLS records.
pub(super) const PIECE_BYTES: usize = 64 << 10;

/// As much text is read at one time where hardly anything comes of it.
const WORK_MAX: usize = 1 << 20;

/// A family of more text, with what is kept of it as protobuf, is not held to be written as protobuf. Chosen: with what is read back of it, some 1 MiB.
const HELD_MAX: usize = 512 << 10;

/// A smaller page is not worth being compressed by itself, and a larger one too much at one time.
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 20;

/// A snapshot and how far it is written.
pub(super) struct Written {
    source: Source,
    writer: Writer,
}

/// What came of a step.
pub(super) enum Step {
    End,
    Wrote,
    /// A page is next that is the same for everybody who sees it in this view, and is left to whoever asked.
    Page(Page),
}

/// A page, and the words of the view that stand between its own.
pub(super) struct Page {
    pub(super) sheet: Sheet,
    pub(super) words: Arc<[u8]>,
}

enum Source {
    Tenant { snapshot: Snapshot, words: Arc<[u8]> },
    Fleet(Box<FleetSource>),
}

struct FleetSource {
    snapshot: FleetSnapshot,
    reading: Arc<Reading>,
    /// The labels of the tenant last written.
    labels: Option<(TenantId, FleetLabels, Arc<[u8]>)>,
}

/// A page of which the rows before `row` are written, and of those from there on what stands before `at`. Nothing bounds
/// what one group holds of a family but its tenant's quota.
struct Part {
    sheet: Sheet,
    /// The one line name to be written, where the family is flattened.
    only: Option<String>,
    row: u32,
    at: usize,
    reached: Reached,
}

impl Written {
    /// What `view` sees now.
    pub(super) fn of(api: &Api, view: View, negotiated: Negotiated) -> (Pin, Self) {
        match view {
            View::Tenant(scope) => {
                let pin = api.store.pin(&scope);
                (pin, Self::of_tenant(api.store.snapshot(&scope), negotiated))
            }
            View::Fleet(scope) => {
                let pin = api.store.fleet_pin(&scope);
                (pin, Self::of_fleet(api.store.fleet_snapshot(&scope), api.reading.clone(), negotiated))
            }
        }
    }

    fn of_tenant(snapshot: Snapshot, negotiated: Negotiated) -> Self {
        let source = Source::Tenant { snapshot, words: Arc::new([]) };
        Self { source, writer: Writer::new(negotiated) }
    }

    fn of_fleet(snapshot: FleetSnapshot, reading: Arc<Reading>, negotiated: Negotiated) -> Self {
        let source = Source::Fleet(Box::new(FleetSource { snapshot, reading, labels: None }));
        Self { source, writer: Writer::new(negotiated) }
    }

    /// Writes one step. Pages that are the same for all who see them are left to whoever asks, `by_page`; what stands before
    /// them is written then.
    pub(super) fn step(&mut self, out: &mut Vec<u8>, by_page: bool) -> Step {
        let Self { source, writer } = self;
        if writer.part.is_some() {
            writer.lines(out, &source.shown(writer.negotiated));
            return Step::Wrote;
        }
        let (sheet, only) = match source.lines() {
            Some(lines) => lines,
            None if writer.is_measured(out, source) => return Step::Wrote,
            None if source.family(writer, out) => return Step::Wrote,
            None => {
                writer.end(out);
                return Step::End;
            }
        };
        let same_for_all = only.is_none() && writer.is_plain() && !sheet.is_utf8() && sheet.is_whole();
        if by_page && same_for_all && BLOCK_BYTES.contains(&sheet.bytes()) {
            out.append(&mut writer.header);
            return Step::Page(Page { sheet, words: source.words() });
        }
        writer.part = Some(Part { sheet, only, row: 0, at: 0, reached: Reached::default() });
        Step::Wrote
    }

    /// Writes the lines of the page that the last step has left.
    pub(super) fn write_page(&self, sheet: &Sheet, out: &mut Vec<u8>) {
        let (shown, mut row) = (self.source.shown(self.writer.negotiated), 0);
        while let Some((family, next)) = sheet.run(row) {
            write_lines(out, family, family.lines, &shown, None);
            row = next;
        }
    }

    /// Whether so much was read since this was last asked that it is time to let others work.
    pub(super) fn is_tired(&mut self) -> bool {
        self.writer.tired = self.writer.worked >= WORK_MAX;
        if self.writer.tired {
            self.writer.worked = 0;
        }
        self.writer.tired
    }
}

impl Pieces for Written {
    fn next(&mut self) -> Option<Vec<u8>> {
        // Room for what is written at one time: lines with the labels that they get, and a header.
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4 + PIECE_BYTES / 16);
        while out.len() < PIECE_BYTES && !self.is_tired() {
            if matches!(self.step(&mut out, false), Step::End) {
                return (!out.is_empty()).then_some(out);
            }
        }
        Some(out)
    }

    /// Text is copied, protobuf is made. Where lines are looked for among many others, text is work, too.
    fn takes_work(&self) -> bool {
        self.writer.negotiated.format == ScrapeFormat::Protobuf || self.writer.tired
    }
}

impl Source {
    /// How lines are shown that were read last.
    fn shown(&self, negotiated: Negotiated) -> Shown<'_> {
        match self {
            Self::Fleet(fleet) => match &fleet.labels {
                Some((_, labels, _)) => Shown::to_operator(negotiated.escaping, labels),
                None => Shown::to_tenant(negotiated.escaping),
            },
            Self::Tenant { .. } => Shown::to_tenant(negotiated.escaping),
        }
    }

    /// What the view writes between the words of lines that were read last; nothing for a tenant.
    fn words(&self) -> Arc<[u8]> {
        match self {
            Self::Tenant { words, .. } => words.clone(),
            Self::Fleet(fleet) => fleet.labels.as_ref().map(|(.., words)| words.clone()).unwrap_or_default(),
        }
    }

    /// The next page of the family, and the one line name to be written of it.
    fn lines(&mut self) -> Option<(Sheet, Option<String>)> {
        match self {
            Self::Tenant { snapshot, .. } => Some((snapshot.lines()?, None)),
            Self::Fleet(fleet) => fleet.lines(),
        }
    }

    /// Begins the next family; false at the end.
    fn family(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> bool {
        let bytes = match self {
            Self::Tenant { snapshot, .. } => match snapshot.read() {
                Some(Piece::Family { name, kind, help }) => {
                    writer.family(out, name, kind, help);
                    snapshot.family_bytes()
                }
                _ => return false,
            },
            Self::Fleet(fleet) => match fleet.snapshot.read() {
                Some(FleetPiece::Family { name, kind, help }) => {
                    writer.family(out, name, kind, help);
                    fleet.snapshot.family_bytes()
                }
                _ => return false,
            },
        };
        let large = bytes > HELD_MAX && writer.negotiated.format == ScrapeFormat::Protobuf;
        writer.passage = if large { Passage::Measuring } else { Passage::Held };
        true
    }

    fn again(&mut self) {
        match self {
            Self::Tenant { snapshot, .. } => snapshot.again(),
            Self::Fleet(fleet) => fleet.snapshot.again(),
        }
    }
}

impl FleetSource {
    fn lines(&mut self) -> Option<(Sheet, Option<String>)> {
        let (tenant, sheet, only) = self.snapshot.lines()?;
        if self.labels.as_ref().is_none_or(|(last, ..)| last != tenant) {
            let labels = FleetLabels::new(&self.reading.namespace_label, tenant, self.reading.prefix_job);
            let words = labels.words();
            self.labels = Some((tenant.clone(), labels, words));
        }
        Some((sheet, only.map(str::to_owned)))
    }
}

/// How a family is written as protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// Held until its end.
    Held,
    /// Read to know its length.
    Measuring,
    /// Its length is written, and now itself.
    Sending,
}

/// Writes families in the format agreed on. A family is begun when its first line is there: a flattened one may turn out
/// to have none.
struct Writer {
    negotiated: Negotiated,
    header: Vec<u8>,
    message: FamilyMessage,
    passage: Passage,
    /// What is to be written before anything else is read.
    part: Option<Part>,
    /// The text that was read, and what is kept beside it; where text is written, what of it was not.
    worked: usize,
    /// Whether the last piece ended for how much was read.
    tired: bool,
}

impl Writer {
    fn new(negotiated: Negotiated) -> Self {
        let (header, message) = (Vec::new(), FamilyMessage::default());
        Self { negotiated, header, message, passage: Passage::Held, part: None, worked: 0, tired: false }
    }

    /// Whether pages come out with nothing but the view's words between their own.
    fn is_plain(&self) -> bool {
        self.negotiated.format != ScrapeFormat::Protobuf && self.negotiated.escaping.keeps_classic()
    }

    fn family(&mut self, out: &mut Vec<u8>, name: &str, kind: MetricKind, help: &str) {
        let escaping = self.negotiated.escaping;
        if self.negotiated.format == ScrapeFormat::Protobuf {
            self.end(out);
            self.message = FamilyMessage::new(name, kind, help, escaping);
        } else {
            self.header.clear();
            write_header(&mut self.header, name, kind, help, escaping);
        }
    }

    /// Writes some of the lines that are to come.
    fn lines(&mut self, out: &mut Vec<u8>, shown: &Shown<'_>) {
        let Some(mut part) = self.part.take() else { return };
        let Some((family, next)) = part.sheet.run(part.row) else { return };
        let only = part.only.as_deref();
        let behind = if self.negotiated.format == ScrapeFormat::Protobuf {
            self.worked += family.lines.len() + family.proto.len();
            match self.passage {
                Passage::Held => {
                    self.message.add(family, shown, only);
                    None
                }
                Passage::Measuring => {
                    self.message.measure(family, shown, only);
                    None
                }
                Passage::Sending => self.message.send(out, family, part.at, shown, only),
            }
        } else {
            let lines = lines_from(family.lines, part.at, PIECE_BYTES);
            let all = lines.len() == family.lines.len();
            // They are of use where an operator's label is put into each.
            let measured = all && only.is_none() && shown.labels_each_line();
            let lengths = if measured { part.sheet.lengths(lines.len(), next, &mut part.reached) } else { &[] };
            let start = out.len();
            out.extend_from_slice(&self.header);
            let first_line = out.len();
            write_measured_lines(out, family, (lines, lengths), shown, only);
            self.worked += lines.len().saturating_sub(out.len() - first_line);
            match out.len() > first_line {
                true => self.header.clear(),
                false => out.truncate(start),
            }
            Some(part.at + lines.len()).filter(|at| *at < family.lines.len())
        };
        (part.row, part.at) = behind.map_or((next, 0), |at| (part.row, at));
        self.part = Some(part);
    }

    /// Whether a family is read to its end that was to be measured: its length is written, and it is read again.
    fn is_measured(&mut self, out: &mut Vec<u8>, source: &mut Source) -> bool {
        if self.passage != Passage::Measuring {
            return false;
        }
        self.passage = Passage::Sending;
        if self.message.begin(out) {
            source.again();
            return true;
        }
        false
    }

    /// Writes what is held of the family before.
    fn end(&mut self, out: &mut Vec<u8>) {
        std::mem::take(&mut self.message).write(out);
    }
}

#[cfg(test)]
mod framed;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
