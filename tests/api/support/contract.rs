//! Holds every answer that any test gets against the contract: the headers that every answer carries, and the OpenAPI
//! document. A status that is not in it, or a body of another form, fails the test that came upon it (OWASP API3 and
//! API8: validate responses).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use drawbridge::http::route::Route;
use jsonschema::Validator;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Answer;

/// The document of one service, read once, and its schemas as they are first needed.
pub struct Contract {
    document: Value,
    schemas: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Contract {
    pub fn read(document: &[u8]) -> Self {
        Self { document: serde_json::from_slice(document).unwrap(), schemas: Mutex::default() }
    }

    /// The body that the document shows for this route, where it takes one.
    pub fn example(&self, route: &Route) -> Option<Value> {
        let operation = &self.document["paths"][route.path][route.method.as_str().to_lowercase()];
        operation.pointer("/requestBody/content/application~1json/example").cloned()
    }

    pub fn check(&self, method: &Method, path: &str, answer: &Answer) {
        headers(answer);
        if answer.status.is_client_error() || answer.status.is_server_error() {
            refusal(answer);
        }
        let path = path.split('?').next().unwrap_or_default();
        let name = if method == Method::HEAD { Method::GET } else { method.clone() }.as_str().to_lowercase();
        // What only a developer's machine has is promised to nobody.
        if path.starts_with("/dev/") {
            return;
        }
        let Some((template, operation)) = self.operation(&name, path) else {
            let everywhere = [204, 404, 405, 413, 414, 429, 431, 503];
            assert!(everywhere.contains(&answer.status.as_u16()), "{path}: {}", answer.text());
            return;
        };
        caching(operation, &name, answer);
        let status = answer.status.as_u16().to_string();
        let told = &operation["responses"][&status];
        // The document does not say what becomes of a body that it does not ask for.
        let unasked = operation["requestBody"].is_null() && ["413", "415"].contains(&status.as_str());
        assert!(
            told.is_object() || unasked,
            "{method} {path} answered {status}, which is not documented: {}",
            answer.text()
        );
        if let Some(schema) = told.pointer("/content/application~1json/schema").filter(|_| !answer.bytes.is_empty()) {
            let schema = self.schema(format!("{name} {template} {status}"), schema);
            let body = answer.json();
            let errors: Vec<_> = schema.iter_errors(&body).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?} in {body}");
        }
    }

    /// The operation of this path, and the template that the path is one of.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let paths = self.document["paths"].as_object()?;
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
        let found = paths.get_key_value(path).or_else(|| paths.iter().find(|(template, _)| matches(template)));
        found.and_then(|(template, operations)| Some((template.as_str(), operations.get(method)?)))
    }

    fn schema(&self, name: String, schema: &Value) -> Arc<Validator> {
        let build = || {
            let mut whole = schema.clone();
            whole["components"] = self.document["components"].clone();
            whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
            Arc::new(jsonschema::validator_for(&whole).unwrap())
        };
        self.schemas.lock().unwrap().entry(name).or_insert_with(build).clone()
    }
}

/// What stands on every answer of every status, once and with this value.
const ALWAYS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// What stands on none. The tests speak plain HTTP, where transport security must not be promised (RFC 6797, 7.2).
const NEVER: [&str; 4] = ["server", "x-powered-by", "access-control-allow-credentials", "strict-transport-security"];

fn headers(answer: &Answer) {
    for (name, value) in ALWAYS {
        assert_eq!(once(answer, name), value, "{name}");
    }
    for name in NEVER {
        assert!(!answer.headers.contains_key(name), "{name} in {:?}", answer.headers);
    }
    let features = once(answer, "permissions-policy");
    assert!(features.contains("camera=()") && features.split(", ").all(|one| one.ends_with("=()")), "{features}");
    assert!(once(answer, "x-request-id").parse::<Uuid>().is_ok());
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(once(answer, name).parse::<u64>().is_ok(), "{name}");
    }
    let varies = answer.headers.get_all("vary").iter().flat_map(|line| line.to_str().unwrap().split(", "));
    assert!(varies.into_iter().any(|name| name == "Origin"), "{:?}", answer.headers);
    // A page brings a policy of its own, which is no looser than it must be.
    let policy = once(answer, "content-security-policy");
    let page = answer.status.is_success() && !["", "application/json"].contains(&answer.header("content-type"));
    assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
    assert!(page || policy.len() == "default-src 'none'; frame-ancestors 'none'".len(), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

fn once<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let count = answer.headers.get_all(name).iter().count();
    assert_eq!(count, 1, "{name} stands there {count} times: {} {:?}", answer.status, answer.headers);
    answer.header(name)
}

/// What belongs to an answer that is an error.
fn refusal(answer: &Answer) {
    assert_eq!(once(answer, "cache-control"), "no-store");
    let seconds = |name| once(answer, name).parse::<u64>().is_ok_and(|seconds| seconds > 0);
    match answer.status.as_u16() {
        405 => assert!(!once(answer, "allow").is_empty()),
        429 | 503 => assert!(seconds("retry-after"), "{:?}", answer.headers),
        _ => {}
    }
    assert_eq!(answer.header("content-type"), "application/json");
    if answer.bytes.is_empty() {
        return; // HEAD
    }
    let reference = answer.reference();
    let [err, year, month, rest] = reference.split('-').collect::<Vec<_>>()[..] else { panic!("{reference}") };
    assert_eq!((err, year.len(), month.len(), rest.len()), ("err", 4, 2, 12), "{reference}");
    match answer.refusal().1.as_str() {
        "UNAUTHENTICATED" => assert!(once(answer, "www-authenticate").starts_with("Bearer")),
        "INSUFFICIENT_SCOPE" => assert!(once(answer, "www-authenticate").contains("insufficient_scope")),
        _ => assert!(!answer.headers.contains_key("www-authenticate"), "{:?}", answer.headers),
    }
}

/// Only what anyone may read, and only by reading, may be kept by a cache (ASVS 14.3.2).
fn caching(operation: &Value, method: &str, answer: &Answer) {
    let public = operation["security"].as_array().is_none_or(Vec::is_empty);
    if !public || method != "get" {
        assert_eq!(once(answer, "cache-control"), "no-store", "{:?}", answer.headers);
    }
}
