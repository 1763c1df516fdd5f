//! Holds every answer that any test gets against the OpenAPI document: a status that is not in it, or a body of another
//! form, fails the test that came upon it (OWASP API3 and API8: validate responses).

use axum::http::Method;
use serde_json::{Value, json};

use super::Answer;

pub fn check(document: &[u8], method: &Method, path: &str, answer: &Answer) {
    everywhere(answer);
    let document: Value = serde_json::from_slice(document).unwrap();
    let path = path.split('?').next().unwrap_or_default();
    let method = if method == Method::HEAD { Method::GET } else { method.clone() };
    // What only a developer's machine has is promised to nobody.
    if path.starts_with("/dev/") {
        return;
    }
    let Some(operation) = operation(&document, &method, path) else {
        assert!(
            [204, 404, 405, 413, 414, 429, 431, 503].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.text()
        );
        return;
    };
    let told = &operation["responses"][answer.status.as_u16().to_string()];
    assert!(told.is_object(), "{method} {path} answered {}, which is not documented: {}", answer.status, answer.text());
    if let Some(schema) = told.pointer("/content/application~1json/schema").filter(|_| !answer.bytes.is_empty()) {
        conforms(&document, schema, &answer.json());
    }
}

/// What stands on every answer of every status.
fn everywhere(answer: &Answer) {
    for name in ["x-request-id", "x-content-type-options", "content-security-policy", "referrer-policy", "vary"] {
        assert!(answer.headers.contains_key(name), "{name} is missing: {:?}", answer.headers);
    }
    assert!(!answer.headers.contains_key("server") && !answer.headers.contains_key("x-powered-by"));
    if answer.status.is_client_error() || answer.status.is_server_error() {
        if answer.bytes.is_empty() {
            return; // HEAD
        }
        let reference = answer.reference();
        let [err, year, month, rest] = reference.split('-').collect::<Vec<_>>()[..] else { panic!("{reference}") };
        assert_eq!((err, year.len(), month.len(), rest.len()), ("err", 4, 2, 12), "{reference}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let paths = document["paths"].as_object()?;
    let matches = |template: &str| {
        let (mut parts, mut wanted) = (path.split('/'), template.split('/'));
        loop {
            match (parts.next(), wanted.next()) {
                (None, None) => return true,
                (Some(part), Some(want)) if want == part || (want.starts_with('{') && !part.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let found =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| matches(template)).map(|(_, found)| found));
    found?.get(method.as_str().to_lowercase())
}

fn conforms(document: &Value, schema: &Value, body: &Value) {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::validator_for(&whole).unwrap();
    let errors: Vec<_> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {body}");
}
