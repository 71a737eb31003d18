//! GET of the metrics: a tenant's own, or an operator's over tenants.
//!
//! The snapshot is taken at once; it is written piece by piece as the client takes it, so a scrape holds some 64 KiB and
//! the longest line however much it carries. Protobuf says a family's length before the family, so there it holds one
//! family.

use super::call::Call;
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
use crate::limits::Place;
use crate::limits::ScrapePlace;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::store::FleetPiece;
use crate::store::FleetSnapshot;
use crate::store::Piece;
use crate::store::Snapshot;
use axum::response::IntoResponse;
use axum::response::Response;
use http::header::ACCEPT;
use http::header::CONTENT_TYPE;
use http::header::VARY;
use std::sync::Arc;

/// What is written before it is handed on: four TLS records.
const PIECE_BYTES: usize = 64 << 10;

/// The view of whoever asks, in the format that is asked for.
pub async fn scrape(Call { api, scope: view, head, .. }: Call<View>) -> Result<Response, Rejection> {
    let (view, own, shared) = in_turn(&api, view).await?;
    let tenant = view.tenant().cloned();
    let accept = head.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let negotiated = Negotiated::of(accept);
    let (pin, source) = match view {
        View::Tenant(scope) => (api.store.pin(&scope), Source::Tenant(api.store.snapshot(&scope))),
        View::Fleet(scope) => {
            let pin = api.store.fleet_pin(&scope);
            let (snapshot, reading) = (api.store.fleet_snapshot(&scope), api.reading.clone());
            (pin, Source::Fleet(Box::new(FleetSource { snapshot, reading, labels: None })))
        }
    };
    let body =
        api.readers.answer(&api.clock, tenant, pin, shared, ScrapeBody { source, writer: Writer::new(negotiated) });
    let headers = [(CONTENT_TYPE, negotiated.content_type()), (VARY, "Accept".to_owned())];
    Ok((headers, own.held_by(body)).into_response())
}

/// A view when a scrape may have it, as it is by then, with its places among its own party's scrapes and among all.
pub(super) async fn in_turn(api: &Api, view: View) -> Result<(View, Place, ScrapePlace), Rejection> {
    let own = view.meter().scrape().await?;
    let shared = api.scrape_place(&view).await?;
    Ok((view.renewed().await?, own, shared))
}

/// A scrape as a body.
struct ScrapeBody {
    source: Source,
    writer: Writer,
}

enum Source {
    Tenant(Snapshot),
    Fleet(Box<FleetSource>),
}

struct FleetSource {
    snapshot: FleetSnapshot,
    reading: Arc<Reading>,
    /// The labels of the tenant last written.
    labels: Option<(TenantId, FleetLabels)>,
}

/// A family of which the lines before `at` are written. Nothing bounds a family but its tenant's quota.
struct Part {
    family: Arc<PreparedFamily>,
    /// The one line name to be written, where the family is flattened.
    only: Option<String>,
    at: usize,
}

impl Pieces for ScrapeBody {
    fn next(&mut self) -> Option<Vec<u8>> {
        let Self { source, writer } = self;
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while out.len() < PIECE_BYTES {
            if !source.write_on(writer, &mut out) {
                writer.end(&mut out);
                break;
            }
        }
        (!out.is_empty()).then_some(out)
    }
}

