//! Somebody who sends requests to a gateway in process, and what comes back.

use crate::listener::Asked;
use crate::listener::ClientChain;
use crate::listener::Peer;
use crate::stack::App;
use axum::body::Body;
use axum::body::Bytes;
use http::HeaderMap;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) app: App,
    /// The name of the listener.
    pub(super) listener: String,
    pub(super) chain: Option<Arc<ClientChain>>,
    pub(super) headers: HeaderMap,
    pub(super) address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub reason: Option<String>,
    pub body: Bytes,
}

impl Client {
    /// One more header on every request.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a test sends a good header"));
        self
    }

    /// The same over a connection on which these certificates were shown.
    #[must_use]
    pub fn with_certificate(mut self, chain: Arc<ClientChain>) -> Self {
        self.chain = Some(chain);
        self
    }

    /// The same from elsewhere.
    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        self.address = SocketAddr::new(address.parse().expect("a test names a good address"), 40_000);
        self
    }

    /// Sends a request and reads nothing of the answer but its head: it is under way until it is dropped.
    pub async fn begin(&self, method: &str, path: &str, body: impl Into<Body>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).body(body.into()).expect("a good request");
        request.headers_mut().extend(self.headers.clone());
        let peer = Peer::invented(self.address, true).invented_at(&self.listener);
        let peer = self.chain.iter().fold(peer, |peer, chain| peer.invented_with(chain.clone()));
        let (head, body) = request.into_parts();
        self.app.answer(Asked { peer, head: Box::new(head), body }).await
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let (head, body) = self.begin(method, path, body).await.into_parts();
        let body = body.collect().await.expect("an answer in process does not break").to_bytes();
        let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        Answer { status: head.status, headers: head.headers, reason, body }
    }

    pub async fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, body.to_owned()).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body.to_owned()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// The lines of a scrape without comments and without the gateway's own gauges.
    pub async fn scrape(&self) -> Vec<String> {
        let text = self.get("/metrics").await.ok().text();
        let pushed = |line: &&str| !line.starts_with('#') && !line.starts_with("push_");
        text.lines().filter(pushed).map(str::to_owned).collect()
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of a refusal, as its body names it.
    pub fn code(&self) -> String {
        let text = self.text();
        let code = text.rsplit_once(" [").and_then(|(_, tail)| tail.split_once(']'));
        code.map(|(code, _)| code.to_owned()).unwrap_or_default()
    }

    /// This answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        self
    }

    /// This answer, which must be this refusal.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{}", self.text());
        self
    }
}
