//! One record: what happened to a group or to a tenant.
//!
//! A record is a head, which names what it is about, and a block for each family it carries. Each has a checksum of its own,
//! so that of a damaged frame all is read that is not damaged itself. A block is read where it stands: the head says where.

use super::bytes::Reader;
use super::bytes::length;
use super::bytes::write_bytes;
use super::bytes::write_moment;
use super::format::Mark;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::store::Entry;
use crate::store::Gone;
use crate::store::GroupTimes;

/// What every record begins with: bytes that no text has.
pub(super) const RECORD_MAGIC: [u8; 4] = [0xfe, b'P', b'R', 0xff];

/// A record without the families' blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// The group is there, and these families come. A change that was refused is one without families.
    Group { tenant: TenantId, key: GroupingKey, gone: Gone, times: GroupTimes, families: Vec<FamilyHead<'a>> },
    /// The group goes.
    Delete { tenant: TenantId, key: GroupingKey },
    /// The configuration does not name the tenant, for the first time at this moment.
    TenantGone { tenant: TenantId, at: Timestamp },
    /// The configuration names it again.
    TenantBack { tenant: TenantId },
    /// Nothing is kept of it any more.
    TenantForgotten { tenant: TenantId },
    /// The writer came to its end: behind it nothing is missing.
    End,
}

/// A family of a record: what is said of it before its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FamilyHead<'a> {
    pub(super) name: &'a str,
    pub(super) kind: MetricKind,
    pub(super) at: Timestamp,
    pub(super) block_bytes: u32,
    pub(super) block_sum: u32,
}

/// A family as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFamily {
    pub name: FamilyName,
    pub kind: MetricKind,
    pub help: Box<str>,
    /// As [`PreparedFamily::lines`].
    pub lines: Box<[u8]>,
    /// As [`PreparedFamily::proto`]; empty where there is none.
    pub proto: Box<[u8]>,
}

const GROUP: u8 = 1;
const DELETE: u8 = 2;
const TENANT_GONE: u8 = 3;
const TENANT_BACK: u8 = 4;
const TENANT_FORGOTTEN: u8 = 5;
const END: u8 = 6;

const GONE_THESE: u8 = 0;
const GONE_ALL_OTHERS: u8 = 1;

const KINDS: [(MetricKind, u8); 6] = [
    (MetricKind::Counter, 1),
    (MetricKind::Gauge, 2),
    (MetricKind::Summary, 3),
    (MetricKind::Untyped, 4),
    (MetricKind::Histogram, 5),
    (MetricKind::GaugeHistogram, 6),
];

/// Writes an accepted write; a wipe is as many records as it has groups.
pub(super) fn write_entry(out: &mut Vec<u8>, mark: Mark, entry: &Entry) {
    match entry {
        Entry::Push { tenant, key, gone, families, times } => {
            write_push(out, mark, (tenant, key, gone, *times), families);
        }
        Entry::Failure { tenant, key, times } => {
            let nobody: [FamilyHead<'_>; 0] = [];
            write_group(out, mark, (tenant, key, &Gone::These(Vec::new()), *times), nobody.into_iter());
        }
        Entry::Delete { tenant, key } => write_delete(out, mark, tenant, key),
        Entry::Wipe { tenant, keys } => keys.iter().for_each(|key| write_delete(out, mark, tenant, key)),
    }
}

/// What a record says of its group.
type OfGroup<'a> = (&'a TenantId, &'a GroupingKey, &'a Gone, GroupTimes);

/// Writes a group's record. The caller writes the blocks behind it, in the order of `families`.
pub(super) fn write_group<'a>(
    out: &mut Vec<u8>,
    mark: Mark,
    group: OfGroup<'_>,
    families: impl ExactSizeIterator<Item = FamilyHead<'a>>,
) {
    let head = OpenHead::begin(out, mark);
    write_group_head(out, group, families);
    head.end(out).close(out);
}

/// Writes a group's record and its blocks. What these sum up to is known when they stand there, and each is written once.
fn write_push(out: &mut Vec<u8>, mark: Mark, group: OfGroup<'_>, families: &[PreparedFamily]) {
    let at = group.3.pushed_at.unwrap_or_default();
    let heads = families.iter().map(|family| FamilyHead {
        name: family.name(),
        kind: family.kind(),
        at,
        block_bytes: block_bytes(family),
        block_sum: 0,
    });
    let head = OpenHead::begin(out, mark);
    let mut family_at = write_group_head(out, group, heads);
    let head = head.end(out);
    for family in families {
        let block_at = out.len();
        write_block(out, family);
        let sum = crc32fast::hash(out.get(block_at..).unwrap_or_default());
        let sum_at = family_at.saturating_add(4 + 1 + 8 + 4).saturating_add(family.name().len());
        put_u32(out, sum_at, sum);
        family_at = sum_at.saturating_add(4);
    }
    head.close(out);
}

