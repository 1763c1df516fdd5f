//! `POST /v1/auth/refresh`: a refresh token is spent for a new pair.
//!
//! Each works once (RFC 9700 section 4.14). Two tabs that refresh at once, or an answer that was lost on the way, must
//! sign nobody out: for a few seconds the spent token yields the very same successor again. After that, whoever sends it
//! again is not the one whom the successor was given to, and the session ends for both.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

use super::tokens::{self, Holder, Tokens};
use crate::{
    error::{Error, Result, problems},
    http::{answer::Private, caller::Caller, gate, input::Valid, routes::About},
    security::{
        access::{Public, Role},
        audit::{self, Event},
        input::TEXT,
        rate_limit::{Class, Key},
        sealed::Purpose,
        session_token::{self, Found, PlainToken, TokenHash, Verdict},
    },
    state::App,
    types::Timestamp,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    #[validate(length(min = 1, max = 2048), regex(path = *TEXT))]
    #[schemars(example = &"dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI")]
    refresh_token: String,
}

pub const ABOUT: About = About {
    summary: "Refresh tokens",
    description: "Trades a refresh token for a new pair. It works once; for a few seconds more it yields the same \
        successor again, and after that its use ends the session.",
    problems: &[problems::INVALID_CREDENTIALS],
};

/// A refresh token's row, its session's and its user's.
struct Row {
    session_id: Uuid,
    user_id: Uuid,
    role: Role,
    active: bool,
    generation: i32,
    auth_time: Timestamp,
    amr: Vec<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    ended: bool,
    spent_at: Option<Timestamp>,
    successor: Option<Vec<u8>>,
}

pub async fn refresh(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Refresh>,
) -> Result<Private<Tokens>> {
    let presented = PlainToken::presented(&input.refresh_token);
    let hash = presented.hash();
    let _turn = app.turn(&hash).await;
    let now = app.givens.now();
    let mut tx = app.database.begin().await?;
    let row = lock(&mut tx, &hash).await?;
    // By session where there is one; guesses count against whoever guesses.
    let key =
        row.as_ref().map_or(Key::Address(caller.context().client_address()), |row| Key::Principal(row.session_id));
    gate::charge(&app, caller.context(), Class::Token, &key).await?;
    let row = row.ok_or(problems::INVALID_CREDENTIALS.because("unknown refresh token"))?;

    let origin = audit::Origin { user_id: Some(row.user_id), ..caller.context().origin() };
    let successor = match row.found().judge(now, app.settings.session.refresh_grace) {
        Verdict::Rotate => {
            let successor = rotate(&mut tx, &app, &row, &presented, now).await?;
            audit::record(&mut tx, &app.givens, &origin, Event::TokenCreated).await?;
            successor
        }
        Verdict::Repeat => row.unseal(&app, &presented)?,
        // ANCHOR: refresh-reuse
        Verdict::Reuse => {
            end(&mut tx, row.session_id, now).await?;
            let event = Event::TokenReuse { session_id: row.session_id };
            let refusal = caller.context().refusal(Some(row.user_id));
            audit::record(&mut tx, &app.givens, &refusal, event).await?;
            tx.commit().await?;
            app.sessions.forget(row.user_id);
            return Err(problems::INVALID_CREDENTIALS.because("a spent refresh token was used again"));
        }
        // ANCHOR_END: refresh-reuse
        Verdict::Dead => return Err(problems::INVALID_CREDENTIALS.because("the session has ended")),
    };
    tx.commit().await?;
    Tokens::issue(&app, row.holder(), successor).map(Private)
}

impl Row {
    fn found(&self) -> Found {
        Found {
            spent_at: self.spent_at,
            session_ended: self.ended || !self.active,
            session_expires_at: self.expires_at,
        }
    }

    /// A step-up had no plain text of the token that it spent: it sealed the successor under the service's own key.
    fn unseal(&self, app: &App, presented: &PlainToken) -> Result<PlainToken> {
        let sealed = self.successor.as_deref().unwrap_or_default();
        let by_service = || app.data_keys.unseal(Purpose::Successor, presented.hash().as_bytes(), sealed);
        let successor = session_token::unseal(presented, sealed)
            .or_else(|| by_service().and_then(|opened| PlainToken::restored(&opened.plain)));
        successor.ok_or_else(|| Error::Unexpected(anyhow::anyhow!("a successor that its predecessor does not open")))
    }

    fn holder(self) -> Holder {
        let Self { user_id, session_id, role, generation, auth_time, amr, .. } = self;
        Holder { user_id, session_id, role, generation, auth_time, amr }
    }
}

/// Locked until the commit: of many uses at once the first rotates, and the others find it done and get the same. The
/// session first, as when it is deleted with its tokens: in the other order the two could wait for each other.
async fn lock(tx: &mut PgConnection, hash: &TokenHash) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select sessions.id as session_id, sessions.user_id, users.role as "role: Role",
               users.status = 'active' as "active!", sessions.generation, sessions.auth_time as "auth_time: _",
               sessions.amr, sessions.created_at as "created_at: _", sessions.expires_at as "expires_at: _",
               sessions.ended_at is not null as "ended!", refresh_tokens.spent_at as "spent_at: _",
               refresh_tokens.successor
        from refresh_tokens
        join sessions on sessions.id = refresh_tokens.session_id
        join users on users.id = sessions.user_id
        where refresh_tokens.hash = $1
        for update of sessions, refresh_tokens
        "#,
        hash.as_bytes(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(row)
}

async fn rotate(
    tx: &mut PgConnection,
    app: &App,
    row: &Row,
    presented: &PlainToken,
    now: Timestamp,
) -> Result<PlainToken> {
    let successor = PlainToken::generate(&app.givens);
    tokens::keep(tx, row.session_id, &successor.hash(), now).await?;
    let sealed = session_token::seal(presented, &successor, &app.givens);
    tokens::spend(tx, presented.hash().as_bytes(), &sealed, now).await?;
    sqlx::query!(
        "update sessions set refreshed_at = $2, expires_at = $3 where id = $1",
        row.session_id,
        now.0,
        app.settings.session.session_expiry(row.created_at, now).0,
    )
    .execute(tx)
    .await?;
    Ok(successor)
}

async fn end(tx: &mut PgConnection, session: Uuid, now: Timestamp) -> Result<()> {
    sqlx::query!("update sessions set ended_at = $2, end_reason = 'reuse' where id = $1", session, now.0)
        .execute(tx)
        .await?;
    Ok(())
}
