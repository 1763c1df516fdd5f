//! A mailbox is no second factor: whoever resets the password still has to bring the code.

use super::*;
use crate::{
    passwords::{OTHER, change},
    recovery::{reset, token_for},
};

#[tokio::test]
async fn a_reset_leaves_the_second_factor_on_and_ends_a_sign_in_that_had_begun() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    let begun = challenge(&app, &ada.email).await;
    let mailed = token_for(&app, &ada.email).await;
    reset(&app.client(), &mailed, OTHER).await.assert(204);

    answer(&app, &begun, &phone.code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let wanted = app.client().login(&ada.email, OTHER).await.assert(200).json();
    assert_eq!(wanted["status"], "mfa_required", "the mailbox alone opens nothing");
    let second = wanted["mfa_token"].as_str().unwrap();
    answer(&app, second, &phone.wrong_code(&app)).await.assert_refused(401, "INVALID_CREDENTIALS");
    let tokens = answer(&app, second, &phone.code(&app)).await;
    assert!(mfa_enabled(&app.client().with_token(&token(&tokens, "access_token"))).await);
}

#[tokio::test]
async fn a_changed_password_leaves_the_second_factor_on() {
    let app = TestApp::start().await;
    let Careful { person: ada, phone, .. } = careful(&app).await;
    change(&ada.client, PASSWORD, OTHER).send().await.assert(204);
    let wanted = app.client().login(&ada.email, OTHER).await.assert(200).json();
    assert_eq!(wanted["status"], "mfa_required");
    answer(&app, wanted["mfa_token"].as_str().unwrap(), &phone.code(&app)).await.assert(200);
}
