//! The second factor, and attacks on it.

mod enrolment;
mod guessing;
mod races;
mod recovery;
mod secrets;
mod sign_in;
mod step_up;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use drawbridge::security::{
    access::Role,
    totp::{TotpSecret, step_at},
};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, Client, PASSWORD, Person, TestApp, until};

const TOTP: &str = "/v1/users/me/mfa/totp";
const CONFIRM: &str = "/v1/users/me/mfa/totp/confirm";
const CODES: &str = "/v1/users/me/mfa/recovery-codes";
const STEP: Duration = Duration::seconds(30);

/// For tests about other limits than these.
const UNLIMITED: [(&str, &str); 3] = [
    ("RATE_LIMIT_LOGIN", "token-bucket 10000/1m"),
    ("RATE_LIMIT_RECOVERY", "token-bucket 10000/1m"),
    ("RATE_LIMIT_TOKEN", "token-bucket 10000/1m"),
];

/// An authenticator app.
pub struct Phone(TotpSecret);

impl Phone {
    fn scan(secret: &Value) -> Self {
        Self(TotpSecret::typed(secret.as_str().unwrap()).unwrap())
    }

    /// What it shows now.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_at(app, 0)
    }

    /// What it shows so many half-minutes later.
    fn code_at(&self, app: &TestApp, steps: i64) -> String {
        self.0.code(step_at(app.app.givens.now()) + steps).expose().clone()
    }

    /// Six digits that it does not show.
    pub fn wrong_code(&self, app: &TestApp) -> String {
        let shown = [-1, 0, 1].map(|steps| self.code_at(app, steps));
        let mut others = (0..4).map(|digit| digit.to_string().repeat(6));
        others.find(|code| !shown.contains(code)).unwrap()
    }
}

/// Somebody with a second factor.
pub struct Careful {
    pub person: Person,
    pub phone: Phone,
    pub recovery_codes: Vec<String>,
}

/// Signed in, with the second factor on; the next code is a new one.
pub async fn careful(app: &TestApp) -> Careful {
    let person = app.person(Role::User).await;
    let (phone, recovery_codes) = turn_on(app, &person.client).await;
    Careful { person, phone, recovery_codes }
}

async fn turn_on(app: &TestApp, client: &Client) -> (Phone, Vec<String>) {
    let (phone, codes) = turning_on(app, client).await;
    app.clock.forward(STEP);
    (phone, texts(&codes.assert(200).json()["recovery_codes"]))
}

/// And the answer to the first code.
pub async fn turning_on(app: &TestApp, client: &Client) -> (Phone, Answer) {
    let phone = Phone::scan(&begin(client).await.assert(201).json()["secret"]);
    let answer = confirm(client, &phone.code(app)).await;
    (phone, answer)
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

async fn begin(client: &Client) -> Answer {
    client.post(TOTP, &json!({})).send().await
}

async fn confirm(client: &Client, code: &str) -> Answer {
    client.post(CONFIRM, &json!({ "code": code })).send().await
}

pub async fn turn_off(client: &Client, password: &str, code: &str) -> Answer {
    client.delete(TOTP, &json!({ "password": password, "code": code })).send().await
}

async fn reauthenticate(client: &Client, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "password": password });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    client.post("/v1/auth/reauthenticate", &body).send().await
}

/// The password was right: the token of the second step.
pub async fn challenge(app: &TestApp, email: &str) -> String {
    let answer = app.client().login(email, PASSWORD).await;
    let wanted = answer.assert(200).json();
    assert_eq!(wanted["status"], "mfa_required", "{wanted}");
    wanted["mfa_token"].as_str().unwrap().to_owned()
}

/// From an address of its own.
async fn answer(app: &TestApp, mfa_token: &str, code: &str) -> Answer {
    app.client().post("/v1/auth/mfa", &json!({ "mfa_token": mfa_token, "code": code })).send().await
}

/// Both steps.
async fn sign_in(app: &TestApp, email: &str, code: &str) -> Answer {
    answer(app, &challenge(app, email).await, code).await
}

fn token(answer: &Answer, name: &str) -> String {
    answer.assert(200).json()[name].as_str().unwrap().to_owned()
}

fn claims(access_token: &str) -> Value {
    let claims = access_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn mfa_enabled(client: &Client) -> bool {
    client.me().await.assert(200).json()["mfa_enabled"].as_bool().unwrap()
}

async fn change(app: &TestApp, statement: &'static str, user: Uuid) {
    let changed = sqlx::query(statement).bind(user).execute(&app.owner).await.unwrap();
    assert!(changed.rows_affected() > 0, "{statement}");
}

/// Waits for the queue of events.
async fn until_event(app: &TestApp, user: Uuid, name: &str, count: i64) {
    until(name, async || (app.events(user, name).await == count).then_some(())).await;
}

/// Waits for a statement that waits for a lock.
async fn until_somebody_waits(app: &TestApp) {
    let waiting = "select count(*) from pg_locks join pg_stat_activity using (pid)
                   where not granted and datname = current_database()";
    until("somebody waits for a lock", async || {
        (sqlx::query_scalar::<_, i64>(waiting).fetch_one(&app.owner).await.unwrap() > 0).then_some(())
    })
    .await;
}
