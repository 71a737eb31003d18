//! How a mould is made: the body is decoded and prepared as ever, for a group whose labels are marks and with numbers that
//! say where in the body they stand. Where they come out again, those of others will.

use super::DECIMAL_BYTES_MAX;
use super::Family;
use super::Fill;
use super::GroupLabel;
use super::Mould;
use super::Run;
use super::Site;
use super::Takes;
use super::With;
use crate::exposition::float;
use crate::exposition::media::PushFormat;
use crate::exposition::prepare;
use crate::exposition::protobuf;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::index;
use crate::exposition::pushed::range;
use crate::exposition::revive;
use crate::exposition::stored;
use crate::exposition::text;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::Series;
use crate::model::SeriesHasher;
use memchr::memmem;
use memchr::memmem::Finder;
use std::ops::RangeInclusive;

/// Stands before and behind the place of a label of the group, in its stead: for nobody to use, says Unicode. A body that has it
/// anyway gets no mould.
const MARK: &str = "\u{f8ff}";

/// What a body becomes while it is probed may be so many bytes, by the store's account: several times what any mould may take.
const PROBE_BYTES_MAX: u64 = 8 << 20;

/// More kinds of runs of the group's labels than any job has.
const RUNS_MAX: usize = 16;

/// What a mould is made of and for.
#[derive(Debug)]
pub struct Original<'m> {
    pub format: PushFormat,
    /// It was read and prepared, and contradicts itself in nothing.
    pub body: &'m [u8],
    pub key: &'m GroupingKey,
    pub hasher: &'m SeriesHasher,
    pub namespace_label: &'m str,
    pub line_bytes_max: u64,
}

/// What became of a body with other numbers.
struct Probe {
    families: Vec<PreparedFamily>,
    lines: u64,
    families_pushed: usize,
}

impl Original<'_> {
    /// The mould, if there can be one; `read` decodes as the body was decoded. What it costs is some four times what the push does.
    ///
    /// Numbers are probed twice, for what is no number of the body could look like one in one of the two: even ones that say
    /// which of them they are, and odd ones.
    pub fn mould(&self, read: impl for<'b> Fn(&'b [u8]) -> Option<PushedFamilies<'b>>) -> Option<Mould> {
        let places = places_of_values(self.format, self.body);
        if places.is_empty() || self.key.is_utf8() || memmem::find(self.body, MARK.as_bytes()).is_some() {
            return None;
        }
        if self.format == PushFormat::Text && self.longest_line(&places) > self.line_bytes_max {
            return None;
        }
        let (even, odd) = (self.probe(&places, 0, &read)?, self.probe(&places, 1, &read)?);
        let labels = self.key.labels().map(|(name, value)| GroupLabel::new(name, value));
        let mut writer = Writer::new(labels.collect(), places.len(), self.hasher);
        if even.families.len() != odd.families.len() {
            return None;
        }
        for (even, odd) in even.families.into_iter().zip(&odd.families) {
            writer.family(even, odd)?;
        }
        let sites = places.iter().zip(&writer.takes);
        // One that is seen nowhere is of a family that is dropped, of whatever type: it takes what all of them do.
        let site =
            |(&(start, end), takes): (_, &Option<Takes>)| Site { start, end, takes: takes.unwrap_or(Takes::Whole) };
        let number_bytes: usize = places.iter().map(|place| range(*place).len()).sum();
        Some(Mould {
            format: self.format,
            body_text_bytes: self.body.len() - number_bytes,
            body: self.body.into(),
            sites: sites.map(site).collect(),
            text: writer.text.into(),
            fills: writer.fills.into(),
            runs: writer.runs.into(),
            families: writer.families.into(),
            labels: writer.labels,
            lines: even.lines,
            families_pushed: even.families_pushed,
        })
    }

    /// The length of the longest line with a number, were that as long as any.
    fn longest_line(&self, places: &[(u32, u32)]) -> u64 {
        let line_around = |&(start, end): &(u32, u32)| {
            let before = self.body.get(..start as usize).unwrap_or_default();
            let behind = self.body.get(end as usize..).unwrap_or_default();
            let before = before.len() - memchr::memrchr(b'\n', before).map_or(0, |feed| feed + 1);
            (before + memchr::memchr(b'\n', behind).unwrap_or(behind.len())) as u64 + DECIMAL_BYTES_MAX as u64
        };
        places.iter().map(line_around).max().unwrap_or_default()
    }

    /// What becomes of the body with numbers that say where they stand, in a group with labels that are marks.
    fn probe(
        &self,
        places: &[(u32, u32)],
        odd: u32,
        read: impl for<'b> Fn(&'b [u8]) -> Option<PushedFamilies<'b>>,
    ) -> Option<Probe> {
        let body = renumbered(self.body, places, |body, site| {
            let number = f64::from(number_of(site, odd));
            match self.format {
                PushFormat::Text => float::write(body, number),
                PushFormat::Protobuf => body.extend_from_slice(&number.to_le_bytes()),
            }
        });
        let pushed = read(&body)?;
        let (lines, families_pushed) = (pushed.line_count(), pushed.families.len());
        let mut families = prepare(pushed, &self.marked(), self.hasher, self.namespace_label, PROBE_BYTES_MAX).ok()?;
        families.sort_by(|one, other| one.escaped_name().cmp(other.escaped_name()));
        let apart = families.is_sorted_by(|one, other| one.escaped_name() < other.escaped_name());
        let plain = |family: &PreparedFamily| !family.is_empty() && !family.utf8() && family.proto().is_none();
        (apart && families.iter().all(plain)).then_some(Probe { families, lines, families_pushed })
    }

    /// The group with labels that say which of them they are.
    fn marked(&self) -> GroupingKey {
        let labels = self.key.labels().enumerate().filter(|(_, (_, value))| !value.is_empty());
        labels.fold(self.key.clone(), |key, (at, (name, _))| key.with(name, &format!("{MARK}{at}{MARK}")))
    }
}

