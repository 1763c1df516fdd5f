//! A session begins: whoever proved who they are gets its first tokens.

use axum::http::HeaderMap;
use sqlx::PgConnection;
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
    let mut tx = app.database.begin().await?;
    still_there(&mut tx, user).await?;
    insert_session(&mut tx, app, context, &holder, headers).await?;
    tokens::keep(&mut tx, session_id, &refresh_token.hash(), holder.auth_time).await?;
    audit::record(&mut tx, &app.givens, &origin, Event::LoginSuccess).await?;
    tx.commit().await?;
    Tokens::issue(app, holder, refresh_token)
}

/// Since the account was found, a hash's time has passed: it may have been deleted, suspended, given another role or
/// another password: who came in with the old one must not stay when that was the reason for the new one. The row is shared from here to the commit, so that a change of it comes before this session or finds it.
async fn still_there(tx: &mut PgConnection, user: User) -> Result<()> {
    let same = sqlx::query_scalar!(
        r#"
        select role = $2 and password_generation = $3 as "same!"
        from users
        where id = $1
          and status = 'active'
        for share
        "#,
        user.id,
        user.role.name(),
        user.password_generation,
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
