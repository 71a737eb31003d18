//! Which format a scrape is answered in, from its `Accept`.

use super::escaping::Escaping;
use super::media::is_delimited_protobuf;
use crate::model::MediaType;
use crate::model::split_outside_quotes;

/// The format of a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScrapeFormat {
    /// Text, version 0.0.4.
    #[default]
    Text,
    /// The same lines as version 1.0.0.
    TextOne,
    /// `MetricFamily` messages, each with its length in front.
    Protobuf,
}

/// What a scrape is answered in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    pub format: ScrapeFormat,
    pub escaping: Escaping,
}

/// Clauses of an `Accept` that are looked at. Prometheus sends six.
const CLAUSES_MAX: usize = 32;

impl Negotiated {
    /// The first format of ours among the clauses, the highest `q` first; text 0.0.4 if there is none. OpenMetrics never:
    /// it renames counters.
    ///
    /// As upstream: the escaping is the last one named on the way there, by whatever clause.
    pub fn of<'h>(accept: impl IntoIterator<Item = &'h str>) -> Self {
        let clauses = accept.into_iter().flat_map(|header| split_outside_quotes(header, b','));
        let weighed = clauses.take(CLAUSES_MAX).map(|text| {
            let media = MediaType::of(text);
            (media.weight(), media)
        });
        let mut clauses: Vec<_> = weighed.filter(|(weight, _)| *weight > 0).collect();
        clauses.sort_by_key(|(weight, _)| u16::MAX - weight);
        let mut escaping = Escaping::default();
        for (_, media) in clauses {
            if let Some(named) = media.parameter("escaping").and_then(|word| Escaping::parse(&word)) {
                escaping = named;
            }
            if let Some(format) = format_of(&media) {
                return Self { format, escaping };
            }
        }
        Self { format: ScrapeFormat::Text, escaping }
    }

    /// What the answer says it is.
    pub fn content_type(self) -> String {
        let escaping = self.escaping.name();
        match self.format {
            ScrapeFormat::Text => format!("text/plain; version=0.0.4; charset=utf-8; escaping={escaping}"),
            ScrapeFormat::TextOne => format!("text/plain; version=1.0.0; charset=utf-8; escaping={escaping}"),
            ScrapeFormat::Protobuf => format!(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping={escaping}"
            ),
        }
    }
}

fn format_of(media: &MediaType<'_>) -> Option<ScrapeFormat> {
    if is_delimited_protobuf(media) {
        return Some(ScrapeFormat::Protobuf);
    }
    if !media.essence().eq_ignore_ascii_case("text/plain") {
        return None;
    }
    match media.parameter("version").as_deref() {
        None | Some("" | "0.0.4") => Some(ScrapeFormat::Text),
        Some("1.0.0") => Some(ScrapeFormat::TextOne),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Negotiated;
    use proptest::prelude::*;

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=";
    const ONE: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=";
    const PROTO: &str =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=";

    #[test]
    fn the_heaviest_clause_of_a_known_format_decides() {
        let proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, begin, escaping) in [
            (String::new(), TEXT, "underscores"),
            ("*/*".into(), TEXT, "underscores"),
            (prometheus.into(), ONE, "allow-utf-8"),
            (format!("{proto};escaping=allow-utf-8;q=0.6,{prometheus}"), PROTO, "allow-utf-8"),
            (format!("text/plain;q=0.9,{proto};q=0.8"), TEXT, "underscores"),
            (format!("text/plain;q=0.8,{proto};q=0.9"), PROTO, "underscores"),
            (format!("{proto};q=0,text/plain"), TEXT, "underscores"),
            ("text/html;escaping=dots, text/plain;version=0.0.4;q=0.5".into(), TEXT, "dots"),
            ("text/plain;escaping=values;version=\"1.0.0\"".into(), ONE, "values"),
            ("text/plain;escaping=nonsense".into(), TEXT, "underscores"),
            ("text/plain;version=2.0.0;escaping=dots".into(), TEXT, "dots"),
            ("application/openmetrics-text;version=1.0.0".into(), TEXT, "underscores"),
            ("text/plain;q=NaN;escaping=dots".into(), TEXT, "dots"),
            (";;;,,,=;q=;\"".into(), TEXT, "underscores"),
        ] {
            assert_eq!(Negotiated::of([&*accept]).content_type(), format!("{begin}{escaping}"), "{accept}");
        }
        assert_eq!(Negotiated::of(["text/html", proto]).content_type(), format!("{PROTO}underscores"));
        assert_eq!(Negotiated::of([]), Negotiated::default());
    }

    proptest! {
        #[test]
        fn every_accept_is_answered(accept in ".*", like in "([a-z/*;=,\"\\\\. 0-9]|q=|escaping=|text/plain|version=){0,40}") {
            Negotiated::of([&*accept]);
            Negotiated::of([&*like]);
        }
    }
}
