//! Answers that have a body, in gzip for whoever takes it.

use super::wanted::Values;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use http::header::ACCEPT_ENCODING;
use std::convert::Infallible;
use tower::ServiceBuilder;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// The same answer, compressed if that was asked for by the request's `Accept-Encoding` and is worth it.
pub(super) async fn compressed(answer: Response, encodings: Values) -> Response {
    let mut request = Request::new(());
    request.headers_mut().extend(encodings.into_iter().map(|value| (ACCEPT_ENCODING, value)));
    // Asked once, whatever the types say.
    let mut answer = Some(answer);
    let ready = tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(answer.take().unwrap_or_default()))
    });
    let layer = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest);
    let answer = ServiceBuilder::new().layer(layer).service(ready).oneshot(request).await;
    answer.unwrap_or_else(|never| match never {}).map(Body::new)
}
