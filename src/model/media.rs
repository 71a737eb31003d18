//! Media types as headers write them: `type/subtype; name=value; name="value"`.

use std::borrow::Cow;

/// One media type with its parameters.
#[derive(Debug)]
pub struct MediaType<'h> {
    text: &'h str,
}

/// What is put into quotes is one value, whatever it holds.
pub fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
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
    /// Whatever stands there: what is no media type has no name that anybody asks for.
    pub fn of(text: &'h str) -> Self {
        Self { text }
    }

    /// Type and subtype: `text/plain`, in whatever case it was sent.
    pub fn essence(&self) -> &'h str {
        split_outside_quotes(self.text, b';').next().unwrap_or_default().trim()
    }

    /// The value of a parameter, whose name is read in any case; the first of several.
    pub fn parameter(&self, name: &str) -> Option<Cow<'h, str>> {
        split_outside_quotes(self.text, b';').skip(1).find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            found.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
        })
    }

    /// `q` in thousandths; what is no number weighs as if it were not there.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1000")]
    pub fn weight(&self) -> u16 {
        let q = self.parameter("q").and_then(|q| q.parse::<f64>().ok()).filter(|q| !q.is_nan());
        (q.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16
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
