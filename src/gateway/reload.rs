//! Another configuration while the gateway runs: read, made, put in force, told of.

use super::certificates;
use super::condition::Condition;
use super::live::Live;
use crate::api::Reload;
use crate::api::ReloadRefused;
use crate::api::Reloading;
use crate::config::Changes;
use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::PartFault;
use crate::config::Reading;
use crate::config::Since;
use crate::config::Source;
use crate::config::Watch;
use crate::model::SharedClock;
use crate::model::Timestamp;
use crate::model::rfc3339;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Why there is a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// SIGHUP.
    Signal,
    /// `POST /-/reload`.
    Request,
    /// A file has changed. The main file is not read, and no tenant goes.
    Watch,
}

/// Why there is a reload, and who asked for it, if that was a request.
#[derive(Debug)]
struct Occasion {
    trigger: Trigger,
    by: Option<Initiator>,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    pub changes: Changes,
    /// What is not in force as its file says.
    pub parts: Vec<PartFault>,
    /// Keys that wait for a restart.
    pub needs_restart: Vec<String>,
}

/// Why a reload changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReloadError {
    /// The main file cannot be used.
    #[error(transparent)]
    Refused(#[from] ConfigErrors),
    /// A panic, or the end of the process.
    #[error("the reload broke off")]
    BrokeOff,
}

/// The configuration in force, and how to get another one there. Clones share it.
#[derive(Clone, Debug)]
pub struct Reloader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    live: Live,
    in_force: ArcSwap<Config>,
    /// What the process began with: sockets, the store and the log are as it says until the end.
    running: Config,
    /// One reload at a time.
    progress: Arc<Mutex<Progress>>,
    condition: Condition,
    metrics: Metrics,
    audit: Audit,
    clock: SharedClock,
}

/// What one reload leaves to the next.
#[derive(Debug)]
struct Progress {
    /// `None`: the configuration came from no file, so there is nothing to read.
    source: Option<Source>,
    /// Files that are watched are read with the main one as it was: its fault is over when it was read again.
    main: Option<PartFault>,
}

/// Of an audit line's text so many bytes are kept: longer lists become several lines.
const AUDITED_BYTES: usize = 240;

impl Reloader {
    pub(super) fn new(
        live: Live,
        source: Option<Source>,
        reading: Reading,
        condition: Condition,
        metrics: Metrics,
        audit: Audit,
        clock: SharedClock,
    ) -> Self {
        let parts = [reading.parts, live.registry.load().unread()].concat();
        tell_of(&parts);
        condition.set(parts, false, clock.now());
        live.certificates.note_expiries(&metrics);
        let (running, in_force) = (reading.config.clone(), ArcSwap::from_pointee(reading.config));
        let progress = Arc::new(Mutex::new(Progress { source, main: None }));
        Self { inner: Arc::new(Inner { live, in_force, running, progress, condition, metrics, audit, clock }) }
    }

    pub(super) fn live(&self) -> &Live {
        &self.inner.live
    }

    /// The configuration in force, which says of what needs a restart what was asked for last.
    pub fn in_force(&self) -> Arc<Config> {
        self.inner.in_force.load_full()
    }

    /// What is to be watched now; `None`: nothing.
    pub(super) fn watched(&self) -> Option<BTreeSet<PathBuf>> {
        let config = self.inner.in_force.load();
        let files = config.files.iter().map(PathBuf::as_path).chain(certificates::files(&config));
        (config.watch == Watch::Files).then(|| files.map(PathBuf::from).collect())
    }

    /// Reads the files again and puts in force what is good in them. Goes on to its end when nobody waits for it.
    pub async fn reload(&self, trigger: Trigger) -> Result<Reloaded, ReloadError> {
        self.reload_by(trigger, None).await
    }

    async fn reload_by(&self, trigger: Trigger, by: Option<Initiator>) -> Result<Reloaded, ReloadError> {
        if trigger == Trigger::Signal {
            // Who rotates the audit's file says so by this signal.
            self.inner.audit.reopen();
        }
        self.go(Occasion { trigger, by }, move |progress, in_force| progress.read(trigger, in_force)).await
    }

    /// For as long as what is returned is held, nothing is reloaded.
    pub(super) async fn turn(&self) -> impl Drop + use<> {
        self.inner.progress.clone().lock_owned().await
    }

    /// Puts in force what was read elsewhere.
    pub async fn take(&self, reading: Reading) -> Result<Reloaded, ReloadError> {
        self.go(Occasion { trigger: Trigger::Request, by: None }, |_, _| Ok(reading)).await
    }

