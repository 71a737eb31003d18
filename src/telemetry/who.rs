//! Who began something, for those who write it down.

use super::RequestId;
use crate::model::GroupingKey;
use crate::model::TenantId;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::OnceLock;

/// Who somebody was proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Of a tenant's credential.
    pub tenant: Option<TenantId>,
    /// Of an operator's.
    pub operator: Option<String>,
    /// Its name; never secret.
    pub credential: String,
}

/// Who began a request, as far as it is known: an extension of every request, shared by all its stages, so that whoever
/// writes something down can name it. Says nothing of what the request may do.
#[derive(Clone, Debug)]
pub struct Initiator(Arc<Known>);

#[derive(Debug)]
struct Known {
    request: RequestId,
    peer: Option<IpAddr>,
    who: OnceLock<Arc<Who>>,
    group: OnceLock<GroupingKey>,
}

impl Initiator {
    /// A request that has just come.
    pub fn new(request: RequestId, peer: Option<IpAddr>) -> Self {
        Self(Arc::new(Known { request, peer, who: OnceLock::new(), group: OnceLock::new() }))
    }

    pub fn request(&self) -> RequestId {
        self.0.request
    }

    pub fn peer(&self) -> Option<IpAddr> {
        self.0.peer
    }

    /// Whose credential was proved, let in or not.
    pub fn who(&self) -> Option<&Arc<Who>> {
        self.0.who.get()
    }

    /// The group that the request is about, where somebody wants that written down.
    pub fn group(&self) -> Option<&GroupingKey> {
        self.0.group.get()
    }

    /// Said once, by the stage that proves it; what is said later does not count.
    pub fn proved(&self, who: Arc<Who>) {
        let _ = self.0.who.set(who);
    }

    /// Said once, by the handler that reads it.
    pub fn aims_at(&self, group: GroupingKey) {
        let _ = self.0.group.set(group);
    }
}
