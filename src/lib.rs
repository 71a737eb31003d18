//! Pushward: a secured, multi-tenant push gateway for Prometheus.
//!
//! This page is the contents, in the order in which a request meets the modules.

pub mod config;
pub mod model;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub mod cli;
