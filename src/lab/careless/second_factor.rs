//! `POST /v1/auth/mfa`, where a code is worth more than once, or guesses cost nothing.

use axum::{Json, extract::State, routing::post};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Postgres, Row, Transaction};
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Result, problems},
    http::{
        caller::Caller,
        context::RequestContext,
        gate,
        input::Valid,
        second_factor::{self, Factor, Holder},
    },
    lab::pillar::Line,
    security::{
        access::{Public, Role, Scope},
        jwt::Grant,
        rate_limit::{Class, Key},
        session_token::{PlainToken, TokenHash},
    },
    state::App,
};

macro_rules! second_step {
    ($name:ident $handler:ident) => {
        pub const $name: [Line; 1] = [Line { method: "POST", path: "/v1/auth/mfa", handler: || post($handler) }];
    };
}
second_step!(SEEN_CODES by_a_code_that_was_seen);
second_step!(ANY_NUMBER_OF_TRIES by_guessing);

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mfa {
    #[validate(length(min = 1, max = 2048))]
    mfa_token: String,
    #[validate(length(min = 1, max = 64))]
    code: String,
}

// ANCHOR: totp-replay
/// "A code is good for half a minute: that is what the standard says." It also says: once.
async fn by_a_code_that_was_seen(
    caller: Caller<Public>,
    State(app): State<App>,
    Valid(input): Valid<Mfa>,
) -> Result<Json<Value>> {
    let hash = PlainToken::presented(&input.mfa_token).hash();
    gate::charge_subject(&app, caller.context(), Class::Recovery, &Key::Text(&input.mfa_token)).await?;
    let user = take_try(&app, &hash).await?;
    forget_codes(&app, user).await?;
    let holder = Holder { user_id: user, session: None };
    let (tx, factor) = second_factor::spend(&app, caller.context(), holder, &input.code).await?;
    sign_in(tx, &app, caller.context(), &hash, user, factor).await
}

/// There is no column that would know which codes were used.
async fn forget_codes(app: &App, user: Uuid) -> Result<()> {
    sqlx::query("update totp_secrets set last_step = 0 where user_id = $1").bind(user).execute(&app.database).await?;
    Ok(())
}
// ANCHOR_END: totp-replay

// ANCHOR: mfa-tries
/// "The password was right, so it is the owner, who mistypes." A million codes are soon tried.
async fn by_guessing(caller: Caller<Public>, State(app): State<App>, Valid(input): Valid<Mfa>) -> Result<Json<Value>> {
    let hash = PlainToken::presented(&input.mfa_token).hash();
    let user = challenged(&app, &hash).await?; // it is looked up, and no try is taken from it
    let another_budget = Some(app.givens.new_id());
    let holder = Holder { user_id: user, session: another_budget };
    let (tx, factor) = second_factor::spend(&app, caller.context(), holder, &input.code).await?;
    sign_in(tx, &app, caller.context(), &hash, user, factor).await
}
// ANCHOR_END: mfa-tries

async fn challenged(app: &App, hash: &TokenHash) -> Result<Uuid> {
    let found = sqlx::query_scalar("select user_id from mfa_challenges where hash = $1 and expires_at > $2")
        .bind(hash.as_bytes())
        .bind(app.givens.now().0)
        .fetch_optional(&app.database)
        .await?;
    Ok(found.ok_or(problems::INVALID_CREDENTIALS)?)
}

async fn take_try(app: &App, hash: &TokenHash) -> Result<Uuid> {
    let taken = sqlx::query_scalar(
        "update mfa_challenges set tries_left = tries_left - 1
         where hash = $1 and tries_left > 0 and expires_at > $2
         returning user_id",
    )
    .bind(hash.as_bytes())
    .bind(app.givens.now().0)
    .fetch_optional(&app.database)
    .await?;
    Ok(taken.ok_or(problems::INVALID_CREDENTIALS)?)
}

/// As the service does it.
async fn sign_in(
    mut tx: Transaction<'static, Postgres>,
    app: &App,
    context: &RequestContext,
    challenge: &TokenHash,
    user: Uuid,
    factor: Factor,
) -> Result<Json<Value>> {
    let (session, refresh, now) = (app.givens.new_id(), PlainToken::generate(&app.givens), app.givens.now());
    let amr: Vec<_> = factor.amr().into_iter().map(str::to_owned).collect();
    sqlx::query("delete from mfa_challenges where hash = $1").bind(challenge.as_bytes()).execute(&mut *tx).await?;
    let user_row = sqlx::query("select role from users where id = $1").bind(user).fetch_one(&mut *tx).await?;
    let role: Role = user_row.try_get(0)?;
    sqlx::query(
        "insert into sessions (id, user_id, auth_time, amr, client_address, created_at, refreshed_at, expires_at)
         values ($1, $2, $3, $4, $5, $3, $3, $6)",
    )
    .bind(session)
    .bind(user)
    .bind(now.0)
    .bind(&amr)
    .bind(context.client_address().to_string())
    .bind(app.settings.session.session_expiry(now, now).0)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into refresh_tokens (hash, session_id, created_at) values ($1, $2, $3)")
        .bind(refresh.hash().as_bytes())
        .bind(session)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    let scopes: Vec<_> = role.scopes().iter().copied().map(Scope::name).collect();
    let grant = Grant {
        user_id: user,
        session_id: session,
        generation: 1,
        role: role.name(),
        scope: scopes.join(" "),
        auth_time: now,
        amr,
        client_id: "first-party".to_owned(),
    };
    let access = app.jwt.issue(grant, &app.givens)?;
    Ok(Json(json!({
        "status": "authenticated",
        "access_token": access.token.expose(),
        "token_type": "Bearer",
        "expires_in": access.expires_in,
        "refresh_token": refresh.expose(),
    })))
}
