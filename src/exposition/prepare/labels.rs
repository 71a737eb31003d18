//! The labels of a metric: its own, and those of its group, which win.

use crate::exposition::escape;
use crate::exposition::pushed::Form;
use crate::exposition::pushed::Label;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::exposition::pushed::range;
use crate::exposition::stored;
use crate::model::GroupingKey;
use crate::model::SeriesHasher;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// The labels a group forces onto its metrics, in the order of their names, each written once for the whole push.
pub(in crate::exposition) struct Forced<'k> {
    labels: Vec<ForcedLabel<'k>>,
    text: Vec<u8>,
    /// Whether a pushed name may not be classic.
    utf8: bool,
}

struct ForcedLabel<'k> {
    name: &'k str,
    value: &'k str,
    /// Where `name="value"` stands in the text.
    text: Range<usize>,
    /// Gives way to a pushed label of its name: the empty `instance` of a group without one.
    yields: bool,
}

impl<'k> Forced<'k> {
    pub(in crate::exposition) fn new(key: &'k GroupingKey) -> Self {
        let labels = key.labels();
        let mut forced =
            Self { labels: Vec::with_capacity(labels.len() + 1), text: Vec::with_capacity(128), utf8: false };
        // They come in the order of their names.
        let mut instance_due = true;
        for (name, value) in labels {
            if instance_due && name >= "instance" {
                instance_due = false;
                if name != "instance" {
                    forced.push("instance", "", true);
                }
            }
            forced.push(name, value, false);
        }
        if instance_due {
            forced.push("instance", "", true);
        }
        forced
    }

    /// For a push whose labels may have names that are not classic.
    pub(super) fn with_utf8(mut self, utf8: bool) -> Self {
        self.utf8 = utf8;
        self
    }

    fn push(&mut self, name: &'k str, value: &'k str, yields: bool) {
        let start = self.text.len();
        write_label(&mut self.text, name, value, true);
        self.labels.push(ForcedLabel { name, value, text: start..self.text.len(), yields });
    }

    /// The name of one that has a NUL in its value.
    pub(super) fn with_nul(&self) -> Option<&'k str> {
        self.labels.iter().find(|label| label.value.contains('\0')).map(|label| label.name)
    }

    /// How many bytes they have, as they are written.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'k str> {
        self.labels.iter().map(|label| label.name)
    }

    /// The labels of a metric that has none of its own, as `a="1",b="2"`.
    pub(in crate::exposition) fn alone(&self) -> Vec<u8> {
        let mut plan = Plan::default();
        plan.make(&[], self);
        plan.text.truncate(plan.text.len().saturating_sub(Plan::END.len()));
        plan.text
    }
}

/// How the labels of metrics that have the same names are merged with those of their group: what stands around their values
/// is written once for all of them.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// All of it but the values of the metric, up to the number.
    text: Vec<u8>,
    /// The values that are kept, in their order.
    steps: Vec<Step>,
    /// Where a line that has the metric's own labels in their order is left and entered again.
    cuts: Vec<Cut>,
    /// As `text` and `steps`, as [`SeriesHasher::id_of`](crate::model::SeriesHasher::id_of) has it; empty until it is needed.
    identity: Vec<u8>,
    identity_steps: Vec<IdentityStep>,
    merged: Vec<Merged>,
}

/// A value of the metric.
#[derive(Clone, Copy, Debug)]
struct Step {
    value: usize,
    /// How far the text has come then.
    until: usize,
}

#[derive(Clone, Copy, Debug)]
struct IdentityStep {
    value: usize,
    until: usize,
    /// Where what belongs to this label begins: it is left out with an empty value.
    label: usize,
}

/// A piece of text that replaces what the line has there, if anything.
#[derive(Clone, Debug)]
struct Cut {
    /// Behind this value the line is left; or right behind its brace.
    behind: Option<usize>,
    text: Range<usize>,
    /// At this value it is entered again; or at the brace that closes its labels.
    before: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Merged {
    Own(usize),
    Forced(usize),
}

impl Plan {
    /// What stands between the labels and the number.
    pub(super) const END: &[u8] = b"} ";

    /// Empty, with room for what is usual.
    pub(super) fn with_room() -> Self {
        Self {
            text: Vec::with_capacity(256),
            merged: Vec::with_capacity(16),
            steps: Vec::with_capacity(8),
            ..Self::default()
        }
    }

