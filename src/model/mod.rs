//! The nouns of the gateway: parsed at construction, bounded, and holding what they promise ever after.
//!
//! Imports nothing else of the crate; does no IO and knows no HTTP.

mod bounds;
mod clock;
mod dialect;
mod grouping;
mod kind;
mod name;
mod pattern;
mod prepared;
mod quota;
mod scopes;
mod series;
mod service;
mod subscriber;
mod tenant;
mod token;

pub use bounds::PushBounds;
pub use clock::Clock;
pub use clock::SharedClock;
pub use clock::Sleep;
pub use clock::SystemClock;
pub use clock::Tick;
pub use clock::Timestamp;
pub use clock::rfc3339;
pub use clock::rfc3339_nanos;
pub use dialect::TextDialect;
pub use grouping::GroupingError;
pub use grouping::GroupingKey;
pub use kind::MetricKind;
pub use name::NameScheme;
pub use name::is_label_name;
pub use name::is_metric_name;
pub use name::underscored_label;
pub use name::underscored_metric;
pub use pattern::Pattern;
pub use prepared::FamilyName;
pub use prepared::OwnGauge;
pub use prepared::Parts as PreparedParts;
pub use prepared::PrepareOwnGauge;
pub use prepared::PreparedFamily;
pub use quota::Quota;
pub use quota::QuotaKind;
pub use scopes::OperatorScope;
pub use scopes::Verb;
pub use series::SeriesHasher;
pub use series::SeriesId;
pub use service::Service;
pub use subscriber::Subscriber;
pub use tenant::TenantId;
pub use tenant::TenantIdError;
pub use token::PlainToken;
pub use token::TokenDigest;
pub use token::TokenError;
pub use token::TokenId;
