//! A token's entry in the configuration.

use crate::model::PlainToken;
use crate::model::Timestamp;
use crate::model::rfc3339;
use std::fmt::Write;

/// What stands in the configuration about a token. Everything is quoted, so that YAML takes nothing for a number.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    /// Absent: the id is the name.
    pub(super) name: Option<&'a str>,
    pub(super) scopes: Vec<&'a str>,
    /// Empty: all.
    pub(super) jobs: Vec<&'a str>,
    /// Empty: everywhere.
    pub(super) networks: Vec<&'a str>,
    /// Absent: never.
    pub(super) expires: Option<Timestamp>,
}

impl Entry<'_> {
    /// An item of a list, with `indent` in front of each line.
    pub(super) fn yaml(&self, token: &PlainToken, indent: &str) -> String {
        let mut text = format!("{indent}- id: {}\n", quoted(token.id().as_str()));
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{indent}  {key}: {value}");
        };
        if let Some(name) = self.name {
            line("name", quoted(name));
        }
        line("sha256", quoted(&token.digest().to_hex()));
        for (key, items) in [("scopes", &self.scopes), ("jobs", &self.jobs), ("networks", &self.networks)] {
            if !items.is_empty() {
                line(key, list(items));
            }
        }
        if let Some(expires) = self.expires {
            line("expires", quoted(&rfc3339(expires)));
        }
        text
    }
}

/// `["a", "b"]`.
pub(super) fn list(items: &[impl AsRef<str>]) -> String {
    let quoted: Vec<_> = items.iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

/// `text` as a double-quoted YAML scalar.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quoted_text_reads_back_from_yaml() {
        for text in ["", "a", "\"\\", "a\nb\tc\u{7f}\u{85}", "ä€😀", "\u{2028}x\u{feff}", "# : - {", "backup-*"] {
            let back: String = serde_saphyr::from_str(&quoted(text)).unwrap();
            assert_eq!(back, text);
        }
    }
}
