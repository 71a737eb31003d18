//! `GET /api/v1/metrics`: groups as Pushgateway's JSON API shows them.
//!
//! Written as the client takes it: what is held is a page of one family, and the names within one group. A pushed family
//! named `labels` or `last_push_successful` stands where Pushgateway puts it, in the place of the group's own key.

use super::call::Call;
use super::compressed::Zipped;
use super::encoding::takes_gzip;
use super::readers::Pieces;
use super::scrape::in_turn;
use super::state::Reading;
use crate::exposition::FleetLabels;
use crate::exposition::write_json_header;
use crate::exposition::write_json_labels;
use crate::exposition::write_json_metrics;
use crate::exposition::write_json_string;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::store::Catalogue;
use crate::store::GroupView;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use http::header::VARY;
use std::sync::Arc;

/// What is written before it is handed on: four TLS records.
const PIECE_BYTES: usize = 64 << 10;

/// The groups of whoever asks.
pub async fn catalogue(Call { api, scope: view, head, .. }: Call<View>) -> Result<Response, Rejection> {
    let (view, own, shared) = in_turn(&api, view).await?;
    let tenant = view.tenant().cloned();
    let (pin, groups, of_fleet) = match view {
        View::Tenant(scope) => (api.store.pin(&scope), api.store.catalogue(&scope), None),
        View::Fleet(scope) => {
            (api.store.fleet_pin(&scope), api.store.fleet_catalogue(&scope), Some(api.reading.clone()))
        }
    };
    let body = CatalogueBody { groups, of_fleet, open: None, written: Written::Nothing };
    let gzip = takes_gzip(&head.headers);
    let body = match gzip {
        true => api.readers.answer(&api.clock, tenant, pin, shared, Zipped::new(body)),
        false => api.readers.answer(&api.clock, tenant, pin, shared, body),
    };
    let named = [(CONTENT_TYPE, "application/json"), (VARY, "Accept-Encoding")];
    let mut answer = (named, own.held_by(body)).into_response();
    if gzip {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}

struct CatalogueBody {
    groups: Catalogue,
    /// How an operator's view is written, for an operator.
    of_fleet: Option<Arc<Reading>>,
    open: Option<Open>,
    written: Written,
}

/// How far the answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Nothing,
    Beginning,
    Groups,
    All,
}

/// The group being written.
struct Open {
    group: GroupView,
    fleet: Option<FleetLabels>,
    keys: std::vec::IntoIter<Key>,
    /// The family being written, and where its next page begins.
    family: Option<(usize, usize)>,
    first: bool,
}

/// A key of a group's object.
#[derive(Clone, Copy)]
enum Key {
    Labels,
    LastPushSuccessful,
    Family(usize),
}

impl Pieces for CatalogueBody {
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while out.len() < PIECE_BYTES && self.write_on(&mut out) {}
        (!out.is_empty()).then_some(out)
    }
}

impl CatalogueBody {
    /// Writes one step; false at the end.
    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
        match self.written {
            Written::Nothing => {
                out.extend_from_slice(b"{\"status\":\"success\",\"data\":[");
                self.written = Written::Beginning;
                return true;
            }
            Written::All => return false,
            Written::Beginning | Written::Groups => {}
        }
        if let Some(open) = &mut self.open {
            if !open.write_on(out) {
                out.push(b'}');
                self.open = None;
            }
            return true;
        }
        match self.groups.read() {
            Some(group) => {
                out.extend_from_slice(if self.written == Written::Groups { b",{" } else { b"{" });
                self.written = Written::Groups;
                self.open = Some(Open::new(group, self.of_fleet.as_deref()));
            }
            None => {
                out.extend_from_slice(b"]}");
                self.written = Written::All;
            }
        }
        true
    }
}

impl Open {
    fn new(group: GroupView, of_fleet: Option<&Reading>) -> Self {
        let fleet =
            of_fleet.map(|reading| FleetLabels::new(&reading.namespace_label, group.tenant(), reading.prefix_job));
        let families = (0..group.family_count()).filter_map(|nth| Some((group.family(nth)?.0.name, nth)));
        let mut keys: Vec<(&str, Key)> = families.map(|(name, nth)| (name, Key::Family(nth))).collect();
        for (name, key) in [("labels", Key::Labels), ("last_push_successful", Key::LastPushSuccessful)] {
            if !keys.iter().any(|(taken, _)| *taken == name) {
                keys.push((name, key));
            }
        }
        keys.sort_unstable_by_key(|(name, _)| *name);
        let keys: Vec<Key> = keys.into_iter().map(|(_, key)| key).collect();
        Self { group, fleet, keys: keys.into_iter(), family: None, first: true }
    }

    fn write_on(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some((nth, written)) = self.family {
            self.family = self.write_family(out, nth, written).map(|written| (nth, written));
            return true;
        }
        let Some(key) = self.keys.next() else { return false };
        if !std::mem::take(&mut self.first) {
            out.push(b',');
        }
        match key {
            Key::Labels => {
                out.extend_from_slice(b"\"labels\":");
                match &self.fleet {
                    None => write_json_labels(out, self.group.key().labels()),
                    Some(fleet) => {
                        let labels = fleet.of_group(self.group.key());
                        write_json_labels(out, labels.iter().map(|(name, value)| (&**name, &**value)));
                    }
                }
            }
            Key::LastPushSuccessful => {
                let last = self.group.last_push_successful();
                out.extend_from_slice(format!("\"last_push_successful\":{last}").as_bytes());
            }
            Key::Family(nth) => {
                if let Some((family, at)) = self.group.family(nth) {
                    write_json_string(out, family.name);
                    out.push(b':');
                    write_json_header(out, family, at);
                    self.family = Some((nth, 0));
                }
            }
        }
        true
    }

    /// A page of a family; none when it is at its end.
    fn write_family(&self, out: &mut Vec<u8>, nth: usize, written: usize) -> Option<usize> {
        let (family, _) = self.group.family(nth)?;
        let next = write_json_metrics(out, family, written, self.fleet.as_ref());
        if next.is_none() {
            out.extend_from_slice(b"]}");
        }
        next
    }
}