    /// Makes it the plan for `names`, which are sorted.
    pub(super) fn make(&mut self, names: &[Cow<'_, str>], forced: &Forced<'_>) {
        self.text.clear();
        self.steps.clear();
        self.cuts.clear();
        self.identity.clear();
        self.merge(names, forced);
        // Of the metric's own values, the last that the line has been written to; and whether it has been left since.
        let (mut written, mut left, mut from) = (None, false, 0);
        for (at, merged) in self.merged.iter().enumerate() {
            if at > 0 {
                self.text.push(b',');
            }
            match *merged {
                Merged::Own(value) => {
                    let name = names.get(value).map_or("", |name| name);
                    write_name(&mut self.text, name, forced.utf8);
                    if left || written.map_or(0, |written: usize| written + 1) != value {
                        let text = from..self.text.len();
                        self.cuts.push(Cut { behind: written, text, before: Some(value) });
                    }
                    self.steps.push(Step { value, until: self.text.len() });
                    from = self.text.len();
                    self.text.push(b'"');
                    (written, left) = (Some(value), false);
                }
                Merged::Forced(label) => {
                    if let Some(label) = forced.labels.get(label) {
                        self.text.extend_from_slice(forced.text.get(label.text.clone()).unwrap_or_default());
                    }
                    left = true;
                }
            }
        }
        if left || written.map_or(0, |written| written + 1) != names.len() {
            self.cuts.push(Cut { behind: written, text: from..self.text.len(), before: None });
        }
        self.text.extend_from_slice(Self::END);
    }

    /// A forced label replaces one of its name, unless it yields.
    fn merge(&mut self, names: &[Cow<'_, str>], forced: &Forced<'_>) {
        self.merged.clear();
        let (mut own, mut theirs) = (names.iter().enumerate().peekable(), forced.labels.iter().enumerate().peekable());
        loop {
            let order = match (own.peek(), theirs.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((_, own)), Some((_, forced))) => own.as_ref().cmp(forced.name),
            };
            let from_own = if order.is_le() { own.next() } else { None };
            let from_forced = if order.is_ge() { theirs.next() } else { None };
            match (from_own, from_forced) {
                (Some((at, _)), None) => self.merged.push(Merged::Own(at)),
                (Some((at, _)), Some((_, forced))) if forced.yields => self.merged.push(Merged::Own(at)),
                (_, Some((at, _))) => self.merged.push(Merged::Forced(at)),
                (None, None) => {}
            }
        }
    }

    /// What stands before the first value of the metric.
    pub(super) fn head(&self) -> &[u8] {
        let first = self.steps.first().map_or(self.text.len(), |step| step.until);
        self.text.get(..first).unwrap_or_default()
    }

    /// Writes the labels of a metric, as `a="1",b="2"`, and [`Plan::END`]; the head aside, which may have been written.
    pub(super) fn write_behind_head(&self, out: &mut Vec<u8>, pushed: &PushedFamilies<'_>, labels: Labels) {
        let values = pushed.values_of(labels);
        let mut from = self.head().len();
        for step in &self.steps {
            // Nothing in front of the first.
            if from < step.until {
                out.extend_from_slice(self.text.get(from..step.until).unwrap_or_default());
            }
            if let Some(value) = values.get(step.value) {
                match value.form {
                    Form::Plain | Form::Escaped => out.extend_from_slice(pushed.bytes_of(*value)),
                    Form::Meant => escape::label_value(out, &pushed.meant(*value)),
                }
            }
            from = step.until;
        }
        out.extend_from_slice(self.text.get(from..).unwrap_or_default());
    }

    /// Copies a line that the body has as it is to be written but for the labels of the group. Its labels have these `values`,
    /// its name so many bytes.
    #[inline]
    pub(super) fn copy(
        &self,
        out: &mut Vec<u8>,
        body: &[u8],
        (start, end): (u32, u32),
        values: &[Text],
        name_length: usize,
    ) {
        let copied = |from: u32, to: u32| body.get(range((from, to))).unwrap_or_default();
        let mut from = start;
        for cut in &self.cuts {
            let behind = cut.behind.and_then(|value| values.get(value));
            out.extend_from_slice(copied(from, behind.map_or(start + index(name_length + 1), |value| value.end)));
            out.extend_from_slice(self.text.get(cut.text.clone()).unwrap_or_default());
            from = match cut.before {
                Some(value) => values.get(value).map_or(end, |value| value.start),
                None => values.last().map_or(end, |value| value.end + 1),
            };
        }
        out.extend_from_slice(copied(from, end));
    }

    /// Writes what surrounds the values where a series is identified, of names of which this is the plan.
    fn make_identity(&mut self, names: &[Cow<'_, str>], forced: &Forced<'_>) {
        self.identity_steps.clear();
        for merged in &self.merged {
            let label = self.identity.len();
            match *merged {
                Merged::Own(value) => {
                    SeriesHasher::begin_label(&mut self.identity, names.get(value).map_or("", |name| name));
                    self.identity_steps.push(IdentityStep { value, until: self.identity.len(), label });
                }
                Merged::Forced(label) => {
                    if let Some(label) = forced.labels.get(label).filter(|label| !label.value.is_empty()) {
                        SeriesHasher::begin_label(&mut self.identity, label.name);
                        self.identity.extend_from_slice(label.value.as_bytes());
                    }
                }
            }
        }
    }

    /// Writes what the series of a metric is told apart by.
    pub(super) fn identify(
        &mut self,
        out: &mut Vec<u8>,
        pushed: &PushedFamilies<'_>,
        labels: Labels,
        forced: &Forced<'_>,
    ) {
        if self.identity.is_empty() {
            self.make_identity(pushed.names_of(labels.shape), forced);
        }
        let values = pushed.values_of(labels);
        let mut from = 0;
        for step in &self.identity_steps {
            let Some(value) = values.get(step.value) else { continue };
            // A label without a value is absent.
            let until = if value.start == value.end { step.label } else { step.until };
            out.extend_from_slice(self.identity.get(from..until).unwrap_or_default());
            match value.form {
                Form::Plain | Form::Meant => out.extend_from_slice(pushed.bytes_of(*value)),
                Form::Escaped => out.extend_from_slice(pushed.meant(*value).as_bytes()),
            }
            from = step.until;
        }
        out.extend_from_slice(self.identity.get(from..).unwrap_or_default());
    }

    /// The labels of a metric one by one, in the order in which they are written.
    pub(super) fn each<'m>(
        &'m self,
        pushed: &'m PushedFamilies<'_>,
        labels: Labels,
        forced: &'m Forced<'_>,
    ) -> impl Iterator<Item = Label<'m>> {
        let (names, values) = (pushed.names_of(labels.shape), pushed.values_of(labels));
        self.merged.iter().filter_map(move |merged| match *merged {
            Merged::Own(at) => Some(Label { name: names.get(at)?, value: pushed.meant(*values.get(at)?) }),
            Merged::Forced(at) => {
                let label = forced.labels.get(at)?;
                Some(Label { name: label.name, value: Cow::Borrowed(label.value) })
            }
        })
    }
}

/// Whether metrics of one shape come in the order of their values: of texts as they are, or of short texts before longer ones,
/// as numbers are that count up. Then no two of them are one series. Values that are not kept tell nothing apart.
pub(super) struct InOrder<'p> {
    /// Of the metric before.
    before: Option<&'p [Text]>,
    as_texts: bool,
    as_numbers: bool,
}