impl Source {
    /// Writes one step; false at the end.
    fn write_on(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> bool {
        let escaping = writer.negotiated.escaping;
        match self {
            Self::Tenant(_) if writer.part.is_some() => writer.lines(out, &Shown::to_tenant(escaping)),
            Self::Tenant(snapshot) => match snapshot.read() {
                Some(Piece::Family { name, kind, help }) => writer.family(out, name, kind, help),
                Some(Piece::Lines(family)) => writer.begin(family, None),
                None => return false,
            },
            Self::Fleet(fleet) => return fleet.write_on(writer, out),
        }
        true
    }
}

impl FleetSource {
    fn write_on(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> bool {
        if writer.part.is_some()
            && let Some((_, labels)) = &self.labels
        {
            writer.lines(out, &Shown::to_operator(writer.negotiated.escaping, labels));
            return true;
        }
        match self.snapshot.read() {
            Some(FleetPiece::Family { name, kind, help }) => writer.family(out, name, kind, help),
            Some(FleetPiece::Lines { tenant, family, only }) => {
                if self.labels.as_ref().is_none_or(|(last, _)| last != tenant) {
                    let labels = FleetLabels::new(&self.reading.namespace_label, tenant, self.reading.prefix_job);
                    self.labels = Some((tenant.clone(), labels));
                }
                writer.begin(family, only);
            }
            None => return false,
        }
        true
    }
}

/// Writes families in the format agreed on. A family is begun when its first line is there: a flattened one may turn out
/// to have none.
struct Writer {
    negotiated: Negotiated,
    header: Vec<u8>,
    message: FamilyMessage,
    /// What is to be written before anything else is read.
    part: Option<Part>,
}

impl Writer {
    fn new(negotiated: Negotiated) -> Self {
        Self { negotiated, header: Vec::new(), message: FamilyMessage::default(), part: None }
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

    /// Lines are to come: all of the family's, or those of one name.
    fn begin(&mut self, family: &Arc<PreparedFamily>, only: Option<&str>) {
        self.part = Some(Part { family: family.clone(), only: only.map(str::to_owned), at: 0 });
    }

    /// Writes some of the lines that are to come.
    fn lines(&mut self, out: &mut Vec<u8>, shown: &Shown<'_>) {
        let Some(mut part) = self.part.take() else { return };
        let (family, only) = (&*part.family, part.only.as_deref());
        if self.negotiated.format == ScrapeFormat::Protobuf {
            self.message.add(family, shown, only);
            return;
        }
        let lines = lines_from(family, part.at, PIECE_BYTES);
        let start = out.len();
        out.extend_from_slice(&self.header);
        let first_line = out.len();
        write_lines(out, family, lines, shown, only);
        match out.len() > first_line {
            true => self.header.clear(),
            false => out.truncate(start),
        }
        part.at += lines.len();
        if part.at < part.family.lines().len() {
            self.part = Some(part);
        }
    }

    /// Writes what is held of the family before.
    fn end(&mut self, out: &mut Vec<u8>) {
        std::mem::take(&mut self.message).write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::FleetSource;
    use super::PIECE_BYTES;
    use super::Pieces;
    use super::ScrapeBody;
    use super::Source;
    use super::Writer;
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
        let store = Store::new(tenants, &reserved, Arc::new(MemoryJournal), exposition::own_gauge);
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

    /// All of a body, none of whose pieces may be much larger than they are meant to be.
    fn text_of(source: Source) -> String {
        let mut body = ScrapeBody { source, writer: Writer::new(Negotiated::of(std::iter::empty())) };
        let mut whole = Vec::new();
        while let Some(data) = body.next() {
            assert!(data.len() < 3 * PIECE_BYTES, "{} bytes in one piece", data.len());
            whole.extend_from_slice(&data);
        }
        String::from_utf8(whole).unwrap()
    }

    fn fleet_of(store: &Store) -> Source {
        let reading = Reading { tenants: Readings::default(), namespace_label: "tenant".into(), prefix_job: false };
        let snapshot = store.fleet_snapshot(&FleetScope::for_test(None));
        Source::Fleet(Box::new(FleetSource { snapshot, reading: reading.into(), labels: None }))
    }

    #[test]
    fn a_large_family_is_written_in_small_pieces_and_whole() {
        let large: String = (0..20_000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
        let store = store_of(&[("blue", "m 1\nz 1\n"), ("red", &large)]);
        let snapshot = store.snapshot(&Scope::for_test("red"));
        let tenant = text_of(Source::Tenant(snapshot));
        let fleet = text_of(fleet_of(&store));
        assert_eq!(tenant.lines().filter(|line| line.starts_with("m{")).count(), 20_000);
        for n in 0..20_000 {
            assert!(tenant.contains(&format!("m{{instance=\"\",job=\"j\",n=\"{n}\"}} ")));
        }
        let at_fleet = tenant.replace("m{", "m{tenant=\"red\",");
        let lines = |text: &str| {
            text.lines().filter(|l| l.starts_with("m{tenant=\"red\"")).map(str::to_owned).collect::<Vec<_>>()
        };
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
}
