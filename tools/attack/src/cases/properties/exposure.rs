//! What answers show.

use serde_json::{Value, json};

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        ownership::belongings::{Belongings, draft},
        walk::{Operation, operations},
    },
    target::Target,
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "exposure-secrets",
        title: "A hash, a secret or a key in an answer",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.3.1", "14.2.6"],
        teaching: "Whoever turns the database's row into JSON shows all its columns, and the page leaves out what it does not \
                   need: the password's hash, the second factor's secret, the token of a reset. An attacker does not look \
                   at the page. Each answer needs a type of its own with the fields that it is to have, and secrets types \
                   that cannot be turned into JSON at all.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(secrets(attempt)),
        ..PLAIN
    },
    Case {
        id: "exposure-undocumented",
        title: "An answer has a field that its schema has not",
        pillar: None,
        owasp: &["API3:2023", "API9:2023"],
        asvs: &["15.3.1", "8.2.3"],
        teaching: "A field that nobody wrote down is a field that nobody thought about: in 2019 the dating service 3fun sent \
                   positions and birthdays of everybody to everybody, and hid in its app what people had set to private. \
                   Compare each answer with the published schema, closed, and what slips in is found by a test and not by \
                   a stranger.",
        needs: &[Need::Document, Need::FreshUser, Need::Admin, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(undocumented(attempt)),
        ..PLAIN
    },
    Case {
        id: "exposure-author",
        title: "A published article tells more of its author than an id",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.3.1", "8.2.3"],
        teaching: "An article has an author, so the author's record is joined to it, with the address, the role and the date \
                   of the last sign-in. WordPress lists its authors at `/wp-json/wp/v2/users` to this day, mostly by their login names, \
                   and guessers of passwords begin there. What an object shows of a person is a decision of its own: the \
                   least that readers need.",
        needs: &[Need::FreshUser, Need::TwoUsers, Need::Editor, Need::Operation("POST", "/v1/articles/{id}/publish")],
        run: |attempt| Box::pin(author(attempt)),
        ..PLAIN
    },
];

/// Everything that can be read, each by somebody who may.
async fn readings(attempt: &Attempt, admin: bool) -> Result<Vec<(String, Value, Answer)>, Trouble> {
    let somebody = Belongings::of_somebody(attempt).await?;
    let admin = if admin { Some(attempt.admin().await?) } else { None };
    let mut found = Vec::new();
    for operation in operations(&attempt.target).into_iter().filter(|operation| operation.method == "GET") {
        let Some(schema) = schema(&attempt.target, &operation) else { continue };
        let reader = match &admin {
            Some(admin) if operation.is_administrative() => admin,
            None if operation.is_administrative() => continue,
            _ => &somebody.owner,
        };
        let id = if operation.path.contains("articles") { &somebody.draft } else { &somebody.owner.id };
        let request = operation.request(attempt, id);
        let request = if operation.wants_somebody() { request.by(reader) } else { request };
        let answer = request.send().await?;
        if answer.is_success() {
            found.push((format!("{} {}", operation.method, operation.path), schema.clone(), answer));
        }
    }
    attempt.control(found.len() > 2, "most of what can be read was read")?;
    Ok(found)
}

/// Of its success, where that is JSON.
fn schema<'a>(target: &'a Target, operation: &Operation<'a>) -> Option<&'a Value> {
    let success = target.behind(&operation.about["responses"]["200"]);
    success.pointer("/content/application~1json/schema")
}

async fn secrets(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no name and no value in any answer that looks like one");
    for (what, _, answer) in readings(attempt, false).await? {
        // The document itself has all names, and keys for verifying are there for everybody.
        if answer.json()["openapi"].is_string() || answer.json()["keys"].is_array() {
            continue;
        }
        if let Some(secret) = secret(&answer.json()) {
            return Ok(Verdict::Hole(format!("{what} shows {secret}")));
        }
    }
    Ok(Verdict::Held)
}

fn secret(value: &Value) -> Option<String> {
    const NAMES: [&str; 8] =
        ["password", "passwd", "hash", "salt", "secret", "private_key", "recovery_code", "otp_seed"];
    const VALUES: [&str; 6] = ["$argon2", "$2a$", "$2b$", "$scrypt$", "PRIVATE KEY-----", "$pbkdf2"];
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let telling = NAMES.iter().any(|word| name.to_lowercase().contains(word));
            if telling && !value.is_boolean() { Some(format!("a {name}")) } else { secret(value) }
        }),
        Value::Array(items) => items.iter().find_map(secret),
        Value::String(text) => VALUES.iter().find(|word| text.contains(**word)).map(|word| format!("a {word}…")),
        _ => None,
    }
}

async fn undocumented(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the fields of the schema, and no others");
    for (what, schema, answer) in readings(attempt, true).await? {
        if let Some(stray) = stray(&attempt.target, &schema, &answer.json(), 0) {
            return Ok(Verdict::Hole(format!("{what} answers with {stray}, which its schema has not")));
        }
    }
    Ok(Verdict::Held)
}

/// The first member that no schema names.
fn stray(target: &Target, schema: &Value, value: &Value, depth: usize) -> Option<String> {
    let schema = target.behind(schema);
    if depth > 16 {
        return None;
    }
    if let Some(ways) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let strays: Vec<_> = ways.iter().map(|way| stray(target, way, value, depth + 1)).collect();
        return if strays.contains(&None) { None } else { strays.into_iter().flatten().next() };
    }
    match (value, schema["properties"].as_object()) {
        (Value::Object(members), Some(known)) => members.iter().find_map(|(name, value)| match known.get(name) {
            Some(schema) => stray(target, schema, value, depth + 1),
            None if matches!(&schema["additionalProperties"], Value::Object(_) | Value::Bool(true)) => None,
            None => Some(format!("\"{name}\"")),
        }),
        (Value::Array(items), _) => items.iter().find_map(|item| stray(target, &schema["items"], item, depth + 1)),
        _ => None,
    }
}

async fn author(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the author's id, and nothing else of the author");
    let (author, reader) = (attempt.fresh_user().await?, attempt.other_user().await?);
    let editor = attempt.editor().await?;
    let renamed = attempt.patch("/v1/users/me", &json!({"name": "Mehitabel Quill"})).by(&author).send().await?;
    renamed.must_work("the author has a name")?;
    let path = format!("/v1/articles/{}", draft(attempt, &author).await?);
    let published = attempt.request("POST", &format!("{path}/publish")).by(&editor).send().await?;
    published.must_work("it is published")?;
    let mut verdict = Verdict::Held;
    for path in [path.as_str(), "/v1/articles?limit=100"] {
        let text = attempt.get(path).by(&reader).send().await?.must_work("it is read")?.text();
        let shown = [author.email.as_str(), "Mehitabel"].into_iter().find(|word| text.contains(word));
        verdict = verdict
            .and(Verdict::held_if(shown.is_none(), || format!("{} stands in {path}", shown.unwrap_or_default())));
    }
    attempt.delete(&path).by(&author).note("Its author takes it away again").send().await?;
    Ok(verdict)
}
