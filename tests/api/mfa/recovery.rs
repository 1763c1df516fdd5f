//! A mailbox is no second factor: whoever resets the password still has to bring the code.

use serde_json::json;

use super::*;
use crate::passwords::OTHER;

#[tokio::test]
async fn a_reset_leaves_the_second_factor_on_and_ends_a_sign_in_that_had_begun() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let begun = challenge(&app, &ada.email).await;
    let before = app.newest_token(&ada.email);
    app.client().post("/v1/auth/password/forgot", &json!({ "email": ada.email })).send().await.assert(202);
    let mailed = async || app.newest_token(&ada.email).filter(|token| Some(token) != before.as_ref());
    let token = until("the reset mail", mailed).await;
    let reset = json!({ "token": token, "new_password": OTHER });
    app.client().post("/v1/auth/password/reset", &reset).send().await.assert(204);

    answer(&app, &begun, &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let wanted = app.client().login(&ada.email, OTHER).await.assert(200).json();
    assert_eq!(wanted["status"], "mfa_required", "the mailbox alone opens nothing");
    let second = wanted["mfa_token"].as_str().unwrap();
    answer(&app, second, &phone.wrong_code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let tokens = answer(&app, second, &phone.code(&app)).await;
    assert!(mfa_enabled(&app.client().with_token(&self::token(&tokens, "access_token"))).await);
}

#[tokio::test]
async fn a_changed_password_leaves_the_second_factor_on() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER });
    ada.client.request(axum::http::Method::PUT, "/v1/users/me/password").json(&body).send().await.assert(204);
    let wanted = app.client().login(&ada.email, OTHER).await.assert(200).json();
    assert_eq!(wanted["status"], "mfa_required");
    answer(&app, wanted["mfa_token"].as_str().unwrap(), &phone.code(&app)).await.assert(200);
}
