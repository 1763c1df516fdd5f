//! `POST /v1/auth/reauthenticate`: somebody who is signed in proves once more who they are, for what can take an account over
//! (ASVS 7.5.1, 7.5.3; RFC 9470 calls it a step-up).
//!
//! The session is fresh from here on, and the tokens in this answer say so. Access tokens from before stay good for what they
//! were good for; their own, older time of proof stands in them.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use validator::Validate;

use super::tokens::{self, Holder, Tokens};
use crate::{
    error::{Result, problems},
    http::{
        answer::Private,
        caller::Caller,
        input::{Valid, no_null},
        password_check::check_password,
        routes::About,
        second_factor,
    },
    security::{
        access::{Role, Session},
        audit::{self, Event},
        input::TEXT,
        password::Password,
        sealed::Purpose,
        session_token::PlainToken,
    },
    state::App,
    types::Timestamp,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reauthenticate {
    #[validate(nested)]
    password: Password,
    /// Where two-factor authentication is on: of the authenticator app, or a recovery code.
    #[validate(length(min = 1, max = 64), regex(path = *TEXT))]
    #[schemars(transform = no_null, extend("examples" = ["123456"]))]
    code: Option<String>,
}

pub const ABOUT: About = About {
    summary: "Prove once more who you are",
    description: "With the password, and with a code where two-factor authentication is on. The tokens in the answer take \
        the place of those that you have; for ten minutes they open what wants a fresh sign-in.",
    problems: &[problems::INVALID_CREDENTIALS],
};

pub async fn step_up(
    caller: Caller<Session>,
    State(app): State<App>,
    Valid(input): Valid<Reauthenticate>,
) -> Result<Private<Tokens>> {
    let (user, session, context) = (caller.id(), caller.session_id()?, caller.context());
    check_password(&app, context, user, &input.password, "wrong password for a step-up").await?;
    let (mut tx, amr) = if has_second_factor(&app, user).await? {
        let code = input.code.ok_or(problems::INVALID_CREDENTIALS.because("a step-up without a code"))?;
        let holder = second_factor::Holder { user_id: user, session: Some(session) };
        let (tx, factor) = second_factor::spend(&app, context, holder, &code).await?;
        (tx, factor.amr())
    } else {
        (begin_without_code(&app, user).await?, vec!["pwd"])
    };
    let now = app.givens.now();
    let holder = renew(&mut tx, &app, user, session, amr, now).await?;
    let successor = replace_refresh_token(&mut tx, &app, session, now).await?;
    audit::record(&mut tx, &app.givens, &context.origin(), Event::Reauthenticated).await?;
    tx.commit().await?;
    app.outbox.wake();
    Tokens::issue(&app, holder, successor).map(Private)
}

async fn has_second_factor(app: &App, user: Uuid) -> Result<bool> {
    let found = sqlx::query_scalar!(r#"select mfa_enabled_at is not null as "on!" from users where id = $1"#, user)
        .fetch_optional(&app.database)
        .await?;
    found.ok_or(problems::INVALID_CREDENTIALS.because("the account is gone"))
}

/// Looked at again with the row locked: a second factor may have been turned on since.
async fn begin_without_code(app: &App, user: Uuid) -> Result<Transaction<'static, Postgres>> {
    let mut tx = app.database.begin().await?;
    let locked = sqlx::query_scalar!("select id from users where id = $1 and mfa_enabled_at is null for share", user)
        .fetch_optional(&mut *tx)
        .await?;
    locked.ok_or(problems::INVALID_CREDENTIALS.because("changed while proving"))?;
    Ok(tx)
}

/// The session goes on from now, as at a refresh, with the new proof.
async fn renew(
    tx: &mut PgConnection,
    app: &App,
    user: Uuid,
    session: Uuid,
    amr: Vec<&'static str>,
    now: Timestamp,
) -> Result<Holder> {
    let found = sqlx::query!(
        r#"
        select sessions.generation, sessions.created_at as "created_at: Timestamp", users.role as "role: Role"
        from sessions
        join users on users.id = sessions.user_id
        where sessions.id = $1
          and sessions.ended_at is null
          and users.status = 'active'
        for update of sessions
        "#,
        session,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let found = found.ok_or(problems::INVALID_CREDENTIALS.because("the session has ended"))?;
    let amr: Vec<_> = amr.into_iter().map(str::to_owned).collect();
    sqlx::query!(
        "update sessions set auth_time = $2, amr = $3, refreshed_at = $2, expires_at = $4 where id = $1",
        session,
        now.0,
        &amr,
        app.settings.session.session_expiry(found.created_at, now).0,
    )
    .execute(tx)
    .await?;
    let (role, generation) = (found.role, found.generation);
    Ok(Holder { user_id: user, session_id: session, role, generation, auth_time: now, amr })
}

/// As at a refresh, the old one is spent and yields the same successor for the grace: another tab, or an answer that was
/// lost, signs nobody out, and one that a thief has betrays itself at its next use. Leaving it alive beside the new one
/// would have founded a second line that nobody would ever see.
///
/// A refresh seals the successor under the token that it spends. This request did not bring that token, so the service's own
/// key does it, bound to the spent token's hash; `database::housekeeping` drops the seal when the grace is over.
async fn replace_refresh_token(tx: &mut PgConnection, app: &App, session: Uuid, now: Timestamp) -> Result<PlainToken> {
    let successor = PlainToken::generate(&app.givens);
    let live =
        sqlx::query_scalar!("select hash from refresh_tokens where session_id = $1 and spent_at is null", session)
            .fetch_all(&mut *tx)
            .await?;
    for hash in live {
        let sealed = app.data_keys.seal(Purpose::Successor, &hash, successor.expose().as_bytes(), &app.givens);
        tokens::spend(tx, &hash, &sealed, now).await?;
    }
    tokens::keep(tx, session, &successor.hash(), now).await?;
    Ok(successor)
}
