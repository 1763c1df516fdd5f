//! JSON of which there is only one reading (RFC 8259, I-JSON: RFC 7493).
//!
//! serde_json by itself keeps the last of two equal keys; a gateway in front may keep the first, and then what it
//! checked is not what is done. The rest it refuses already: trailing text, invalid UTF-8, lone surrogates.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, problems};

/// How deep arrays and objects may stand in each other. Checked on the way in: a body of ten thousand brackets ends at
/// the thirty-third and not at the end of the stack (CWE-674).
const MAX_DEPTH: usize = 32;

/// Why a body is not the JSON that it should be. Without a position or an excerpt: the body may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonRefusal {
    #[error("empty")]
    Empty,
    #[error("not JSON")]
    NotJson,
    #[error("nested too deeply")]
    TooDeep,
    #[error("the same key twice")]
    DuplicateKey,
}

/// Reads one JSON value and nothing after it.
///
/// A NUL is JSON and passes: the schema's patterns refuse it in a string, and no schema has a field named with one.
/// A number that no double holds (`1e400`) is refused; one that only a double holds is for the schema's range.
pub fn strict_json(bytes: &[u8]) -> Result<Value, JsonRefusal> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(JsonRefusal::Empty);
    }
    let refusal = Cell::new(JsonRefusal::NotJson);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0, refusal: &refusal }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|_| refusal.get())
}

/// Builds the value. serde's errors carry text alone, so the reason travels beside them.
///
/// `serde_json::Value` cannot be asked afterwards: by then the first of two equal keys is gone.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    refusal: &'a Cell<JsonRefusal>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, refusal: JsonRefusal) -> E {
        self.refusal.set(refusal);
        E::custom(refusal)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(JsonRefusal::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// To JSON Schema `1.0` is the integer 1, to serde it is none. As the schema decides, it becomes one.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number this small is exact in both types")]
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        Ok(if value.fract() == 0.0 && value.abs() <= EXACT { (value as i64).into() } else { value.into() })
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    // ANCHOR: strict-json
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut object = Map::new();
        // Compared as they are after escapes, so that `"a"` and `"\u0061"` are one key.
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(self.refuse(JsonRefusal::DuplicateKey));
            }
            object.insert(key, entries.next_value_seed(deeper)?);
        }
        Ok(Value::Object(object))
    }
    // ANCHOR_END: strict-json
}

impl From<JsonRefusal> for Error {
    /// One answer for all of them: a client that sends JSON by hand learns no more from the reason.
    fn from(_: JsonRefusal) -> Self {
        problems::MALFORMED_JSON.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes()
    }

    #[test]
    fn what_is_not_one_json_value_is_refused() {
        for (body, refusal) in [
            (&b""[..], JsonRefusal::Empty),
            (b" \r\n\t", JsonRefusal::Empty),
            (b"{", JsonRefusal::NotJson),
            (b"{} {}", JsonRefusal::NotJson),
            (b"{}x", JsonRefusal::NotJson),
            (b"{}\0", JsonRefusal::NotJson),
            (b"[1,]", JsonRefusal::NotJson),
            (b"{'a':1}", JsonRefusal::NotJson),
            (b"// c\n{}", JsonRefusal::NotJson),
            (b"NaN", JsonRefusal::NotJson),
            (b"1e400", JsonRefusal::NotJson),
            (b"01", JsonRefusal::NotJson),
            (b"\xEF\xBB\xBF{}", JsonRefusal::NotJson),
            (b"\"\xff\"", JsonRefusal::NotJson),
            (b"{\"\xc3\x28\":1}", JsonRefusal::NotJson),
            (b"\"\xed\xa0\x80\"", JsonRefusal::NotJson),
            (b"\"\n\"", JsonRefusal::NotJson),
            (br#""\ud800""#, JsonRefusal::NotJson),
            (br#""\udc00\ud800""#, JsonRefusal::NotJson),
            (br#"{"\ud800":1}"#, JsonRefusal::NotJson),
            (br#"{"a":1,"a":1}"#, JsonRefusal::DuplicateKey),
            (br#"{"a":1,"\u0061":2}"#, JsonRefusal::DuplicateKey),
            (br#"[{"b":{"a":1,"c":2,"a":3}}]"#, JsonRefusal::DuplicateKey),
        ] {
            assert_eq!(strict_json(body), Err(refusal), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn depth_ends_at_32_and_long_before_the_stack_does() {
        assert!(strict_json(&nested(32)).is_ok());
        for depth in [33, 10_000, 1_000_000] {
            assert_eq!(strict_json(&nested(depth)), Err(JsonRefusal::TooDeep), "{depth}");
        }
        let objects = r#"{"a":"#.repeat(10_000);
        assert_eq!(strict_json(objects.as_bytes()), Err(JsonRefusal::TooDeep));
    }

    #[test]
    fn a_nul_and_a_pair_of_surrogates_are_json() {
        assert_eq!(strict_json(br#"{"a\u0000":"\u0000\ud83e\udd80"}"#), Ok(json!({"a\0": "\0🦀"})));
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        let body = b"[1.0, 1e2, -0.0, -3.0, 0.5, 9007199254740992.0, 1e300, 18446744073709551615]";
        let expected = json!([1, 100, 0, -3, 0.5, 9_007_199_254_740_992_i64, 1e300, 18_446_744_073_709_551_615_u64]);
        assert_eq!(strict_json(body), Ok(expected));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in any_json()) {
            prop_assert_eq!(strict_json(value.to_string().as_bytes()), Ok(value.clone()));
            prop_assert_eq!(strict_json(serde_json::to_string_pretty(&value).unwrap().as_bytes()), Ok(value));
        }

        #[test]
        fn it_admits_nothing_that_serde_json_refuses_and_reads_it_alike(body in r#"[ \[\]{}",:0-2.e\\unltrfas\x00\x7f-]{0,24}"#) {
            let oracle = serde_json::from_str::<Value>(&body);
            match strict_json(body.as_bytes()) {
                Ok(value) => {
                    let again = strict_json(oracle.expect("serde_json reads it as well").to_string().as_bytes());
                    prop_assert_eq!(Ok(value), again);
                }
                Err(JsonRefusal::DuplicateKey | JsonRefusal::TooDeep) => {}
                Err(_) => prop_assert!(oracle.is_err(), "{}", body),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = strict_json(&body);
        }

        #[test]
        fn a_damaged_value_is_read_as_serde_json_reads_it_or_not_at_all(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut body = value.to_string().into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            if strict_json(&body).is_ok() {
                prop_assert!(serde_json::from_slice::<Value>(&body).is_ok());
            }
        }
    }
}
