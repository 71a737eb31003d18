//! What was accepted, on a disk: the store's [`Journal`](crate::store::Journal) as an append-only log with checkpoints.
//!
//! docs/RELIABILITY.md says why it is one, what its bytes are, and what happens when.
//!
//! | file | its one idea |
//! |---|---|
//! | `journal` | batches that become frames, on a disk that may refuse them |
//! | `writer` | the log that is written to |
//! | `load` | what was kept comes back |
//! | `replay` | all files read in their order |
//! | `scan` | one file read in its order; torn or damaged |
//! | `contents` | what the files come to |
//! | `checkpoint` | the same written anew, so that logs can go |
//! | `quarantine` | what could not be understood is kept, and told of |
//! | `orphans` | tenants whom the configuration does not name |
//! | `keeper` | the thread that mends, writes checkpoints, forgets |
//! | `format`, `record`, `bytes` | files and frames, records, numbers and texts |
//! | `disk`, `window` | what is asked of a disk; a file in large pieces |

mod bytes;
mod checkpoint;
mod contents;
mod disk;
mod format;
mod inspect;
mod journal;
mod keeper;
mod load;
mod orphans;
mod quarantine;
mod record;
mod replay;
mod scan;
mod window;
mod writer;

#[cfg(test)]
mod tests;

pub use inspect::Inspected;
pub use inspect::inspect;
pub use journal::DiskJournal;
pub use journal::OpenError;
pub use load::LoadError;
pub use load::Loaded;
pub use load::Restoring;
pub use record::StoredFamily;