/// Writes the head of a group's record; where the first of the families stands in it.
fn write_group_head<'a>(
    out: &mut Vec<u8>,
    (tenant, key, gone, times): OfGroup<'_>,
    families: impl ExactSizeIterator<Item = FamilyHead<'a>>,
) -> usize {
    out.push(GROUP);
    write_bytes(out, tenant.as_str().as_bytes());
    write_key(out, key);
    match gone {
        Gone::AllOthers => out.push(GONE_ALL_OTHERS),
        Gone::These(names) => {
            out.push(GONE_THESE);
            out.extend_from_slice(&u32::try_from(names.len()).unwrap_or(u32::MAX).to_le_bytes());
            names.iter().for_each(|name| write_bytes(out, name.as_bytes()));
        }
    }
    write_moment(out, times.came_at);
    for at in [times.pushed_at, times.failed_at] {
        out.push(u8::from(at.is_some()));
        write_moment(out, at.unwrap_or_default());
    }
    out.extend_from_slice(&u32::try_from(families.len()).unwrap_or(u32::MAX).to_le_bytes());
    let families_at = out.len();
    for family in families {
        write_bytes(out, family.name.as_bytes());
        out.push(KINDS.iter().find(|(kind, _)| *kind == family.kind).map_or(0, |(_, code)| *code));
        write_moment(out, family.at);
        out.extend_from_slice(&family.block_bytes.to_le_bytes());
        out.extend_from_slice(&family.block_sum.to_le_bytes());
    }
    families_at
}

fn write_delete(out: &mut Vec<u8>, mark: Mark, tenant: &TenantId, key: &GroupingKey) {
    let head = OpenHead::begin(out, mark);
    out.push(DELETE);
    write_bytes(out, tenant.as_str().as_bytes());
    write_key(out, key);
    head.end(out).close(out);
}

/// Writes a record of a tenant, or the end.
pub(super) fn write_mark_of_tenant(out: &mut Vec<u8>, mark: Mark, record: &Record<'_>) {
    let (code, tenant, at) = match record {
        Record::TenantGone { tenant, at } => (TENANT_GONE, Some(tenant), Some(*at)),
        Record::TenantBack { tenant } => (TENANT_BACK, Some(tenant), None),
        Record::TenantForgotten { tenant } => (TENANT_FORGOTTEN, Some(tenant), None),
        Record::End | Record::Group { .. } | Record::Delete { .. } => (END, None, None),
    };
    let head = OpenHead::begin(out, mark);
    out.push(code);
    if let Some(tenant) = tenant {
        write_bytes(out, tenant.as_str().as_bytes());
    }
    if let Some(at) = at {
        write_moment(out, at);
    }
    head.end(out).close(out);
}

/// A head that is being written, to where it belongs: where its record begins.
struct OpenHead(usize);

/// A head that is written, but for its length and its sum: where its record begins, and where the sum belongs.
struct WrittenHead(usize, usize);

impl OpenHead {
    fn begin(out: &mut Vec<u8>, mark: Mark) -> Self {
        let start = out.len();
        out.extend_from_slice(&RECORD_MAGIC);
        out.extend_from_slice(&mark);
        out.extend_from_slice(&[0; 4]);
        Self(start)
    }

    /// What is written behind it from now on are blocks.
    fn end(self, out: &mut Vec<u8>) -> WrittenHead {
        let end = out.len();
        out.extend_from_slice(&[0; 4]);
        WrittenHead(self.0, end)
    }
}

impl WrittenHead {
    fn close(self, out: &mut [u8]) {
        let Self(start, end) = self;
        let head = out.get(start.saturating_add(16)..end).unwrap_or_default();
        let bytes = length(head);
        put_u32(out, start.saturating_add(12), bytes);
        let sum = crc32fast::hash(out.get(start..end).unwrap_or_default());
        put_u32(out, end, sum);
    }
}

