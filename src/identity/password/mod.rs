//! Passwords: few people type them, and each guess is to cost the guesser more than us.

use super::IdentityError;
use super::credential::Credential;
use super::scheme::Secret;
use crate::config::Config;
use std::net::IpAddr;
use std::sync::Arc;

/// The users of one configuration.
#[derive(Debug)]
pub(super) struct Passwords {}

impl Passwords {
    pub(super) fn new(_config: &Config, _before: Option<&Self>) -> Self {
        Self {}
    }

    /// The credential that this password proves.
    #[expect(clippy::unused_async, reason = "hashes are computed elsewhere and waited for")]
    pub(super) async fn prove(
        &self,
        _user: &str,
        _password: &Secret,
        _address: IpAddr,
    ) -> Result<Arc<Credential>, IdentityError> {
        Err(IdentityError::Unauthenticated)
    }
}
