//! GET of the metrics: a tenant's own, or an operator's over tenants.
//!
//! The snapshot is taken at once; its text is written piece by piece as the client takes it, so a scrape holds some
//! 64 KiB and the longest line however much it carries, in however large families.

use super::state::Api;
use super::state::Reading;
use crate::exposition::FleetLabels;
use crate::exposition::TEXT_CONTENT_TYPE;
use crate::exposition::lines_from;
use crate::exposition::write_fleet_lines;
use crate::exposition::write_header;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use crate::namespace::View;
use crate::store::FleetPiece;
use crate::store::FleetSnapshot;
use crate::store::Piece;
use crate::store::Snapshot;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::header::VARY;
use http_body::Body as HttpBody;
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

/// What is written before it is handed on: four TLS records.
const PIECE_BYTES: usize = 64 << 10;

/// The view of whoever asks, in the text format 0.0.4.
pub async fn scrape(State(api): State<Api>, view: View) -> Response {
    let text = match view {
        View::Tenant(scope) => Text::Tenant(TenantText { snapshot: api.store.snapshot(&scope), part: None }),
        View::Fleet(scope) => {
            let (snapshot, reading) = (api.store.fleet_snapshot(&scope), api.reading.clone());
            Text::Fleet(Box::new(FleetText { snapshot, reading, labels: None, header: None, part: None }))
        }
    };
    ([(CONTENT_TYPE, TEXT_CONTENT_TYPE), (VARY, "Accept")], Body::new(ScrapeBody { text })).into_response()
}

/// A scrape as a body.
struct ScrapeBody {
    text: Text,
}

enum Text {
    Tenant(TenantText),
    Fleet(Box<FleetText>),
}

struct TenantText {
    snapshot: Snapshot,
    part: Option<Part>,
}

struct FleetText {
    snapshot: FleetSnapshot,
    reading: Arc<Reading>,
    /// The labels of the tenant last written.
    labels: Option<(TenantId, FleetLabels)>,
    /// A family's header, until its first line is there: a flattened family may have none.
    header: Option<Vec<u8>>,
    part: Option<Part>,
}

/// A family of which the lines before `at` are written. Nothing bounds a family but its tenant's quota.
struct Part {
    family: Arc<PreparedFamily>,
    /// The one line name to be written, where the family is flattened.
    only: Option<String>,
    at: usize,
}

impl Part {
    /// What stands behind `written` bytes, if anything does.
    fn behind(written: usize, family: &Arc<PreparedFamily>, only: Option<&str>) -> Option<Self> {
        let left = written < family.lines().len();
        left.then(|| Self { family: family.clone(), only: only.map(str::to_owned), at: written })
    }
}

impl HttpBody for ScrapeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while out.len() < PIECE_BYTES && self.text.write_on(&mut out) {}
        Poll::Ready((!out.is_empty()).then(|| Ok(Frame::data(out.into()))))
    }
}

impl Text {
    /// Writes one step; false at the end.
    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Tenant(tenant) => tenant.write_on(out),
            Self::Fleet(fleet) => fleet.write_on(out),
        }
    }
}

impl TenantText {
    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(part) = self.part.take() {
            self.part = write_lines(out, &part.family, part.at);
            return true;
        }
        match self.snapshot.read() {
            Some(Piece::Family { name, kind, help }) => write_header(out, name, kind, help),
            Some(Piece::Lines(family)) => self.part = write_lines(out, family, 0),
            None => return false,
        }
        true
    }
}

/// Writes lines of `family` from `at` on, and hands back what is left of it.
fn write_lines(out: &mut Vec<u8>, family: &Arc<PreparedFamily>, at: usize) -> Option<Part> {
    let lines = lines_from(family, at, PIECE_BYTES);
    out.extend_from_slice(lines);
    Part::behind(at + lines.len(), family, None)
}

