//! The log against whatever a disk does.
