//! Random requests: mostly good ones, of few groups and few names, so that they meet.

use crate::proto;
use crate::proto::DELIMITED;
use crate::proto::Message;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::Write;

/// SplitMix64: the same numbers from the same seed, anywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).expect("below a usize")
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(super) fn one_mut<'a, T>(&mut self, of: &'a mut [T]) -> &'a mut T {
        let index = self.below(of.len());
        &mut of[index]
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
    pub(super) text: String,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, headers, text, .. } = self;
        write!(f, "{method} {path} {headers:?} {text:?}")
    }
}

type Labels = &'static [(&'static str, &'static str)];

/// The same group is named in several ways; several groups share a job and a family.
const PATHS: &[&str] = &[
    "/metrics/job/a",
    "/metrics/job/a/",
    "/metrics/job@base64/YQ",
    "/metrics/job/a/instance/i",
    "/metrics/job/a/instance@base64/aQ==",
    "/metrics/job/a/instance/j",
    "/metrics/job/a/l/1",
    "/metrics/job/a/l/1/instance/i",
    "/metrics/job/a/instance/i/l/1",
    "/metrics/job/a/tenant/red",
    "/metrics/job/b",
    "/metrics/job/b/exported_tenant/x/tenant/y",
    "/metrics/job@base64/Yi9j/path@base64/L3Zhci8",
    "/metrics/job/empty/e@base64/=",
    "/metrics/job/%E6%9D%B1%20%E4%BA%AC",
];
const WRONG_PATHS: &[&str] = &[
    "/metrics/job/a/l",
    "/metrics/job/a/1l/x",
    "/metrics/job/a/__l/x",
    "/metrics/job@base64/=",
    "/metrics/job/a/l@base64/a.b",
];
/// A body as it stands: broken, or of a kind that the generator below does not make.
const BODIES: &[&str] = &[
    "",
    "# nothing\n",
    "# TYPE a gauge\n",
    "a 1 1000\n",
    "a{l=\"1\"} 1\na{l=\"1\"} 2\n",
    "broken\n",
    "a 1\nb{ 2\n",
    "a{__l=\"1\"} 1\n",
    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\nh_count 2\n# TYPE h gauge\n",
    "push_time_seconds 1\na 2\n",
    "# TYPE s summary\ns_count 3\n# TYPE s_count gauge\n",
];
/// A name and the type it mostly has.
const NAMES: &[(&str, &str)] = &[
    ("a", "untyped"),
    ("b", "gauge"),
    ("c", "counter"),
    ("h", "histogram"),
    ("h_count", "untyped"),
    ("s", "summary"),
    ("s_sum", "gauge"),
    ("up", "gauge"),
    ("with_help", "gauge"),
];
const TYPES: &[&str] = &["untyped", "gauge", "counter", "histogram", "summary"];
const LABELS: &[Labels] = &[
    &[],
    &[],
    &[],
    &[("l", "1")],
    &[("l", "2")],
    &[("instance", "i")],
    &[("instance", "")],
    &[("job", "forged")],
    &[("tenant", "blue")],
    &[("exported_tenant", "blue"), ("tenant", "red")],
    &[("z", "\\ \" \n é"), ("l", "1")],
];
const VALUES: &[&str] = &["0", "1", "-1.5", "NaN", "+Inf", "-Inf", "1e6", "0.1", "1e-7", "123456789.125", "5e-324"];

impl Request {
    /// Pushgateway accepts it before it does it.
    pub(super) fn is_queued(&self) -> bool {
        self.method == "DELETE" || self.path.ends_with("/wipe")
    }

