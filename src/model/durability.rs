//! What an acknowledgement promises.

/// What has happened to a write when it is acknowledged; the later, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// It is in memory: a restart loses it.
    Memory,
    /// The operating system has it: it outlives the process, not the machine.
    Os,
    /// The disk has it: it outlives the machine's crash.
    Fsync,
}