    async fn go<R>(&self, occasion: Occasion, read: R) -> Result<Reloaded, ReloadError>
    where
        R: FnOnce(&mut Progress, &Config) -> Result<Reading, ConfigErrors> + Send + 'static,
    {
        // In line for it without a thread: only the one whose turn it is blocks.
        let mut progress = self.inner.progress.clone().lock_owned().await;
        let inner = self.inner.clone();
        let reloading = tokio::task::spawn_blocking(move || {
            let reading = read(&mut progress, &inner.in_force.load());
            inner.apply(&occasion, reading, &mut progress)
        });
        reloading.await.unwrap_or(Err(ReloadError::BrokeOff))
    }
}

impl Progress {
    fn read(&mut self, trigger: Trigger, in_force: &Config) -> Result<Reading, ConfigErrors> {
        let Some(source) = &self.source else {
            return Ok(Reading::from(in_force.clone()));
        };
        if trigger == Trigger::Watch {
            return source.load(Since::Watched(in_force));
        }
        let source = Source::read(source.path())?;
        let reading = source.load(Since::Asked(in_force))?;
        self.source = Some(source);
        Ok(reading)
    }
}

impl Inner {
    fn apply(
        &self,
        occasion: &Occasion,
        reading: Result<Reading, ConfigErrors>,
        progress: &mut Progress,
    ) -> Result<Reloaded, ReloadError> {
        let trigger = occasion.trigger;
        let before = self.in_force.load_full();
        let Reading { mut config, cautions, parts, .. } = match reading {
            Ok(reading) => reading,
            Err(errors) => return Err(self.refused(occasion, errors, progress)),
        };
        if trigger != Trigger::Watch {
            progress.main = None;
        }
        let unread = self.live.bring_back(&mut config);
        let next = self.live.next(&config, &self.clock);
        self.audit.write_down(config.audit.pushes);
        // What of a closed tenant is wrong besides is told when it is open.
        let parts = parts.into_iter().filter(|part| unread.iter().all(|closed| closed.part != part.part));
        let parts: Vec<_> = parts.chain(unread.clone()).chain(next.faults()).chain(progress.main.clone()).collect();
        let mut changes = Changes::between(&before, &config);
        let lists = self.live.registry.load().crl_next_updates();
        let certificates = self.live.put_in_force(next, &config, &self.metrics);
        changes.add("certificates_changed", certificates);
        changes.add("revocation_lists_changed", other_lists(&lists, &self.live.registry.load().crl_next_updates()));
        let needs_restart = config.needs_restart(&self.running);
        let asked_anew = needs_restart != before.needs_restart(&self.running);
        self.in_force.store(Arc::new(config));
        let other_faults = self.condition.set(parts.clone(), !needs_restart.is_empty(), self.clock.now());
        let reloaded = Reloaded { changes, parts, needs_restart };
        // A look at files in which nothing is new is no news.
        if trigger != Trigger::Watch || !reloaded.changes.is_empty() || other_faults || asked_anew {
            for caution in &cautions {
                tracing::warn!(%caution, "the configuration is allowed and hardly meant");
            }
            self.tell(occasion, &reloaded);
        }
        Ok(reloaded)
    }

    /// Nothing changes but what is known of the fault.
    fn refused(&self, occasion: &Occasion, errors: ConfigErrors, progress: &mut Progress) -> ReloadError {
        let trigger = occasion.trigger;
        for fault in errors.faults() {
            tracing::error!(trigger = trigger.as_str(), %fault, "the configuration is refused, and the one in force stays");
        }
        let main = PartFault { part: "main".to_owned(), errors: errors.clone(), closed: false };
        // What a look at the other files found is over with the next look that finds nothing.
        if trigger != Trigger::Watch {
            progress.main = Some(main.clone());
        }
        self.condition.keep(main);
        self.audit.note(&AuditEvent { code: Some("config_refused"), ..occasion.event("reload_refused") });
        ReloadError::Refused(errors)
    }

