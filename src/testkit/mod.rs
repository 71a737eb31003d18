//! What tests hold: a gateway in process, a clock that only they move, a certificate authority.
//!
//! Compiled for tests and with the feature `testkit`, never into the product.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod audit;
mod ca;
mod clock;
mod gateway;
mod issuer;

pub use ca::TestCa;
pub use clock::MockClock;
pub use gateway::Answer;
pub use gateway::Client;
pub use gateway::GatewayBuilder;
pub use gateway::TestGateway;
pub use gateway::cheap_hash;
pub use issuer::TestIssuer;
