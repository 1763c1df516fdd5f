//! Forged, borrowed and broken credentials: each is one and the same 401.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use drawbridge::{
    app,
    security::{
        access::{Policy, Role},
        jwt::Grant,
    },
};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Person, TestApp};

pub fn parts(token: &str) -> (Value, Value, String) {
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    (part(header), part(claims), signature.to_owned())
}

fn joined(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The token with something changed, under the signature that it had.
fn with(person: &Person, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims, signature) = parts(&person.access_token);
    change(&mut header, &mut claims);
    joined(&header, &claims, &signature)
}

#[tokio::test]
async fn the_token_has_the_profile_of_rfc_9068() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (header, claims, _) = parts(&ada.access_token);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["amr", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "nbf", "role", "scope", "sid", "sub"]
    );
    assert_eq!(claims["sub"], json!(ada.id), "a subject is an id, not an e-mail");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);

    let jwks = app.client().get("/.well-known/jwks.json").send().await.assert(200).json();
    let key = &jwks["keys"][0];
    assert_eq!(key["kid"], header["kid"]);
    assert!(key.get("d").is_none(), "the private half stays here");
}

#[tokio::test]
async fn a_forged_token_is_refused_whatever_was_changed_in_it() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let now = app.app.givens.now().unix();
    let forgeries = [
        ("alg none", with(&ada, |header, _| header["alg"] = json!("none"))),
        ("alg nOnE", with(&ada, |header, _| header["alg"] = json!("nOnE"))),
        ("alg HS256", with(&ada, |header, _| header["alg"] = json!("HS256"))),
        ("another typ", with(&ada, |header, _| header["typ"] = json!("JWT"))),
        ("unknown kid", with(&ada, |header, _| header["kid"] = json!("20260101T000000Z-00000000"))),
        ("kid as a path", with(&ada, |header, _| header["kid"] = json!("../../../../dev/null"))),
        ("kid as SQL", with(&ada, |header, _| header["kid"] = json!("x' union select 'key"))),
        ("jwk in the header", with(&ada, |header, _| header["jwk"] = json!({ "kty": "OKP" }))),
        ("jku in the header", with(&ada, |header, _| header["jku"] = json!("http://127.0.0.1/jwks"))),
        ("crit", with(&ada, |header, _| header["crit"] = json!(["exp"]))),
        ("an admin's role", with(&ada, |_, claims| claims["role"] = json!("admin"))),
        ("another subject", with(&ada, |_, claims| claims["sub"] = json!(uuid::Uuid::nil()))),
        ("a longer life", with(&ada, |_, claims| claims["exp"] = json!(now + 100_000))),
        ("no signature", with(&ada, |_, _| {}).rsplit_once('.').unwrap().0.to_owned() + "."),
        ("two parts", ada.access_token.rsplit_once('.').unwrap().0.to_owned()),
        ("five parts", format!("{}.a.b", ada.access_token)),
        ("a refresh token", ada.refresh_token.clone()),
        ("nothing much", "x".to_owned()),
        ("very long", "x".repeat(20_000)),
    ];
    for (what, token) in forgeries {
        let answer = app.client().with_token(&token).me().await;
        assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".to_owned()), "{what}");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{what}");
    }
    ada.client.me().await.assert(200);
}

