//! The password once more, from somebody who is signed in already.
//!
//! A device that was left open, or a stolen access token, must not be enough to take an account over or to erase it (ASVS
//! 7.5.1). Guesses count like guesses at the login, but by account: else a stolen token were a way around that limit.

use uuid::Uuid;

use crate::{
    error::{Result, problems},
    http::{context::RequestContext, gate},
    security::{
        audit::Event,
        password::{Password, PasswordHash, Verdict},
        rate_limit::{Class, Key},
    },
    state::App,
};

/// 401 `INVALID_CREDENTIALS` unless it is the user's password now. `wrong` is the reason in the log.
pub async fn check_password(
    app: &App,
    context: &RequestContext,
    user: Uuid,
    password: &Password,
    wrong: &'static str,
) -> Result<()> {
    gate::charge_subject(app, context, Class::Login, &Key::Principal(user))?;
    let hash = sqlx::query_scalar!(r#"select password_hash as "hash: PasswordHash" from users where id = $1"#, user)
        .fetch_optional(&app.database)
        .await?
        .flatten();
    if app.passwords.verify(password, hash.as_ref()).await? == Verdict::Wrong {
        app.audit.note(&context.refusal(None), Event::LoginFail { reason: wrong });
        return Err(problems::INVALID_CREDENTIALS.because(wrong));
    }
    Ok(())
}
