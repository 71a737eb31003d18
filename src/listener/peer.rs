//! The baton of this stage.

use super::chain::ClientChain;
use super::newcomer::Standing;
use std::net::SocketAddr;
use std::sync::Arc;

/// How the connection speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// Who is at the other end of the connection a request came in on: an extension of every request.
///
/// Holding one proves that the request came through the listener's caps and, where `is_secure`, its TLS.
///
/// One pointer, which a request has several times.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Known>);

/// What is known of a peer.
#[derive(Clone, Debug)]
struct Known {
    address: SocketAddr,
    listener: Arc<str>,
    secure: bool,
    protocol: Protocol,
    for_nobody: bool,
    chain: Option<Arc<ClientChain>>,
    standing: Standing,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, listener: Arc<str>, secure: bool, protocol: Protocol) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let (chain, standing) = (None, Standing::default());
        Self(Arc::new(Known { address, listener, secure, protocol, for_nobody: false, chain, standing }))
    }

    /// The same but for what is changed.
    fn but(mut self, change: impl FnOnce(&mut Known)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(super) fn of_nobody(self, for_nobody: bool) -> Self {
        self.but(|known| known.for_nobody = for_nobody)
    }

    pub(super) fn standing(self, standing: Standing) -> Self {
        self.but(|known| known.standing = standing)
    }

    /// A credential was proved on its connection, which keeps its slot from now on, however many others want one.
    pub fn prove(&self) {
        self.0.standing.prove();
    }

    pub(super) fn with_chain(self, chain: Option<Arc<ClientChain>>) -> Self {
        self.but(|known| known.chain = chain)
    }

    /// A peer that never was, for tests of the stages after this one.
    #[cfg(any(test, feature = "testkit"))]
    pub fn invented(address: SocketAddr, secure: bool) -> Self {
        Self::new(address, Arc::from("invented"), secure, Protocol::Http1)
    }

    /// The same at the listener of this name, for tests of the stages after this one.
    #[cfg(any(test, feature = "testkit"))]
    #[must_use]
    pub fn invented_at(self, listener: &str) -> Self {
        self.but(|known| known.listener = Arc::from(listener))
    }

    /// Never an IPv4 address in IPv6 clothes.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The name of the listener in the configuration.
    pub fn listener(&self) -> &str {
        &self.0.listener
    }

    /// Whether the connection is under TLS.
    pub fn is_secure(&self) -> bool {
        self.0.secure
    }

    /// Whether a trusted proxy came on its own behalf, as it does to see whether we are well: nothing but health is its
    /// business.
    pub fn is_for_nobody(&self) -> bool {
        self.0.for_nobody
    }

    /// The certificates the client has shown in the handshake, if it has.
    pub fn chain(&self) -> Option<&Arc<ClientChain>> {
        self.0.chain.as_ref()
    }

    /// The same with a chain, for tests of the stages after this one.
    #[cfg(any(test, feature = "testkit"))]
    #[must_use]
    pub fn invented_with(self, chain: Arc<ClientChain>) -> Self {
        self.with_chain(Some(chain))
    }

    pub fn protocol(&self) -> Protocol {
        self.0.protocol
    }
}
