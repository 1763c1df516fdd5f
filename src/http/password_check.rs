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
///
/// Returns which of the user's passwords it was (`password_generation`): a hash's time later it may be another, and what
/// was proved with the old one proves nothing any more.
pub async fn check_password(
    app: &App,
    context: &RequestContext,
    user: Uuid,
    password: &Password,
    wrong: &'static str,
) -> Result<i32> {
    gate::charge_subject(app, context, Class::Login, &Key::Principal(user)).await?;
    let user = sqlx::query!(
        r#"select password_hash as "hash: PasswordHash", password_generation from users where id = $1"#,
        user
    )
    .fetch_optional(&app.database)
    .await?;
    let verdict = app.passwords.verify(password, user.as_ref().and_then(|user| user.hash.as_ref())).await?;
    match user {
        Some(user) if verdict != Verdict::Wrong => Ok(user.password_generation),
        _ => {
            app.audit.note(&context.refusal(None), Event::LoginFail { reason: wrong });
            Err(problems::INVALID_CREDENTIALS.because(wrong))
        }
    }
}
