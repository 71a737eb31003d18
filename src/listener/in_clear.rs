//! HTTP without TLS on a TLS port: told in words what is wrong. No redirect, or a client would go on sending its token
//! in the clear and find that it works.

use std::io;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// As much of a head as is read for the sake of its `Authorization`; what common servers allow a head to have.
const HEAD_MAX: usize = 8 * 1024;

const BODY: &str = "this port speaks TLS: use https:// instead of http://\n";

/// Answers, and returns what was sent as `Authorization`. `start` has been read of the head already.
pub(super) async fn answer(start: Vec<u8>, stream: &mut TcpStream) -> io::Result<Option<String>> {
    let head = read_head(start, stream).await?;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(authorization(&head))
}

/// A whole head, or what there is of it when it ends or grows too long.
async fn read_head(mut head: Vec<u8>, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    while head.len() < HEAD_MAX && !ends(&head) {
        let room = HEAD_MAX.saturating_sub(head.len());
        if stream.take(u64::try_from(room).unwrap_or(u64::MAX)).read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

fn ends(head: &[u8]) -> bool {
    memchr::memmem::find(head, b"\r\n\r\n").is_some() || memchr::memmem::find(head, b"\n\n").is_some()
}

fn authorization(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    head.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    })
}
