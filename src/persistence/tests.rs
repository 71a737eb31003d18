//! The log against whatever a disk does.

mod disk;
mod durable;
mod format;
mod histories;
mod model;
mod trouble;
