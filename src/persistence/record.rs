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
pub(super) enum Record {
    /// The group is there, and these families come. A change that was refused is one without families.
    Group { tenant: TenantId, key: GroupingKey, gone: Gone, times: GroupTimes, families: Vec<FamilyHead> },
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
pub(super) struct FamilyHead {
    pub(super) name: String,
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
    let nothing_gone = Gone::These(Vec::new());
    match entry {
        Entry::Push { tenant, key, gone, families, times } => {
            let at = times.pushed_at.unwrap_or_default();
            let blocks: Vec<_> = families.iter().map(|family| block_of(family)).collect();
            let heads = families.iter().zip(&blocks).map(|(family, block)| FamilyHead {
                name: family.name().to_string(),
                kind: family.kind(),
                at,
                block_bytes: length(block),
                block_sum: crc32fast::hash(block),
            });
            write_group(out, mark, (tenant, key, gone, *times), &heads.collect::<Vec<_>>());
            blocks.iter().for_each(|block| out.extend_from_slice(block));
        }
        Entry::Failure { tenant, key, times } => write_group(out, mark, (tenant, key, &nothing_gone, *times), &[]),
        Entry::Delete { tenant, key } => write_delete(out, mark, tenant, key),
        Entry::Wipe { tenant, keys } => keys.iter().for_each(|key| write_delete(out, mark, tenant, key)),
    }
}

/// Writes a group's record. The caller writes the blocks behind it, in the order of `families`.
pub(super) fn write_group(
    out: &mut Vec<u8>,
    mark: Mark,
    (tenant, key, gone, times): (&TenantId, &GroupingKey, &Gone, GroupTimes),
    families: &[FamilyHead],
) {
    let mut head = vec![GROUP];
    write_bytes(&mut head, tenant.as_str().as_bytes());
    write_key(&mut head, key);
    match gone {
        Gone::AllOthers => head.push(GONE_ALL_OTHERS),
        Gone::These(names) => {
            head.push(GONE_THESE);
            head.extend_from_slice(&u32::try_from(names.len()).unwrap_or(u32::MAX).to_le_bytes());
            names.iter().for_each(|name| write_bytes(&mut head, name.as_bytes()));
        }
    }
    write_moment(&mut head, times.came_at);
    for at in [times.pushed_at, times.failed_at] {
        head.push(u8::from(at.is_some()));
        write_moment(&mut head, at.unwrap_or_default());
    }
    head.extend_from_slice(&u32::try_from(families.len()).unwrap_or(u32::MAX).to_le_bytes());
    for family in families {
        write_bytes(&mut head, family.name.as_bytes());
        head.push(KINDS.iter().find(|(kind, _)| *kind == family.kind).map_or(0, |(_, code)| *code));
        write_moment(&mut head, family.at);
        head.extend_from_slice(&family.block_bytes.to_le_bytes());
        head.extend_from_slice(&family.block_sum.to_le_bytes());
    }
    write_head(out, mark, &head);
}

fn write_delete(out: &mut Vec<u8>, mark: Mark, tenant: &TenantId, key: &GroupingKey) {
    let mut head = vec![DELETE];
    write_bytes(&mut head, tenant.as_str().as_bytes());
    write_key(&mut head, key);
    write_head(out, mark, &head);
}

/// Writes a record of a tenant, or the end.
pub(super) fn write_mark_of_tenant(out: &mut Vec<u8>, mark: Mark, record: &Record) {
    let (code, tenant, at) = match record {
        Record::TenantGone { tenant, at } => (TENANT_GONE, Some(tenant), Some(*at)),
        Record::TenantBack { tenant } => (TENANT_BACK, Some(tenant), None),
        Record::TenantForgotten { tenant } => (TENANT_FORGOTTEN, Some(tenant), None),
        Record::End | Record::Group { .. } | Record::Delete { .. } => (END, None, None),
    };
    let mut head = vec![code];
    if let Some(tenant) = tenant {
        write_bytes(&mut head, tenant.as_str().as_bytes());
    }
    if let Some(at) = at {
        write_moment(&mut head, at);
    }
    write_head(out, mark, &head);
}

fn write_head(out: &mut Vec<u8>, mark: Mark, head: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&RECORD_MAGIC);
    out.extend_from_slice(&mark);
    write_bytes(out, head);
    let sum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&sum.to_le_bytes());
}

fn write_key(out: &mut Vec<u8>, key: &GroupingKey) {
    out.extend_from_slice(&u32::try_from(key.labels().len()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in key.labels() {
        write_bytes(out, name.as_bytes());
        write_bytes(out, value.as_bytes());
    }
}

fn block_of(family: &PreparedFamily) -> Vec<u8> {
    let proto = family.proto().unwrap_or_default();
    let mut block = Vec::with_capacity(family.help().len() + family.lines().len() + proto.len() + 12);
    write_bytes(&mut block, family.help().as_bytes());
    write_bytes(&mut block, family.lines());
    write_bytes(&mut block, proto);
    block
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

impl Record {
    /// The record that `bytes` begin with, and how long its head is; blocks stand behind that.
    pub(super) fn decode(bytes: &[u8], mark: Mark) -> Option<(Self, usize)> {
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

    fn decode_head(reader: &mut Reader<'_>) -> Option<Self> {
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

impl FamilyHead {
    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let (name, code, at) = (reader.text()?.to_owned(), reader.byte()?, reader.moment()?);
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
    let labels = (0..reader.u32()?).map(|_| Some((reader.text()?.to_owned(), reader.text()?.to_owned())));
    let labels = labels.collect::<Option<Vec<_>>>()?;
    let (_, job) = labels.iter().find(|(name, _)| name == "job")?;
    GroupingKey::in_scheme(NameScheme::Utf8, &job.clone(), labels).ok()
}
