//! Large families in small pieces.

use super::PIECE_BYTES;
use super::Written;
use crate::api::readers::Pieces;
use crate::api::state::Reading;
use crate::api::state::Readings;
use crate::config::Namespace;
use crate::exposition;
use crate::exposition::Negotiated;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::Quota;
use crate::model::SeriesHasher;
use crate::model::TenantId;
use crate::model::TextDialect;
use crate::model::Timestamp;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use crate::store::MemoryJournal;
use crate::store::Method;
use crate::store::Push;
use crate::store::Store;
use crate::store::TenantTerms;
use std::sync::Arc;

fn store_of(pushes: &[(&str, &str)]) -> Store {
    let quota = Quota { groups_max: 9, series_max: 1 << 20, stored_bytes_max: 1 << 30 };
    let terms = TenantTerms { quota, durability: Durability::Memory };
    let tenants = pushes.iter().map(|(name, _)| (TenantId::parse(name).unwrap(), terms));
    let reserved = Namespace::default().names_reserved;
    let store = Store::new(tenants, &reserved, Arc::new(MemoryJournal), exposition::OWN_GAUGES, identify());
    let key = GroupingKey::new::<&str, &str>("j", []).unwrap();
    for (tenant, body) in pushes {
        let pushed = exposition::text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        let hasher = SeriesHasher::with_key([1; 16]);
        let families = exposition::prepare(pushed, &key, &hasher, "tenant", u64::MAX).unwrap();
        let push = Push::new(key.clone(), Method::Replace, families, Timestamp::from_unix_seconds(1));
        store.push(&Scope::for_test(tenant), push).wait().unwrap();
    }
    store
}

fn identify() -> Arc<exposition::StoredSeries> {
    Arc::new(exposition::StoredSeries(SeriesHasher::with_key([1; 16])))
}

/// All of a body, none of whose pieces may be much larger than they are meant to be.
fn text_of(mut body: Written) -> String {
    let mut whole = Vec::new();
    while let Some(data) = body.next() {
        assert!(data.len() < 3 * PIECE_BYTES, "{} bytes in one piece", data.len());
        whole.extend_from_slice(&data);
    }
    String::from_utf8(whole).unwrap()
}

fn fleet_of(store: &Store) -> Written {
    let reading = Reading { tenants: Readings::default(), namespace_label: "tenant".into(), prefix_job: false };
    let snapshot = store.fleet_snapshot(&FleetScope::for_test(None));
    Written::of_fleet(snapshot, reading.into(), Negotiated::default())
}

#[test]
fn a_large_family_is_written_in_small_pieces_and_whole() {
    let large: String = (0..20_000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
    let store = store_of(&[("blue", "m 1\nz 1\n"), ("red", &large)]);
    let snapshot = store.snapshot(&Scope::for_test("red"));
    let tenant = text_of(Written::of_tenant(snapshot, Negotiated::default()));
    let fleet = text_of(fleet_of(&store));
    assert_eq!(tenant.lines().filter(|line| line.starts_with("m{")).count(), 20_000);
    for n in 0..20_000 {
        assert!(tenant.contains(&format!("m{{instance=\"\",job=\"j\",n=\"{n}\"}} ")));
    }
    let at_fleet = tenant.replace("m{", "m{tenant=\"red\",");
    let lines =
        |text: &str| text.lines().filter(|l| l.starts_with("m{tenant=\"red\"")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&fleet), lines(&at_fleet));
    assert_eq!(fleet.matches("# TYPE m ").count(), 1);
}

#[test]
fn a_large_flattened_family_has_each_header_once() {
    let large: String = (0..5_000).map(|n| format!("m_sum{{n=\"{n}\"}} 1\nm_count{{n=\"{n}\"}} 1\n")).collect();
    let large = format!("# TYPE m summary\n{large}");
    let fleet = text_of(fleet_of(&store_of(&[("blue", "m_sum 1\n"), ("red", &large)])));
    for line in ["m_sum", "m_count"] {
        assert_eq!(fleet.matches(&format!("# TYPE {line} untyped\n")).count(), 1);
        assert_eq!(fleet.matches(&format!("{line}{{tenant=\"red\"")).count(), 5_000);
    }
    assert_eq!(fleet.matches("# TYPE m ").count(), 0);
}

#[test]
fn lines_that_are_looked_for_among_many_others_keep_no_thread_that_serves() {
    let buckets: String = (0..40_000).map(|n| format!("s_bucket{{le=\"{n}\"}} 1\n")).collect();
    let large = format!("# TYPE s histogram\n{buckets}s_sum 1\ns_count 1\n");
    let mut fleet = fleet_of(&store_of(&[("blue", "s_bucket 1\n"), ("red", &large)]));
    let mut pieces = Vec::new();
    while let Some(data) = fleet.next() {
        pieces.push((data.len(), fleet.takes_work()));
    }
    pieces.pop();
    // No line is called `s`, and two are `s_sum` and `s_count`: all are read for them, and nearly nothing is written.
    assert!(pieces.iter().any(|(bytes, _)| *bytes < PIECE_BYTES), "{pieces:?}");
    assert!(pieces.iter().all(|(bytes, takes_work)| *bytes >= PIECE_BYTES || *takes_work), "{pieces:?}");
}
