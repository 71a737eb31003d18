//! What the listener tells of itself. Telemetry implements it; nothing here is written by a client.

use std::fmt;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// Its work was done, or the client went.
    Done,
    /// The client broke HTTP.
    Protocol,
    /// The TLS handshake failed.
    Tls,
    /// HTTP without TLS on a TLS port.
    PlainHttp,
    /// A PROXY header from an address that is not trusted, or anything from it where a header is required.
    ProxyRefused,
    /// No PROXY header from a trusted address, where one is required.
    ProxyMissing,
    /// A PROXY header that cannot be read.
    ProxyMalformed,
    /// Deadlines, by the names they have in the configuration.
    Handshake,
    FirstRequest,
    Headers,
    Body,
    StalledWrite,
    Answer,
    Idle,
    Age,
    /// The gateway stops.
    Shutdown,
    /// Refused at a cap.
    Refused,
    /// It had proved nothing and said nothing for a while, and another needed its slot.
    MadeRoom,
}

impl CloseReason {
    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Protocol => "protocol",
            Self::Tls => "tls",
            Self::PlainHttp => "plain_http",
            Self::ProxyRefused => "proxy_refused",
            Self::ProxyMissing => "proxy_missing",
            Self::ProxyMalformed => "proxy_malformed",
            Self::Handshake => "handshake",
            Self::FirstRequest => "first_request",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::StalledWrite => "stalled_write",
            Self::Answer => "answer",
            Self::Idle => "idle",
            Self::Age => "connection_age",
            Self::Shutdown => "shutdown",
            Self::Refused => "refused",
            Self::MadeRoom => "made_room",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which cap a socket was refused at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cap {
    /// It waited for a slot and none came free: all are taken, or all of its address.
    Waited,
    /// There was no place left to wait in.
    WaitingRoom,
}

impl Cap {
    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waited => "waited",
            Self::WaitingRoom => "waiting_room",
        }
    }
}

/// How a TLS handshake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handshake {
    Ok,
    Failed,
    /// The client has shown no certificate where one is required.
    NoCertificate,
    /// It has shown one that no CA of the listener vouches for now, or could not prove that it holds the key.
    BadCertificate,
    TimedOut,
    /// HTTP without TLS came instead.
    PlainHttp,
}

impl Handshake {
    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate => "bad_certificate",
            Self::TimedOut => "timed_out",
            Self::PlainHttp => "plain_http",
        }
    }
}

/// Counters of one listener. Every call is made on a connection's task, so none may block.
pub trait ListenerEvents: Send + Sync + 'static {
    /// A socket has its slot. Exactly one [`ListenerEvents::connection_closed`] follows.
    fn connection_opened(&self) {}
    /// A connection that had its slot is gone.
    fn connection_closed(&self, _why: CloseReason) {}
    /// A socket was closed without having had a slot.
    fn connection_refused(&self, _cap: Cap) {}
    fn handshake(&self, _result: Handshake) {}
    /// accept(2) returned an error; the loop goes on.
    fn accept_failed(&self) {}
    /// The credential of this id was sent without encryption.
    fn token_in_clear(&self, _credential: &str) {}
}

/// Counts nothing.
impl ListenerEvents for () {}
