//! A query string, read as its schema says: each parameter once, each as the type that the schema gives it.

use schemars::Schema;
use serde_json::{Map, Value};

use super::refusal::Refusals;

/// Whatever is wrong with the writing is noted, and the rest is still judged, so that all is told at once.
pub(super) fn read(query: &str, schema: &Schema) -> (Value, Refusals) {
    let (mut object, mut refusals) = (Map::new(), Refusals::default());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = decode(name) else {
            refusals.note("", "encoding", "has a parameter whose name is not percent-encoded UTF-8");
            continue;
        };
        let Some(text) = decode(text) else {
            refusals.note(&name, "encoding", "is not percent-encoded UTF-8");
            continue;
        };
        // Gateways differ in which of two they keep (OWASP WSTG-INPV-04, parameter pollution).
        if object.contains_key(&name) {
            refusals.note(&name, "repeated", "is given more than once");
            continue;
        }
        // One that the schema does not know is kept as text, and refused with the rest as an unknown field.
        let value = typed(&types(property(schema.as_value(), &name)), text);
        object.insert(name, value);
    }
    (Value::Object(object), refusals)
}

/// `application/x-www-form-urlencoded`, strictly: a `%` that encodes nothing and bytes that are no text are refused.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What a schema says of one property, wherever a flattened part has put it.
fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    own.or_else(|| parts(schema).find_map(|part| property(part, name)))
}

/// Several, where a value may also be null; in a query that is written by leaving it out.
fn types(schema: Option<&Value>) -> Vec<&str> {
    let Some(schema) = schema else { return Vec::new() };
    let own = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    parts(schema).flat_map(|part| types(Some(part))).chain(own).collect()
}

fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

/// What does not read as the type stays text, and the schema refuses it.
fn typed(types: &[&str], text: String) -> Value {
    // One spelling a number: `+5`, `05` and `5.0` are none.
    let integer = || text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::from);
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from);
    let boolean = || text.parse::<bool>().ok().map(Value::from);
    let read = types.iter().find_map(|name| match *name {
        "integer" => integer(),
        "number" => number(),
        "boolean" => boolean(),
        _ => None,
    });
    read.unwrap_or(Value::String(text))
}
