//! The document around the operations.

use std::{collections::BTreeMap, sync::Arc};

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::operation::{Operation, usual_headers};
use crate::{
    error::{Problem, problems},
    http::{
        respond::Envelope,
        route::{About, Route},
    },
};

/// The version of the contract, not of the software: it moves when a client would notice.
const API_VERSION: &str = "1.0.0";

/// What the table's routes promise, as OpenAPI 3.1.
pub fn document(table: &[Arc<Route>]) -> Value {
    // Of what goes out: a field that is null sometimes is still always there.
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let envelope = schemas.subschema_for::<Envelope>().to_value();
    let mut paths = Map::new();
    for route in table {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(route, &mut schemas, &envelope);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Drawbridge",
            "version": API_VERSION,
            "description": "Accounts and sessions, with every pillar of API security in place. Errors of any kind have \
                one form; lists are paged by cursor; unknown fields and parameters are refused.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "contact": { "name": "The maintainers of this service", "url": "https://api.drawbridge.invalid/" },
        },
        "servers": [
            { "url": "/", "description": "Local, or wherever this document is served from", "x-internal": false },
            { "url": "https://api.drawbridge.invalid", "description": "Production", "x-internal": false },
        ],
        "tags": TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "headers": headers(),
            "securitySchemes": { "access_token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A signed access token (RFC 9068, judged as RFC8725 advises) from `POST /v1/auth/login` or `POST /v1/auth/refresh`.",
            }, "api_key": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "A key from `POST /v1/users/me/api-keys`, narrowed to its scopes. One credential a request.",
            } },
        },
    });
    add_examples(&mut document);
    document
}

const TAGS: [(&str, &str); 4] = [
    ("Authentication", "How a password becomes a session, and a session ends"),
    ("Account", "What users do with their own account"),
    ("Administration", "What administrators do with the accounts of others"),
    ("Service", "Health, keys and this document"),
];

fn tag(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/v1/auth") => "Authentication",
        _ if path.starts_with("/v1/admin") => "Administration",
        _ if path.starts_with("/v1/users") => "Account",
        _ => "Service",
    }
}

fn operation(route: &Route, schemas: &mut SchemaGenerator, envelope: &Value) -> Value {
    let About { summary, description, problems } = route.about;
    let mut told = Operation::new(schemas);
    (route.describe)(&mut told);
    for problem in *problems {
        told.refuses(*problem);
    }
    let mut responses = told.answers;
    for (status, problems) in by_status(&told.refusals) {
        responses.insert(status, refusal(&problems, envelope));
    }
    let mut operation = json!({
        "operationId": camel_case(summary),
        "summary": summary,
        "description": format!("{description}\n\nWho: {}. Rate limit: {}.", route.policy, route.limit.name()),
        "tags": [tag(route.path)],
        "security": told.security,
        "responses": responses.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect::<Map<_, _>>(),
    });
    if !told.parameters.is_empty() {
        operation["parameters"] = told.parameters.into();
    }
    if let Some(body) = told.body {
        operation["requestBody"] = body;
    }
    operation
}

fn by_status(refusals: &[Problem]) -> BTreeMap<u16, Vec<Problem>> {
    let mut by_status = BTreeMap::<_, Vec<_>>::new();
    for problem in refusals {
        by_status.entry(problem.status.as_u16()).or_default().push(*problem);
    }
    by_status
}

