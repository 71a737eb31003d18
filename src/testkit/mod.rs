//! What tests hold: a gateway in process, a clock that only they move, a certificate authority.
//!
//! Compiled for tests and with the feature `testkit`, never into the product.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod audit;
mod builder;
mod ca;
mod cert;
mod client;
mod clock;
mod gateway;
mod issuer;

pub use audit::StalledDisk;
pub use builder::GatewayBuilder;
pub use builder::cheap_hash;
pub use ca::TestCa;
pub use ca::TestCrl;
pub use cert::TestCert;
pub use cert::TestCertParams;
pub use client::Answer;
pub use client::Client;
pub use clock::MockClock;
pub use gateway::TestGateway;
pub use issuer::TestIssuer;
