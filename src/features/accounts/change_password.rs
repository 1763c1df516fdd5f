//! `PUT /v1/users/me/password`: somebody who knows the old password sets another.
//!
//! The other sessions end, for one of them may be the reason. So do this session's access tokens: if one was copied, the
//! copy dies. Its refresh token lives, and the owner stays signed in. API keys live as well: the owner is here, sees them
//! and can revoke them, and programs should not stop because a password was renewed. (A reset revokes them.)

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Error, Result, problems},
    http::{
        answer::NoContent, caller::Caller, input::Valid, password_check::check_password, revocation, routes::About,
    },
    mail::Template,
    security::{
        access::Session,
        audit::{self, Event},
        password::{NewPassword, Password, PasswordHash},
    },
    state::App,
    types::Email,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[validate(nested)]
    current_password: Password,
    #[validate(nested)]
    new_password: NewPassword,
}

pub const ABOUT: About = About {
    summary: "Change your password",
    description: "Ends your other sessions, and the access tokens of this one: refresh to go on. API keys stay. A mail \
        says that it happened.",
    problems: &[problems::INVALID_CREDENTIALS],
};

pub async fn change(
    caller: Caller<Session>,
    State(app): State<App>,
    Valid(input): Valid<ChangePassword>,
) -> Result<NoContent> {
    let (email, name) = owner(&app, caller.id()).await?;
    input.new_password.check("new_password", &email, &name)?;
    let wrong = "wrong password for a change of it";
    let proved = check_password(&app, caller.context(), caller.id(), &input.current_password, wrong).await?;
    if input.new_password.is(&input.current_password) {
        return Err(Error::field("new_password", "unchanged", "is the present password"));
    }
    let hash = app.passwords.hash(&input.new_password).await?;

    let mut tx = app.database.begin().await?;
    let email = write(&mut tx, caller.id(), proved, &hash).await?;
    let origin = caller.context().origin();
    audit::record(&mut tx, &app.givens, &origin, Event::PasswordChanged).await?;
    let (user, this) = (caller.id(), caller.session_id()?);
    revocation::end_sessions(&mut tx, &app.givens, &origin, user, Some(this), "password_change").await?;
    sqlx::query!("update sessions set generation = generation + 1 where id = $1", this).execute(&mut *tx).await?;
    revocation::revoke_mailed_tokens(&mut tx, &app.outbox, user).await?;
    let client = caller.context().client_address();
    app.outbox.notify(&mut tx, &app.givens, Template::PasswordChanged, (user, &email), client).await?;
    tx.commit().await?;
    app.sessions.forget(caller.id());
    app.outbox.wake();
    Ok(NoContent)
}

/// What the new password must not contain.
async fn owner(app: &App, id: Uuid) -> Result<(Email, String)> {
    let user = sqlx::query!(r#"select email as "email: Email", name from users where id = $1"#, id)
        .fetch_optional(&app.database)
        .await?;
    let user = user.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))?;
    Ok((user.email, user.name))
}

/// Two hashes' time has passed since the old password was proved. Of many changes at once one finds it still there.
async fn write(tx: &mut PgConnection, id: Uuid, proved: i32, hash: &PasswordHash) -> Result<Email> {
    let email = sqlx::query_scalar!(
        r#"
        update users
        set password_hash = $3,
            password_generation = password_generation + 1
        where id = $1
          and password_generation = $2
        returning email as "email: Email"
        "#,
        id,
        proved,
        hash.as_str(),
    )
    .fetch_optional(tx)
    .await?;
    email.ok_or(problems::INVALID_CREDENTIALS.because("the password was changed meanwhile"))
}