fn put_u32(out: &mut [u8], at: usize, number: u32) {
    if let Some(place) = out.get_mut(at..at.saturating_add(4)) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

fn write_key(out: &mut Vec<u8>, key: &GroupingKey) {
    out.extend_from_slice(&u32::try_from(key.labels().len()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in key.labels() {
        write_bytes(out, name.as_bytes());
        write_bytes(out, value.as_bytes());
    }
}

/// What [`write_block`] writes.
fn block_bytes(family: &PreparedFamily) -> u32 {
    let texts = [family.help().len(), family.lines().len(), family.proto().unwrap_or_default().len()];
    u32::try_from(texts.iter().map(|bytes| bytes + 4).sum::<usize>()).unwrap_or(u32::MAX)
}

fn write_block(out: &mut Vec<u8>, family: &PreparedFamily) {
    write_bytes(out, family.help().as_bytes());
    write_bytes(out, family.lines());
    write_bytes(out, family.proto().unwrap_or_default());
}

impl StoredFamily {
    /// `None`: the block is not as it was written, or is none.
    pub(super) fn decode(name: FamilyName, kind: MetricKind, sum: u32, block: &[u8]) -> Option<Self> {
        if crc32fast::hash(block) != sum {
            return None;
        }
        let mut reader = Reader::of(block);
        let (help, lines, proto) = (reader.text()?.into(), reader.bytes()?.into(), reader.bytes()?.into());
        reader.is_over().then_some(Self { name, kind, help, lines, proto })
    }
}

impl<'a> Record<'a> {
    /// The record that `bytes` begin with, and how long its head is; blocks stand behind that.
    pub(super) fn decode(bytes: &'a [u8], mark: Mark) -> Option<(Self, usize)> {
        let mut reader = Reader::of(bytes);
        if reader.take(4)? != RECORD_MAGIC || reader.take(8)? != mark {
            return None;
        }
        let head = reader.bytes()?;
        let summed = 16 + head.len();
        (reader.u32()? == crc32fast::hash(bytes.get(..summed)?)).then_some(())?;
        let mut reader = Reader::of(head);
        let record = Self::decode_head(&mut reader)?;
        reader.is_over().then_some((record, summed + 4))
    }

    fn decode_head(reader: &mut Reader<'a>) -> Option<Self> {
        let code = reader.byte()?;
        if code == END {
            return Some(Self::End);
        }
        let tenant = TenantId::parse(reader.text()?).ok()?;
        Some(match code {
            GROUP => {
                let (key, gone) = (decode_key(reader)?, decode_gone(reader)?);
                let (came_at, pushed_at) = (reader.moment()?, decode_optional_moment(reader)?);
                let times = GroupTimes { came_at, pushed_at, failed_at: decode_optional_moment(reader)? };
                let families = (0..reader.u32()?).map(|_| FamilyHead::decode(reader)).collect::<Option<_>>()?;
                Self::Group { tenant, key, gone, times, families }
            }
            DELETE => Self::Delete { tenant, key: decode_key(reader)? },
            TENANT_GONE => Self::TenantGone { tenant, at: reader.moment()? },
            TENANT_BACK => Self::TenantBack { tenant },
            TENANT_FORGOTTEN => Self::TenantForgotten { tenant },
            _ => return None,
        })
    }

    /// How many bytes stand behind the head.
    pub(super) fn block_bytes(&self) -> u64 {
        match self {
            Self::Group { families, .. } => families.iter().map(|family| u64::from(family.block_bytes)).sum(),
            _ => 0,
        }
    }
}

impl<'a> FamilyHead<'a> {
    fn decode(reader: &mut Reader<'a>) -> Option<Self> {
        let (name, code, at) = (reader.text()?, reader.byte()?, reader.moment()?);
        let (kind, _) = KINDS.into_iter().find(|(_, known)| *known == code)?;
        Some(Self { name, kind, at, block_bytes: reader.u32()?, block_sum: reader.u32()? })
    }
}

fn decode_gone(reader: &mut Reader<'_>) -> Option<Gone> {
    match reader.byte()? {
        GONE_ALL_OTHERS => Some(Gone::AllOthers),
        GONE_THESE => {
            let names = (0..reader.u32()?).map(|_| reader.text().map(FamilyName::from));
            names.collect::<Option<_>>().map(Gone::These)
        }
        _ => None,
    }
}

fn decode_optional_moment(reader: &mut Reader<'_>) -> Option<Option<Timestamp>> {
    let (is, at) = (reader.byte()?, reader.moment()?);
    match is {
        0 => Some(None),
        1 => Some(Some(at)),
        _ => None,
    }
}

/// Names are those that UTF-8 allows, whatever the tenant may push now.
fn decode_key(reader: &mut Reader<'_>) -> Option<GroupingKey> {
    let labels = (0..reader.u32()?).map(|_| Some((reader.text()?, reader.text()?)));
    let labels = labels.collect::<Option<Vec<_>>>()?;
    let (_, job) = labels.iter().find(|(name, _)| *name == "job")?;
    GroupingKey::in_scheme(NameScheme::Utf8, job, labels.iter().copied()).ok()
}
