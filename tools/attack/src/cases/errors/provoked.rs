//! One error of each kind that a client can provoke.

use serde_json::json;

use crate::{
    actors::Person,
    attempt::Attempt,
    case::Trouble,
    wire::{Answer, Request},
};

/// What no error may repeat. Long and odd enough to be nowhere by chance.
pub const CANARY: &str = "canary7f3a9";

/// With the canary in everything that the request has.
pub fn requests(attempt: &Attempt, person: &Person) -> Vec<Request> {
    let get = |path: &str| attempt.get(path).by(person);
    let me = |body: &str| {
        attempt.request("PATCH", "/v1/users/me").by(person).header("content-type", "application/json").body(body)
    };
    let open = |path: &str, body| attempt.post(path, &body).elsewhere();
    // Some budgets count by what was tried, so what is tried is new each time.
    let unknown = format!("{CANARY}-{}", person.id);
    let nobodys = "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b";
    vec![
        attempt.get(&format!("/no-such-path/{CANARY}")),
        attempt.get(&format!("/{CANARY}.php?x={CANARY}")),
        attempt.request("DELETE", &format!("/health/live?{CANARY}")),
        attempt.request(&format!("X{}", CANARY.to_uppercase()), "/v1/users/me"),
        get(&format!("/v1/articles/{CANARY}")),
        get(&format!("/v1/articles/{nobodys}")),
        get(&format!("/v1/articles?limit={CANARY}&{CANARY}=1")),
        get(&format!("/v1/articles?cursor={CANARY}")),
        get("/v1/admin/users"),
        get("/v1/users/me").header("accept", format!("text/{CANARY}")),
        attempt.get("/v1/users/me"),
        attempt.get("/v1/users/me").bearer(CANARY),
        attempt.get("/v1/users/me").bearer(&format!("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.{CANARY}")),
        attempt.get("/v1/users/me").bearer(&format!("{}x", person.access)),
        attempt.get("/v1/users/me").header("authorization", format!("Basic {CANARY}")),
        attempt.get("/v1/users/me").header("x-api-key", format!("dbk_{CANARY}")),
        me(&format!("{{\"name\": {CANARY}}}")),
        me(&format!("{{\"name\": \"\\u0000{CANARY}\"}}")),
        me(&format!("{{\"name\": [\"{CANARY}\"]}}")),
        me(&format!("{{\"name\": \"a\", \"name\": \"{CANARY}\"}}")),
        me("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
        me(&format!("{{\"name\": \"{}\"}}", CANARY.repeat(50))),
        me("").header("content-type", format!("text/{CANARY}")),
        me("{\"name\":\"Ada\"}").header("if-match", format!("\"{CANARY}\"")),
        attempt.patch(&format!("/v1/articles/{nobodys}"), &json!({"title": CANARY})).by(person),
        attempt.post("/v1/articles", &json!({"title": "x", "body": "x", "role": CANARY})).by(person),
        open("/v1/auth/login", json!({"email": format!("{unknown}@attack.example"), "password": CANARY})),
        open("/v1/auth/login", json!({"email": CANARY, "password": CANARY})),
        open("/v1/auth/login", json!({"email": person.email, "password": format!("{CANARY}-wrong")})),
        open("/v1/auth/refresh", json!({"refresh_token": unknown})),
        open("/v1/auth/mfa", json!({"mfa_token": unknown, "code": "000000"})),
        open("/v1/auth/verify-email", json!({"token": unknown})),
        open("/v1/auth/password/reset", json!({"token": unknown, "new_password": format!("{CANARY} and some more")})),
        open("/v1/auth/register", json!({"email": CANARY, "name": CANARY, "password": CANARY})),
        attempt.get(&format!("/{}", CANARY.repeat(900))),
        attempt.get("/v1/users/me").header("x-long", CANARY.repeat(4000)),
    ]
}

/// The answers to them; the control is that most are errors of the service's own.
pub async fn answers(attempt: &Attempt) -> Result<Vec<Answer>, Trouble> {
    let person = attempt.fresh_user().await?;
    let me = attempt.get("/v1/users/me").by(&person).note("Control: an honest request").send().await?;
    me.must_work("an honest request")?;
    let mut answers = Vec::new();
    for request in requests(attempt, &person) {
        answers.push(request.send().await?);
    }
    let errors = answers.iter().filter(|answer| answer.status >= 400).count();
    attempt.control(errors * 2 > answers.len(), "most of what should be refused is an error")?;
    Ok(answers)
}
