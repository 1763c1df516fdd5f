//! `DELETE /v1/users/me`: users leave, and take their personal data with them.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{answer::NoContent, caller::Caller, gate, input::Valid, routes::About},
    security::{
        access::Session,
        audit::{self, Event},
        password::{Password, PasswordHash, Verdict},
        rate_limit::{Class, Key},
    },
    state::App,
};

/// A signed-in device that was left open is not enough to erase an account (ASVS 7.5.1).
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    #[validate(nested)]
    password: Password,
}

pub const ABOUT: About = About {
    summary: "Delete yourself",
    description: "Erases the account and all personal data. What stays is the security trail, under an id that then \
        names nobody.",
    problems: &[problems::INVALID_CREDENTIALS],
};

pub async fn delete(caller: Caller<Session>, State(app): State<App>, Valid(input): Valid<Leave>) -> Result<NoContent> {
    // Guesses count like guesses at the login, but by account: a stolen token must not become a way around that limit.
    gate::charge_subject(&app, caller.context(), Class::Login, &Key::Principal(caller.id())).await?;
    let hash =
        sqlx::query_scalar!(r#"select password_hash as "hash: PasswordHash" from users where id = $1"#, caller.id(),)
            .fetch_optional(&app.database)
            .await?
            .flatten();
    if app.passwords.verify(&input.password, hash.as_ref()).await? == Verdict::Wrong {
        let reason = "wrong password for a deletion";
        app.audit.note(&caller.context().refusal(None), Event::LoginFail { reason });
        return Err(problems::INVALID_CREDENTIALS.because(reason));
    }

    let mut tx = app.database.begin().await?;
    // Sessions, tokens and mails go with the row (`on delete cascade`); triggers tell every replica.
    sqlx::query!("delete from users where id = $1", caller.id()).execute(&mut *tx).await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::UserDeleted).await?;
    tx.commit().await?;
    app.sessions.forget(caller.id());
    Ok(NoContent)
}
