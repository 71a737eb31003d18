//! The whole gateway in process: no sockets, a clock that stands still.

mod doors;
mod identity;
mod isolation;
mod limits;
mod ops;
mod push;
mod refusals;
mod secrets;
mod views;
