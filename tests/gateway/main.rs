//! The whole gateway in process: no sockets, a clock that stands still.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod push;
