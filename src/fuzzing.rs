//! What `fuzz/` reaches through: each input that a stranger can send, and what is made of it. Compiled with the feature
//! `fuzzing` alone, never into the product; the fuzz targets name nothing of a stage's inside but by this page.

pub use crate::api::fuzzing::decompressed;
pub use crate::api::fuzzing::key_of;
pub use crate::exposition::fuzzing::TwoWays;
pub use crate::exposition::fuzzing::cast_again;
pub use crate::identity::fuzzing::Authorization;
pub use crate::identity::fuzzing::ReadCertificate;
pub use crate::identity::fuzzing::ReadJwt;
pub use crate::identity::fuzzing::authorization;
pub use crate::identity::fuzzing::certificate;
pub use crate::identity::fuzzing::jwt;
pub use crate::identity::fuzzing::spiffe_id;
pub use crate::listener::fuzzing::ProxyBeginning;
pub use crate::listener::fuzzing::ProxyNamed;
pub use crate::listener::fuzzing::proxy_beginning;
pub use crate::listener::fuzzing::proxy_v1;
pub use crate::listener::fuzzing::proxy_v2;

use crate::exposition;
use crate::exposition::PushedFamilies;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::TextDialect;

/// A push's body as text.
pub fn text(body: &[u8], dialect: TextDialect, names: NameScheme) -> Result<PushedFamilies<'_>, String> {
    exposition::text::parse(body, dialect, names).map_err(|error| error.to_string())
}

/// A push's body as delimited protobuf.
pub fn protobuf(body: &[u8], names: NameScheme) -> Result<PushedFamilies<'_>, String> {
    exposition::protobuf::parse(body, names).map_err(|error| error.to_string())
}

/// As [`text`], held to `bounds`.
pub fn text_within<'a>(
    body: &'a [u8],
    dialect: TextDialect,
    names: NameScheme,
    bounds: &PushBounds,
) -> Result<PushedFamilies<'a>, String> {
    let bounds = ungrouped(bounds)?;
    exposition::text::parse_within(body, dialect, names, &bounds).map_err(|error| error.to_string())
}

/// As [`protobuf`], held to `bounds`.
pub fn protobuf_within<'a>(
    body: &'a [u8],
    names: NameScheme,
    bounds: &PushBounds,
) -> Result<PushedFamilies<'a>, String> {
    let bounds = ungrouped(bounds)?;
    exposition::protobuf::parse_within(body, names, &bounds).map_err(|error| error.to_string())
}

/// For a group that has a job and no other label.
fn ungrouped(bounds: &PushBounds) -> Result<GroupBounds, String> {
    let key = GroupingKey::new::<&str, &str>("j", []).map_err(|error| error.to_string())?;
    bounds.of_group(&key).map_err(|over| over.to_string())
}

/// What the store would be handed of a push to `key`, at most so many bytes of it.
pub fn prepared(pushed: PushedFamilies<'_>, key: &GroupingKey, bytes_max: u64) -> Result<Vec<PreparedFamily>, String> {
    let hasher = SeriesHasher::with_key([1; 16]);
    exposition::prepare(pushed, key, &hasher, "tenant", bytes_max).map_err(|error| error.to_string())
}
