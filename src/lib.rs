//! Pushward: a secured, multi-tenant push gateway for Prometheus.
//!
//! This page is the contents. A request is a relay: each stage takes a baton from the stage before it, checks one thing,
//! and hands on the next. Batons are types with private fields, so holding one proves that the check was passed.
//!
//! ```text
//! bytes ─▶ listener ─▶ identity ─▶ limits ─▶ namespace ─▶ api ─▶ store ─▶ api ─▶ exposition ─▶ bytes
//!              Peer      Principal    Permit      Scope            Snapshot
//! ```
//!
//! Read [`stack`] next, then [`routes`]; `docs/ARCHITECTURE.md` walks one push and one scrape through the files.

// The whole on a page: three stacks, and every door.
pub mod stack;

pub mod routes;

pub mod doors;

pub mod paths;

// What goes from stage to stage, and a stage as a layer.
pub mod relay;

// The stages, in the order in which a request meets them.
pub mod listener;

pub mod identity;

pub mod limits;

pub mod namespace;

pub mod api;

pub mod store;

pub mod exposition;

// Every refusal, and how an answer leaves.
pub mod rejection;

pub mod answered;

// What surrounds the path: nothing on it imports these.
pub mod persistence;

pub mod ops;

pub mod gateway;

pub mod cli;

// The ground all stand on.
pub mod telemetry;

pub mod config;

pub mod model;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

#[doc(hidden)]
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
