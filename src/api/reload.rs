//! `POST /-/reload`: the configuration is read again.

use super::ApiError;
use super::call::Call;
use crate::namespace::FleetScope;
use crate::rejection::Rejection;
use crate::telemetry::Initiator;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A reload under way.
pub type Reloading = Pin<Box<dyn Future<Output = Result<Vec<String>, ReloadRefused>> + Send>>;

/// Why a reload changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadRefused {
    /// The configuration cannot be used; its first fault.
    Config(String),
    /// It did not come to its end: our fault.
    BrokeOff,
}

/// Whoever has the configuration. It goes on with what it began when nobody waits for it any more.
pub trait Reload: fmt::Debug + Send + Sync {
    /// What is to be told of it line by line. `initiator` asked for it.
    fn reload(&self, initiator: &Initiator) -> Reloading;
}

/// `reloaded`, and a line for each part that is not in force as its file says. An operator who sees some tenants alone
/// is not told of others.
pub async fn reload(Call { api, scope, initiator, .. }: Call<FleetScope>) -> Result<String, Rejection> {
    let told = |lines: Vec<String>| if scope.is_everything() { lines } else { Vec::new() };
    match api.reload.reload(&initiator).await {
        Ok(lines) => {
            let lines = ["reloaded".to_owned()].into_iter().chain(told(lines));
            Ok(lines.map(|line| line + "\n").collect())
        }
        Err(ReloadRefused::Config(why)) => Err(ApiError::ConfigRefused(told(vec![why]).pop()).into()),
        Err(ReloadRefused::BrokeOff) => Err(Rejection::Misassembled("a reload that broke off")),
    }
}
