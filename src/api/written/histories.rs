//! Whatever was pushed, deleted and scraped before: what is put together from pages and kept blocks is what a plain
//! rendering of the same pushes shows.

use super::Written;
use crate::api::compressed::Again;
use crate::api::compressed::Compressed;
use crate::api::compressed::FinishedLists;
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
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
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
use flate2::read::GzDecoder;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

const TENANTS: [&str; 2] = ["blue", "red"];
/// How long a label's value is: so that rows are small and large, and pages fill up.
const LENGTHS: [usize; 4] = [0, 700, 9_000, 40_000];

#[derive(Clone, Debug)]
enum Op {
    Push { tenant: usize, group: usize, method: Method, body: String },
    Delete { tenant: usize, group: usize },
    Wipe { tenant: usize },
    Scrape { escaping: Escaping },
}

fn op() -> impl Strategy<Value = Op> {
    let help = prop_oneof![Just(""), Just("one"), Just("two")];
    // A gauge `s_count` and a summary `s` contradict each other where tenants meet.
    let family = ("[ab]|s_count|s|\"u\\.v\"", help, prop::sample::select(&LENGTHS[..]), 0..9).prop_map(
        |(name, help, length, value)| {
            let text = "x".repeat(length);
            let head = if help.is_empty() { String::new() } else { format!("# HELP {name} {help}\n") };
            match &*name {
                "s" => {
                    format!("{head}# TYPE s summary\ns_sum{{t=\"{text}\"}} {value}\ns_count{{t=\"{text}\"}} {value}\n")
                }
                "\"u.v\"" => format!("{head}{{{name},t=\"{text}\"}} {value}\n"),
                "b" => format!("{head}b{{tenant=\"{text}\"}} {value}\nb{{t=\"tenant=\"}} {value}\n"),
                _ => format!("{head}{name}{{t=\"{text}\"}} {value}\n"),
            }
        },
    );
    let body = prop::collection::vec(family, 0..4).prop_map(|families| families.concat());
    let method = prop_oneof![Just(Method::Replace), Just(Method::Merge)];
    let escaping =
        prop_oneof![3 => Just(Escaping::Underscores), 1 => Just(Escaping::AllowUtf8), 1 => Just(Escaping::Dots)];
    prop_oneof![
        12 => (0..2_usize, 0..5_usize, method, body)
            .prop_map(|(tenant, group, method, body)| Op::Push { tenant, group, method, body }),
        2 => (0..2_usize, 0..5_usize).prop_map(|(tenant, group)| Op::Delete { tenant, group }),
        1 => (0..2_usize).prop_map(|tenant| Op::Wipe { tenant }),
        5 => escaping.prop_map(|escaping| Op::Scrape { escaping }),
    ]
}

fn key(group: usize) -> GroupingKey {
    let labels =
        [[("instance", "i")].as_slice(), &[], &[("zone", "z")], &[("tenant", "t")], &[("exported_tenant", "")]];
    GroupingKey::new(&format!("job{}", group % 3), labels[group].iter().copied()).unwrap()
}

fn hasher() -> SeriesHasher {
    SeriesHasher::with_key([1; 16])
}

/// The families of each group by their names, as plain as can be.
type Model = [BTreeMap<GroupingKey, BTreeMap<String, PreparedFamily>>; 2];

struct Site {
    store: Arc<Store>,
    reading: Arc<Reading>,
    finished: FinishedLists,
    model: Model,
}

impl Site {
    fn new() -> Self {
        let quota = Quota { groups_max: 9, series_max: 1 << 20, stored_bytes_max: 1 << 30 };
        let terms = TenantTerms { quota, durability: Durability::Memory };
        let tenants = TENANTS.iter().map(|name| (TenantId::parse(name).unwrap(), terms));
        let reserved = Namespace::default().names_reserved;
        let identify = Arc::new(exposition::StoredSeries(hasher()));
        let store = Store::new(tenants, &reserved, Arc::new(MemoryJournal), exposition::OWN_GAUGES, identify);
        let reading = Reading { tenants: Readings::default(), namespace_label: "tenant".into(), prefix_job: false };
        let (finished, model) = (FinishedLists::default(), Model::default());
        Self { store: Arc::new(store), reading: Arc::new(reading), finished, model }
    }

