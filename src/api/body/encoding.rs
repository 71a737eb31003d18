//! In which one encoding a body came.

use crate::api::ApiError;
use http::HeaderMap;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Encoding {
    Identity,
    Gzip,
    /// Of frames, with checksums: not the raw blocks of remote write.
    Snappy,
    Zstd,
}

/// As much of what a client names is told again.
const TOLD_CHARS: usize = 32;

impl Encoding {
    /// What `Content-Encoding` says. One over another is none of them: each would multiply what the other may.
    pub(in crate::api) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        if !headers.contains_key(CONTENT_ENCODING) {
            return Ok(Self::Identity);
        }
        let values: Vec<&HeaderValue> = headers.get_all(CONTENT_ENCODING).iter().collect();
        let unsupported = || {
            let named: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            ApiError::Encoding(named.join(", ").chars().take(TOLD_CHARS).collect())
        };
        let name = match values.as_slice() {
            [] => return Ok(Self::Identity),
            [value] => value.to_str().map_err(|_| unsupported())?.trim(),
            _ => return Err(unsupported()),
        };
        match name.to_ascii_lowercase().as_str() {
            "gzip" => Ok(Self::Gzip),
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            "identity" | "" => Ok(Self::Identity),
            _ => Err(unsupported()),
        }
    }
}
