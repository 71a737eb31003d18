//! What is known of a block besides what it is compressed to.

/// The checksum and the length of what was compressed. `exposition` makes it, and puts those of blocks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    pub crc: u32,
    pub len: u64,
    /// What the checksum of whatever stands before it is multiplied by. To find it takes five times as long as to multiply,
    /// and a block is put in many answers.
    pub shift: u32,
}
