//! Each kind of event, caused over HTTP. The compiler keeps this list whole: the `match` in `cause` names every kind.

use std::fs;

use drawbridge::security::{access::Role, audit::Kind};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::{
    mfa::{self, careful},
    passwords::OTHER,
    support::{Answer, Client, PASSWORD, Person, TestApp, until},
};

/// What must stand beside the event.
#[derive(Debug, Default, PartialEq, sqlx::FromRow)]
struct Caused {
    request_id: Option<String>,
    client_address: Option<String>,
    user_id: Option<Uuid>,
    reference: Option<String>,
}

impl Caused {
    fn by(client: &Client, answer: &Answer) -> Self {
        let failed = answer.status.is_client_error() || answer.status.is_server_error();
        Self {
            request_id: Some(answer.header("x-request-id").to_owned()),
            client_address: Some(client.address().to_owned()),
            user_id: None,
            reference: failed.then(|| answer.reference()),
        }
    }

    fn about(self, user: Uuid) -> Self {
        Self { user_id: Some(user), ..self }
    }

    /// By somebody about themselves.
    fn own(person: &Person, answer: &Answer) -> Self {
        Self::by(&person.client, answer).about(person.id)
    }

    async fn stands_in(&self, app: &TestApp, kind: Kind) {
        let row = "select request_id::text, client_address, user_id, reference
                   from security_events
                   where type = $1 and request_id is not distinct from $2::uuid";
        let look = async || {
            let row = sqlx::query_as::<_, Self>(row).bind(kind.name()).bind(&self.request_id);
            row.fetch_optional(&app.owner).await.unwrap()
        };
        assert_eq!(until(kind.name(), look).await, *self, "{kind:?}");
    }
}

#[tokio::test]
async fn every_kind_of_event_is_caused_over_http_and_stands_there_with_whose_doing_it_was() {
    // A Sunday noon.
    let settings = [("BUSINESS_HOURS", "mon-fri 07:00-19:00")];
    let app = TestApp::start_with(&settings, drawbridge::features::routes()).await;
    for kind in Kind::ALL {
        match cause(&app, kind).await {
            Some(caused) => caused.stands_in(&app, kind).await,
            None => assert_caused_by_a_lost_redis(kind),
        }
    }
}

/// A Redis is needed for that, which not every machine has.
fn assert_caused_by_a_lost_redis(kind: Kind) {
    let test = fs::read_to_string("tests/api/shared_limits.rs").unwrap();
    let waits = format!("wait_for_event(&app, \"{}\", 1)", kind.name());
    assert!(test.contains(&waits), "nothing causes {kind:?}");
}

