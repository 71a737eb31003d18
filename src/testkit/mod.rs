//! What tests hold: a gateway in process, a clock that only they move, a certificate authority.
//!
//! Compiled for tests and with the feature `testkit`, never into the product.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod ca;
mod cert;
mod clock;
mod gateway;

pub use ca::TestCa;
pub use ca::TestCrl;
pub use cert::TestCert;
pub use cert::TestCertParams;
pub use clock::MockClock;
pub use gateway::Answer;
pub use gateway::Client;
pub use gateway::GatewayBuilder;
pub use gateway::TestGateway;
