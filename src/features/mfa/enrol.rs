//! `POST /v1/users/me/mfa/totp`: a secret for the authenticator app. Nothing is on yet: that takes a code from the app, so
//! that nobody is locked out by a secret that was never scanned.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{picture, store};
use crate::{
    error::{Result, problems},
    http::{answer::Created, caller::Caller, routes::About, second_factor},
    security::{access::Fresh, secret::Secret, totp::TotpSecret},
    state::App,
};

/// A secret, for the first and last time.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "TotpEnrolment")]
pub struct EnrolmentView {
    /// For typing in, in base32.
    #[serde(serialize_with = "plain")]
    #[schemars(with = "String", length(min = 32, max = 32), regex(pattern = "^[A-Z2-7]{32}$"))]
    #[schemars(extend("examples" = ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]))]
    secret: Secret<String>,
    /// For opening in an app on the same device.
    #[serde(serialize_with = "plain")]
    #[schemars(with = "String", length(max = 2048), regex(pattern = "^otpauth://totp/"))]
    #[schemars(extend("examples" = ["otpauth://totp/api.example.com:ada%40example.com?secret=GEZDGNBVGY3TQOJQ"]))]
    otpauth_uri: Secret<String>,
    /// For scanning: the same as a picture.
    #[serde(serialize_with = "plain")]
    #[schemars(with = "String", length(max = 131_072), regex(pattern = "^<svg "))]
    #[schemars(extend("examples" = ["<svg xmlns=\"http://www.w3.org/2000/svg\"/>"]))]
    qr_svg: Secret<String>,
}

pub const ABOUT: About = About {
    summary: "Begin two-factor authentication",
    description: "A new secret for an authenticator app, in place of an earlier one that was not confirmed. It is in use \
        once a code of it is confirmed, within half an hour and from this session.",
    problems: &[problems::CONFLICT],
};

pub async fn enrol(caller: Caller<Fresh>, State(app): State<App>) -> Result<Created<EnrolmentView>> {
    let secret = TotpSecret::generate(&app.givens);
    let sealed = second_factor::seal(&app, caller.id(), &secret);
    let mut tx = app.database.begin().await?;
    let account = store::lock(&mut tx, caller.id()).await?;
    if account.mfa_enabled {
        return Err(problems::CONFLICT.because("two-factor authentication is on already"));
    }
    sqlx::query!(
        r#"
        insert into totp_secrets (user_id, sealed, session_id, created_at)
        values ($1, $2, $3, $4)
        on conflict (user_id) do update
        set sealed = excluded.sealed,
            session_id = excluded.session_id,
            created_at = excluded.created_at,
            last_step = 0
        "#,
        caller.id(),
        sealed,
        caller.session_id()?,
        app.givens.now().0,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    let otpauth_uri = secret.uri(issuer(&app), account.email.as_str());
    let qr_svg = picture::of(&otpauth_uri)?;
    let body = EnrolmentView { secret: secret.base32(), otpauth_uri, qr_svg };
    Ok(Created { location: "/v1/users/me/mfa/totp".to_owned(), body })
}

/// Under which the app lists the account: the host that clients know the service by.
fn issuer(app: &App) -> &str {
    let url = &app.settings.public_url;
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

/// The one place where a secret is written out: to the user who asked for it.
fn plain<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}