async fn cause(app: &TestApp, kind: Kind) -> Option<Caused> {
    let caused = match kind {
        Kind::LoginSuccess => signs_in(app, PASSWORD).await,
        Kind::LoginFail => signs_in(app, "a guess").await,
        Kind::LoginLock => is_locked(app).await,
        Kind::TokenCreated => refreshes(app, Duration::ZERO).await,
        Kind::TokenReuse => refreshes(app, Duration::minutes(1)).await,
        Kind::TokenRevoked => asks(app, "POST", "/v1/auth/logout", json!({})).await,
        Kind::PasswordChange => {
            let body = json!({ "current_password": PASSWORD, "new_password": OTHER });
            asks(app, "PUT", "/v1/users/me/password", body).await
        }
        Kind::MfaEnabled => enables_mfa(app).await,
        Kind::MfaDisabled => disables_mfa(app).await,
        Kind::MfaSuccess => second_step(app, async |ada| ada.phone.code(app)).await,
        Kind::MfaFail => second_step(app, async |ada| ada.phone.wrong_code(app)).await,
        Kind::RecoveryCodeUsed => second_step(app, async |ada| ada.recovery_codes[0].clone()).await,
        Kind::RecoveryCodesReplaced => replaces_recovery_codes(app).await,
        Kind::KeyCreated => makes_a_key(app).await.0,
        Kind::KeyRevoked => revokes_a_key(app).await,
        Kind::AccessRefused => asks(app, "GET", "/v1/admin/users", json!(null)).await,
        Kind::RoleChanged | Kind::PrivilegeChange => changes_a_role(app).await,
        Kind::UserCreated => is_invited(app).await,
        Kind::UserUpdated => asks(app, "PATCH", "/v1/users/me", json!({ "name": "Ada King" })).await,
        Kind::UserDeleted => is_deleted(app).await,
        Kind::SensitiveRead => asks(app, "GET", "/v1/users/me/export", json!(null)).await,
        Kind::RateLimitExceeded => refreshes_in_vain(app, 31).await,
        Kind::InputRefused => asks(app, "PATCH", "/v1/users/me", json!({ "name": 7 })).await,
        Kind::UnknownFields => asks(app, "PATCH", "/v1/users/me", json!({ "is_admin": true })).await,
        Kind::ForeignOrigin => says(app, "origin", "https://evil.example").await,
        Kind::AttackTool => says(app, "user-agent", "sqlmap/1.8.2#stable (https://sqlmap.org)").await,
        Kind::TrafficSpike => keeps_asking(app, 120, |_| "/health/live".to_owned()).await,
        Kind::EndpointScan => keeps_asking(app, 20, |number| format!("/backup-{number}.zip")).await,
        Kind::CredentialStuffing => tries_accounts(app, 6).await,
        Kind::PasswordSpraying => tries_from_networks(app, 5).await,
        Kind::Startup => Caused::default(),
        Kind::Shutdown => {
            drop(app.replica_with(&[]).await);
            Caused::default()
        }
        Kind::MonitorDisabled | Kind::MonitorEnabled => return None,
    };
    Some(caused)
}

async fn signs_in(app: &TestApp, password: &str) -> Caused {
    let (id, email) = app.account(Role::User).await;
    let somebody = app.client();
    Caused::by(&somebody, &somebody.login(&email, password).await).about(id)
}

/// Its budget is spent, from as many addresses. Whose it is has not been looked up.
async fn is_locked(app: &TestApp) -> Caused {
    let (_, email) = app.account(Role::User).await;
    for _ in 0..10 {
        app.client().login(&email, "a guess").await.assert(401);
    }
    let owner = app.client();
    Caused::by(&owner, owner.login(&email, PASSWORD).await.assert(429))
}

/// The last of two refreshes with one token that lie so far apart.
async fn refreshes(app: &TestApp, apart: Duration) -> Caused {
    let ada = app.person(Role::User).await;
    let first = ada.client.refresh(&ada.refresh_token).await;
    if apart.is_zero() {
        return Caused::own(&ada, first.assert(200));
    }
    app.clock.forward(apart);
    Caused::own(&ada, ada.client.refresh(&ada.refresh_token).await.assert(401))
}

/// Somebody who is signed in.
async fn asks(app: &TestApp, method: &str, path: &str, body: serde_json::Value) -> Caused {
    let ada = app.person(Role::User).await;
    let request = ada.client.request(method.parse().unwrap(), path);
    let request = if body.is_null() { request } else { request.json(&body) };
    Caused::own(&ada, &request.send().await)
}

async fn enables_mfa(app: &TestApp) -> Caused {
    let ada = app.person(Role::User).await;
    let (_, answer) = mfa::turning_on(app, &ada.client).await;
    Caused::own(&ada, answer.assert(200))
}

async fn disables_mfa(app: &TestApp) -> Caused {
    let ada = careful(app).await;
    let answer = mfa::turn_off(&ada.person.client, PASSWORD, &ada.phone.code(app)).await;
    Caused::own(&ada.person, answer.assert(204))
}

async fn second_step(app: &TestApp, code: impl AsyncFn(&mfa::Careful) -> String) -> Caused {
    let ada = careful(app).await;
    let mfa_token = mfa::challenge(app, &ada.person.email).await;
    let (code, somewhere) = (code(&ada).await, app.client());
    let answer = somewhere.post("/v1/auth/mfa", &json!({ "mfa_token": mfa_token, "code": code })).send().await;
    Caused::by(&somewhere, &answer).about(ada.person.id)
}

