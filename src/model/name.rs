//! The names of metrics and labels, classic and UTF-8.

use std::borrow::Cow;

/// Which names a tenant may push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameScheme {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, and in a metric's name `:` too.
    #[default]
    Classic,
    /// Any UTF-8 that is not empty.
    Utf8,
}

impl NameScheme {
    pub fn is_metric_name(self, name: &str) -> bool {
        match self {
            Self::Classic => is_metric_name(name),
            Self::Utf8 => !name.is_empty(),
        }
    }

    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Classic => is_label_name(name),
            Self::Utf8 => !name.is_empty(),
        }
    }
}

/// Whether `name` is a metric's name of the classic kind, `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_metric_name(name: &str) -> bool {
    is_classic(name, in_metric_name)
}

/// Whether `name` is a label's name of the classic kind, `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_label_name(name: &str) -> bool {
    is_classic(name, in_label_name)
}

/// A metric's name with `_` for each character that no classic name has there. Names are compared in this form: it is
/// what Prometheus is shown by default.
pub fn underscored_metric(name: &str) -> Cow<'_, str> {
    underscored(name, in_metric_name)
}

/// As [`underscored_metric`], for a label's name.
pub fn underscored_label(name: &str) -> Cow<'_, str> {
    underscored(name, in_label_name)
}

/// Whether `byte` may stand in a label's name of the classic kind, in any place but, for a digit, the first.
pub fn in_label_name(byte: u8) -> bool {
    is_of(byte, IN_LABEL)
}

/// As [`in_label_name`], for a metric's name.
pub fn in_metric_name(byte: u8) -> bool {
    is_of(byte, IN_LABEL | COLON)
}

const IN_LABEL: u8 = 1;
const COLON: u8 = 2;

/// What each byte may be in a name: every byte of every name is asked about several times on its way, and one look in a
/// table costs a third of the comparisons that made it.
#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256; it is evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            classes[byte as usize] = IN_LABEL;
        }
        byte += 1;
    }
    classes[b':' as usize] = COLON;
    classes
};

fn is_of(byte: u8, classes: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|class| class & classes != 0)
}

fn is_classic(name: &str, allowed: impl Fn(u8) -> bool) -> bool {
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.bytes().all(allowed)
}

fn underscored(name: &str, allowed: impl Fn(u8) -> bool + Copy) -> Cow<'_, str> {
    if is_classic(name, allowed) {
        return Cow::Borrowed(name);
    }
    let fits = |at: usize, char: char| {
        u8::try_from(char).is_ok_and(|byte| byte.is_ascii() && allowed(byte)) && (at > 0 || !char.is_ascii_digit())
    };
    name.char_indices().map(|(at, char)| if fits(at, char) { char } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::in_label_name;
    use super::in_metric_name;
    use super::is_label_name;
    use super::is_metric_name;
    use super::underscored_label;
    use super::underscored_metric;
    use proptest::prelude::*;

    #[test]
    fn what_no_classic_name_has_becomes_an_underscore() {
        for (name, metric, label) in [
            ("a_b:c", "a_b:c", "a_b_c"),
            ("a.b", "a_b", "a_b"),
            ("1a", "_a", "_a"),
            ("\u{fc}\n", "__", "__"),
            ("", "", ""),
        ] {
            assert_eq!((&*underscored_metric(name), &*underscored_label(name)), (metric, label));
        }
    }

    #[test]
    fn the_bytes_of_a_name_are_those_of_the_grammar() {
        for byte in 0..=u8::MAX {
            let in_label = byte.is_ascii_alphanumeric() || byte == b'_';
            assert_eq!((in_label_name(byte), in_metric_name(byte)), (in_label, in_label || byte == b':'), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn what_is_underscored_is_classic(name in "\\PC{1,8}") {
            prop_assert!(is_metric_name(&underscored_metric(&name)));
            prop_assert!(is_label_name(&underscored_label(&name)));
        }
    }
}