impl FleetText {
    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(part) = self.part.take() {
            self.part = self.write_lines(out, &part.family, part.only.as_deref(), part.at);
            return true;
        }
        match self.snapshot.read() {
            Some(FleetPiece::Family { name, kind, help }) => {
                self.header = Some(header_of(name, kind, help));
                true
            }
            Some(FleetPiece::Lines { tenant, family, only }) => {
                if self.labels.as_ref().is_none_or(|(last, _)| last != tenant) {
                    let labels = FleetLabels::new(&self.reading.namespace_label, tenant, self.reading.prefix_job);
                    self.labels = Some((tenant.clone(), labels));
                }
                let (family, only) = (family.clone(), only.map(str::to_owned));
                self.part = self.write_lines(out, &family, only.as_deref(), 0);
                true
            }
            None => false,
        }
    }

    /// As for a tenant, and before the first line its family's header.
    fn write_lines(
        &mut self,
        out: &mut Vec<u8>,
        family: &Arc<PreparedFamily>,
        only: Option<&str>,
        at: usize,
    ) -> Option<Part> {
        let (_, labels) = self.labels.as_ref()?;
        let start = out.len();
        if let Some(header) = &self.header {
            out.extend_from_slice(header);
        }
        let first_line = out.len();
        let lines = lines_from(family, at, PIECE_BYTES);
        write_fleet_lines(out, family, lines, labels, only);
        match out.len() > first_line {
            true => self.header = None,
            false => out.truncate(start),
        }
        Part::behind(at + lines.len(), family, only)
    }
}

fn header_of(name: &str, kind: MetricKind, help: &str) -> Vec<u8> {
    let mut header = Vec::new();
    write_header(&mut header, name, kind, help);
    header
}

#[cfg(test)]
mod tests {
    use super::FleetText;
    use super::PIECE_BYTES;
    use super::ScrapeBody;
    use super::TenantText;
    use super::Text;
    use crate::api::state::Reading;
    use crate::config::Namespace;
    use crate::exposition;
    use crate::model::GroupingKey;
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
    use http_body_util::BodyExt;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn store_of(pushes: &[(&str, &str)]) -> Store {
        let quota = Quota { groups_max: 9, series_max: 1 << 20, stored_bytes_max: 1 << 30 };
        let tenants = pushes.iter().map(|(name, _)| (TenantId::parse(name).unwrap(), quota));
        let reserved = Namespace::default().names_reserved;
        let store = Store::new(tenants, &reserved, Arc::new(MemoryJournal), exposition::own_gauge);
        let key = GroupingKey::new::<&str, &str>("j", []).unwrap();
        for (tenant, body) in pushes {
            let pushed = exposition::text::parse(body.as_bytes(), TextDialect::Strict).unwrap();
            let hasher = SeriesHasher::with_key([1; 16]);
            let families = exposition::prepare(pushed, &key, &hasher, "tenant", u64::MAX).unwrap();
            let push = Push::new(key.clone(), Method::Replace, families, Timestamp::from_unix_seconds(1));
            store.push(&Scope::for_test(tenant), &push).unwrap();
        }
        store
    }

    /// All of a body, none of whose pieces may be much larger than they are meant to be.
    async fn text_of(text: Text) -> String {
        let mut body = ScrapeBody { text };
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            assert!(data.len() < 3 * PIECE_BYTES, "{} bytes in one piece", data.len());
            whole.extend_from_slice(&data);
        }
        String::from_utf8(whole).unwrap()
    }

    fn fleet_of(store: &Store) -> Text {
        let reading = Reading { tenants: BTreeMap::new(), namespace_label: "tenant".into(), prefix_job: false };
        let snapshot = store.fleet_snapshot(&FleetScope::for_test(None));
        Text::Fleet(Box::new(FleetText { snapshot, reading: reading.into(), labels: None, header: None, part: None }))
    }

    #[tokio::test]
    async fn a_large_family_is_written_in_small_pieces_and_whole() {
        let large: String = (0..20_000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
        let store = store_of(&[("blue", "m 1\nz 1\n"), ("red", &large)]);
        let snapshot = store.snapshot(&Scope::for_test("red"));
        let tenant = text_of(Text::Tenant(TenantText { snapshot, part: None })).await;
        let fleet = text_of(fleet_of(&store)).await;
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

    #[tokio::test]
    async fn a_large_flattened_family_has_each_header_once() {
        let large: String = (0..5_000).map(|n| format!("m_sum{{n=\"{n}\"}} 1\nm_count{{n=\"{n}\"}} 1\n")).collect();
        let large = format!("# TYPE m summary\n{large}");
        let fleet = text_of(fleet_of(&store_of(&[("blue", "m_sum 1\n"), ("red", &large)]))).await;
        for line in ["m_sum", "m_count"] {
            assert_eq!(fleet.matches(&format!("# TYPE {line} untyped\n")).count(), 1);
            assert_eq!(fleet.matches(&format!("{line}{{tenant=\"red\"")).count(), 5_000);
        }
        assert_eq!(fleet.matches("# TYPE m ").count(), 0);
    }
}
