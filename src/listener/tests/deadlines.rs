//! Every way to sit on a connection ends, and no honest use of one is cut.

use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use super::harness::millis;
use super::harness::short;
use super::harness::until_closed;
use crate::config::Deadlines;
use crate::config::Listener;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

fn quick_handshake() -> Listener {
    Listener { deadlines: Deadlines { handshake: millis(300), ..short() }, ..listener() }
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_cut() {
    let server = Server::secure(quick_handshake());
    until_closed(&mut server.tcp().await).await;
    server.told.will_have("closed: handshake").await;

    let server = Server::plain(listener());
    until_closed(&mut server.tcp().await).await;
    server.told.will_have("closed: first_request").await;
}

#[tokio::test]
async fn half_a_client_hello_is_cut() {
    let server = Server::secure(quick_handshake());
    let mut client = server.tcp().await;
    client.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).await.unwrap();
    until_closed(&mut client).await;
    server.told.will_have("closed: handshake").await;
    assert!(server.told.has("handshake: timed_out"));
}

#[tokio::test]
async fn a_handshake_and_then_nothing_is_cut() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    until_closed(&mut client).await;
    server.told.will_have("closed: first_request").await;
}

#[tokio::test]
async fn a_handshake_and_then_one_letter_is_cut() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"P").await.unwrap();
    until_closed(&mut client).await;
    server.told.will_have("closed: headers").await;
}

#[tokio::test]
async fn a_head_that_is_dripped_is_cut() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"GET /peer HTTP/1.1\r\n").await.unwrap();
    let (mut reading, mut writing) = client.split();
    tokio::select! {
        _ = until_closed(&mut reading) => {}
        () = async {
            while writing.write_all(b"x-a: b\r\n").await.is_ok() {
                tokio::time::sleep(millis(50)).await;
            }
            std::future::pending().await
        } => {}
    }
    server.told.will_have("closed: headers").await;
}

#[tokio::test]
async fn a_head_without_its_body_is_answered_and_closed() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"POST /push HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut client).await;
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_body_that_is_dripped_is_answered_and_closed() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"POST /push HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
    let (mut reading, mut writing) = client.split();
    let answer = tokio::select! {
        answer = until_closed(&mut reading) => answer,
        () = async {
            while writing.write_all(b"x").await.is_ok() {
                tokio::time::sleep(millis(30)).await;
            }
            std::future::pending().await
        } => unreachable!(),
    };
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn an_answer_that_is_never_read_is_cut() {
    for secure in [false, true] {
        let get = b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n";
        let server = if secure { Server::secure(listener()) } else { Server::plain(listener()) };
        // Held open, and not read from.
        let _client: Box<dyn Send> = if secure {
            let mut client = server.tls(&["http/1.1"]).await;
            client.write_all(get).await.unwrap();
            Box::new(client)
        } else {
            let mut client = server.tcp().await;
            client.write_all(get).await.unwrap();
            Box::new(client)
        };
        server.told.will_have("closed: stalled_write").await;
    }
}

/// Reads so much of a big answer, with a pause after each part of it that is shorter than a stall.
async fn read_slowly(client: &mut (impl AsyncRead + Unpin), parts: usize) -> usize {
    let mut got = 0;
    // So much that something is left of a big answer when all parts were full, and the sockets' buffers besides.
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..parts {
        got += client.read(&mut chunk).await.unwrap();
        tokio::time::sleep(millis(100)).await;
    }
    got
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_is_not_cut_until_it_stalls() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // Two seconds, in each of which the socket's buffers are full most of the time.
    let got = read_slowly(&mut client, 20).await;
    assert!(got > 4 << 20, "{got}");
    assert!(!server.told.has("closed: stalled_write"));
    server.told.will_have("closed: stalled_write").await;
}

#[tokio::test]
async fn a_connection_is_closed_when_it_has_been_idle() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut client).await;
    assert!(String::from_utf8_lossy(&answer).ends_with("test true Http1"));
    drop(client);
    server.told.will_have("closed: idle").await;
}

#[tokio::test]
async fn a_slow_push_that_keeps_to_the_rule_is_not_cut() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"POST /push HTTP/1.1\r\nhost: a\r\ncontent-length: 262144\r\n\r\n").await.unwrap();
    // 16 KiB in 100 ms where a second is allowed: 1.6 s in all, four times the deadline of a body that does not move.
    for _ in 0..16 {
        client.write_all(&[b'x'; 16 * 1024]).await.unwrap();
        client.flush().await.unwrap();
        tokio::time::sleep(millis(100)).await;
    }
    let answer = head_of_answer(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_handler_that_works_longer_than_every_deadline_is_not_cut() {
    let config = Listener {
        deadlines: Deadlines { answer: millis(300), connection_age: millis(400), drain: millis(300), ..short() },
        ..listener()
    };
    let server = Server::plain(config);
    let mut client = server.tcp().await;
    client.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx").await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("connection: close"), "the connection is old: {answer}");
    drop(client);
    server.told.will_have("closed: connection_age").await;
}

#[tokio::test]
async fn a_client_that_ends_its_side_with_its_request_is_answered() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"GET /slow HTTP/1.0\r\n\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("done\n"), "{answer}");
}
