//! Functions that want a sign-in a moment ago.

use serde_json::{Value, json};

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::ownership::belongings::tomorrow,
    forge::Jwt,
    wire::Request,
};

pub const CASES: &[Case] = &[
    Case {
        id: "step-up-stale-walk",
        title: "A session of an hour ago, at every function that wants a new sign-in",
        pillar: Some("step-up"),
        owasp: &["API2:2023", "API5:2023"],
        asvs: &["7.5.1", "7.5.3"],
        teaching: "A new key, an export of everything, a second factor turned on or off, new recovery codes: each is enough to \
                   take an account or to empty it, so each must ask for a new sign-in (RFC 9470), and an intruder tries \
                   which of them forgot. Where the demand is a part of the route's declaration it stands in a list that somebody can \
                   read; where it is a call in the handler, nobody sees that it is missing.",
        needs: &[Need::SigningKey, Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(stale_walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "step-up-odd-times",
        title: "A token whose time of sign-in is odd: in the future, missing, a text",
        pillar: None,
        owasp: &["API2:2023"],
        asvs: &["10.3.4", "15.3.5"],
        teaching: "\"Not older than ten minutes\" is a subtraction, and subtractions have edges: a time in the future gives a \
                   negative age, one that is missing becomes 0 or now, a text compares as whatever the language thinks. \
                   CVE lists are full of checks that fail open on a value of another type. A claim that is not what it \
                   must be makes the whole token invalid.",
        needs: &[Need::SigningKey, Need::FreshUser, Need::Operation("GET", "/v1/users/me/export")],
        run: |attempt| Box::pin(odd_times(attempt)),
        ..PLAIN
    },
];

/// When the target gave out the token, by its own clock.
fn issued(person: &Person) -> i64 {
    Jwt::read(&person.access).map_or(0, |jwt| jwt.number("iat"))
}

/// A token like theirs, but for the time of sign-in.
fn signed_in(attempt: &Attempt, person: &Person, at: Value) -> Result<String, Trouble> {
    let genuine = Jwt::read(&person.access).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
    let key = attempt.signing_key(&genuine)?;
    Ok(genuine.claim("auth_time", at).signed_by(key))
}

fn doors(attempt: &Attempt, person: &Person) -> Vec<Request> {
    let off = json!({"password": person.password, "code": "123456"});
    let key = json!({"name": "A robot", "scopes": ["profile:read"], "expires_at": tomorrow(person)});
    vec![
        attempt.post("/v1/users/me/api-keys", &key),
        attempt.get("/v1/users/me/export"),
        attempt.request("POST", "/v1/users/me/mfa/totp"),
        attempt.request("DELETE", "/v1/users/me/mfa/totp").json(&off),
        attempt.request("POST", "/v1/users/me/mfa/recovery-codes"),
    ]
}

async fn stale_walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for each: sign in again");
    let person = attempt.fresh_user().await?;
    let now = issued(&person);
    let (fresh, stale) = (signed_in(attempt, &person, json!(now))?, signed_in(attempt, &person, json!(now - 3600))?);
    for door in doors(attempt, &person) {
        let verdict = door.clone().bearer(&stale).note("Signed in an hour ago").send().await?.must_be(&[403, 401]);
        if verdict.is_hole() {
            return Ok(verdict);
        }
        let twin = door.bearer(&fresh).note("Control: signed in just now").send().await?;
        attempt.control(twin.code() != "REAUTHENTICATION_REQUIRED", "a fresh sign-in is enough")?;
    }
    Ok(Verdict::Held)
}

async fn odd_times(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 or 403 for each");
    let person = attempt.fresh_user().await?;
    let export = attempt.get("/v1/users/me/export");
    let now = issued(&person);
    let fresh = signed_in(attempt, &person, json!(now))?;
    export.clone().bearer(&fresh).note("Control: just now").send().await?.must_work("just now")?;
    let times = [
        ("in an hour", json!(now + 3600)),
        ("missing", Value::Null),
        ("a text", json!(now.to_string())),
        ("a list", json!([now])),
        ("of the largest number", json!(u64::MAX)),
        ("of the smallest number", json!(i64::MIN)),
        ("true", json!(true)),
    ];
    for (what, time) in times {
        let token = signed_in(attempt, &person, time)?;
        let verdict =
            export.clone().bearer(&token).note(format!("auth_time {what}")).send().await?.must_be(&[401, 403]);
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}
