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
use crate::model::Timestamp;
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

    /// Those that `config` names and that are others than the ones in force. One that is past its end does not take the
    /// place of one that is not. Blocks on the disk.
    pub(super) fn load_others(&self, config: &Config, now: Timestamp) -> Loaded {
        let mut loaded = Loaded { others: Vec::new(), faults: Vec::new() };
        for (nth, served) in self.served.iter().enumerate() {
            let Some(tls) = listeners(config).find(|to| to.name == served.listener).and_then(|to| to.tls.as_ref())
            else {
                continue;
            };
            let in_force = served.current.in_force();
            match ServerTls::load(tls) {
                Ok(other) if other.serves_as(&in_force) => {}
                Ok(other) if other.not_after() < now && in_force.not_after() >= now => {
                    let text = format!("ended on {}, expected one that is valid now", rfc3339(other.not_after()));
                    loaded.faults.push(fault(&served.listener, tls, text));
                }
                Ok(other) => loaded.others.push((nth, other, tls.certificate_file.clone())),
                Err(error) => loaded.faults.push(fault(&served.listener, tls, error.to_string())),
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

/// All files of certificates, keys and revocation lists.
pub(super) fn files(config: &Config) -> impl Iterator<Item = &Path> {
    listeners(config)
        .filter_map(|listener| listener.tls.as_ref())
        .flat_map(|tls| {
            let cas = tls.client_cas.values().flat_map(|ca| [Some(&ca.ca_file), ca.crl_file.as_ref()]);
            [Some(&tls.certificate_file), Some(&tls.key_file)].into_iter().chain(cas)
        })
        .flatten()
        .map(PathBuf::as_path)
}

fn listeners(config: &Config) -> impl Iterator<Item = &Listener> {
    config.listeners.iter().chain([&config.ops.listener])
}

fn fault(listener: &str, tls: &Tls, text: String) -> PartFault {
    let key = if listener == "ops" { "ops.tls".to_owned() } else { format!("listener.{listener}.tls") };
    let errors = ConfigErrors::from(Fault::new(&tls.certificate_file, None, &key, text));
    PartFault { part: format!("certificate:{listener}"), errors, closed: false }
}

#[cfg(test)]
mod tests {
    use super::Certificates;
    use crate::config::ClientAuth;
    use crate::config::ClientCa;
    use crate::config::Config;
    use crate::config::Tls;
    use crate::config::TlsProfile;
    use crate::model::Clock;
    use crate::model::TenantId;
    use crate::model::Timestamp;
    use crate::telemetry::Health;
    use crate::telemetry::Metrics;
    use crate::testkit::MockClock;
    use crate::testkit::TestCa;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use tempfile::TempDir;

    /// A listener's files, and what serves them.
    struct Served {
        dir: TempDir,
        ca: TestCa,
        config: Config,
        certificates: Certificates,
        metrics: Metrics,
        now: Timestamp,
    }

    fn write(dir: &Path, (certificate, key): (String, String)) {
        fs::write(dir.join("server.pem"), certificate).unwrap();
        fs::write(dir.join("key.pem"), key).unwrap();
    }

    impl Served {
        fn new() -> Self {
            let (dir, ca, clock) = (TempDir::new().unwrap(), TestCa::new(), MockClock::new());
            write(dir.path(), ca.server(&["localhost"]));
            let text = "listener: { address: \"127.0.0.1:0\" }\n";
            let mut config = Config::parse(text, Path::new("test.yml")).unwrap();
            let (certificate_file, key_file) = (dir.path().join("server.pem"), dir.path().join("key.pem"));
            config.listeners[0].tls = Some(Tls::of_server(certificate_file, key_file, TlsProfile::Intermediate));
            let certificates = Certificates::load(&config).unwrap();
            let now = clock.now();
            let shared: crate::model::SharedClock = Arc::new(clock);
            let metrics = Metrics::new(&shared, &Health::default());
            Self { dir, ca, config, certificates, metrics, now }
        }

        /// The faults, and how many certificates are replaced.
        fn reload(&self) -> (Vec<String>, usize) {
            let loaded = self.certificates.load_others(&self.config, self.now);
            let faults = loaded.faults.iter().map(|fault| format!("{} {}", fault.part, fault.errors)).collect();
            (faults, self.certificates.replace(loaded, &self.metrics).len())
        }

        fn serial(&self) -> String {
            self.certificates.of("public").unwrap().in_force().serial().to_owned()
        }
    }

    #[test]
    fn the_same_files_replace_nothing_and_others_or_another_profile_do() {
        let mut served = Served::new();
        assert_eq!(served.reload(), (Vec::new(), 0));
        write(served.dir.path(), served.ca.server(&["localhost"]));
        assert_eq!(served.reload(), (Vec::new(), 1));
        assert_eq!(served.reload(), (Vec::new(), 0));
        served.config.listeners[0].tls.as_mut().unwrap().profile = TlsProfile::Modern;
        assert_eq!(served.reload(), (Vec::new(), 1));
    }

    #[test]
    fn whatever_is_wrong_with_a_file_the_last_good_certificate_stays() {
        let served = Served::new();
        let serial = served.serial();
        let (good, key) = served.ca.server(&["localhost"]);
        let (_, other_key) = served.ca.server(&["localhost"]);
        let expired = served.ca.server_until(&["localhost"], 2029);
        for pair in [
            (String::new(), key.clone()),
            ("null".to_owned(), key.clone()),
            (good[..good.len() / 2].to_owned(), key.clone()),
            (key.clone(), key.clone()),
            (good.clone(), String::new()),
            (good.clone(), key[..key.len() / 2].to_owned()),
            (good.clone(), other_key),
            (good.clone(), good.clone()),
            expired,
        ] {
            write(served.dir.path(), pair.clone());
            let (faults, replaced) = served.reload();
            assert_eq!((faults.len(), replaced), (1, 0), "{pair:?}");
            assert!(faults[0].starts_with("certificate:public ") && !faults[0].contains("PRIVATE"), "{faults:?}");
            assert_eq!(served.serial(), serial);
        }
        for name in ["server.pem", "key.pem"] {
            write(served.dir.path(), (good.clone(), key.clone()));
            fs::remove_file(served.dir.path().join(name)).unwrap();
            assert_eq!(served.reload().0.len(), 1, "{name} is missing");
            fs::create_dir(served.dir.path().join(name)).unwrap();
            assert_eq!(served.reload().0.len(), 1, "{name} is a directory");
            fs::remove_dir(served.dir.path().join(name)).unwrap();
        }
        assert_eq!(served.serial(), serial);
        write(served.dir.path(), (good, key));
        assert_eq!(served.reload(), (Vec::new(), 1));
    }

    #[test]
    fn whose_certificates_are_asked_for_follows_a_reload_and_a_ca_that_fails_stays_as_it_was() {
        let mut served = Served::new();
        let (ca_file, crl_file) = (served.dir.path().join("ca.pem"), Some(served.dir.path().join("ca.crl")));
        fs::write(&ca_file, served.ca.pem()).unwrap();
        let (tenants, operators) = ([TenantId::parse("red").unwrap()].into(), [].into());
        let (name, trust_domain, cn_allowed) = ("edge".to_owned(), None, false);
        let ca = ClientCa { name, ca_file: ca_file.clone(), crl_file, trust_domain, cn_allowed, tenants, operators };
        fn tls(served: &mut Served) -> &mut Tls {
            served.config.listeners[0].tls.as_mut().unwrap()
        }
        tls(&mut served).client_auth = ClientAuth::Optional;
        tls(&mut served).client_cas.insert("edge".to_owned(), ca);
        assert_eq!(served.reload(), (Vec::new(), 1));
        assert_eq!(served.reload(), (Vec::new(), 0));
        assert_eq!(super::files(&served.config).count(), 4);
        tls(&mut served).client_auth = ClientAuth::Required;
        assert_eq!(served.reload(), (Vec::new(), 1));
        fs::write(&ca_file, TestCa::new().pem()).unwrap();
        assert_eq!(served.reload(), (Vec::new(), 1));
        let in_force = served.certificates.of("public").unwrap().in_force();
        for bad in ["", "null", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            fs::write(&ca_file, bad).unwrap();
            let (faults, replaced) = served.reload();
            assert_eq!((faults.len(), replaced), (1, 0), "{bad}");
            assert!(faults[0].starts_with("certificate:public ") && faults[0].contains("ca.pem"), "{faults:?}");
        }
        assert!(served.certificates.of("public").unwrap().in_force().serves_as(&in_force));
        let off = tls(&mut served);
        (off.client_auth, off.client_cas) = (ClientAuth::Off, [].into());
        assert_eq!(served.reload(), (Vec::new(), 1));
    }

    #[test]
    fn where_both_are_past_their_end_the_newer_file_is_served() {
        let mut served = Served::new();
        write(served.dir.path(), served.ca.server_until(&["localhost"], 2031));
        assert_eq!(served.reload().1, 1);
        served.now = Timestamp::from_unix_seconds(2_000_000_000);
        write(served.dir.path(), served.ca.server_until(&["localhost"], 2032));
        assert_eq!(served.reload(), (Vec::new(), 1));
    }

    #[test]
    fn the_expiry_that_is_shown_is_that_of_the_file_in_force() {
        let mut served = Served::new();
        served.certificates.note_expiries(&served.metrics);
        let files = |metrics: &Metrics| {
            metrics.write().unwrap().matches("pushward_certificate_expiry_timestamp_seconds{").count()
        };
        assert_eq!(files(&served.metrics), 1);
        let other = TempDir::new().unwrap();
        write(other.path(), served.ca.server_until(&["localhost"], 2031));
        let tls = served.config.listeners[0].tls.as_mut().unwrap();
        (tls.certificate_file, tls.key_file) = (other.path().join("server.pem"), other.path().join("key.pem"));
        assert_eq!(served.reload().1, 1);
        let text = served.metrics.write().unwrap();
        assert_eq!(files(&served.metrics), 1);
        assert!(text.contains("server.pem\"} 1924992000\n"), "{text}");
    }
}
