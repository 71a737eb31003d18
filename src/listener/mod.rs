//! Stage 1, `listener`: takes bytes from strangers, hands on a [`Peer`] with every request.
//!
//! A connection passes five services, each a tower one, composed in this order by `stack`:
//!
//! * [`CapsLayer`]: a slot among all connections and among those of its address ([`Arrival`] to [`Arrival`]);
//! * [`DeadlineLayer`]: the one timer it will have ([`Arrival`] to [`Watched`]);
//! * [`ProxyLayer`]: whom a balancer in front names, where one is trusted ([`Watched`] to [`Watched`]);
//! * [`TlsLayer`]: the handshake ([`Watched`] to [`Secured`]);
//! * [`HttpService`]: its requests, each to the app.
//!
//! Knows no path, no tenant, no credential.

mod accept;
mod answer;
mod bind;
mod caps;
mod chain;
mod client_auth;
mod course;
mod deadline;
mod events;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handshake;
mod http;
mod in_clear;
mod leftover;
mod linger;
mod newcomer;
mod passed;
mod peer;
mod proxy;
mod request;
mod room;
mod socket;
mod tickets;
mod tls;
mod watch;

#[cfg(test)]
mod tests;

pub use self::http::HttpService;
pub use accept::Arrival;
pub use accept::Connection;
pub use accept::serve;
pub use answer::AnswerBody;
pub use bind::BindError;
pub use bind::bind;
pub use caps::CapsLayer;
pub use caps::CapsService;
pub use chain::ClientChain;
pub use deadline::DeadlineLayer;
pub use deadline::DeadlineService;
pub use deadline::Watched;
pub use events::Cap;
pub use events::CloseReason;
pub use events::Handshake;
pub use events::ListenerEvents;
pub use handshake::InClear;
pub use handshake::Secured;
pub use handshake::TlsLayer;
pub use handshake::TlsService;
pub use passed::PassedError;
pub use passed::PassedSockets;
pub use peer::Peer;
pub use peer::Protocol;
pub use proxy::ProxyLayer;
pub use proxy::ProxyService;
pub use request::Answers;
pub use request::Asked;
pub use request::BodyError;
pub use request::BodyTooSlow;
pub use request::RequestBody;
pub use tls::CurrentTls;
pub use tls::ServerTls;
pub use tls::TlsError;
