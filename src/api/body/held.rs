//! Bytes in memory, each accounted before it is there.

use crate::limits::InFlightBytes;
use crate::limits::LimitsError;
use axum::body::Bytes;

/// The first allocation for a body; it grows with what really arrives.
const FIRST_BYTES: usize = 4096;

/// A buffer whose account is its capacity.
pub(super) struct Held {
    bytes: Vec<u8>,
    account: InFlightBytes,
    /// What the account has.
    reserved: usize,
}

impl Held {
    pub(super) fn new(account: InFlightBytes) -> Self {
        Self { bytes: Vec::new(), account, reserved: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Accounts for `bytes` in all, wherever they lie.
    pub(super) async fn reserve(&mut self, bytes: usize) -> Result<(), LimitsError> {
        if let Some(more) = bytes.checked_sub(self.reserved)
            && more > 0
        {
            self.account.grow(more as u64).await?;
            self.reserved = bytes;
        }
        Ok(())
    }

    pub(super) async fn extend(&mut self, data: &[u8]) -> Result<(), LimitsError> {
        let needed = self.bytes.len().saturating_add(data.len());
        if needed > self.bytes.capacity() {
            let capacity = needed.max(self.bytes.capacity().saturating_mul(2)).max(FIRST_BYTES);
            self.reserve(capacity).await?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The bytes, and an account that goes on without any.
    pub(super) fn freeze(mut self) -> (Bytes, Self) {
        let bytes = std::mem::take(&mut self.bytes);
        (bytes.into(), self)
    }

    /// The bytes, and the account they are in.
    pub(super) fn into_parts(self) -> (Bytes, InFlightBytes) {
        (self.bytes.into(), self.account)
    }
}
