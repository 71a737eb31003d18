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
    is_classic(name, IN_LABEL | COLON)
}

/// Whether `name` is a label's name of the classic kind, `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_label_name(name: &str) -> bool {
    is_classic(name, IN_LABEL)
}

/// A metric's name with `_` for each character that no classic name has there. Names are compared in this form: it is
/// what Prometheus is shown by default.
pub fn underscored_metric(name: &str) -> Cow<'_, str> {
    underscored(name, IN_LABEL | COLON)
}

/// As [`underscored_metric`], for a label's name.
pub fn underscored_label(name: &str) -> Cow<'_, str> {
    underscored(name, IN_LABEL)
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

const fn class_of(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "a byte is an index into 256")]
    CLASSES[byte as usize]
}

fn is_of(byte: u8, classes: u8) -> bool {
    class_of(byte) & classes != 0
}

fn is_classic(name: &str, classes: u8) -> bool {
    // Nearly always it is, so none of its bytes is looked at for being the first that is not.
    let plain = name.bytes().fold(true, |plain, byte| plain & is_of(byte, classes));
    plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn underscored(name: &str, classes: u8) -> Cow<'_, str> {
    if is_classic(name, classes) {
        return Cow::Borrowed(name);
    }
    let fits = |at: usize, char: char| {
        u8::try_from(char).is_ok_and(|byte| is_of(byte, classes)) && (at > 0 || !char.is_ascii_digit())
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
