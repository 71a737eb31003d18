//! The labels of a metric: its own, and those of its group, which win.

use crate::exposition::escape;
use crate::exposition::pushed::Label;
use crate::exposition::stored;
use crate::model::GroupingKey;
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
        let mut forced =
            Self { labels: Vec::with_capacity(key.labels().len() + 1), text: Vec::with_capacity(128), utf8: false };
        let mut instance_due = !key.labels().any(|(name, _)| name == "instance");
        for (name, value) in key.labels() {
            if instance_due && name > "instance" {
                instance_due = false;
                forced.push("instance", "", true);
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

    pub(super) fn names(&self) -> impl Iterator<Item = &'k str> {
        self.labels.iter().map(|label| label.name)
    }

    /// Writes `pushed`, which is sorted by name, together with the forced labels into `text`, as `a="1",b="2"`; and puts
    /// them in that order into `merged`.
    pub(in crate::exposition) fn merge<'m>(
        &'m self,
        pushed: &'m [Label<'_>],
        merged: &mut Vec<(&'m str, &'m str)>,
        text: &mut Vec<u8>,
    ) {
        merged.clear();
        text.clear();
        let (mut own, mut forced) = (pushed.iter().peekable(), self.labels.iter().peekable());
        loop {
            let order = match (own.peek(), forced.peek()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(own), Some(forced)) => own.name.as_ref().cmp(forced.name),
            };
            let mut from_own = if order.is_le() { own.next() } else { None };
            let from_forced = if order.is_ge() { forced.next() } else { None };
            if from_forced.is_some_and(|forced| !forced.yields) {
                from_own = None;
            }
            if !text.is_empty() {
                text.push(b',');
            }
            if let Some(label) = from_own {
                write_label(text, &label.name, &label.value, self.utf8);
                merged.push((&label.name, &label.value));
            } else if let Some(label) = from_forced {
                text.extend_from_slice(self.text.get(label.text.clone()).unwrap_or_default());
                merged.push((label.name, label.value));
            }
        }
    }
}

fn write_label(text: &mut Vec<u8>, name: &str, value: &str, utf8: bool) {
    if utf8 {
        stored::write_label_name(text, name);
    } else {
        text.extend_from_slice(name.as_bytes());
    }
    text.extend_from_slice(b"=\"");
    escape::label_value(text, value);
    text.push(b'"');
}
