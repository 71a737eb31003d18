//! Random requests: mostly good ones, of few groups and few names, so that they meet.

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
const LABELS: &[&str] = &[
    "",
    "",
    "",
    "l=\"1\"",
    "l=\"2\"",
    "instance=\"i\"",
    "instance=\"\"",
    "job=\"forged\"",
    "tenant=\"blue\"",
    "exported_tenant=\"blue\",tenant=\"red\"",
    "z=\"\\\\ \\\" \\n é\",l=\"1\"",
];
const VALUES: &[&str] = &["0", "1", "-1.5", "NaN", "+Inf", "-Inf", "1e6", "0.1", "1e-7", "123456789.125", "5e-324"];

impl Request {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let path = if dice.percent(6) { dice.one(WRONG_PATHS) } else { dice.one(PATHS) }.to_owned();
        if dice.percent(18) {
            return Self { method: "DELETE", path, ..Self::default() };
        }
        let method = if dice.percent(40) { "PUT" } else { "POST" };
        let text = if dice.percent(15) { dice.one(BODIES).to_owned() } else { families(dice) };
        let (headers, body) = if dice.percent(20) {
            (vec![("Content-Encoding", "gzip")], gzip(&text))
        } else {
            (Vec::new(), text.clone().into_bytes())
        };
        Self { method, path, headers, body, text }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// Up to three families of different names.
fn families(dice: &mut Dice) -> String {
    let first = dice.below(NAMES.len());
    let count = 1 + dice.below(3);
    let mut text = String::new();
    for index in first..first + count {
        let (name, usual) = NAMES[index % NAMES.len()];
        let kind = if dice.percent(8) { dice.one(TYPES) } else { usual };
        // One help for one name: which of several is shown is left to chance by Pushgateway.
        if name == "with_help" {
            text.push_str("# HELP with_help one \\n and \\\\ two\n");
        }
        if kind != "untyped" {
            text.push_str(&format!("# TYPE {name} {kind}\n"));
        }
        let labels = dice.one(LABELS);
        text.push_str(&sample(dice, name, kind, labels));
        if dice.percent(20) {
            let second = dice.one(LABELS);
            // The same bound twice is a known difference.
            if second != labels || !["histogram", "summary"].contains(&kind) {
                text.push_str(&sample(dice, name, kind, second));
            }
        }
    }
    text
}

fn sample(dice: &mut Dice, name: &str, kind: &str, labels: &str) -> String {
    // It may become the count of a histogram, which 1.5.1 keeps as an integer.
    let value = if name == "h_count" { "3" } else { dice.one(VALUES) };
    let with = |more: &str| {
        let comma = if labels.is_empty() || more.is_empty() { "" } else { "," };
        format!("{{{labels}{comma}{more}}}")
    };
    match kind {
        "histogram" => format!(
            "{name}_bucket{} 1\n{name}_bucket{} 3\n{name}_sum{} {value}\n{name}_count{} 3\n",
            with("le=\"0.5\""),
            with("le=\"+Inf\""),
            with(""),
            with("")
        ),
        "summary" => {
            format!(
                "{name}{} {value}\n{name}_sum{} 2\n{name}_count{} 4\n",
                with("quantile=\"0.9\""),
                with(""),
                with("")
            )
        }
        _ => format!("{name}{} {value}\n", with("")),
    }
}
