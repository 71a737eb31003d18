//! Media types as headers write them: `type/subtype; name=value; name="value"`.

use std::borrow::Cow;

/// One media type with its parameters.
#[derive(Debug)]
pub(super) struct MediaType<'h> {
    text: &'h str,
}

/// What is put into quotes is one value, whatever it holds.
pub(super) fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            let ends = byte == separator && !quoted;
            quoted ^= byte == b'"' && !escaped;
            escaped = byte == b'\\' && quoted && !escaped;
            ends
        });
        // The separator is ASCII, so both cuts are at characters' ends.
        rest = end.and_then(|end| text.get(end + 1..));
        text.get(..end.unwrap_or(text.len()))
    })
}

impl<'h> MediaType<'h> {
    pub(super) fn of(text: &'h str) -> Self {
        Self { text }
    }

    /// Type and subtype: `text/plain`, in whatever case it was sent.
    pub(super) fn essence(&self) -> &'h str {
        split_outside_quotes(self.text, b';').next().unwrap_or_default().trim()
    }

    /// The value of a parameter, whose name is read in any case; the first of several.
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'h, str>> {
        split_outside_quotes(self.text, b';').skip(1).find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            found.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
        })
    }
}

fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        plain.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    Cow::Owned(plain)
}

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