    pub(super) fn random(dice: &mut Dice) -> Self {
        let path = if dice.percent(6) { dice.one(WRONG_PATHS) } else { dice.one(PATHS) }.to_owned();
        if dice.percent(1) {
            return Self { method: "PUT", path: "/api/v1/admin/wipe".to_owned(), ..Self::default() };
        }
        if dice.percent(18) {
            return Self { method: "DELETE", path, ..Self::default() };
        }
        let method = if dice.percent(40) { "PUT" } else { "POST" };
        let (mut headers, body, text) = if dice.percent(15) {
            let text = dice.one(BODIES);
            (Vec::new(), text.as_bytes().to_vec(), text.to_owned())
        } else {
            let families = families(dice);
            let text: String = families.iter().map(Family::text).collect();
            if dice.percent(30) {
                let body = families.iter().flat_map(|family| family.message().delimited()).collect();
                (vec![("Content-Type", DELIMITED)], body, text)
            } else {
                (Vec::new(), text.clone().into_bytes(), text)
            }
        };
        if dice.percent(80) {
            return Self { method, path, headers, body, text };
        }
        headers.push(("Content-Encoding", "gzip"));
        Self { method, path, headers, body: gzip(&body), text }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

struct Family {
    name: &'static str,
    kind: &'static str,
    series: Vec<(Labels, &'static str)>,
}

/// Up to three families of different names.
fn families(dice: &mut Dice) -> Vec<Family> {
    let first = dice.below(NAMES.len());
    let count = 1 + dice.below(3);
    (first..first + count).map(|index| Family::random(dice, NAMES[index % NAMES.len()])).collect()
}

impl Family {
    fn random(dice: &mut Dice, (name, usual): (&'static str, &'static str)) -> Self {
        let kind = if dice.percent(8) { dice.one(TYPES) } else { usual };
        // It may become the count of a histogram, which 1.5.1 keeps as an integer.
        let value = |dice: &mut Dice| if name == "h_count" { "3" } else { dice.one(VALUES) };
        let labels = LABELS[dice.below(LABELS.len())];
        let mut series = vec![(labels, value(dice))];
        if dice.percent(20) {
            let second = LABELS[dice.below(LABELS.len())];
            // The same bound twice is a known difference.
            if second != labels || !["histogram", "summary"].contains(&kind) {
                series.push((second, value(dice)));
            }
        }
        Self { name, kind, series }
    }

    /// One help for one name: which of several is shown is left to chance by Pushgateway.
    fn help(&self) -> Option<&'static str> {
        (self.name == "with_help").then_some("one \n and \\ two")
    }

    fn text(&self) -> String {
        let Self { name, kind, .. } = self;
        let escape = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n");
        let mut text = self.help().map(|help| format!("# HELP {name} {}\n", escape(help))).unwrap_or_default();
        if *kind != "untyped" {
            text.push_str(&format!("# TYPE {name} {kind}\n"));
        }
        for (labels, value) in &self.series {
            let with = |more: &str| {
                let labels = labels.iter().map(|(name, value)| {
                    let value = escape(value).replace('"', "\\\"");
                    format!("{name}=\"{value}\"")
                });
                let more = (!more.is_empty()).then(|| more.to_owned());
                format!("{{{}}}", labels.chain(more).collect::<Vec<_>>().join(","))
            };
            let own = with("");
            text.push_str(&match *kind {
                "histogram" => format!(
                    "{name}_bucket{} 1\n{name}_bucket{} 3\n{name}_sum{own} {value}\n{name}_count{own} 3\n",
                    with("le=\"0.5\""),
                    with("le=\"+Inf\"")
                ),
                "summary" => {
                    format!("{name}{} {value}\n{name}_sum{own} 2\n{name}_count{own} 4\n", with("quantile=\"0.9\""))
                }
                _ => format!("{name}{own} {value}\n"),
            });
        }
        text
    }

    fn message(&self) -> Message {
        let metrics: Vec<Message> = self.series.iter().map(|(labels, value)| self.metric(labels, value)).collect();
        let kind = match self.kind {
            "counter" => proto::COUNTER,
            "gauge" => proto::GAUGE,
            "summary" => proto::SUMMARY,
            "histogram" => proto::HISTOGRAM,
            _ => proto::UNTYPED,
        };
        let family = proto::family(self.name, kind, &metrics);
        self.help().map_or(family.clone(), |help| family.bytes(2, help))
    }

    fn metric(&self, labels: &[(&str, &str)], value: &str) -> Message {
        let (metric, value) = (proto::metric(labels), value.parse().expect("a number"));
        match self.kind {
            "counter" => metric.counter(value),
            "gauge" => metric.gauge(value),
            "summary" => metric.summary(4, 2.0, &[(0.9, value)]),
            "histogram" => metric.histogram(3, value, &[(0.5, 1), (f64::INFINITY, 3)]),
            _ => metric.untyped(value),
        }
    }
}