    fn push(&mut self, tenant: usize, group: usize, method: Method, body: &str) {
        let key = key(group);
        let Ok(parsed) = exposition::text::parse(body.as_bytes(), TextDialect::Lenient, NameScheme::Utf8) else {
            return;
        };
        let Ok(families) = exposition::prepare(parsed, &key, &hasher(), "tenant", u64::MAX) else { return };
        let push = Push::new(key.clone(), method, families.clone(), Timestamp::from_unix_seconds(1));
        if self.store.push(&Scope::for_test(TENANTS[tenant]), push).wait().is_ok() {
            let held = self.model[tenant].entry(key).or_default();
            if method == Method::Replace {
                held.clear();
            }
            held.extend(families.into_iter().map(|family| (family.escaped_name().to_string(), family)));
        }
    }

    fn snapshot(&self, narrowed: Option<&Scope>, tenant: usize, negotiated: Negotiated) -> Written {
        let whole = Scope::for_test(TENANTS[tenant]);
        Written::of_tenant(self.store.snapshot(narrowed.unwrap_or(&whole)), negotiated)
    }

    fn fleet(&self, negotiated: Negotiated) -> Written {
        let snapshot = self.store.fleet_snapshot(&FleetScope::for_test(None));
        Written::of_fleet(snapshot, self.reading.clone(), negotiated)
    }

    /// Each family of what these groups hold, in the order of names: its header, and its lines in their order as texts.
    fn plain(
        &self,
        tenant: usize,
        admits: impl Fn(&GroupingKey) -> bool,
        shown: &Shown<'_>,
        escaping: Escaping,
    ) -> Shape {
        let mut families: BTreeMap<&str, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
        for (_, held) in self.model[tenant].iter().filter(|(key, _)| admits(key)) {
            for (name, family) in held {
                let (header, lines) = families.entry(name).or_insert_with(|| {
                    let mut header = Vec::new();
                    exposition::write_header(&mut header, family.name(), family.kind(), family.help(), escaping);
                    (header, Vec::new())
                });
                if header.is_empty() {
                    continue;
                }
                exposition::write_lines(lines, family, family.lines(), shown, None);
            }
        }
        families.into_values().flat_map(|(header, lines)| shape(&[header, lines].concat())).collect()
    }
}

/// Headers in their order, and under each its lines in the order of texts; the gateway's own gauges left out.
type Shape = Vec<(String, Vec<String>)>;

fn shape(text: &[u8]) -> Shape {
    let mut shape = Shape::new();
    let mut header = String::new();
    for line in std::str::from_utf8(text).unwrap().lines() {
        if line.starts_with('#') {
            header.push_str(line);
            if line.starts_with("# TYPE") {
                shape.push((std::mem::take(&mut header), Vec::new()));
            }
        } else {
            shape.last_mut().unwrap().1.push(line.to_owned());
        }
    }
    shape.iter_mut().for_each(|(_, lines)| lines.sort());
    shape.retain(|(header, _)| !header.contains(" push"));
    shape
}

fn whole(mut pieces: impl Pieces) -> Vec<u8> {
    std::iter::from_fn(|| pieces.next()).flatten().collect()
}

fn unzipped(pieces: impl Pieces) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(&*whole(pieces)).read_to_end(&mut plain).unwrap();
    plain
}

