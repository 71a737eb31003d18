//! Doors for the fuzz targets: the beginning of a connection.

pub use super::proxy::fuzzing::ProxyBeginning;
pub use super::proxy::fuzzing::ProxyNamed;
pub use super::proxy::fuzzing::proxy_beginning;
pub use super::proxy::fuzzing::proxy_v1;
pub use super::proxy::fuzzing::proxy_v2;
