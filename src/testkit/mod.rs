//! What tests hold: a clock that only they move.
//!
//! Compiled for tests and with the feature `testkit`, never into the product.

mod clock;

pub use clock::MockClock;
