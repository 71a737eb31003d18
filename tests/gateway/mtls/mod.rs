//! The whole gateway behind real TLS sockets that ask for certificates.
//!
//! Two clocks judge: the handshake goes by the machine's date, identity by the injected clock. Where a test says nothing,
//! that is the machine's too.

mod beside;
mod door;
mod files;
mod matrix;
mod proxied;
mod withdrawn;