#[tokio::test]
async fn a_token_of_another_service_is_refused_though_its_signature_is_right() {
    let app = TestApp::start().await;
    for setting in [("JWT_ISSUER", "http://elsewhere.example.com"), ("JWT_AUDIENCE", "elsewhere")] {
        let elsewhere = app.replica_with(&[setting]).await;
        let ada = elsewhere.person(Role::User).await;
        ada.client.me().await.assert(200);
        ada.client.at(app.address).me().await.assert_refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_token_signed_with_a_key_of_the_same_name_is_refused() {
    let (app, other) = (TestApp::start().await, TestApp::start().await);
    let (ada, eve) = (app.person(Role::User).await, other.person(Role::User).await);
    let (header, claims, _) = parts(&ada.access_token);
    let (_, _, foreign) = parts(&eve.access_token);
    app.client().with_token(&joined(&header, &claims, &foreign)).me().await.assert_refused(401, "UNAUTHENTICATED");
    eve.client.at(app.address).me().await.assert_refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_dies_after_ten_minutes_to_the_second() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.clock.forward(Duration::seconds(599));
    ada.client.me().await.assert(200);
    app.clock.forward(Duration::seconds(1));
    ada.client.me().await.assert_refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_credential_travels_in_one_header_and_once() {
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    let (token, anyone) = (&ada.access_token, app.client());
    let refused = [
        anyone.get("/v1/users/me").header("authorization", token),
        anyone.get("/v1/users/me").header("authorization", &format!("Basic {token}")),
        anyone.get("/v1/users/me").header("authorization", &format!("Bearer {token}, Bearer {token}")),
        anyone.get("/v1/users/me").header("authorization", "Bearer"),
        anyone.get("/v1/users/me").header("authorization", "Bearer "),
        anyone.get("/v1/users/me").header("authorization", ""),
        anyone.get("/v1/users/me").header("cookie", &format!("access_token={token}")),
        anyone.get("/v1/users/me").header("x-api-key", token),
        anyone.get(&format!("/v1/users/me?access_token={token}")),
        ada.client.get("/v1/users/me").header("authorization", &format!("Bearer {token}")),
        ada.client.get("/v1/users/me").header("x-api-key", "dbk_1"),
    ];
    for request in refused {
        request.send().await.assert_refused(401, "UNAUTHENTICATED");
    }
    anyone.get("/v1/users/me").header("authorization", &format!("bearer {token}")).send().await.assert(200);
}

#[tokio::test]
async fn without_a_credential_the_challenge_names_no_error() {
    let app = TestApp::start().await;
    let answer = app.client().me().await;
    answer.assert_refused(401, "UNAUTHENTICATED");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

/// Deny by default: no route but the public ones lets anyone in without a good credential, and none says more than that.
#[tokio::test]
async fn every_route_that_wants_a_credential_refuses_none_a_broken_and_a_foreign_one() {
    let (app, other) = (TestApp::start().await, TestApp::start().await);
    let foreign = other.person(Role::Admin).await.access_token;
    for route in app::table().iter().filter(|route| route.policy != Policy::Public) {
        for token in [None, Some("broken"), Some(foreign.as_str())] {
            let client = token.map_or_else(|| app.client(), |token| app.client().with_token(token));
            let request = client.request(route.method.clone(), route.path);
            // Not even a valid form: who may not come in does not learn what the form is.
            let request = if route.takes_body { request.json(&json!({ "nonsense": 1 })) } else { request };
            let answer = request.send().await;
            assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".to_owned()), "{route}");
        }
    }
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_old_one_verifies_until_its_tokens_have_died() {
    use drawbridge::security::jwt::{self, Algorithm};
    let app = TestApp::start().await;
    let ada = app.person(Role::User).await;
    app.clock.forward(Duration::seconds(30));
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        jwt::rotate(&app.app.settings.jwt, algorithm, app.app.givens.now()).unwrap();
        app.app.jwt.reload().unwrap();
        app.clock.forward(Duration::seconds(30));
        let (header, ..) = parts(&app.person(Role::User).await.access_token);
        assert_eq!(header["alg"], algorithm.name());
    }
    ada.client.me().await.assert(200);
    app.clock.forward(Duration::minutes(11));
    let jwks = app.client().get("/.well-known/jwks.json").send().await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1, "retired keys are gone when their tokens are");
}

#[tokio::test]
async fn a_token_dies_with_its_session_though_its_own_time_is_not_up() {
    let app = TestApp::start().await;
    let (user, _) = app.account(Role::User).await;
    let client = app.session(user, Role::User).await;
    sqlx::query("update sessions set expires_at = $2 where user_id = $1")
        .bind(user)
        .bind((app.app.givens.now() + Duration::minutes(1)).0)
        .execute(&app.owner)
        .await
        .unwrap();
    app.clock.forward(Duration::seconds(59));
    client.me().await.assert(200);
    app.clock.forward(Duration::SECOND);
    client.me().await.assert_refused(401, "UNAUTHENTICATED");
}

/// No token of ours says so; a defect that made one must not make its bearer another user's session.
#[tokio::test]
async fn a_token_opens_nothing_with_somebody_elses_session() {
    let app = TestApp::start().await;
    let (ada, (eve, _)) = (app.person(Role::User).await, app.account(Role::User).await);
    let (_, claims, _) = parts(&ada.access_token);
    let token_of = |user_id| {
        let grant = Grant {
            user_id,
            session_id: claims["sid"].as_str().unwrap().parse().unwrap(),
            generation: 1,
            role: Role::User.name(),
            scope: claims["scope"].as_str().unwrap().to_owned(),
            auth_time: app.app.givens.now(),
            amr: vec!["pwd".to_owned()],
            client_id: "first-party".to_owned(),
        };
        app.app.jwt.issue(grant, &app.app.givens).unwrap().token
    };
    app.client().with_token(token_of(ada.id).expose()).me().await.assert(200);
    app.client().with_token(token_of(eve).expose()).me().await.assert_refused(401, "UNAUTHENTICATED");
}
