//! What tests hold: a clock that only they move, a certificate authority.
//!
//! Compiled for tests and with the feature `testkit`, never into the product.

mod ca;
mod clock;

pub use ca::TestCa;
pub use clock::MockClock;
