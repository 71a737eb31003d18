//! Client certificates: who they make, and for how long.

mod beside;
mod chains;
mod files;
mod names;
mod revocation;
mod rules;
pub(crate) mod site;