impl<'p> InOrder<'p> {
    pub(super) fn new() -> Self {
        Self { before: None, as_texts: true, as_numbers: true }
    }

    /// Looks at the next metric, whose labels have these values and the shape that this is the plan for.
    #[inline]
    pub(super) fn add(&mut self, pushed: &PushedFamilies<'_>, plan: &Plan, values: &'p [Text]) {
        let Some(before) = self.before.replace(values) else { return };
        if !self.holds() {
            return;
        }
        for step in &plan.steps {
            // A text has one form in a push, as it is meant or as it is written.
            let bytes = |values: &[Text]| values.get(step.value).map_or(&[][..], |value| pushed.bytes_of(*value));
            let (earlier, later) = (bytes(before), bytes(values));
            let order = earlier.cmp(later);
            if order.is_ne() {
                self.as_texts &= order.is_lt();
                self.as_numbers &= earlier.len().cmp(&later.len()).then(order).is_lt();
                return;
            }
        }
        self.breaks();
    }

    /// A metric of another shape comes.
    pub(super) fn breaks(&mut self) {
        (self.as_texts, self.as_numbers) = (false, false);
    }

    pub(super) fn holds(&self) -> bool {
        self.as_texts || self.as_numbers
    }
}

fn write_label(text: &mut Vec<u8>, name: &str, value: &str, utf8: bool) {
    write_name(text, name, utf8);
    escape::label_value(text, value);
    text.push(b'"');
}

/// A label's name and what stands before its value.
fn write_name(text: &mut Vec<u8>, name: &str, utf8: bool) {
    if utf8 {
        stored::write_label_name(text, name);
    } else {
        text.extend_from_slice(name.as_bytes());
    }
    text.extend_from_slice(b"=\"");
}
