//! The log of one test.
//!
//! One subscriber for the whole process, which keeps what a thread says while its test listens: a subscriber for each thread
//! would lose the lines of places in the code that another thread comes to first, as tracing remembers for all threads
//! that nobody there listens.

use std::cell::RefCell;
use std::io;
use std::io::Write;
use std::sync::Once;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static SAID: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

static STARTED: Once = Once::new();

/// Listens to everything that this thread says, at every level, until it is dropped.
pub(crate) struct Caught(());

impl Caught {
    pub(crate) fn listen() -> Self {
        STARTED.call_once(|| {
            let listens = dynamic_filter_fn(|_, _| SAID.with_borrow(Option::is_some));
            let lines = tracing_subscriber::fmt::layer().without_time().with_ansi(false).with_writer(|| Ear);
            tracing_subscriber::registry().with(lines.with_filter(listens)).init();
        });
        SAID.set(Some(Vec::new()));
        Self(())
    }

    /// What was said since this was last asked.
    pub(crate) fn said(&self) -> String {
        let said = SAID.with_borrow_mut(|said| said.as_mut().map(std::mem::take)).unwrap_or_default();
        String::from_utf8(said).unwrap()
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        SAID.set(None);
    }
}

struct Ear;

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.iter_mut().for_each(|said| said.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