fn refusal(problems: &[Problem], envelope: &Value) -> Value {
    let codes: Vec<_> = problems.iter().map(|problem| format!("`{}`", problem.code)).collect();
    let examples: Map<_, _> = problems.iter().map(|problem| (problem.code.to_owned(), example(problem))).collect();
    let mut headers = usual_headers();
    let named = problems.iter().filter_map(|problem| match problem.status.as_u16() {
        401 | 403 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    });
    for name in named {
        headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
    json!({
        "description": codes.join(" or "),
        "headers": headers,
        "content": { "application/json": { "schema": envelope, "examples": examples } },
    })
}

fn example(problem: &Problem) -> Value {
    let mut value = json!({ "error": problem.error, "code": problem.code, "reference": "err-2026-03-7k2m9x4q1b8d" });
    if *problem == problems::VALIDATION_FAILED {
        value["fields"] = json!([{ "field": "email", "rule": "required", "message": "This field is missing" }]);
    }
    json!({ "value": value })
}

fn headers() -> Value {
    let header = |description: &str, schema: Value| json!({ "description": description, "schema": schema });
    let count = || json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": 1_000_000_000 });
    let text = |pattern: &str| json!({ "type": "string", "maxLength": 200, "pattern": pattern });
    json!({
        "Access-Control-Allow-Origin": header("The caller's own origin, where it is on the service's list", text("^https?://[^/]+$")),
        "X-Request-Id": header("The id of this request in the log",
            json!({ "type": "string", "format": "uuid", "maxLength": 36 })),
        "X-RateLimit-Limit": header("How many requests the nearest limit admits", count()),
        "X-RateLimit-Remaining": header("How many are left", count()),
        "X-RateLimit-Reset": header("When all are back, in Unix seconds",
            json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": 253_402_300_799_u64 })),
        "Retry-After": header("Seconds after which trying again makes sense", count()),
        "WWW-Authenticate": header("What credential is wanted (RFC 6750)", text("^Bearer")),
        "Content-Disposition": header("The file's name (RFC 6266)", text("^attachment; filename=\"[0-9a-z.-]+\"$")),
        "Location": header("Where the new resource is found", text("^/")),
        "ETag": header("Names this version of the resource, for `If-Match`", text("^\"[0-9A-Za-z_-]+\"$")),
    })
}

/// `Sign in` becomes `signIn`: what generated clients will call it.
fn camel_case(summary: &str) -> String {
    let mut words = summary.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_lowercase();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + &tail.to_lowercase()
    })
}

/// Composes an example of each body from the examples of its fields.
fn add_examples(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let bodies = document["paths"].as_object_mut().into_iter().flatten().flat_map(|(_, path)| {
        path.as_object_mut().into_iter().flatten().flat_map(|(_, operation)| {
            let mut found = Vec::new();
            let operation = operation.as_object_mut().expect("an operation is an object");
            for (part, value) in operation {
                match part.as_str() {
                    "requestBody" => found.push(value),
                    "responses" => found.extend(value.as_object_mut().into_iter().flatten().map(|(_, answer)| answer)),
                    _ => {}
                }
            }
            found
        })
    });
    for body in bodies {
        let Some(media) = body.pointer_mut("/content/application~1json") else { continue };
        if media.get("examples").is_none() {
            media["example"] = example_of(&media["schema"], &schemas);
        }
    }
}

fn example_of(schema: &Value, schemas: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return example_of(&schemas[name.rsplit('/').next().unwrap_or_default()], schemas);
    }
    if let Some(first) = schema["examples"].get(0).or(schema["enum"].get(0)).or(schema.get("const")) {
        return first.clone();
    }
    if let Some(first) = schema["oneOf"].get(0) {
        return example_of(first, schemas);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let examples = properties.iter().map(|(name, property)| (name.clone(), example_of(property, schemas)));
        return examples.filter(|(name, example)| !example.is_null() || may_be_null(&properties[name])).collect();
    }
    match schema["type"].as_str() {
        Some("array") => json!([example_of(&schema["items"], schemas)]),
        Some("boolean") => json!(true),
        Some("object") => json!({}),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        _ => Value::Null,
    }
}

/// Then a null is an example; elsewhere it says that none is known.
fn may_be_null(schema: &Value) -> bool {
    schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_becomes_the_name_of_a_function() {
        assert_eq!(camel_case("Sign in"), "signIn");
        assert_eq!(camel_case("Read the e-mail"), "readTheEMail");
    }
}
