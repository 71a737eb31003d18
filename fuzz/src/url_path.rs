//! The path of a push, read as the key of a group.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::seen::hash_of;
use crate::seen::magnitude;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use pushward::fuzzing;
use pushward::model::GroupingKey;
use pushward::model::NameScheme;
use std::fmt::Write;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "url_path",
    run: url_path,
    bytes_max: 8 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"@base64",
        b"/",
        b"//",
        b"%2F",
        b"%2f",
        b"%00",
        b"%FF",
        b"%",
        b"=",
        b"U__",
        b"_2e_",
        b"__",
        b"job",
        b"instance",
        b"\xc3\xbc",
        b"+",
        b"_10ffff_",
    ],
};

const BOUND: Bound = Bound { per_byte: 64, constant: 8 << 10 };

/// Reads `data` as what stands behind `/metrics/job`, in both schemes.
pub fn url_path(data: &[u8]) -> Seen {
    let Ok(rest) = std::str::from_utf8(data) else { return Seen::refused("not UTF-8") };
    let path = format!("/metrics/job{rest}");
    let classic = of_scheme(&path, NameScheme::Classic);
    let utf8 = of_scheme(&path, NameScheme::Utf8);
    // Whatever is a classic key is one where all names are allowed, and unless a name is escaped it is the same.
    if let Ok(classic) = &classic
        && !classic.labels().any(|(name, _)| name.starts_with("U__"))
    {
        let utf8 = utf8.as_ref().expect("what is classic is UTF-8");
        assert!(classic.labels().eq(utf8.labels()));
    }
    match utf8 {
        Ok(key) => {
            let empty = key.labels().filter(|(_, value)| value.is_empty()).count();
            let shape = (magnitude(key.labels().len()), magnitude(empty), key.is_utf8(), classic.is_ok());
            Seen::taken(shape, format!("{key:?}"))
        }
        Err(why) => Seen::refused(&why),
    }
}

fn of_scheme(path: &str, names: NameScheme) -> Result<GroupingKey, String> {
    let read = BOUND.hold(path.len(), || fuzzing::key_of(path, names));
    let key = read.map_err(|error| error.to_string())?;
    keeps_its_promise(&key, names);
    let printed = printed(&key, names);
    let again = fuzzing::key_of(&printed, names).unwrap_or_else(|error| panic!("{printed}: {error}"));
    assert!(again.labels().eq(key.labels()), "{key:?} reads back from {printed} as {again:?}");
    assert_eq!(again, key);
    Ok(key)
}

fn keeps_its_promise(key: &GroupingKey, names: NameScheme) {
    assert!(!key.job().is_empty(), "a key without a job");
    assert!(key.labels().map(|(name, _)| name).is_sorted_by(|left, right| left < right));
    for (name, value) in key.labels() {
        assert!(GroupingKey::may_be_named(names, name), "{name:?}");
        assert!(!name.contains('\0') && !value.contains('\0'));
        assert_eq!(key.get(name), value);
    }
    let filled = key.labels().filter(|(name, value)| *name != "job" && !value.is_empty());
    let twin = GroupingKey::in_scheme(names, key.job(), filled).expect("some labels of a key make a key");
    assert_eq!(&twin, key, "labels without a value are not part of a key");
    assert_eq!(hash_of(&twin), hash_of(key));
    assert_eq!(twin.value_names(), key.value_names());
}

/// The key as the path of a push, every value in base64.
fn printed(key: &GroupingKey, names: NameScheme) -> String {
    let mut path = format!("/metrics/job@base64/{}", URL_SAFE.encode(key.job()));
    for (name, value) in key.labels().filter(|(name, _)| *name != "job") {
        let value = if value.is_empty() { "=".to_owned() } else { URL_SAFE.encode(value) };
        write!(path, "/{}@base64/{value}", escaped(name, names)).expect("a String takes all");
    }
    path
}

/// A name escaped by value, which the classic scheme does not do.
fn escaped(name: &str, names: NameScheme) -> String {
    if names == NameScheme::Classic {
        return name.to_owned();
    }
    let mut out = "U__".to_owned();
    for char in name.chars() {
        match char {
            '_' => out.push_str("__"),
            char if char.is_ascii_alphanumeric() => out.push(char),
            char => write!(out, "_{:x}_", u32::from(char)).expect("a String takes all"),
        }
    }
    out
}
