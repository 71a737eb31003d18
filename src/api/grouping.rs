//! The grammar of a push URL: `/metrics/job[@base64]/JOB{/NAME[@base64]/VALUE}`.
//!
//! As Pushgateway reads it: on the percent-decoded path (so `%2F` separates), `+` is a plus, a trailing empty value is a
//! value, a later label wins over an earlier one of its name, and `job` over them all. Errors come in upstream's order and
//! words. What is stricter: a value must be UTF-8.

use crate::model::GroupingError;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use std::borrow::Cow;

/// Why a path names no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Upstream shows of the job what could be decoded.
    #[error("invalid base64 encoding in job name {decoded:?}: illegal base64 data at input byte {at}")]
    JobBase64 { decoded: String, at: usize },
    #[error("invalid base64 encoding for label {name}={value:?}: illegal base64 data at input byte {at}")]
    LabelBase64 { name: String, value: String, at: usize },
    #[error("odd number of components in label string {0:?}")]
    OddComponents(String),
    #[error(transparent)]
    Key(#[from] GroupingError),
    #[error("a value in the path is not UTF-8")]
    NotUtf8,
    /// Prometheus' own lexer takes a NUL for the end of a scrape.
    #[error("a name or value in the path has a NUL byte")]
    Nul,
    #[error("the path is malformed: a % is not followed by two hexadecimal digits")]
    Percent,
}

/// What stands behind a name whose value is base64.
const BASE64_SUFFIX: &str = "@base64";

/// The group that a push path names. `path` is still percent-encoded and starts with `/metrics/job`.
pub(super) fn key_of(path: &str, names: NameScheme) -> Result<GroupingKey, PathError> {
    let decoded = match path.contains('%') {
        true => Cow::Owned(text_of(percent_decoded(path)?)?),
        false if path.contains('\0') => return Err(PathError::Nul),
        false => Cow::Borrowed(path),
    };
    let rest = decoded.strip_prefix("/metrics/job").unwrap_or_default();
    let (rest, job_is_base64) = match rest.strip_prefix(BASE64_SUFFIX) {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let (job, labels) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let job = match job_is_base64 {
        true => Cow::Owned(text_of(base64_decoded(job).map_err(|illegal| {
            let decoded = String::from_utf8_lossy(&illegal.decoded).into_owned();
            PathError::JobBase64 { decoded, at: illegal.at }
        })?)?),
        false => Cow::Borrowed(job),
    };
    let labels = labels_of(labels, names)?;
    Ok(GroupingKey::in_scheme(names, &job, labels)?)
}

/// `labels` is empty or begins with a slash.
fn labels_of(labels: &str, names: NameScheme) -> Result<Vec<Label<'_>>, PathError> {
    if labels.len() <= 1 {
        return Ok(Vec::new());
    }
    let inner = labels.strip_prefix('/').unwrap_or(labels);
    let slashes = inner.bytes().filter(|byte| *byte == b'/').count();
    if slashes % 2 == 0 {
        return Err(PathError::OddComponents(labels.to_owned()));
    }
    let mut found = Vec::with_capacity(slashes / 2 + 1);
    let mut components = inner.split('/');
    while let (Some(name), Some(value)) = (components.next(), components.next()) {
        found.push(label_of(name, value, names)?);
    }
    Ok(found)
}

/// Name and value: parts of the path where they stand in it as they are.
type Label<'p> = (Cow<'p, str>, Cow<'p, str>);

