//! Who is too fast waits in line: first come, first served, for a while, and at nobody else's cost.

mod credentials;
mod leaving;
mod line;
mod places;
mod sizes;

use axum::body::Bytes;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use pushward::config::Pace;
use pushward::config::Rate;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

/// Chosen: a loaded machine is slow, and who waits this long for an answer waits for ever.
const DEADLINE: Duration = Duration::from_secs(20);

const PATH: &str = "/metrics/job/a";

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
}

/// The tenants red, whose pace `change` sets, and blue.
fn red_and_blue(change: impl FnOnce(&mut Pace)) -> GatewayBuilder {
    GatewayBuilder::new()
        .tenant_with("red", |tenant| change(&mut tenant.limits.pace))
        .token("red", "red", &Verb::ALL, |_| {})
        .tenant("blue")
}

/// A request that was begun.
struct Request(Pin<Box<dyn Future<Output = Answer>>>);

impl Request {
    async fn begun(
        client: &Client,
        method: &'static str,
        path: &'static str,
        body: impl Into<axum::body::Body>,
    ) -> Self {
        let (client, body) = (client.clone(), body.into());
        let mut request = Self(Box::pin(async move { client.send(method, path, body).await }));
        assert!(request.answer().await.is_none(), "it does not wait");
        request
    }

    /// A push that was begun and waits.
    async fn push(client: &Client) -> Self {
        Self::begun(client, "PUT", PATH, "m 1\n").await
    }

    /// Its answer, if that is there without anything else to happen.
    async fn answer(&mut self) -> Option<Answer> {
        let first = std::future::poll_fn(|cx| Poll::Ready(self.0.as_mut().poll(cx)));
        match first.await {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    async fn waits(&mut self) {
        assert!(self.answer().await.is_none(), "it does not wait any more");
    }

    async fn answered(self) -> Answer {
        tokio::time::timeout(DEADLINE, self.0).await.expect("it still waits")
    }
}

/// What can be answered is answered at the first look: nothing is waited for.
async fn at_once(client: &Client) -> Answer {
    let mut push = Request(Box::pin({
        let client = client.clone();
        async move { client.put(PATH, "m 1\n").await }
    }));
    push.answer().await.expect("it does not wait")
}

/// A body in frames, which may say how long it is, and may never end.
struct Frames {
    /// The last first.
    frames: Vec<Bytes>,
    ends: bool,
    length: Option<u64>,
    asked: Arc<AtomicBool>,
}

impl Frames {
    /// With it whether anybody has asked for the first frame.
    fn of<'f>(frames: impl IntoIterator<Item = &'f str>) -> (Self, Arc<AtomicBool>) {
        let mut frames: Vec<_> = frames.into_iter().map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect();
        frames.reverse();
        let asked = Arc::new(AtomicBool::new(false));
        (Self { frames, ends: true, length: None, asked: asked.clone() }, asked)
    }

    /// One that says that it is so long, and of which nothing comes.
    fn promised(length: u64) -> Self {
        Self { ends: false, length: Some(length), ..Self::of([]).0 }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.asked.store(true, Ordering::Release);
        match self.frames.pop() {
            Some(frame) => Poll::Ready(Some(Ok(Frame::data(frame)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

fn start(builder: GatewayBuilder) -> (TestGateway, Client) {
    let gateway = builder.start();
    let red = gateway.client("red");
    (gateway, red)
}
