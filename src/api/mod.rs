//! Stage 5: what was asked. Takes a [`Scope`](crate::namespace::Scope), reads the bytes, calls the store, writes the
//! answer. Handlers are thin: the grammar of a path is in `grouping`, of a body in `body`, what stands in an answer in
//! `exposition`.

mod body;
mod call;
mod catalogue;
mod compressed;
mod delete;
mod encoding;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod grouping;
mod health;
mod limits;
mod loading;
mod moulds;
mod push;
mod read;
mod readers;
mod reload;
mod scrape;
mod state;
mod status;
mod turns;
mod wipe;
mod written;

pub use call::Call;
pub use catalogue::catalogue;
pub use delete::delete;
pub use grouping::PathError;
pub use health::healthy;
pub use health::ready;
pub use limits::limits;
pub use loading::Loaded;
pub use push::merge;
pub use push::replace;
pub use reload::Reload;
pub use reload::ReloadRefused;
pub use reload::Reloading;
pub use reload::reload;
pub use scrape::scrape;
pub use state::Api;
pub use state::ApiParts;
pub use state::Readings;
pub use status::status;
pub use wipe::wipe;

use crate::model::OverBound;
use std::fmt;

/// Why a request cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    #[error("404 page not found")]
    NotFound,
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    #[error("an operator names exactly one tenant to wipe: ?tenant=NAME")]
    NoTenantNamed,
    /// Why, for an operator over all tenants.
    #[error("the configuration is refused, and the one in force stays{}", why(.0.as_deref()))]
    ConfigRefused(Option<String>),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("the Content-Encoding {0:?} is not supported; identity, gzip, snappy and zstd are")]
    Encoding(String),
    /// The compressed bytes are no such thing.
    #[error("the compressed body is malformed: {0}")]
    Encoded(String),
    /// No push in the format that its content type says.
    #[error("{0}")]
    Body(String),
    /// `limit` is in bytes, decompressed.
    #[error("the body is too large: body_bytes_max is {limit} bytes, decompressed")]
    BodyTooLarge { limit: u64 },
    /// The push is over another of its bounds; `told` says where.
    #[error("{told}")]
    OverBound { over: OverBound, told: Box<str> },
    /// `deadlines.body` of the listener came before its end.
    #[error("the body came too slowly")]
    BodyTooSlow,
    /// After a start, for as long as it takes.
    #[error("what was pushed before is still being loaded, try again in a moment")]
    Loading,
    /// The client went, or broke HTTP, before its end.
    #[error("the body broke off")]
    BodyBroken,
}

impl ApiError {
    fn over(over: OverBound, told: impl Into<Box<str>>) -> Self {
        Self::OverBound { over, told: told.into() }
    }

    /// A push that cannot be read, or is over `bound`.
    fn unread(error: &impl fmt::Display, bound: Option<OverBound>) -> Self {
        match bound {
            Some(over) => Self::over(over, error.to_string()),
            None => Self::Body(error.to_string()),
        }
    }
}

fn why(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}