fn label_of<'p>(raw_name: &'p str, value: &'p str, names: NameScheme) -> Result<Label<'p>, PathError> {
    let (name, is_base64) = match raw_name.strip_suffix(BASE64_SUFFIX) {
        Some(name) => (name, true),
        None => (raw_name, false),
    };
    let name = match names {
        NameScheme::Classic => Cow::Borrowed(name),
        NameScheme::Utf8 => unescaped(name),
    };
    if name.contains('\0') {
        return Err(PathError::Nul);
    }
    if !GroupingKey::may_be_named(names, &name) {
        return Err(GroupingError::LabelName(name.into_owned()).into());
    }
    let value = match is_base64 {
        true => {
            let broken = |illegal: Illegal| PathError::LabelBase64 {
                name: name.to_string(),
                value: value.to_owned(),
                at: illegal.at,
            };
            Cow::Owned(text_of(base64_decoded(value).map_err(broken)?)?)
        }
        false => Cow::Borrowed(value),
    };
    Ok((name, value))
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Where a text stops being base64, and what stood before: all whole quartets.
struct Illegal {
    at: usize,
    decoded: Vec<u8>,
}

/// A name as it was before it was escaped by value: `U__` in front, `__` for `_`, `_2e_` for a character by its number.
/// Whatever is not that in full is a name as it stands.
fn unescaped(name: &str) -> Cow<'_, str> {
    let Some(mut rest) = name.strip_prefix("U__") else {
        return Cow::Borrowed(name);
    };
    let mut plain = String::with_capacity(rest.len());
    while let Some((before, behind)) = rest.split_once('_') {
        plain.push_str(before);
        let Some((number, behind)) = behind.split_once('_') else {
            return Cow::Borrowed(name);
        };
        rest = behind;
        if number.is_empty() {
            plain.push('_');
            continue;
        }
        let is_number = number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let read = u32::from_str_radix(number, 16).ok().filter(|_| is_number).and_then(char::from_u32);
        match read {
            Some(char) => plain.push(char),
            None => return Cow::Borrowed(name),
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// URL-safe base64 as Go's decoder reads it: any padding behind it is dropped, line ends within it are skipped, and left
/// over bits may be anything.
fn base64_decoded(text: &str) -> Result<Vec<u8>, Illegal> {
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let text = text.trim_end_matches('=');
    let kept: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let digits: Vec<u8> = kept.iter().map(|(_, b)| *b).take_while(|b| is_digit(*b)).collect();
    let (quartets, rest) = digits.as_chunks::<4>();
    // A digit alone behind whole quartets says nothing.
    let lone = (rest.len() == 1 && digits.len() == kept.len()).then_some(digits.len() - rest.len());
    match kept.get(lone.unwrap_or(digits.len())) {
        Some((at, _)) => Err(Illegal { at: *at, decoded: BASE64.decode(quartets.as_flattened()).unwrap_or_default() }),
        None => BASE64.decode(&digits).map_err(|_| Illegal { at: digits.len(), decoded: Vec::new() }),
    }
}

/// What a scrape can show of a value.
fn text_of(bytes: Vec<u8>) -> Result<String, PathError> {
    let text = String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
    if text.contains('\0') { Err(PathError::Nul) } else { Ok(text) }
}

fn percent_decoded(path: &str) -> Result<Vec<u8>, PathError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(PathError::Percent);
        };
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| PathError::Percent)?);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::PathError;
    use super::key_of;
    use super::unescaped;
    use crate::model::NameScheme;
    use proptest::prelude::*;

    fn shown(path: &str) -> String {
        match key_of(path, NameScheme::Classic) {
            Ok(key) => format!("{key:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_path_means_what_pushgateway_reads_in_it() {
        for (path, key) in [
            ("/metrics/job/x", r#"{job="x"}"#),
            ("/metrics/job/x/", r#"{job="x"}"#),
            ("/metrics/job/x/a/", r#"{a="",job="x"}"#),
            ("/metrics/job/x/a/b", r#"{a="b",job="x"}"#),
            ("/metrics/job/x/a@base64/=/b/c", r#"{a="",b="c",job="x"}"#),
            ("/metrics/job/x/job/y", r#"{job="x"}"#),
            ("/metrics/job/x/a/1/a/2", r#"{a="2",job="x"}"#),
            (
                "/metrics/job@base64/dGVzdC9qb2I=/instance@base64/dGVzdGluc3RhbmNl",
                r#"{instance="testinstance",job="test/job"}"#,
            ),
            ("/metrics/job/x/label_name1@base64/bGFiZWwvdmFsdWUx", r#"{job="x",label_name1="label/value1"}"#),
            ("/metrics/job/x/l@base64/bGFiZWwvdmFsdWUx==", r#"{job="x",l="label/value1"}"#),
            ("/metrics/job/a+b", r#"{job="a+b"}"#),
            ("/metrics/job/a%20b", r#"{job="a b"}"#),
            ("/metrics/job/a%2Fb%2Fc", r#"{b="c",job="a"}"#),
            ("/metrics/job/Bj%C3%B6rn", r#"{job="Björn"}"#),
            ("/metrics/job/x/U__label_2e_name2/v", r#"{U__label_2e_name2="v",job="x"}"#),
        ] {
            assert_eq!(shown(path), key, "{path}");
        }
    }

    #[test]
    fn a_path_that_names_no_group_says_why_in_upstreams_words() {
        for (path, error) in [
            ("/metrics/job@base64/=", "job name is required"),
            ("/metrics/job/%2Fa%2Fb", "job name is required"),
            ("/metrics/job/%2Ffoo", r#"odd number of components in label string "/foo""#),
            ("/metrics/job/x/a/b/", r#"odd number of components in label string "/a/b/""#),
            ("/metrics/job/x/a/b%2Fc", r#"odd number of components in label string "/a/b/c""#),
            ("/metrics/job/x/a=b/v", r#"improper label name "a=b""#),
            ("/metrics/job/x/__a/v", r#"improper label name "__a""#),
            ("/metrics/job/x/@base64/eA", r#"improper label name """#),
            (
                "/metrics/job/x/a@base64/foo.bar",
                r#"invalid base64 encoding for label a="foo.bar": illegal base64 data at input byte 3"#,
            ),
            (
                "/metrics/job@base64/Zm9v*",
                r#"invalid base64 encoding in job name "foo": illegal base64 data at input byte 4"#,
            ),
            (
                "/metrics/job@base64/Zm9ve",
                r#"invalid base64 encoding in job name "foo": illegal base64 data at input byte 4"#,
            ),
            (
                "/metrics/job@base64/a%2Bb/x",
                r#"invalid base64 encoding in job name "": illegal base64 data at input byte 1"#,
            ),
            ("/metrics/job/%FF", "a value in the path is not UTF-8"),
            ("/metrics/job/x/a/%00", "a name or value in the path has a NUL byte"),
            ("/metrics/job@base64/AA", "a name or value in the path has a NUL byte"),
            ("/metrics/job/x%2", "the path is malformed: a % is not followed by two hexadecimal digits"),
            ("/metrics/job@base64/_w", "a value in the path is not UTF-8"),
        ] {
            assert_eq!(shown(path), error, "{path}");
        }
    }

    #[test]
    fn a_utf8_name_is_escaped_by_value_where_the_tenant_may_have_one() {
        for (name, plain) in [
            ("U__dotted_2e_label__name", "dotted.label_name"),
            ("U___10ffff__E9_", "\u{10ffff}é"),
            ("U__", ""),
            ("U__a_", "U__a_"),
            ("U__a_2e", "U__a_2e"),
            ("U__a_110000_", "U__a_110000_"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__a_0000061_", "U__a_0000061_"),
            ("U__a_+1_", "U__a_+1_"),
            ("V__a_2e_", "V__a_2e_"),
        ] {
            assert_eq!(unescaped(name), plain);
        }
        let shown = |path: &str| match key_of(path, NameScheme::Utf8) {
            Ok(key) => format!("{key:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown("/metrics/job/x/U__a_2e_b@base64/eA/%C3%BC/1"), "{a.b=\"x\",job=\"x\",ü=\"1\"}");
        for (path, error) in [
            ("/metrics/job/x/U______a/v", r#"improper label name "__a""#),
            ("/metrics/job/x/U___2e__2e_a/v", r#"improper label name "..a""#),
            ("/metrics/job/x/__a/v", r#"improper label name "__a""#),
            ("/metrics/job/x/U__a_0_/v", "a name or value in the path has a NUL byte"),
            (
                "/metrics/job/x/a_b/1/U__a_2e_b/2",
                r#"the label names "a.b" and "a_b" are one name where UTF-8 is escaped"#,
            ),
        ] {
            assert_eq!(shown(path), error, "{path}");
        }
    }

    #[test]
    fn a_broken_job_is_told_before_a_broken_label_and_that_before_an_empty_job() {
        let classic = |path| key_of(path, NameScheme::Classic).unwrap_err();
        assert!(matches!(classic("/metrics/job@base64/./a"), PathError::JobBase64 { .. }));
        assert!(matches!(classic("/metrics/job@base64/=/a"), PathError::OddComponents(_)));
    }

    proptest! {
        #[test]
        fn no_path_panics_and_every_key_has_a_job(rest in any::<String>()) {
            if let Ok(key) = key_of(&format!("/metrics/job/{rest}"), NameScheme::Classic) {
                prop_assert!(!key.job().is_empty());
            }
        }

        #[test]
        fn any_value_can_be_sent_in_base64(job in "\\PC{1,20}", value in "[^\0]*") {
            use base64::Engine;
            let encode = |text: &str| base64::engine::general_purpose::URL_SAFE.encode(text);
            let key = key_of(&format!("/metrics/job@base64/{}/l@base64/{}", encode(&job), encode(&value)), NameScheme::Classic).unwrap();
            prop_assert_eq!(key.job(), job);
            prop_assert_eq!(key.get("l"), value);
        }
    }
}
