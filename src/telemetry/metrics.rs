//! The gateway's own metrics. Their number is bounded by the configuration: labels are tenants, routes, codes.

use super::health::Health;
use super::process::Process;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::TenantMap;
use crate::model::Timestamp;
use parking_lot::Mutex;
use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::EncodeLabelValue;
use prometheus_client::encoding::LabelValueEncoder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteCode {
    route: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantOutcome {
    tenant: Named,
    outcome: &'static str,
}

/// A tenant as a label's value: looked up with each push, so nothing is allocated for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named(TenantId);

impl EncodeLabelValue for Named {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.as_str().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct File {
    file: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    version: &'static str,
}

/// Seconds: from a push on loopback to the longest answer that is not cut.
const DURATIONS: [f64; 12] = [0.0001, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];
/// Bytes: a push of one series, of ten, … of the default cap.
const SIZES: [f64; 8] = [128.0, 512.0, 2048.0, 8192.0, 32_768.0, 131_072.0, 1_048_576.0, 10_485_760.0];

/// Everything that is counted, and the registry that writes it out.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    requests: Family<RouteCode, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    refusals: Family<Code, Counter>,
    answers: Answers,
    pushes: PushMetrics,
    certificates: Family<File, Gauge>,
    /// As told: what a gauge shows cannot be asked for.
    expiries: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

/// What the push handler counts.
#[derive(Clone, Debug)]
pub struct PushMetrics {
    pushes: Family<TenantOutcome, Counter>,
    /// Of these, those of pushes that were accepted: found by the tenant alone.
    accepted: Arc<RwLock<TenantMap<Counter>>>,
    sizes: Histogram,
}

/// What became of a push that was not refused.
pub const ACCEPTED: &str = "accepted";

/// What the answers of one route with one status are counted with.
#[derive(Debug)]
struct Counted {
    of: (&'static str, u16),
    requests: Counter,
    durations: Histogram,
}

/// Those of the routes and statuses below 400 that were met first, which are nearly all there are: found without a lock and
/// without a hash of their names. What has no place here is looked up in its family: refusals, of which strangers can have as
/// many kinds as there are places.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<[OnceLock<Counted>; ANSWERS]>);

const ANSWERS: usize = 16;

impl Answers {
    fn with(&self, of: (&'static str, u16), made: impl Fn() -> Counted, count: impl FnOnce(&Counted)) {
        let places = if of.1 < 400 { &*self.0 } else { &[][..] };
        for place in places {
            // Whoever is entered here a moment before is passed by.
            let counted = place.get_or_init(&made);
            if counted.of == of {
                return count(counted);
            }
        }
        count(&made());
    }
}

impl PushMetrics {
    /// `outcome`: [`ACCEPTED`], or the code of the refusal.
    pub fn pushed(&self, tenant: &TenantId, outcome: &'static str) {
        if outcome == ACCEPTED
            && let Some(accepted) = self.accepted.read().get(tenant)
        {
            accepted.inc();
            return;
        }
        let counter = self.pushes.get_or_create_owned(&TenantOutcome { tenant: Named(tenant.clone()), outcome });
        counter.inc();
        if outcome == ACCEPTED {
            self.accepted.write().insert(tenant.clone(), counter);
        }
    }

    /// A body was read whole: so many bytes, decompressed.
    #[expect(clippy::cast_precision_loss, reason = "bodies are far below 2^52 bytes")]
    pub fn size(&self, bytes: usize) {
        self.sizes.observe(bytes as f64);
    }
}

impl Metrics {
    pub fn new(clock: &SharedClock, health: &Health) -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            refusals: Family::default(),
            answers: Answers::default(),
            pushes: PushMetrics { pushes: Family::default(), accepted: Arc::default(), sizes: Histogram::new(SIZES) },
            certificates: Family::default(),
            expiries: Arc::default(),
        };
        metrics.register_own(&mut registry);
        registry.register_collector(Box::new(Process::new(clock.now())));
        registry.register_collector(Box::new(super::process::Degraded(health.clone())));
        *metrics.registry.write() = registry;
        metrics
    }

    fn register_own(&self, registry: &mut Registry) {
        let build = Family::<Version, Gauge>::default();
        build.get_or_create(&Version { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("pushward_build_info", "The version that runs", build);
        let requests = self.requests.clone();
        registry.register("pushward_http_requests", "Requests answered, by route and status", requests);
        let durations = self.durations.clone();
        let help = "Seconds from a request's head to its answer's head";
        registry.register("pushward_http_request_duration_seconds", help, durations);
        registry.register("pushward_refusals", "Requests refused, by the code of the answer", self.refusals.clone());
        let pushes = self.pushes.pushes.clone();
        registry.register("pushward_pushes", "Pushes by outcome: accepted, or the code of the refusal", pushes);
        let sizes = self.pushes.sizes.clone();
        registry.register("pushward_push_size_bytes", "Bytes of pushed bodies, decompressed", sizes);
        let help = "Lines of the log that were not written: nobody took them from stderr";
        registry.register("pushward_log_lines_dropped", help, super::log::lines_dropped());
        let help = "When a certificate file's leaf expires, in Unix seconds";
        registry.register("pushward_certificate_expiry_timestamp_seconds", help, self.certificates.clone());
    }

    /// Adds what some part of the gateway can tell when it is asked.
    pub fn collect(&self, collector: Box<dyn Collector>) {
        self.registry.write().register_collector(collector);
    }

    /// Adds a metric that some part of the gateway moves by itself.
    pub fn register(&self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        self.registry.write().register(name, help, metric);
    }

    /// What the push handler counts with.
    pub fn pushes(&self) -> PushMetrics {
        self.pushes.clone()
    }

    /// `file`: as the configuration names it.
    pub fn certificate_expires(&self, file: &str, at: Timestamp) {
        self.certificates.get_or_create(&File { file: file.to_owned() }).set(at.unix_seconds());
        self.expiries.lock().insert(file.to_owned(), at);
    }

    /// The file is none of ours any more.
    pub fn certificate_gone(&self, file: &str) {
        self.certificates.remove(&File { file: file.to_owned() });
        self.expiries.lock().remove(file);
    }

    /// What was told of certificates: each file, and when its leaf expires.
    pub fn certificate_expiries(&self) -> Vec<(String, Timestamp)> {
        self.expiries.lock().iter().map(|(file, at)| (file.clone(), *at)).collect()
    }

    /// A request was answered: with this status, and with this code where it was refused.
    pub fn answered(&self, route: &'static str, status: u16, refusal: Option<&'static str>, seconds: f64) {
        let counted = || Counted {
            of: (route, status),
            requests: self.requests.get_or_create_owned(&RouteCode { route, code: status }),
            durations: self.durations.get_or_create_owned(&Route { route }),
        };
        self.answers.with((route, status), counted, |Counted { requests, durations, .. }| {
            requests.inc();
            durations.observe(seconds);
        });
        if let Some(code) = refusal {
            self.refusals.get_or_create(&Code { code }).inc();
        }
    }

    /// All of it in the OpenMetrics text format.
    pub fn write(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry.read())?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::ACCEPTED;
    use super::ANSWERS;
    use super::Metrics;
    use crate::model::SharedClock;
    use crate::model::TenantId;
    use crate::telemetry::Health;
    use crate::testkit::MockClock;
    use std::sync::Arc;

    fn metrics() -> Metrics {
        let clock: SharedClock = Arc::new(MockClock::new());
        Metrics::new(&clock, &Health::default())
    }

    #[test]
    fn every_answer_is_counted_however_many_routes_and_statuses_there_are() {
        let (metrics, statuses) = (metrics(), 200..200 + 2 * ANSWERS as u16);
        for _ in 0..3 {
            for status in statuses.clone() {
                metrics.answered("/a", status, None, 0.5);
                metrics.answered("/b", status, Some("quota"), 0.5);
            }
        }
        let text = metrics.write().unwrap();
        for status in statuses {
            for route in ["/a", "/b"] {
                let line = format!("pushward_http_requests_total{{route=\"{route}\",code=\"{status}\"}} 3\n");
                assert!(text.contains(&line), "{line}{text}");
            }
        }
        let durations = format!("pushward_http_request_duration_seconds_count{{route=\"/b\"}} {}\n", 6 * ANSWERS);
        assert!(text.contains(&durations), "{text}");
    }

    #[test]
    fn what_strangers_are_refused_takes_no_place_of_what_is_answered() {
        let metrics = metrics();
        let routes: Vec<&'static str> = (0..2 * ANSWERS).map(|n| &*format!("r{n}").leak()).collect();
        routes.iter().for_each(|route| metrics.answered(route, 401, Some("unauthorized"), 0.1));
        metrics.answered("push", 200, None, 0.1);
        assert_eq!(metrics.answers.0[0].get().map(|counted| counted.of), Some(("push", 200)));
    }

    #[test]
    fn every_push_is_counted_by_its_tenant_and_its_outcome() {
        let (metrics, [red, blue]) = (metrics(), ["red", "blue"].map(|name| TenantId::parse(name).unwrap()));
        for _ in 0..3 {
            metrics.pushes().pushed(&red, ACCEPTED);
            metrics.pushes().pushed(&red, "quota");
        }
        metrics.pushes().pushed(&blue, ACCEPTED);
        let text = metrics.write().unwrap();
        for (tenant, outcome, count) in [("red", ACCEPTED, 3), ("red", "quota", 3), ("blue", ACCEPTED, 1)] {
            let line = format!("pushward_pushes_total{{tenant=\"{tenant}\",outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