/// Where the numbers of a body stand, which was read and has no timestamps.
pub(super) fn places_of_values(format: PushFormat, body: &[u8]) -> Vec<(u32, u32)> {
    match format {
        PushFormat::Text => text::places_of_values(body),
        PushFormat::Protobuf => protobuf::places_of_values(body),
    }
}

/// The body with other numbers, which are written by their place among all.
pub(super) fn renumbered(body: &[u8], places: &[(u32, u32)], mut number: impl FnMut(&mut Vec<u8>, u32)) -> Vec<u8> {
    let mut written = Vec::with_capacity(body.len());
    let mut from = 0;
    for (at, (start, end)) in places.iter().enumerate() {
        written.extend_from_slice(body.get(range((from, *start))).unwrap_or_default());
        number(&mut written, index(at));
        from = *end;
    }
    written.extend_from_slice(body.get(from as usize..).unwrap_or_default());
    written
}

/// The number that stands for that of a site.
const fn number_of(site: u32, odd: u32) -> u32 {
    site.wrapping_mul(2) + odd
}

/// The site for whose number this even one stands.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is none is told by what it is not")]
fn site_of(even: f64) -> Option<u32> {
    let site = even as u32 / 2;
    (f64::from(number_of(site, 0)) == even).then_some(site)
}

/// Writes the mould.
struct Writer<'m> {
    hasher: &'m SeriesHasher,
    mark: Finder<'static>,
    labels: Box<[GroupLabel]>,
    text: Vec<u8>,
    fills: Vec<Fill>,
    runs: Vec<Run>,
    families: Vec<Family>,
    /// Of each site, as far as it was seen.
    takes: Vec<Option<Takes>>,
}

impl<'m> Writer<'m> {
    fn new(labels: Box<[GroupLabel]>, sites: usize, hasher: &'m SeriesHasher) -> Self {
        let (text, fills) = (Vec::new(), Vec::new());
        Self {
            hasher,
            mark: Finder::new(MARK),
            labels,
            text,
            fills,
            runs: Vec::new(),
            families: Vec::new(),
            takes: vec![None; sites],
        }
    }

