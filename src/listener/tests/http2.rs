//! HTTP/2, where bytes alone are no request.

use super::harness::SOON;
use super::harness::Server;
use super::harness::listener;
use super::harness::millis;
use super::harness::until_closed;
use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

/// The preface and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingping";

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

async fn client(server: &Server) -> http2::SendRequest<Body> {
    let io = TokioIo::new(server.tls(&["h2"]).await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    server.tracker.spawn(async move { drop(connection.await) });
    sender
}

fn whole(size: usize) -> Body {
    Full::new(Bytes::from(vec![b'x'; size])).boxed()
}

fn post(path: &str, body: Body) -> Request<Body> {
    Request::post(format!("https://localhost{path}")).body(body).unwrap()
}

#[tokio::test]
async fn a_preface_and_no_request_is_cut() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["h2"]).await;
    client.write_all(PREFACE).await.unwrap();
    until_closed(&mut client).await;
    server.told.will_have("closed: first_request").await;
}

#[tokio::test]
async fn pings_without_end_are_no_request() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["h2"]).await;
    client.write_all(PREFACE).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(client);
    tokio::select! {
        _ = until_closed(&mut reading) => {}
        () = async {
            while writing.write_all(PING).await.is_ok() && writing.flush().await.is_ok() {
                tokio::time::sleep(millis(20)).await;
            }
            std::future::pending().await
        } => {}
    }
    server.told.will_have("closed: first_request").await;
}

#[tokio::test]
async fn pings_do_not_keep_an_idle_connection() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["h2"]).await;
    client.write_all(PREFACE).await.unwrap();
    // HEADERS, END_STREAM and END_HEADERS, stream 1: GET, https, /, by the static table.
    client.write_all(b"\0\0\x03\x01\x05\0\0\0\x01\x82\x87\x84").await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(client);
    tokio::select! {
        _ = until_closed(&mut reading) => {}
        () = async {
            while writing.write_all(PING).await.is_ok() && writing.flush().await.is_ok() {
                tokio::time::sleep(millis(20)).await;
            }
            std::future::pending().await
        } => {}
    }
    server.told.will_have("closed: idle").await;
}

#[tokio::test]
async fn requests_share_a_connection_and_know_their_peer() {
    let server = Server::secure(listener());
    let client = client(&server).await;
    let answers = (0..8).map(|_| {
        let mut client = client.clone();
        async move {
            let request = Request::get("https://localhost/peer").body(whole(0)).unwrap();
            let answer = client.send_request(request).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        }
    });
    for answer in answers {
        assert_eq!(answer.await, "test true Http2");
    }
}

#[tokio::test]
async fn a_large_push_arrives_whole() {
    let server = Server::secure(listener());
    let mut client = client(&server).await;
    let answer = client.send_request(post("/push", whole(8 << 20))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "8388608 bytes\n");
}

#[tokio::test]
async fn a_refusal_arrives_while_the_body_is_being_sent_and_the_connection_lives_on() {
    let server = Server::secure(listener());
    let mut client = client(&server).await;
    let answer = client.send_request(post("/refuse", whole(10 << 20))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "no\n");
    client.ready().await.unwrap();
    let answer = client.send_request(post("/push", whole(1))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

/// curl loses an answer that is followed by a reset while it sends, whatever the reset says.
#[tokio::test]
async fn a_refused_stream_is_read_away_for_a_while_before_it_is_reset_with_no_error() {
    let mut config = listener();
    config.deadlines.idle = SOON;
    let server = Server::secure(config);
    let mut client = server.tls(&["h2"]).await;
    client.write_all(PREFACE).await.unwrap();
    // HEADERS and END_HEADERS, stream 1: POST, https, /refuse; the body is to follow.
    client.write_all(b"\0\0\x0b\x01\x04\0\0\0\x01\x83\x87\x44\x07/refuse").await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut seen = Vec::new();
    let reset = loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        client.read_exact(&mut payload).await.unwrap();
        match (head[3], head[8]) {
            (3, 1) => break payload,
            (kind, 1) => seen.push((kind, head[4] & 1)),
            _ => {}
        }
    };
    assert_eq!(seen, [(1, 0), (0, 1)], "HEADERS, then DATA with END_STREAM");
    assert_eq!(reset, [0; 4], "NO_ERROR");
    assert!(begun.elapsed() >= millis(1900));
}

/// Some of a body, and then nothing.
struct Stuck(Option<Bytes>);

impl hyper::body::Body for Stuck {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(some) => Poll::Ready(Some(Ok(Frame::data(some)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn one_slow_body_is_refused_and_harms_no_other_request() {
    let server = Server::secure(listener());
    let mut client = client(&server).await;
    let mut other = client.clone();
    let stuck = Stuck(Some(Bytes::from_static(b"a 1"))).boxed();
    let slow = tokio::time::timeout(SOON, client.send_request(post("/push", stuck)));
    let honest = other.send_request(post("/slow", whole(1)));
    let (slow, honest) = tokio::join!(slow, honest);
    assert_eq!(slow.unwrap().unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(honest.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_is_slow_only_from_when_it_is_waited_for_and_then_it_is() {
    let server = Server::secure(listener());
    let mut client = client(&server).await;
    let stuck = Stuck(Some(Bytes::from_static(b"a 1"))).boxed();
    let answer = tokio::time::timeout(SOON, client.send_request(post("/late", stuck)));
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    client.ready().await.unwrap();
    let answer = client.send_request(post("/late", whole(100_000))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_cut_while_the_client_still_pings() {
    let mut config = listener();
    config.deadlines.answer = millis(600);
    let server = Server::secure(config);
    let mut client = server.tls(&["h2"]).await;
    client.write_all(PREFACE).await.unwrap();
    // As above, but /big by a literal path: no window update follows, so the answer stops at 64 KiB.
    client.write_all(b"\0\0\x08\x01\x05\0\0\0\x01\x82\x87\x44\x04/big").await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(client);
    tokio::select! {
        _ = until_closed(&mut reading) => {}
        () = async {
            while writing.write_all(PING).await.is_ok() && writing.flush().await.is_ok() {
                tokio::time::sleep(millis(20)).await;
            }
            std::future::pending().await
        } => {}
    }
    server.told.will_have("closed: answer").await;
}

#[tokio::test]
async fn a_stop_lets_a_request_under_way_be_answered() {
    let mut config = listener();
    config.deadlines.drain = SOON;
    let server = Server::secure(config);
    let mut client = client(&server).await;
    let answer = client.send_request(post("/slow", whole(1)));
    let stop = async {
        tokio::time::sleep(millis(300)).await;
        server.shutdown.cancel();
    };
    let (answer, ()) = tokio::join!(answer, stop);
    let answer = answer.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "done\n");
    drop(client);
    server.stopped().await;
}
