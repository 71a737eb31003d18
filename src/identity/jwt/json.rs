//! JSON as tokens and key sets have it: a member that stands twice is refused, since another reader may take the other one.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use std::collections::BTreeMap;
use std::fmt;

/// The members of an object by their names.
pub(super) type Members = BTreeMap<String, Json>;

/// A value. Nested at most 127 deep, which is `serde_json`'s own bound.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Flag(bool),
    /// A whole number, not negative.
    Whole(u64),
    Negative(i64),
    /// With a point or an exponent, or too large to be whole. Always finite.
    Fraction(f64),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

/// The object that `bytes` are, and nothing behind it.
pub(super) fn object(bytes: &[u8]) -> Option<Members> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(members)) => Some(members),
        _ => None,
    }
}

impl Json {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(u64::try_from(value).map_or(Json::Negative(value), Json::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Members::new();
        while let Some((name, value)) = entries.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::Json;
    use super::object;

    #[test]
    fn a_member_that_stands_twice_is_refused_however_deep_and_however_it_is_spelt() {
        assert!(object(br#"{"a":1,"b":{"a":1}}"#).is_some());
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"a":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(object(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn only_one_whole_object_is_taken() {
        for text in ["", "[]", "1", r#""a""#, "{", "{}x", "{} {}", "{'a':1}", r#"{"a":1,}"#, "{\"a\":\"\u{1}\"}"] {
            assert!(object(text.as_bytes()).is_none(), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_none());
        assert!(object(format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000)).as_bytes()).is_none());
    }

    #[test]
    fn numbers_keep_their_kind() {
        let members = object(br#"{"w":18446744073709551615,"n":-1,"f":1.0,"big":18446744073709551616}"#).unwrap();
        assert_eq!(members["w"], Json::Whole(u64::MAX));
        assert_eq!(members["n"], Json::Negative(-1));
        assert_eq!(members["f"], Json::Fraction(1.0));
        assert!(matches!(members["big"], Json::Fraction(_)));
        assert!(object(br#"{"f":1e999}"#).is_none());
    }
}
