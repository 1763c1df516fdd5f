//! A session begins: whoever proved who they are gets its first tokens.

use axum::http::HeaderMap;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::tokens::{self, Holder, Tokens};
use crate::{
    error::{Result, problems},
    http::context::RequestContext,
    security::{
        access::Role,
        audit::{self, Event},
        session_token::PlainToken,
    },
    state::App,
};

/// Who has proved it, as they were found before.
#[derive(Clone, Copy)]
pub struct User {
    pub id: Uuid,
    pub role: Role,
    /// Which of the account's passwords they knew.
    pub password_generation: i32,
}

/// `amr`: how they proved it, in the names of RFC 8176.
pub async fn open(
    app: &App,
    context: &RequestContext,
    user: User,
    amr: Vec<&'static str>,
    headers: &HeaderMap,
) -> Result<Tokens> {
    let tx = app.database.begin().await?;
    open_in(tx, app, context, user, amr, headers).await
}

/// The same, in the transaction in which the last of the proofs was spent.
pub async fn open_in(
    mut tx: Transaction<'static, Postgres>,
    app: &App,
    context: &RequestContext,
    user: User,
    amr: Vec<&'static str>,
    headers: &HeaderMap,
) -> Result<Tokens> {
    let with_mfa = amr.contains(&"mfa");
    let (session_id, refresh_token) = (app.givens.new_id(), PlainToken::generate(&app.givens));
    let holder = Holder {
        user_id: user.id,
        session_id,
        role: user.role,
        generation: 1,
        auth_time: app.givens.now(),
        amr: amr.into_iter().map(str::to_owned).collect(),
    };
    let origin = audit::Origin { user_id: Some(user.id), ..context.origin() };
    still_there(&mut tx, user, with_mfa).await?;
    insert_session(&mut tx, app, context, &holder, headers).await?;
    tokens::keep(&mut tx, session_id, &refresh_token.hash(), holder.auth_time).await?;
    audit::record(&mut tx, &app.givens, &origin, Event::LoginSuccess).await?;
    tx.commit().await?;
    app.outbox.wake();
    Tokens::issue(app, holder, refresh_token)
}

/// Since the account was found, a hash's time has passed: it may have been deleted, suspended, given another role, another
/// password (who came in with the old one must not stay when that was the reason for the new one), or a second factor that
/// this sign-in has not shown. The row is shared from here to the commit, so that a change of it comes before this session
/// or finds it.
async fn still_there(tx: &mut PgConnection, user: User, with_mfa: bool) -> Result<()> {
    let same = sqlx::query_scalar!(
        r#"
        select role = $2 and password_generation = $3 and (mfa_enabled_at is not null) = $4 as "same!"
        from users
        where id = $1
          and status = 'active'
        for share
        "#,
        user.id,
        user.role.name(),
        user.password_generation,
        with_mfa,
    )
    .fetch_optional(tx)
    .await?;
    if same == Some(true) { Ok(()) } else { Err(problems::INVALID_CREDENTIALS.because("changed while signing in")) }
}

async fn insert_session(
    tx: &mut PgConnection,
    app: &App,
    context: &RequestContext,
    holder: &Holder,
    headers: &HeaderMap,
) -> sqlx::Result<()> {
    let user_agent = headers.get("user-agent").and_then(|value| value.to_str().ok());
    let now = holder.auth_time;
    sqlx::query!(
        r#"
        insert into sessions
            (id, user_id, auth_time, amr, generation, user_agent, client_address, created_at, refreshed_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $3, $3, $8)
        "#,
        holder.session_id,
        holder.user_id,
        now.0,
        &holder.amr,
        holder.generation,
        user_agent.map(|text| text.chars().take(200).collect::<String>()),
        context.client_address().to_string(),
        app.settings.session.session_expiry(now, now).0,
    )
    .execute(tx)
    .await?;
    Ok(())
}
