//! What is published is what is enforced: for every constraint of every published body, a value on each side of it.

use axum::http::Method;
use drawbridge::security::access::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, TestApp};

/// A published body, and an example that it admits.
struct Body {
    method: Method,
    path: String,
    schema: Value,
    example: Value,
}

fn bodies(document: &Value, somebody: Uuid) -> Vec<Body> {
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(media) = operation.pointer("/requestBody/content/application~1json") else { continue };
            let name = media["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let schema = document["components"]["schemas"][name].clone();
            let mut example = media["example"].clone();
            // An example of a password or a key is no part of the document.
            for (field, property) in schema["properties"].as_object().unwrap() {
                if example[field].is_null() {
                    example[field] = admitted(property);
                }
            }
            let path = path.replace("{id}", &somebody.to_string());
            found.push(Body { method, path, schema, example });
        }
    }
    assert!(found.len() >= 9, "every route with a body is in the document");
    found
}

fn admitted(property: &Value) -> Value {
    let length = property["minLength"].as_u64().unwrap_or(1).max(20);
    json!(
        "correct horse battery staple"
            .repeat(3)
            .chars()
            .take(usize::try_from(length).unwrap() + 20)
            .collect::<String>()
    )
}

/// Values that break one rule each, with the rule's name.
fn broken(property: &Value) -> Vec<(&'static str, Value)> {
    if property["type"] == "array" {
        let all = property["items"]["enum"].as_array().unwrap();
        let mut values = vec![("type", json!(5)), ("type", json!({})), ("type", all[0].clone())];
        values.push(("min_items", json!([])));
        values.push(("max_items", json!([all.clone(), all.clone()].concat())));
        values.push(("unique", json!([all[0], all[0]])));
        return values;
    }
    let mut values = vec![("type", json!(5)), ("type", json!(true)), ("type", json!(["text"])), ("type", json!({}))];
    if let Some(least) = property["minLength"].as_u64().filter(|least| *least > 0) {
        values.push(("min_length", json!("a".repeat(usize::try_from(least).unwrap() - 1))));
    }
    if let Some(most) = property["maxLength"].as_u64() {
        values.push(("max_length", json!("a".repeat(usize::try_from(most).unwrap() + 1))));
    }
    if property.get("enum").is_some() {
        values.push(("enum", json!("admin")));
    }
    if property.get("pattern").is_some() {
        values.push(("pattern", json!("nul \u{0} inside, and long enough for any minimum")));
    }
    values
}

async fn send(client: &Client, body: &Body, value: &Value) -> crate::support::Answer {
    client.request(body.method.clone(), &body.path).json(value).send().await
}

#[tokio::test]
async fn whatever_breaks_a_published_rule_is_refused_and_the_field_is_named() {
    let app = TestApp::start_with(&LIMITS, drawbridge::features::routes()).await;
    let client = app.person(Role::Admin).await.client;
    let (somebody, _) = app.account(Role::User).await;
    let document: Value = serde_json::from_slice(&app.app.openapi).unwrap();
    for body in bodies(&document, somebody) {
        for (field, property) in body.schema["properties"].as_object().unwrap() {
            for (rule, value) in broken(property) {
                let mut sent = body.example.clone();
                sent[field] = value;
                let answer = send(&client, &body, &sent).await;
                let what = format!("{} {} {field} {rule}", body.method, body.path);
                assert_eq!(answer.refusal(), (400, "VALIDATION_FAILED".to_owned()), "{what}: {}", answer.text());
                assert!(answer.fields().iter().any(|(name, _)| name == field), "{what}: {:?}", answer.fields());
            }
        }
        for required in body.schema["required"].as_array().into_iter().flatten() {
            let mut sent = body.example.clone();
            sent.as_object_mut().unwrap().remove(required.as_str().unwrap());
            let answer = send(&client, &body, &sent).await;
            assert_eq!(answer.fields(), [(required.as_str().unwrap().to_owned(), "required".to_owned())]);
        }
        let mut sent = body.example.clone();
        sent["surely_unknown"] = json!(1);
        assert_eq!(send(&client, &body, &sent).await.fields(), [("surely_unknown".to_owned(), "unknown".to_owned())]);
        assert_eq!(body.schema["additionalProperties"], false, "{}", body.path);
    }
}

#[tokio::test]
async fn whatever_a_published_schema_admits_is_not_refused_for_its_form() {
    let app = TestApp::start_with(&LIMITS, drawbridge::features::routes()).await;
    let client = app.person(Role::Admin).await.client;
    let (somebody, _) = app.account(Role::User).await;
    let document: Value = serde_json::from_slice(&app.app.openapi).unwrap();
    for body in bodies(&document, somebody) {
        for (field, property) in body.schema["properties"].as_object().unwrap() {
            for length in [&property["minLength"], &property["maxLength"]].into_iter().filter_map(Value::as_u64) {
                let mut sent = body.example.clone();
                sent[field] = filled(field, usize::try_from(length).unwrap());
                let answer = send(&client, &body, &sent).await;
                // What a password is judged by besides its form is no part of the schema, and says so.
                let form = |(name, rule): &(String, String)| {
                    name == field && ["type", "min_length", "max_length", "pattern", "email"].contains(&rule.as_str())
                };
                assert!(!answer.fields().iter().any(form), "{} {field} at {length}: {}", body.path, answer.text());
            }
        }
    }
}

/// A text of just this length that the field's pattern admits.
fn filled(field: &str, length: usize) -> Value {
    if !field.ends_with("email") {
        return json!("a".repeat(length));
    }
    let domain = format!("@{}.example.com", "d".repeat(60));
    let labels = ".d".repeat(length.saturating_sub(domain.len() + 60) / 2);
    let local = "a".repeat(length.saturating_sub(domain.len() + labels.len()));
    json!(format!("{local}{}", domain.replace(".example", &format!("{labels}.example"))))
}

const LIMITS: [(&str, &str); 7] = [
    // One client asks all of it, and as fast as it can.
    ("RATE_LIMIT_FLOOD", "token-bucket 10000/1s"),
    ("RATE_LIMIT_EXPENSIVE", "fixed-window 1000/1m"),
    ("RATE_LIMIT_LOGIN", "sliding-window 1000/1m"),
    ("RATE_LIMIT_REGISTER", "fixed-window 1000/1m"),
    ("RATE_LIMIT_RECOVERY", "sliding-window 1000/1m"),
    ("RATE_LIMIT_TOKEN", "token-bucket 1000/1m"),
    ("RATE_LIMIT_WRITE", "sliding-window 1000/1m"),
];
