//! GET of the metrics: a tenant's own, or an operator's over tenants.
//!
//! The snapshot is taken at once; it is written piece by piece as the client takes it, so a scrape holds some 64 KiB however
//! much it carries ([`Written`]). As gzip it is put together from pages that were compressed before ([`Compressed`]), and an
//! operator's in which nothing changed is the last one again ([`Finished`](super::compressed::Finished)).

use super::call::Call;
use super::compressed::Again;
use super::compressed::Compressed;
use super::encoding::takes_gzip;
use super::state::Api;
use super::written::Written;
use crate::exposition::Negotiated;
use crate::exposition::ScrapeFormat;
use crate::limits::Place;
use crate::limits::ScrapePlace;
use crate::namespace::View;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderValue;
use http::header::ACCEPT;
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use http::header::VARY;

/// The view of whoever asks, in the format that is asked for.
pub async fn scrape(Call { api, scope: view, head, .. }: Call<View>) -> Result<Response, Rejection> {
    let (view, own, shared) = in_turn(&api, view).await?;
    let accept = head.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (negotiated, gzip) = (Negotiated::of(accept), takes_gzip(&head.headers));
    let body = if gzip { zipped(&api, view, shared, negotiated) } else { plain(&api, view, shared, negotiated) };
    let named = [(CONTENT_TYPE, negotiated.content_type()), (VARY, "Accept, Accept-Encoding".to_owned())];
    let mut answer = (named, own.held_by(body)).into_response();
    if gzip {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}

fn plain(api: &Api, view: View, place: ScrapePlace, negotiated: Negotiated) -> Body {
    let tenant = view.tenant().cloned();
    let (pin, written) = Written::of(api, view, negotiated);
    api.readers.answer(&api.clock, tenant, pin, place, written)
}

fn zipped(api: &Api, view: View, place: ScrapePlace, negotiated: Negotiated) -> Body {
    let tenant = view.tenant().cloned();
    let text = negotiated.format != ScrapeFormat::Protobuf;
    let everything = text && matches!(&view, View::Fleet(scope) if scope.is_everything());
    // Before the snapshot is taken: what changes meanwhile makes it older than it is, never newer.
    let version = api.store.version();
    if everything && let Some(finished) = api.finished.of(version, negotiated) {
        return api.readers.answer(&api.clock, tenant, api.store.no_pin(), place, Again::new(finished));
    }
    let (pin, written) = Written::of(api, view, negotiated);
    let zipped = Compressed::new(api.store.clone(), written);
    let zipped = if everything { zipped.remembered(version, negotiated, &api.finished) } else { zipped };
    api.readers.answer(&api.clock, tenant, pin, place, zipped)
}

/// A view when a scrape may have it, as it is by then, with its places among its own party's scrapes and among all.
pub(super) async fn in_turn(api: &Api, view: View) -> Result<(View, Place, ScrapePlace), Rejection> {
    let own = view.meter().scrape().await?;
    let shared = api.scrape_place(&view).await?;
    Ok((view.renewed().await?, own, shared))
}
