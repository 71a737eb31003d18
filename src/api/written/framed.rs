//! Families as protobuf, each behind its length: the large ones, which are gone through twice, come out as those do that
//! are held.

use super::HELD_MAX;
use super::PIECE_BYTES;
use super::Written;
use crate::api::readers::Pieces;
use crate::api::state::Reading;
use crate::api::state::Readings;
use crate::config::Namespace;
use crate::exposition;
use crate::exposition::Escaping;
use crate::exposition::FleetLabels;
use crate::exposition::Negotiated;
use crate::exposition::ScrapeFormat;
use crate::exposition::Shown;
use crate::exposition::protobuf::FamilyMessage;
use crate::exposition::protobuf::messages::*;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::Quota;
use crate::model::SeriesHasher;
use crate::model::TenantId;
use crate::model::Timestamp as Time;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use crate::store::FleetPiece;
use crate::store::MemoryJournal;
use crate::store::Method;
use crate::store::Push;
use crate::store::Store;
use crate::store::TenantTerms;
use prost::Message;
use std::sync::Arc;

const NEGOTIATED: Negotiated = Negotiated { format: ScrapeFormat::Protobuf, escaping: Escaping::Underscores };

fn label(name: &str, value: String) -> LabelPair {
    LabelPair { name: Some(name.into()), value: Some(value) }
}

fn histograms(count: usize, histogram: &Histogram) -> MetricFamily {
    let metric = |n: usize| Metric {
        label: vec![label("n", n.to_string())],
        histogram: Some(histogram.clone()),
        ..Metric::default()
    };
    let metric = (0..count).map(metric).collect();
    let kind = Some(MetricType::Histogram.into());
    MetricFamily { name: Some("h".into()), r#type: kind, metric, ..MetricFamily::default() }
}

fn classic(exemplar: Option<usize>) -> Histogram {
    let exemplar = exemplar.map(|length| Exemplar {
        label: vec![label("trace", "x".repeat(length))],
        value: Some(0.5),
        timestamp: Some(Timestamp { seconds: 5, nanos: 6 }),
    });
    let bucket = Bucket { cumulative_count: Some(2), upper_bound: Some(1.0), exemplar, ..Bucket::default() };
    Histogram { sample_count: Some(3), sample_sum: Some(1.5), bucket: vec![bucket], ..Histogram::default() }
}

fn native() -> Histogram {
    let (positive_span, positive_delta) = (vec![BucketSpan { offset: Some(-3), length: Some(1) }], vec![3]);
    Histogram { schema: Some(1), positive_span, positive_delta, ..classic(None) }
}

fn store_of(pushes: &[(&str, MetricFamily)]) -> Store {
    let quota = Quota { groups_max: 9, series_max: 1 << 20, stored_bytes_max: 1 << 30 };
    let terms = TenantTerms { quota, durability: Durability::Memory };
    let tenants = pushes.iter().map(|(name, _)| (TenantId::parse(name).unwrap(), terms));
    let reserved = Namespace::default().names_reserved;
    let hasher = SeriesHasher::with_key([1; 16]);
    let identify = Arc::new(exposition::StoredSeries(hasher.clone()));
    let store = Store::new(tenants, &reserved, Arc::new(MemoryJournal), exposition::OWN_GAUGES, identify);
    let key = GroupingKey::new::<&str, &str>("j", []).unwrap();
    for (tenant, family) in pushes {
        let body = family.encode_length_delimited_to_vec();
        let pushed = exposition::protobuf::parse(&body, NameScheme::Classic).unwrap();
        let families = exposition::prepare(pushed, &key, &hasher, "tenant", u64::MAX).unwrap();
        let push = Push::new(key.clone(), Method::Replace, families, Time::from_unix_seconds(1));
        store.push(&Scope::for_test(tenant), push).wait().unwrap();
    }
    store
}

/// All of an operator's scrape, none of whose pieces may be much larger than they are meant to be.
fn fleet(store: &Store) -> Vec<u8> {
    let reading = Reading { tenants: Readings::default(), namespace_label: "tenant".into(), prefix_job: false };
    let snapshot = store.fleet_snapshot(&FleetScope::for_test(None));
    let (mut written, mut whole) = (Written::of_fleet(snapshot, reading.into(), NEGOTIATED), Vec::new());
    while let Some(piece) = written.next() {
        assert!(piece.len() < 4 * PIECE_BYTES, "{} bytes in one piece", piece.len());
        whole.extend(piece);
    }
    whole
}

/// The same, each family held whole however large it is; and what the largest is read from.
fn held(store: &Store) -> (Vec<u8>, usize) {
    let mut snapshot = store.fleet_snapshot(&FleetScope::for_test(None));
    let (mut whole, mut message, mut largest) = (Vec::new(), FamilyMessage::default(), 0);
    while let Some(piece) = snapshot.read() {
        match piece {
            FleetPiece::Family { name, kind, help } => {
                message.write(&mut whole);
                message = FamilyMessage::new(name, kind, help, NEGOTIATED.escaping);
                largest = largest.max(snapshot.family_bytes());
            }
            FleetPiece::Lines { tenant, sheet, only } => {
                let labels = FleetLabels::new("tenant", tenant, false);
                let mut row = 0;
                while let Some((family, next)) = sheet.run(row) {
                    message.add(family, &Shown::to_operator(NEGOTIATED.escaping, &labels), only);
                    row = next;
                }
            }
        }
    }
    message.write(&mut whole);
    (whole, largest)
}

fn families(mut stream: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !stream.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut stream).unwrap());
    }
    families
}

#[test]
fn a_large_family_of_histograms_of_all_kinds_is_as_long_as_it_says() {
    // Kept ones before and behind those that are native, and lines that nothing is kept beside.
    let store = store_of(&[
        ("blue", histograms(900, &classic(Some(20)))),
        ("green", histograms(2_000, &classic(None))),
        ("red", histograms(900, &native())),
        ("white", histograms(900, &classic(Some(20)))),
    ]);
    let ((expected, largest), sent) = (held(&store), fleet(&store));
    assert!(largest > HELD_MAX, "{largest} bytes would be held");
    let families = families(&sent);
    let family = families.iter().find(|family| family.name() == "h").unwrap();
    assert_eq!(family.metric.len(), 4_700);
    let shown = family.metric.iter().filter_map(|metric| metric.histogram.as_ref());
    assert!(shown.clone().all(|histogram| !histogram.bucket.is_empty() && histogram.positive_span.is_empty()));
    let exemplars = shown.flat_map(|histogram| &histogram.bucket).filter(|bucket| bucket.exemplar.is_some());
    assert_eq!(exemplars.count(), 1_800);
    assert!(sent == expected, "what is sent in parts is not what is held");
}

#[test]
fn a_family_of_few_lines_and_much_protobuf_is_not_held() {
    let store = store_of(&[("red", histograms(100, &classic(Some(10_000))))]);
    let ((expected, _), sent) = (held(&store), fleet(&store));
    assert!(sent.len() > 4 * PIECE_BYTES && sent == expected);
}