fn scrape(site: &Site, escaping: Escaping) -> Result<(), TestCaseError> {
    let negotiated = Negotiated { format: ScrapeFormat::Text, escaping };
    let zipped = |written| unzipped(Compressed::new(site.store.clone(), written));
    let shown = Shown::to_tenant(escaping);
    for (tenant, name) in TENANTS.iter().enumerate() {
        let narrow = Scope::for_test_narrowed(name, &["job0", "job1"], &[]);
        let narrow = [None, Some(&narrow)];
        for scope in narrow {
            let identity = whole(site.snapshot(scope, tenant, negotiated));
            let admits = |key: &GroupingKey| scope.is_none_or(|scope| scope.admits(key));
            prop_assert_eq!(shape(&identity), site.plain(tenant, admits, &shown, escaping));
            for _ in 0..2 {
                prop_assert!(zipped(site.snapshot(scope, tenant, negotiated)) == identity, "gzip is another text");
            }
        }
    }
    let identity = whole(site.fleet(negotiated));
    let mut expected = Vec::new();
    for (tenant, name) in TENANTS.iter().enumerate() {
        let labels = FleetLabels::new("tenant", &TenantId::parse(name).unwrap(), false);
        let shown = Shown::to_operator(escaping, &labels);
        expected.extend(site.plain(tenant, |_| true, &shown, escaping).into_iter().flat_map(|(_, lines)| lines));
    }
    let fleet = shape(&identity);
    let mut lines: Vec<_> = fleet.iter().flat_map(|(_, lines)| lines.clone()).collect();
    lines.sort();
    expected.sort();
    // What is flattened is escaped as a name, and else what stands behind a name is not.
    prop_assert!(escaping == Escaping::Dots || lines == expected, "{lines:?} for {expected:?}");
    let mut names: Vec<_> =
        fleet.iter().map(|(header, _)| header.split("# TYPE ").nth(1).unwrap().split(' ').next()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    prop_assert_eq!(names.len(), count, "each name once");
    let version = site.store.version();
    if let Some(finished) = site.finished.of(version, negotiated) {
        prop_assert!(unzipped(Again::new(finished)) == identity, "the last answer is another text");
    }
    let remembered = Compressed::new(site.store.clone(), site.fleet(negotiated));
    prop_assert!(unzipped(remembered.remembered(version, negotiated, &site.finished)) == identity);
    let finished = site.finished.of(version, negotiated);
    prop_assert!(finished.is_none_or(|finished| unzipped(Again::new(finished)) == identity));
    Ok(())
}

#[test]
fn what_is_compressed_already_is_copied_where_it_is_and_a_little_that_is_new_is_compressed_there() {
    let mut site = Site::new();
    let large = format!("a{{t=\"{}\"}} 1\n", "x".repeat(40_000));
    (0..5).for_each(|group| site.push(0, group, Method::Replace, &large));
    let beside = |site: &Site| {
        let mut pieces = Compressed::new(site.store.clone(), site.fleet(Negotiated::default()));
        let (mut beside, mut zipped) = (pieces.takes_work(), Vec::new());
        while let Some(piece) = pieces.next() {
            zipped.extend(piece);
            beside |= pieces.takes_work();
        }
        let mut plain = Vec::new();
        GzDecoder::new(&*zipped).read_to_end(&mut plain).unwrap();
        assert!(plain == whole(site.fleet(Negotiated::default())), "gzip is another text");
        beside
    };
    assert!(beside(&site), "200 KB were compressed where pushes wait");
    assert!(!beside(&site));
    site.push(1, 0, Method::Replace, "a 1\nb 2\n");
    assert!(!beside(&site));
    (0..5).for_each(|group| site.push(1, group, Method::Replace, &large));
    assert!(beside(&site));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pages_and_kept_blocks_show_what_a_plain_rendering_shows(ops in prop::collection::vec(op(), 1..60)) {
        let mut site = Site::new();
        for op in ops.into_iter().chain([Op::Scrape { escaping: Escaping::Underscores }]) {
            match op {
                Op::Push { tenant, group, method, body } => site.push(tenant, group, method, &body),
                Op::Delete { tenant, group } => {
                    site.store.delete(&Scope::for_test(TENANTS[tenant]), &key(group)).wait().unwrap();
                    site.model[tenant].remove(&key(group));
                }
                Op::Wipe { tenant } => {
                    site.store.wipe(&Scope::for_test(TENANTS[tenant])).wait().unwrap();
                    site.model[tenant].clear();
                }
                Op::Scrape { escaping } => scrape(&site, escaping)?,
            }
        }
    }
}
