//! How connections end: the last answer arrives, and a stop is a stop.

use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use super::harness::millis;
use super::harness::until_closed;
use crate::listener::linger::LINGER_MAX;
use tokio::io::AsyncWriteExt;

const TEN_MEGABYTES: usize = 10_000_000;

fn refused_push() -> Vec<u8> {
    let mut request =
        format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {TEN_MEGABYTES}\r\n\r\n").into_bytes();
    request.resize(request.len() + TEN_MEGABYTES, b'x');
    request
}

#[tokio::test]
async fn a_client_that_sends_ten_megabytes_first_reads_our_refusal() {
    let server = Server::plain(listener());
    for _ in 0..3 {
        let mut client = server.tcp().await;
        client.write_all(&refused_push()).await.expect("no reset while sending");
        let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.ends_with("no\n"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_sends_ten_megabytes_first_reads_our_refusal_under_tls() {
    let server = Server::secure(listener());
    for _ in 0..3 {
        let mut client = server.tls(&["http/1.1"]).await;
        client.write_all(&refused_push()).await.expect("no reset while sending");
        let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.ends_with("no\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_has_said_goodbye_is_not_waited_for() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    head_of_answer(&mut client).await;
    // In TLS alone: TCP stays open, and would keep a connection that is waited for.
    let (tcp, session) = client.get_mut();
    session.send_close_notify();
    let mut goodbye = Vec::new();
    session.write_tls(&mut goodbye).unwrap();
    let said = tokio::time::Instant::now();
    tcp.write_all(&goodbye).await.unwrap();
    server.told.will_have("closed: done").await;
    assert!(said.elapsed() < LINGER_MAX);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_words() {
    let server = Server::secure(listener());
    let mut client = server.tls(&["http/1.1"]).await;
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20));
    client.write_all(head.as_bytes()).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    drop(client);
    server.told.will_have("closed: protocol").await;
}

#[tokio::test]
async fn more_than_sixty_four_headers_are_refused() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    let head = format!("GET /peer HTTP/1.1\r\n{}\r\n", "x-a: b\r\n".repeat(65));
    client.write_all(head.as_bytes()).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_stop_answers_the_request_under_way_and_takes_no_other() {
    let mut config = listener();
    config.deadlines.drain = super::harness::SOON;
    let server = Server::secure(config);
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n").await.unwrap();
    tokio::time::sleep(millis(100)).await;
    server.shutdown.cancel();
    client.write_all(b"x").await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done\n"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    drop(client);
    server.stopped().await;
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
    assert!(server.told.has("closed: shutdown"));
}

#[tokio::test]
async fn a_stop_cuts_what_has_not_ended_after_the_drain() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(millis(100)).await;
    server.shutdown.cancel();
    assert_eq!(until_closed(&mut client).await, b"");
    server.stopped().await;
}

#[tokio::test]
async fn a_stop_between_two_bytes_of_a_head_loses_no_request() {
    let mut config = listener();
    config.deadlines.idle = super::harness::SOON;
    config.deadlines.headers = super::harness::SOON;
    config.deadlines.drain = super::harness::SOON;
    let server = Server::plain(config);
    let mut client = server.tcp().await;
    client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    head_of_answer(&mut client).await;
    client.write_all(b"POST /push HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    tokio::time::sleep(millis(200)).await;
    server.shutdown.cancel();
    tokio::time::sleep(millis(200)).await;
    client.write_all(b"content-length: 2\r\n\r\nab").await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("2 bytes\n"), "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn a_stop_lets_whoever_was_accepted_shake_hands_and_ask() {
    for alpn in ["http/1.1", "h2"] {
        let mut config = listener();
        config.deadlines.drain = super::harness::SOON;
        let server = Server::secure(config);
        let tcp = server.tcp().await;
        tokio::time::sleep(millis(100)).await;
        server.shutdown.cancel();
        tokio::time::sleep(millis(100)).await;
        let client = server.tls_over(tcp, server.client_config(&[alpn])).await;
        let mut client = client.unwrap_or_else(|error| panic!("{alpn}: {error}"));
        if alpn == "http/1.1" {
            client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        drop(client);
        server.stopped().await;
    }
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let mut config = listener();
    config.deadlines.idle = super::harness::SOON * 10;
    config.deadlines.drain = super::harness::SOON * 10;
    let server = Server::secure(config);
    let mut client = server.tls(&["http/1.1"]).await;
    client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    head_of_answer(&mut client).await;
    server.shutdown.cancel();
    until_closed(&mut client).await;
    drop(client);
    server.stopped().await;
}

#[tokio::test]
async fn a_refusal_of_a_small_body_keeps_the_connection() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    for _ in 0..3 {
        client.write_all(b"POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nsmall").await.unwrap();
        let answer = head_of_answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("close"), "{answer}");
    }
}

#[tokio::test]
async fn a_refusal_before_a_small_body_has_come_says_that_the_connection_ends() {
    let server = Server::plain(listener());
    for (small, more) in [(&b"small"[..], ""), (b"", ""), (b"", "expect: 100-continue\r\n")] {
        let mut client = server.tcp().await;
        let head = format!("POST /refuse HTTP/1.1\r\nhost: a\r\n{more}content-length: 5\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = head_of_answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close"), "{answer}");
        client.write_all(small).await.unwrap();
        client.shutdown().await.unwrap();
        until_closed(&mut client).await;
    }
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_and_gives_its_slot_back() {
    let mut config = listener();
    config.connections_max = 1;
    config.connections_wait_max = super::harness::SOON;
    let server = Server::plain(config);
    let mut client = server.tcp().await;
    client.write_all(b"GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(until_closed(&mut client).await, b"");
    let mut client = server.tcp().await;
    client.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(head_of_answer(&mut client).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_large_answer_arrives_whole_even_to_a_client_that_asked_for_an_upgrade() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client
        .write_all(b"GET /big HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(millis(200)).await;
    let answer = until_closed(&mut client).await;
    assert!(answer.len() > super::harness::BIG, "{} bytes", answer.len());
}
