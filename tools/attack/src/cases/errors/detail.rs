//! What an error says, and what it must not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::provoked::{CANARY, answers};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

const SOMEBODY: &[Need] = &[Need::FreshUser, Need::Operation("GET", "/v1/users/me")];

pub const CASES: &[Case] = &[
    Case {
        id: "error-detail",
        title: "Errors tell of the database, the libraries, the source",
        pillar: Some("error-detail"),
        owasp: &["API8:2023"],
        asvs: &["16.5.1"],
        teaching: "A stack trace is a map: libraries with their versions, tables, paths, the statement that failed. With it \
                   injection takes minutes instead of days, and ASP.NET's differing errors were enough to decrypt its \
                   cookies (padding oracle, CVE-2010-3332). The client gets one sentence that is written in the program \
                   and a reference; what happened stands in the log under that reference.",
        needs: SOMEBODY,
        run: |attempt| Box::pin(detail(attempt)),
        ..PLAIN
    },
    Case {
        id: "error-shape",
        title: "An error that does not look like the others",
        pillar: Some("error-detail"),
        owasp: &["API8:2023"],
        asvs: &["16.5.1", "16.5.4"],
        teaching: "The handlers' errors were designed; those of the router, the body's parser, the time-out and the panic come \
                   from the framework, in its own words: `Failed to deserialize the JSON body at line 1 column 9`. An \
                   attacker looks for just these, since nobody looked at them. One place must answer all errors, with \
                   one shape, also those that nobody foresaw.",
        needs: SOMEBODY,
        run: |attempt| Box::pin(shape(attempt)),
        ..PLAIN
    },
    Case {
        id: "error-echo",
        title: "An error repeats what was sent",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["16.5.1", "14.2.1"],
        teaching: "\"hunter2 is not a valid password\": now it stands in the log of every proxy and in the client's crash report. \
                   What is repeated is also what markup, line breaks and escape codes travel in. An error can name the \
                   field and the rule that it broke; the value is known to whoever sent it, and is no business of anybody \
                   in between.",
        needs: SOMEBODY,
        run: |attempt| Box::pin(echo(attempt)),
        ..PLAIN
    },
    Case {
        id: "error-reference",
        title: "The reference of one error is that of another, or can be guessed",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["16.5.1", "16.2.1"],
        teaching: "A generic error is only fair if somebody can find out what it was: a reference, new for each error, that \
                   stands on one line of the log. If it is a counter, it tells how many errors there were; if it is made \
                   of the input or the time, two errors share it, and a stranger can name yours to the help desk. It \
                   should be random, and mean nothing.",
        needs: SOMEBODY,
        run: |attempt| Box::pin(reference(attempt)),
        ..PLAIN
    },
];

/// Words of machinery. None of them has a place in a sentence for clients.
const MACHINERY: [&str; 34] = [
    "sqlx",
    "postgres",
    "sqlstate",
    "select ",
    "insert into",
    "syntax error",
    "panicked",
    "backtrace",
    "stack trace",
    "traceback",
    "exception",
    "at line",
    "line 1",
    "column ",
    ".rs:",
    ".java:",
    ".py\"",
    ".js:",
    ".php",
    "src/",
    "/usr/",
    "/home/",
    "/root/",
    "node_modules",
    "serde",
    "axum",
    "hyper",
    "tokio",
    "jsonwebtoken",
    "refused(",
    "some(",
    "err(",
    "unknown address",
    "does not match",
];

async fn detail(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("generic sentences in every error");
    let allowed = members(attempt);
    for answer in answers(attempt).await? {
        if answer.status < 400 {
            continue;
        }
        let text = answer.text().to_lowercase();
        let told = MACHINERY.iter().find(|word| text.contains(**word));
        let verdict = Verdict::held_if(told.is_none(), || {
            format!(
                "an error says \"{}\": {}",
                told.unwrap_or(&""),
                answer.text().chars().take(200).collect::<String>()
            )
        });
        let body = answer.json();
        let mut names = body.as_object().into_iter().flat_map(Map::keys);
        let more = names.find(|name| !allowed.is_empty() && !allowed.contains(*name));
        let verdict = verdict.and(Verdict::held_if(more.is_none(), || {
            format!("an error has a member \"{}\", which none should have", more.map_or("", String::as_str))
        }));
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

/// What the document says that an error has.
fn members(attempt: &Attempt) -> BTreeSet<String> {
    let operation = attempt.target.operation("PATCH", "/v1/users/me").unwrap_or(&Value::Null);
    let refusal = attempt.target.behind(&operation["responses"]["400"]);
    let schema = refusal.pointer("/content/application~1json/schema").unwrap_or(&Value::Null);
    let schema = attempt.target.behind(schema);
    schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}

async fn shape(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("application/json with `error`, `code` and `reference` in every error, and `fields` at most");
    for answer in answers(attempt).await? {
        if answer.status < 400 || answer.bytes.is_empty() {
            continue;
        }
        if let Some(odd) = odd(&answer) {
            return Ok(Verdict::Hole(format!("{}: {odd}", answer.seen())));
        }
    }
    Ok(Verdict::Held)
}

fn odd(answer: &Answer) -> Option<String> {
    let media_type = answer.header("content-type").unwrap_or("none");
    if !media_type.starts_with("application/json") {
        return Some(format!("its type is {media_type}"));
    }
    let body = answer.json();
    let Some(members) = body.as_object() else { return Some("it is no object".to_owned()) };
    for name in ["error", "code", "reference"] {
        if members.get(name).and_then(Value::as_str).unwrap_or_default().is_empty() {
            return Some(format!("it has no {name}"));
        }
    }
    let stray = members.keys().find(|name| !["error", "code", "reference", "fields"].contains(&name.as_str()));
    if let Some(name) = stray {
        return Some(format!("it has a member {name}"));
    }
    let code = answer.code();
    let screaming = code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    (!screaming).then(|| format!("its code is {code}"))
}

async fn echo(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no value of the request in any error");
    for answer in answers(attempt).await? {
        let mut body = answer.json();
        // The name of a member that does not belong there may be told: it is not its value.
        if let Some(fields) = body.get_mut("fields").and_then(Value::as_array_mut) {
            for field in fields {
                field["field"] = json!("");
            }
        }
        let text = if body.is_null() { answer.text() } else { body.to_string() };
        let headers = format!("{:?}", answer.headers);
        let repeated = text.contains(CANARY) || headers.contains(CANARY);
        if answer.status >= 400 && repeated {
            return Ok(Verdict::Hole(format!("{} repeats what was sent: {text}", answer.seen())));
        }
    }
    Ok(Verdict::Held)
}

async fn reference(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a reference in every error, no two alike or next to each other");
    let mut seen = BTreeSet::new();
    for answer in answers(attempt).await?.into_iter().filter(|answer| answer.status >= 400 && !answer.bytes.is_empty())
    {
        let reference = answer.string("/reference");
        if reference.is_empty() {
            return Ok(Verdict::Hole(format!("{} has no reference", answer.seen())));
        }
        if !seen.insert(reference.clone()) {
            return Ok(Verdict::Hole(format!("{reference} stands on two errors")));
        }
    }
    let near = |one: &str, other: &str| {
        let shared = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
        one.len() == other.len() && shared + 3 >= one.len()
    };
    let all: Vec<_> = seen.iter().collect();
    let neighbours = all.windows(2).find(|pair| near(pair[0], pair[1]));
    Ok(Verdict::held_if(neighbours.is_none(), || format!("{neighbours:?} are next to each other")))
}
