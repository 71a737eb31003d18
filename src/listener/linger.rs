//! Closing so that the last answer arrives.
//!
//! A socket closed with unread bytes sends a reset, and a client that is still sending its body then sees the reset and
//! not the answer. So our side is closed first and what the client still sends is read and thrown away, below TLS,
//! where it costs nothing to decrypt.

use crate::model::SharedClock;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// As long as a refused client may go on sending.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(2);
/// And as much: more than the largest body a tenant may send by default, compressed or not.
pub(super) const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// One read. Small, since many connections may linger at one time.
const CHUNK: usize = 16 * 1024;

/// Ends our side of `stream` and drops it when the client ends its own, or has had its time.
pub(super) async fn linger(mut stream: TcpStream, clock: &SharedClock) {
    let too_late = clock.sleep_until(clock.tick().after(LINGER_MAX));
    tokio::select! {
        biased;
        () = drain(&mut stream) => {}
        () = too_late => {}
    }
}

async fn drain(stream: &mut TcpStream) {
    // An error here or below says that the client is gone: there is nobody to linger for.
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut chunk = vec![0_u8; CHUNK];
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => left = left.saturating_sub(read),
        }
    }
}
