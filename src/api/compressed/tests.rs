//! What is kept of answers, and for how long.

use super::Finished;
use super::FinishedLists;
use crate::exposition;
use crate::exposition::Negotiated;
use crate::model::Checksum;
use crate::model::SeriesHasher;
use crate::store::Block;
use crate::store::MemoryJournal;
use crate::store::Store;
use std::sync::Arc;

#[test]
fn a_list_that_is_asked_for_by_nobody_any_more_makes_room_for_the_next() {
    let identify = Arc::new(exposition::StoredSeries(SeriesHasher::with_key([1; 16])));
    let store = Store::new([], &[], Arc::new(MemoryJournal), exposition::OWN_GAUGES, identify);
    let block = || Block { view: Arc::new([]), bytes: vec![0; 1 << 16].into(), checksum: Checksum::default() };
    let blocks: Vec<_> = std::iter::from_fn(|| store.keep_block(None, block()).ok()).collect();
    assert!(store.keep_block(None, block()).is_err(), "{} blocks are all that is kept", blocks.len());
    let (finished, negotiated) = (FinishedLists::default(), Negotiated::default());
    finished.keep(Finished { version: 2, negotiated, blocks, end: Vec::new() });
    // One who read the version before it changed is handed nothing, and takes nothing away.
    assert!(finished.of(1, negotiated).is_none() && finished.of(2, negotiated).is_some());
    assert!(finished.of(3, negotiated).is_none());
    assert!(store.keep_block(None, block()).is_ok(), "a stale list keeps all others out");
}
