//! What all tenants share: `gateway.*`, but for what is stored.

use super::LimitsError;

/// Bodies and scrapes under way, over all tenants. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ceilings {}

/// Bytes of one body that are in memory, given back when it is dropped.
#[derive(Debug, Default)]
pub struct InFlightBytes {}

/// A place among scrapes, given back when it is dropped.
#[derive(Debug, Default)]
pub struct ScrapePlace {}

impl Ceilings {
    /// For a body that begins.
    pub fn body(&self) -> InFlightBytes {
        InFlightBytes::default()
    }

    /// A place among the gateway's scrapes.
    pub async fn scrape(&self) -> Result<ScrapePlace, LimitsError> {
        Ok(ScrapePlace::default())
    }
}

impl InFlightBytes {
    /// Reserves so many more, waiting for them for a while.
    pub async fn grow(&mut self, _more: u64) -> Result<(), LimitsError> {
        Ok(())
    }
}