async fn replaces_recovery_codes(app: &TestApp) -> Caused {
    let ada = careful(app).await;
    let answer = ada.person.client.post("/v1/users/me/mfa/recovery-codes", &json!({})).send().await;
    Caused::own(&ada.person, answer.assert(200))
}

async fn makes_a_key(app: &TestApp) -> (Caused, Person, Answer) {
    let ada = app.person(Role::User).await;
    let end = app.app.givens.now() + Duration::days(1);
    let body = json!({ "name": "Nightly backup", "scopes": ["profile:read"], "expires_at": end });
    let answer = ada.client.post("/v1/users/me/api-keys", &body).send().await;
    (Caused::own(&ada, answer.assert(201)), ada, answer)
}

async fn revokes_a_key(app: &TestApp) -> Caused {
    let (_, ada, key) = makes_a_key(app).await;
    let path = format!("/v1/users/me/api-keys/{}", key.json()["id"].as_str().unwrap());
    let answer = ada.client.delete(&path, &json!({})).send().await;
    Caused::own(&ada, answer.assert(204))
}

/// The event is about the user; who did it stands among the details.
async fn changes_a_role(app: &TestApp) -> Caused {
    let (user, _) = app.account(Role::User).await;
    let admin = app.person(Role::Admin).await.client;
    let answer = admin.patch(&format!("/v1/admin/users/{user}"), &json!({ "role": "editor" })).send().await;
    Caused::by(&admin, answer.assert(200)).about(user)
}

async fn is_invited(app: &TestApp) -> Caused {
    let admin = app.person(Role::Admin).await.client;
    let body = json!({ "email": "invited@example.com", "name": "Grace", "role": "user" });
    let answer = admin.post("/v1/admin/users", &body).send().await;
    let id = answer.assert(201).json()["id"].as_str().unwrap().parse().unwrap();
    Caused::by(&admin, &answer).about(id)
}

async fn is_deleted(app: &TestApp) -> Caused {
    let (user, _) = app.account(Role::User).await;
    let admin = app.person(Role::Admin).await.client;
    let answer = admin.delete(&format!("/v1/admin/users/{user}"), &json!({})).send().await;
    Caused::by(&admin, answer.assert(204)).about(user)
}

async fn refreshes_in_vain(app: &TestApp, times: usize) -> Caused {
    let somebody = app.client();
    for _ in 1..times {
        somebody.refresh("no token of ours").await.assert(401);
    }
    Caused::by(&somebody, somebody.refresh("no token of ours").await.assert(429))
}

async fn says(app: &TestApp, header: &str, value: &str) -> Caused {
    let somebody = app.client();
    let answer = somebody.get("/health/live").header(header, value).send().await;
    Caused::by(&somebody, answer.assert(200))
}

/// The last of so many requests.
async fn keeps_asking(app: &TestApp, times: usize, path: impl Fn(usize) -> String) -> Caused {
    let somebody = app.client();
    for number in 1..times {
        somebody.get(&path(number)).send().await;
    }
    Caused::by(&somebody, &somebody.get(&path(times)).send().await)
}

/// Nobody is named: the last one of the list is no more concerned than the others.
async fn tries_accounts(app: &TestApp, count: usize) -> Caused {
    let eve = app.client();
    for number in 1..count {
        eve.login(&format!("leaked-{number}@example.com"), "a guess").await.assert(401);
    }
    let (_, email) = app.account(Role::User).await;
    Caused::by(&eve, eve.login(&email, "a guess").await.assert(401))
}

async fn tries_from_networks(app: &TestApp, count: usize) -> Caused {
    let (id, email) = app.account(Role::User).await;
    for _ in 1..count {
        app.client().login(&email, "a guess").await.assert(401);
    }
    let bot = app.client();
    Caused::by(&bot, bot.login(&email, "a guess").await.assert(401)).about(id)
}
