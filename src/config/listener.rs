//! `listener`: where requests come in, and how long a connection may take over what.

use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The metric label.
    pub name: String,
    /// At least one. `:9091` in the file stands for that port on all addresses of both families.
    pub addresses: Vec<SocketAddr>,
    /// Absent: plaintext, which is refused on anything but loopback unless `plaintext_allowed`.
    pub tls: Option<Tls>,
    /// Connections open at one time.
    pub connections_max: usize,
    /// The same from one address; an IPv6 address counts by its /64.
    pub connections_per_address_max: usize,
    /// How long an accepted socket waits, unread, for a slot before it is closed.
    pub connections_wait_max: Duration,
    /// Networks with a cap per address of their own: the first that holds an address decides.
    pub address_rules: Vec<AddressRule>,
    pub deadlines: Deadlines,
}

/// Another cap for the addresses behind a NAT or a balancer.
#[derive(Clone, Debug)]
pub struct AddressRule {
    pub networks: Vec<IpNet>,
    pub connections_max: usize,
}

/// The server's certificate.
#[derive(Clone, Debug)]
pub struct Tls {
    /// PEM, leaf first.
    pub certificate_file: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key_file: PathBuf,
    pub profile: TlsProfile,
}

/// Mozilla's guideline by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsProfile {
    /// TLS 1.2 and 1.3.
    #[default]
    Intermediate,
    /// TLS 1.3 alone.
    Modern,
}

/// How long a connection may take over what. None of them is ever off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Accept to a finished TLS handshake.
    pub handshake: Duration,
    /// Handshake to the first byte of a request (HTTP/2: to the first request).
    pub first_request: Duration,
    /// First byte to last byte of one head.
    pub headers: Duration,
    /// Head to last byte of a body, plus 1 s for each 16 KiB received, 5 minutes at most.
    pub body: Duration,
    /// How long no byte of an answer may be taken.
    pub stalled_write: Duration,
    /// A whole answer, from its head on.
    pub answer: Duration,
    /// No request under way.
    pub idle: Duration,
    /// The age after which a connection is asked to end: GOAWAY, or `Connection: close`.
    pub connection_age: Duration,
    /// How long a connection that was asked to end may take to do so; then it is cut.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            first_request: seconds(5),
            headers: seconds(10),
            body: seconds(30),
            stalled_write: seconds(30),
            answer: seconds(120),
            idle: seconds(90),
            connection_age: seconds(3600),
            drain: seconds(20),
        }
    }
}