    fn tell(&self, occasion: &Occasion, reloaded: &Reloaded) {
        let Reloaded { changes, parts, needs_restart } = reloaded;
        let (trigger, restart) = (occasion.trigger.as_str(), needs_restart.join(", "));
        tracing::info!(trigger, %changes, faults = parts.len(), needs_restart = restart, "reloaded");
        tell_of(parts);
        self.audit.note(&occasion.event("reload").with("faults", parts.len().to_string()));
        let named = |closed| -> Vec<String> {
            parts.iter().filter(|part| part.closed == closed).map(|part| part.part.clone()).collect()
        };
        // Of a tenant that loses its last good state the log tells why; a member of a line must not stand in it twice.
        let (kept, closed) = (named(false), named(true));
        let others = [("kept", &*kept), ("closed", &*closed), ("needs_restart", needs_restart)];
        for (kind, names) in changes.iter().chain(others) {
            for names in in_pieces(names) {
                self.audit.note(&AuditEvent::new("reload_change").with(kind, names));
            }
        }
    }
}

/// The CAs whose lists end at another moment than before, and when: a list that is renewed says so by nothing else.
fn other_lists(before: &[(String, Timestamp)], after: &[(String, Timestamp)]) -> Vec<String> {
    let others = after.iter().filter(|list| !before.contains(list));
    others.map(|(ca, end)| format!("{ca} until {}", rfc3339(*end))).collect()
}

/// Says in the log what is not in force as its file says.
fn tell_of(parts: &[PartFault]) {
    for (part, fault) in parts.iter().flat_map(|part| part.errors.faults().iter().map(move |fault| (part, fault))) {
        let stands = if part.closed { "closed" } else { "as it was" };
        tracing::warn!(part = part.part, stands, %fault, "a part of the configuration cannot be used");
    }
}

impl Trigger {
    /// As log and audit name it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Request => "request",
            Self::Watch => "watch",
        }
    }
}

impl Occasion {
    fn event(&self, name: &'static str) -> AuditEvent {
        let event = self.by.as_ref().map_or_else(|| AuditEvent::new(name), |by| AuditEvent::by(name, by));
        event.with("trigger", self.trigger.as_str())
    }
}

/// Names with commas between them, no more in one text than an audit line keeps. A team writes the names in its file: one
/// with a comma or quotes in it is quoted, so that it is not read as two, of which the second may be another team's.
fn in_pieces(names: &[String]) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for name in names {
        let quoted = name.contains([',', '"']).then(|| format!("{name:?}"));
        let name = quoted.as_ref().unwrap_or(name);
        match pieces.last_mut().filter(|piece| piece.len() + name.len() < AUDITED_BYTES) {
            Some(piece) => {
                piece.push(',');
                piece.push_str(name);
            }
            None => pieces.push(name.clone()),
        }
    }
    pieces
}

impl Reload for Reloader {
    fn reload(&self, initiator: &Initiator) -> Reloading {
        let (reloader, by) = (self.clone(), Some(initiator.clone()));
        Box::pin(async move {
            match reloader.reload_by(Trigger::Request, by).await {
                Ok(reloaded) => Ok(reloaded.lines()),
                Err(ReloadError::Refused(errors)) => {
                    let first = errors.faults().first().map(ToString::to_string);
                    Err(ReloadRefused::Config(first.unwrap_or_default()))
                }
                Err(ReloadError::BrokeOff) => Err(ReloadRefused::BrokeOff),
            }
        })
    }
}

impl Reloaded {
    /// What is not as the files say, for an operator.
    fn lines(&self) -> Vec<String> {
        let part = |part: &PartFault| {
            let stands = if part.closed { "closed" } else { "kept" };
            let first = part.errors.faults().first().map(ToString::to_string).unwrap_or_default();
            format!("{stands} {}: {first}", part.part)
        };
        let restart = self.needs_restart.iter().map(|key| format!("needs a restart: {key}"));
        self.parts.iter().map(part).chain(restart).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::AUDITED_BYTES;
    use super::in_pieces;

    #[test]
    fn a_long_list_becomes_several_lines_and_loses_no_name() {
        assert!(in_pieces(&[]).is_empty());
        let names: Vec<String> = (0..1000).map(|n| format!("payments/{n:010}")).collect();
        let pieces = in_pieces(&names);
        assert!(pieces.iter().all(|piece| piece.len() <= AUDITED_BYTES));
        assert_eq!(pieces.join(",").split(',').collect::<Vec<_>>(), names);
        assert!(pieces.len() < 1000 / 8, "{}", pieces.len());
    }

    #[test]
    fn a_name_with_a_comma_is_not_read_as_two() {
        let names = ["red/x,blue/admin", "red/\"", "red/y"].map(str::to_owned);
        assert_eq!(in_pieces(&names), ["\"red/x,blue/admin\",\"red/\\\"\",red/y"]);
    }
}
