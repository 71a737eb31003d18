//! Answers that have a body, in gzip for whoever takes it.

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::header::ACCEPT_ENCODING;
use http_body::Body as HttpBody;
use std::convert::Infallible;
use tower::ServiceBuilder;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// The request's `Accept-Encoding`.
pub(super) struct Compressing {
    first: Option<HeaderValue>,
    others: Vec<HeaderValue>,
}

impl Compressing {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ACCEPT_ENCODING).iter().cloned();
        Self { first: values.next(), others: values.collect() }
    }

    /// The same answer, compressed if that was asked for and is worth it. A push's has no body, and none of this is done
    /// for it.
    pub(super) async fn compressed(self, answer: Response) -> Response {
        if answer.body().is_end_stream() {
            return answer;
        }
        let mut request = Request::new(());
        let values = self.first.into_iter().chain(self.others);
        request.headers_mut().extend(values.map(|value| (ACCEPT_ENCODING, value)));
        // Asked once, whatever the types say.
        let mut answer = Some(answer);
        let ready = tower::service_fn(move |_: Request<()>| {
            std::future::ready(Ok::<_, Infallible>(answer.take().unwrap_or_default()))
        });
        let layer = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest);
        let answer = ServiceBuilder::new().layer(layer).service(ready).oneshot(request).await;
        answer.unwrap_or_else(|never| match never {}).map(Body::new)
    }
}
