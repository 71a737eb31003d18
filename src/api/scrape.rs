//! GET of the metrics: a tenant's own, or an operator's over tenants.
//!
//! The snapshot is taken at once; its text is written piece by piece as the client takes it, so a scrape holds some
//! 64 KiB however much it carries.

use super::state::Api;
use super::state::Reading;
use crate::exposition::FleetLabels;
use crate::exposition::TEXT_CONTENT_TYPE;
use crate::exposition::write_fleet_lines;
use crate::exposition::write_header;
use crate::exposition::write_lines;
use crate::model::MetricKind;
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
        View::Tenant(scope) => Text::Tenant(api.store.snapshot(&scope)),
        View::Fleet(scope) => {
            let (snapshot, reading) = (api.store.fleet_snapshot(&scope), api.reading.clone());
            Text::Fleet(Box::new(FleetText { snapshot, reading, labels: None, header: None }))
        }
    };
    ([(CONTENT_TYPE, TEXT_CONTENT_TYPE), (VARY, "Accept")], Body::new(ScrapeBody { text })).into_response()
}

/// A scrape as a body.
struct ScrapeBody {
    text: Text,
}

enum Text {
    Tenant(Snapshot),
    Fleet(Box<FleetText>),
}

struct FleetText {
    snapshot: FleetSnapshot,
    reading: Arc<Reading>,
    /// The labels of the tenant last written.
    labels: Option<(TenantId, FleetLabels)>,
    /// A family's header, until its first line is there: a flattened family may have none.
    header: Option<Vec<u8>>,
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
            Self::Tenant(snapshot) => write_piece(snapshot.read(), out),
            Self::Fleet(fleet) => fleet.write_on(out),
        }
    }
}

fn write_piece(piece: Option<Piece<'_>>, out: &mut Vec<u8>) -> bool {
    match piece {
        Some(Piece::Family { name, kind, help }) => write_header(out, name, kind, help),
        Some(Piece::Lines(family)) => write_lines(out, family),
        None => return false,
    }
    true
}

impl FleetText {
    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
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
                let Some((_, labels)) = &self.labels else { return false };
                let start = out.len();
                if let Some(header) = &self.header {
                    out.extend_from_slice(header);
                }
                let first_line = out.len();
                write_fleet_lines(out, family, labels, only);
                match out.len() > first_line {
                    true => self.header = None,
                    false => out.truncate(start),
                }
                true
            }
            None => false,
        }
    }
}

fn header_of(name: &str, kind: MetricKind, help: &str) -> Vec<u8> {
    let mut header = Vec::new();
    write_header(&mut header, name, kind, help);
    header
}
