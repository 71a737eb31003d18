//! JWTs: what an issuer that we trust says of somebody, and which tenant's rule that fits.

use super::IdentityError;
use super::credential::Credential;
use super::scheme::Secret;
use crate::config::Config;
use crate::model::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

/// The issuers and rules of one configuration.
#[derive(Debug)]
pub(super) struct Issuers {}

impl Issuers {
    pub(super) fn new(_config: &Config, _before: Option<&Self>) -> Self {
        Self {}
    }

    /// The credential that this token proves now.
    #[expect(clippy::unused_async, reason = "signatures are checked elsewhere and waited for")]
    pub(super) async fn prove(
        &self,
        _token: &Secret,
        _address: IpAddr,
        _now: Timestamp,
    ) -> Result<Arc<Credential>, IdentityError> {
        Err(IdentityError::Unauthenticated)
    }
}
