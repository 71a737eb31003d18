//! Names against rules: each kind of name is looked at by rules of its own kind alone.

use super::shown::Leaf;
use crate::config::LabelTemplate;
use crate::config::SubjectRule;
use crate::config::TemplatePart;
use crate::model::Pattern;
use std::borrow::Cow;

/// A rule's pattern, in the form in which names are compared.
#[derive(Debug)]
pub(super) struct Subject {
    kind: Kind,
    /// `None`: matches nothing.
    pattern: Option<Pattern>,
}

/// Which names a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Uri,
    Dns,
    Email,
    Cn,
}

/// A value that comes from a certificate is no longer; what is longer makes no label.
const LABEL_VALUE_BYTES_MAX: usize = 1024;

impl Subject {
    pub(super) fn new(rule: &SubjectRule) -> Self {
        let (kind, pattern) = match rule {
            SubjectRule::Uri(pattern) => (Kind::Uri, Some(pattern.clone())),
            SubjectRule::Dns(pattern) => (Kind::Dns, Pattern::parse(&pattern.as_str().to_ascii_lowercase())),
            SubjectRule::Email(pattern) => (Kind::Email, Pattern::parse(&lower_domain(pattern.as_str()))),
            SubjectRule::Cn(pattern) => (Kind::Cn, Some(pattern.clone())),
        };
        Self { kind, pattern }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The names that fit, in the certificate's order, as they are compared.
    pub(super) fn matching<'a>(&'a self, leaf: &'a Leaf) -> impl Iterator<Item = Cow<'a, str>> {
        let kind = self.kind;
        let names: &[String] = match kind {
            Kind::Uri => &leaf.uris,
            Kind::Dns => &leaf.dns,
            Kind::Email => &leaf.emails,
            Kind::Cn => match leaf.common_names.as_slice() {
                [_] => &leaf.common_names,
                _ => &[],
            },
        };
        let fits = |name: &Cow<'_, str>| self.pattern.as_ref().is_some_and(|pattern| pattern.matches(name));
        names.iter().filter_map(move |name| comparable(kind, name)).filter(fits)
    }
}

/// A name in the form in which it is compared; `None` for one that is no name of its kind, so that it matches nothing:
/// nobody should have to ask what `*` means where a NUL, a blank or another script's letters may stand.
fn comparable(kind: Kind, name: &str) -> Option<Cow<'_, str>> {
    let plain = |byte: u8| byte.is_ascii_graphic();
    match kind {
        Kind::Uri => (!name.is_empty() && name.bytes().all(plain)).then_some(Cow::Borrowed(name)),
        Kind::Dns => {
            // A certificate's own wildcard falls here: `*` is no letter of a host's name.
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            let label = |label: &str| !label.is_empty() && label.bytes().all(letter);
            name.split('.').all(label).then(|| Cow::Owned(name.to_ascii_lowercase()))
        }
        Kind::Email => {
            let (local, domain) = name.split_once('@')?;
            let whole = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
            (whole && name.bytes().all(plain)).then(|| Cow::Owned(lower_domain(name)))
        }
        Kind::Cn => {
            let plain = |byte: u8| plain(byte) || byte == b' ';
            (!name.is_empty() && name.bytes().all(plain)).then_some(Cow::Borrowed(name))
        }
    }
}

/// What stands behind the `@` is compared without case. In a pattern without one, the star covers it and the domain begins
/// somewhere before what follows.
fn lower_domain(email: &str) -> String {
    let domain = email.rfind('@').or_else(|| email.rfind('*')).unwrap_or(email.len());
    let (local, domain) = email.split_at(domain);
    local.to_owned() + &domain.to_ascii_lowercase()
}

/// A label's value of the name that matched. `None` where a piece is missing, or the value is empty or too long.
pub(super) fn label_value(template: &LabelTemplate, kind: Kind, name: &str) -> Option<String> {
    let mut value = String::new();
    for part in &template.parts {
        value += match part {
            TemplatePart::Text(text) => text,
            TemplatePart::Claim(piece) => piece_of(piece, kind, name)?,
        };
    }
    (1..=LABEL_VALUE_BYTES_MAX).contains(&value.len()).then_some(value)
}

/// `uri`, `uri.2`, `dns`, `dns.1`, `email` or `cn` of a name of that very kind.
fn piece_of<'a>(piece: &str, kind: Kind, name: &'a str) -> Option<&'a str> {
    let (of, number) = match piece.split_once('.') {
        Some((of, number)) => (of, Some(number.parse::<usize>().ok()?.checked_sub(1)?)),
        None => (piece, None),
    };
    let found = match (of, kind, number) {
        ("uri", Kind::Uri, None) | ("dns", Kind::Dns, None) | ("email", Kind::Email, None) | ("cn", Kind::Cn, None) => {
            name
        }
        ("uri", Kind::Uri, Some(number)) => {
            let (_, behind) = name.split_once("://")?;
            // A slash in the query of a name without a path begins none.
            let (_, path) = behind.split(['?', '#']).next()?.split_once('/')?;
            path.split('/').nth(number)?
        }
        ("dns", Kind::Dns, Some(number)) => name.split('.').nth(number)?,
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
#[path = "subject_tests.rs"]
mod tests;
