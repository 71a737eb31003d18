//! `listener.tls.client_auth` and `client_cas`: whose client certificates are asked for, and for whom each CA speaks.

use crate::model::TenantId;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Whether a listener asks for a client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    #[default]
    Off,
    /// A client may show one; one that no CA here signed ends the handshake.
    Optional,
    /// Without one there is no connection.
    Required,
}

/// One CA of a listener. It speaks for nobody but those it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa {
    /// What rules, metrics and the audit call it: one CA in the whole gateway.
    pub name: String,
    /// PEM: one or more certificates, all believed as roots.
    pub ca_file: PathBuf,
    /// PEM or DER. Named, it must load, and past its next update nobody of this CA is let in.
    pub crl_file: Option<PathBuf>,
    /// Present: its certificates are X.509-SVIDs of this SPIFFE trust domain, or are refused.
    pub trust_domain: Option<String>,
    /// Whether rules may look at the subject's common name.
    pub cn_allowed: bool,
    /// Who may write rules on it.
    pub tenants: BTreeSet<TenantId>,
    /// Operators who may.
    pub operators: BTreeSet<String>,
}
