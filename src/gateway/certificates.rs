//! The certificates of the listeners, each replaced by itself.

use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::Fault;
use crate::config::Listener;
use crate::config::PartFault;
use crate::config::Tls;
use crate::listener::CurrentTls;
use crate::listener::ServerTls;
use crate::listener::TlsError;
use crate::model::rfc3339;
use crate::telemetry::Metrics;
use std::path::Path;
use std::path::PathBuf;

/// What every TLS listener of a process serves. Which listeners these are does not change while it runs.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    served: Vec<Served>,
}

#[derive(Debug)]
struct Served {
    listener: String,
    current: CurrentTls,
    /// The file by which its expiry is shown.
    file: parking_lot::Mutex<PathBuf>,
}

/// Certificates that were loaded for another configuration, and the faults of those that could not be.
#[derive(Debug)]
pub(super) struct Loaded {
    others: Vec<(usize, ServerTls, PathBuf)>,
    pub(super) faults: Vec<PartFault>,
}

impl Certificates {
    /// Those of all listeners of `config`. Blocks on the disk.
    pub(super) fn load(config: &Config) -> Result<Self, TlsError> {
        let with_tls = listeners(config).filter_map(|listener| Some((listener, listener.tls.as_ref()?)));
        let load = |(listener, tls): (&Listener, &Tls)| {
            let (current, file) = (CurrentTls::new(ServerTls::load(tls)?), tls.certificate_file.clone().into());
            Ok(Served { listener: listener.name.clone(), current, file })
        };
        Ok(Self { served: with_tls.map(load).collect::<Result<_, TlsError>>()? })
    }

    /// What the listener of this name serves; `None`: plaintext.
    pub(super) fn of(&self, listener: &str) -> Option<CurrentTls> {
        self.served.iter().find(|served| served.listener == listener).map(|served| served.current.clone())
    }

    /// Those that `config` names and that are others than the ones in force. Blocks on the disk.
    pub(super) fn load_others(&self, config: &Config) -> Loaded {
        let mut loaded = Loaded { others: Vec::new(), faults: Vec::new() };
        for (nth, served) in self.served.iter().enumerate() {
            let Some(tls) = listeners(config).find(|to| to.name == served.listener).and_then(|to| to.tls.as_ref())
            else {
                continue;
            };
            match ServerTls::load(tls) {
                Ok(other) if other.serves_as(&served.current.in_force()) => {}
                Ok(other) => loaded.others.push((nth, other, tls.certificate_file.clone())),
                Err(error) => loaded.faults.push(fault(&served.listener, tls, &error)),
            }
        }
        loaded
    }

    /// For connections from now on; which certificates that are. Sessions made under another are resumed no more.
    pub(super) fn replace(&self, loaded: Loaded, metrics: &Metrics) -> Vec<String> {
        let mut replaced = Vec::new();
        for (nth, other, file) in loaded.others {
            let Some(served) = self.served.get(nth) else { continue };
            let (serial, not_after) = (other.serial().to_owned(), rfc3339(other.not_after()));
            replaced.push(format!("{} serial {serial} until {not_after}", served.listener));
            served.current.replace(other);
            let before = std::mem::replace(&mut *served.file.lock(), file);
            metrics.certificate_gone(&before.display().to_string());
        }
        self.note_expiries(metrics);
        replaced
    }

    pub(super) fn note_expiries(&self, metrics: &Metrics) {
        for served in &self.served {
            let file = served.file.lock().display().to_string();
            metrics.certificate_expires(&file, served.current.in_force().not_after());
        }
    }
}

/// All files of certificates and keys.
pub(super) fn files(config: &Config) -> impl Iterator<Item = &Path> {
    listeners(config)
        .filter_map(|listener| listener.tls.as_ref())
        .flat_map(|tls| [tls.certificate_file.as_path(), tls.key_file.as_path()])
}

fn listeners(config: &Config) -> impl Iterator<Item = &Listener> {
    config.listeners.iter().chain([&config.ops.listener])
}

fn fault(listener: &str, tls: &Tls, error: &TlsError) -> PartFault {
    let key = if listener == "ops" { "ops.tls".to_owned() } else { format!("listener.{listener}.tls") };
    let errors = ConfigErrors::from(Fault::new(&tls.certificate_file, None, &key, error.to_string()));
    PartFault { part: format!("certificate:{listener}"), errors, closed: false }
}
