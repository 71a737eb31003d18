//! GET of the metrics: a tenant's own, or an operator's over tenants.
//!
//! The snapshot is taken at once; it is written piece by piece as the client takes it, so a scrape holds some 64 KiB
//! however much it carries. Protobuf says a family's length before the family, so there it holds one family.

use super::state::Api;
use super::state::Reading;
use crate::exposition::FleetLabels;
use crate::exposition::Negotiated;
use crate::exposition::ScrapeFormat;
use crate::exposition::Shown;
use crate::exposition::protobuf::FamilyMessage;
use crate::exposition::write_header;
use crate::exposition::write_lines;
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
use http::HeaderMap;
use http::header::ACCEPT;
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

/// The view of whoever asks, in the format that is asked for.
pub async fn scrape(State(api): State<Api>, view: View, headers: HeaderMap) -> Response {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let negotiated = Negotiated::of(accept);
    let source = match view {
        View::Tenant(scope) => Source::Tenant(api.store.snapshot(&scope)),
        View::Fleet(scope) => {
            let (snapshot, reading) = (api.store.fleet_snapshot(&scope), api.reading.clone());
            Source::Fleet(Box::new(FleetSource { snapshot, reading, labels: None }))
        }
    };
    let body = ScrapeBody { source, writer: Writer::new(negotiated) };
    ([(CONTENT_TYPE, negotiated.content_type()), (VARY, "Accept".to_owned())], Body::new(body)).into_response()
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

impl HttpBody for ScrapeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { source, writer } = &mut *self;
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while out.len() < PIECE_BYTES {
            if !source.write_on(writer, &mut out) {
                writer.end(&mut out);
                break;
            }
        }
        Poll::Ready((!out.is_empty()).then(|| Ok(Frame::data(out.into()))))
    }
}

impl Source {
    /// Writes one step; false at the end.
    fn write_on(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Tenant(snapshot) => match snapshot.read() {
                Some(Piece::Family { name, kind, help }) => writer.family(out, name, kind, help),
                Some(Piece::Lines(family)) => {
                    let shown = Shown::to_tenant(writer.negotiated.escaping);
                    writer.lines(out, family, &shown, None);
                }
                None => return false,
            },
            Self::Fleet(fleet) => return fleet.write_on(writer, out),
        }
        true
    }
}

impl FleetSource {
    fn write_on(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> bool {
        match self.snapshot.read() {
            Some(FleetPiece::Family { name, kind, help }) => writer.family(out, name, kind, help),
            Some(FleetPiece::Lines { tenant, family, only }) => {
                if self.labels.as_ref().is_none_or(|(last, _)| last != tenant) {
                    let labels = FleetLabels::new(&self.reading.namespace_label, tenant, self.reading.prefix_job);
                    self.labels = Some((tenant.clone(), labels));
                }
                let Some((_, labels)) = &self.labels else { return false };
                let shown = Shown::to_operator(writer.negotiated.escaping, labels);
                writer.lines(out, family, &shown, only);
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
}

impl Writer {
    fn new(negotiated: Negotiated) -> Self {
        Self { negotiated, header: Vec::new(), message: FamilyMessage::default() }
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

    fn lines(&mut self, out: &mut Vec<u8>, family: &PreparedFamily, shown: &Shown<'_>, only: Option<&str>) {
        if self.negotiated.format == ScrapeFormat::Protobuf {
            self.message.add(family, shown, only);
            return;
        }
        let start = out.len();
        out.extend_from_slice(&self.header);
        let first_line = out.len();
        write_lines(out, family, shown, only);
        match out.len() > first_line {
            true => self.header.clear(),
            false => out.truncate(start),
        }
    }

    /// Writes what is held of the family before.
    fn end(&mut self, out: &mut Vec<u8>) {
        std::mem::take(&mut self.message).write(out);
    }
}
