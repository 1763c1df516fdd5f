//! A session begins: whoever proved who they are gets its first tokens.

use axum::http::HeaderMap;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{
    device::{self, Device},
    tokens::{self, Holder, Tokens},
};
use crate::{
    error::{Result, problems},
    http::context::RequestContext,
    mail::Template,
    security::{
        access::Role,
        audit::{self, Event},
        session_token::PlainToken,
    },
    state::App,
    types::Email,
};

/// Who has proved it, as they were found before.
#[derive(Clone, Copy)]
pub struct User {
    pub id: Uuid,
    pub role: Role,
    /// Which of the account's passwords they knew.
    pub password_generation: i32,
}

/// `amr`: how they proved it, in the names of RFC 8176. `known`: the session that this device had before, if it showed one.
pub async fn open(
    app: &App,
    context: &RequestContext,
    user: User,
    amr: Vec<&'static str>,
    headers: &HeaderMap,
    known: Option<Uuid>,
) -> Result<Tokens> {
    let tx = app.database.begin().await?;
    open_in(tx, app, context, user, amr, headers, known).await
}

/// The same, in the transaction in which the last of the proofs was spent.
pub async fn open_in(
    mut tx: Transaction<'static, Postgres>,
    app: &App,
    context: &RequestContext,
    user: User,
    amr: Vec<&'static str>,
    headers: &HeaderMap,
    known: Option<Uuid>,
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
    let user_agent = user_agent(headers);
    let device = Device { session: known, user_agent: user_agent.as_deref(), client: context.client_address() };
    let email = still_there(&mut tx, user, with_mfa).await?;
    let is_new = device::is_new(&mut tx, user.id, &device, holder.auth_time).await?;
    insert_session(&mut tx, app, &holder, &device).await?;
    tokens::keep(&mut tx, session_id, &refresh_token.hash(), holder.auth_time).await?;
    audit::record(&mut tx, &app.givens, &origin, Event::LoginSuccess).await?;
    if is_new {
        let owner = (user.id, &email);
        app.outbox.notify(&mut tx, &app.givens, Template::NewDevice, owner, device.client).await?;
    }
    tx.commit().await?;
    app.outbox.wake();
    Tokens::issue(app, holder, refresh_token)
}

/// As much of it as is kept.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("user-agent")?.to_str().ok()?;
    Some(text.chars().take(200).collect())
}

/// Since the account was found, a hash's time has passed: it may have been deleted, suspended, given another role, another
/// password (who came in with the old one must not stay when that was the reason for the new one), or a second factor that
/// this sign-in has not shown. The row is locked from here to the commit, so that a change of it comes before this session
/// or finds it, and so that of two sign-ins at once the second sees the first.
async fn still_there(tx: &mut PgConnection, user: User, with_mfa: bool) -> Result<Email> {
    let found = sqlx::query!(
        r#"
        select role = $2 and password_generation = $3 and (mfa_enabled_at is not null) = $4 as "same!",
               email as "email: Email"
        from users
        where id = $1
          and status = 'active'
        for no key update
        "#,
        user.id,
        user.role.name(),
        user.password_generation,
        with_mfa,
    )
    .fetch_optional(tx)
    .await?;
    match found {
        Some(found) if found.same => Ok(found.email),
        _ => Err(problems::INVALID_CREDENTIALS.because("changed while signing in")),
    }
}

async fn insert_session(tx: &mut PgConnection, app: &App, holder: &Holder, device: &Device<'_>) -> sqlx::Result<()> {
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
        device.user_agent,
        device.client.to_string(),
        app.settings.session.session_expiry(now, now).0,
    )
    .execute(tx)
    .await?;
    Ok(())
}