    /// A family as it came of even numbers and of odd ones.
    fn family(&mut self, even: PreparedFamily, odd: &PreparedFamily) -> Option<()> {
        if !even.is_called_as(odd) || even.line_count() != odd.line_count() {
            return None;
        }
        for (line, twin) in stored::lines(even.lines()).zip(stored::lines(odd.lines())) {
            let takes = takes(even.kind(), even.name(), line);
            let (head, value) = parted(line)?;
            let (twin_head, twin_value) = parted(twin)?;
            (head == twin_head).then_some(())?;
            self.head(head)?;
            self.value(value, twin_value, takes)?;
            self.text.push(b'\n');
        }
        let (text_end, fills_end) = (index(self.text.len()), index(self.fills.len()));
        // Which series they are hangs on the labels of the group, and is found where somebody asks.
        let series = Series::to_be_found(index(even.series().len()), self.hasher, revive::identify);
        self.families.push(Family { like: even.without_lines(series), text_end, fills_end });
        Some(())
    }

    /// What stands before the number of a line.
    fn head(&mut self, head: &[u8]) -> Option<()> {
        let mut rest = head;
        let mut run: Option<RangeInclusive<usize>> = None;
        while let Some(at) = self.mark.find(rest) {
            let (before, behind) = (rest.get(..at)?, rest.get(at + MARK.len()..)?);
            let end = self.mark.find(behind)?;
            let label: usize = std::str::from_utf8(behind.get(..end)?).ok()?.parse().ok()?;
            rest = behind.get(end + MARK.len()..)?;
            let between = self.labels.get(label)?.before.as_bytes();
            match &mut run {
                Some(run) if *run.end() + 1 == label && before == between => {
                    *run = *run.start()..=label;
                }
                _ => {
                    if let Some(run) = run.replace(label..=label) {
                        self.fill_with_labels(run)?;
                    }
                    self.text.extend_from_slice(before);
                }
            }
        }
        if let Some(run) = run {
            self.fill_with_labels(run)?;
        }
        self.text.extend_from_slice(rest);
        Some(())
    }

    fn fill_with_labels(&mut self, run: RangeInclusive<usize>) -> Option<()> {
        let known = self.runs.iter().position(|known| known.labels == run);
        let run = known.unwrap_or_else(|| {
            self.runs.push(Run { labels: run, lines: 0 });
            self.runs.len() - 1
        });
        self.runs.get_mut(run)?.lines += 1;
        self.fills.push(Fill { until: index(self.text.len()), with: With::Labels(index(run)) });
        (self.runs.len() <= RUNS_MAX).then_some(())
    }

    fn value(&mut self, even: &[u8], odd: &[u8], takes: Takes) -> Option<()> {
        if even == odd {
            // It is no number of a site.
            self.text.extend_from_slice(even);
            return Some(());
        }
        let (even, odd) = (float::parse(even)?, float::parse(odd)?);
        let site = site_of(even).filter(|site| odd == f64::from(number_of(*site, 1)))?;
        let seen = self.takes.get_mut(site as usize)?;
        *seen = (*seen).max(Some(takes));
        self.fills.push(Fill { until: index(self.text.len()), with: With::Number(site) });
        Some(())
    }
}

/// Which numbers may stand on a line of such a family, so that nothing else becomes of it for them.
fn takes(kind: MetricKind, name: &str, line: &[u8]) -> Takes {
    match kind {
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => Takes::Any,
        MetricKind::Histogram | MetricKind::GaugeHistogram => Takes::Unsigned,
        MetricKind::Summary => {
            let suffix = line.strip_prefix(name.as_bytes()).unwrap_or_default();
            if suffix.starts_with(b"_count{") { Takes::Whole } else { Takes::Unsigned }
        }
    }
}

/// A line up to its number, and that.
fn parted(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\n")?;
    line.split_at_checked(memchr::memrchr(b' ', line)? + 1)
}
