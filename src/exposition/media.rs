//! In what format a push is written, as its media type says.

use crate::model::MediaType;

const PROTOBUF: &str = "application/vnd.google.protobuf";
const MESSAGE: &str = "io.prometheus.client.MetricFamily";

/// Whether this names a stream of `MetricFamily` messages with their lengths.
pub(super) fn is_delimited_protobuf(media: &MediaType<'_>) -> bool {
    media.essence().eq_ignore_ascii_case(PROTOBUF)
        && media.parameter("proto").as_deref() == Some(MESSAGE)
        && media.parameter("encoding").as_deref() == Some("delimited")
}

/// In what format a push is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFormat {
    /// The text format 0.0.4.
    Text,
    /// Delimited protobuf.
    Protobuf,
}

impl PushFormat {
    /// As a push's `Content-Type` says. Whatever does not name delimited protobuf is text, as upstream has it.
    pub fn of(content_type: Option<&str>) -> Self {
        match content_type.is_some_and(|text| is_delimited_protobuf(&MediaType::of(text))) {
            true => Self::Protobuf,
            false => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PushFormat;
    use proptest::prelude::*;

    #[test]
    fn only_what_names_delimited_protobuf_in_full_is_protobuf() {
        for text in [
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "Application/VND.google.Protobuf;Encoding=\"delimited\";x=\";\\\"\";PROTO=io.prometheus.client.MetricFamily",
        ] {
            assert_eq!(PushFormat::of(Some(text)), PushFormat::Protobuf, "{text}");
        }
        for text in [
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=Delimited",
            "application/vnd.google.protobuf; proto=io.prometheus.client.metricfamily; encoding=delimited",
            "application/x-protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "x=\"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "application/json",
            "",
        ] {
            assert_eq!(PushFormat::of(Some(text)), PushFormat::Text, "{text}");
        }
        assert_eq!(PushFormat::of(None), PushFormat::Text);
    }

    proptest! {
        #[test]
        fn any_content_type_is_one_of_the_two(text in ".*") {
            PushFormat::of(Some(&text));
        }
    }
}
