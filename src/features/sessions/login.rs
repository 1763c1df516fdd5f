//! `POST /v1/auth/login`: a password becomes a session.
//!
//! Wrong password, unknown address, suspended account: one answer, after the same work. Who knows the password learns
//! one thing more: that the address is not verified yet, or that a second factor is wanted (`challenge`).

use axum::{extract::State, http::HeaderMap};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use validator::Validate;

use super::{
    challenge::{self, SignIn},
    open::{self, User},
};
use crate::{
    error::{Result, problems},
    http::{answer::Private, caller::Caller, gate, input::Valid, routes::About, watch},
    security::{
        access::{Public, Role},
        audit::Event,
        input::{EMAIL, TEXT},
        password::{Password, PasswordHash, Verdict},
        rate_limit::{Class, Key},
        session_token::{KNOWN_DEVICE, PlainToken},
    },
    state::App,
    types::Email,
};

/// Who wants in.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(example = &"ada@example.com")]
    email: String,
    #[validate(nested)]
    password: Password,
    /// The last refresh token that this device had for the account, if any: it gets the device a limit of its own.
    #[serde(default)]
    #[validate(length(min = 1, max = 2048), regex(path = *TEXT))]
    known_device: Option<String>,
}

pub const ABOUT: About = About {
    summary: "Sign in",
    description: "Trades e-mail and password for tokens, or with two-factor authentication on for a token to send with a \
        code to `/v1/auth/mfa`. A wrong password, an unknown address and a suspended account are answered alike.",
    problems: &[problems::INVALID_CREDENTIALS, problems::EMAIL_NOT_VERIFIED],
};

struct Account {
    id: Uuid,
    /// None until an invitation has been taken up.
    hash: Option<PasswordHash>,
    password_generation: i32,
    role: Role,
    active: bool,
    verified: bool,
    mfa: bool,
}

pub async fn login(
    caller: Caller<Public>,
    State(app): State<App>,
    headers: HeaderMap,
    Valid(input): Valid<Login>,
) -> Result<Private<SignIn>> {
    let email = Email::trimmed(&input.email);
    // ANCHOR: login-limit
    let device = known_device(&app, &email, input.known_device.as_deref()).await?;
    let budget = device.map_or(Key::Email(&email), Key::Principal);
    gate::charge_subject(&app, caller.context(), Class::Login, &budget).await.inspect_err(|_| {
        app.audit.note(&caller.context().refusal(None), Event::LoginLock);
        watch::login_failed(&app, caller.context(), &email, None);
    })?;
    // ANCHOR_END: login-limit

    // ANCHOR: login-enumeration
    let place = app.passwords.place()?;
    let account = find(&app, &email).await?;
    let verdict = app
        .passwords
        .verify_at(place, &input.password, account.as_ref().and_then(|account| account.hash.as_ref()))
        .await?;
    let user = account.as_ref().map(|account| account.id);
    let note = |reason| app.audit.note(&caller.context().refusal(user), Event::LoginFail { reason });
    let refuse = |reason| {
        note(reason);
        watch::login_failed(&app, caller.context(), &email, user);
        problems::INVALID_CREDENTIALS.because(reason)
    };
    let account = match &account {
        None => return Err(refuse("unknown address")),
        Some(_) if verdict == Verdict::Wrong => return Err(refuse("wrong password")),
        Some(account) if !account.active => return Err(refuse("suspended")),
        Some(account) if !account.verified => {
            note("e-mail not verified");
            return Err(problems::EMAIL_NOT_VERIFIED.into());
        }
        Some(account) => account,
    };
    // ANCHOR_END: login-enumeration
    if verdict == Verdict::RightButOutdated {
        rehash(&app, account, &input.password).await?;
    }
    if account.mfa {
        // The tries come back with the second factor: else the password alone would buy challenges without end.
        return challenge::begin(&app, account.id, account.password_generation, device).await.map(Private);
    }
    app.limits.clear(Class::Login, &budget).await;
    let user = User { id: account.id, role: account.role, password_generation: account.password_generation };
    let tokens = open::open(&app, caller.context(), user, vec!["pwd"], &headers, device).await?;
    Ok(Private(SignIn::Done(tokens)))
}

/// The session that this device last had for the account. Counting guesses by e-mail alone would let anyone lock an owner
/// out; so a device that was in the account lately has a budget of its own, that strangers cannot spend.
async fn known_device(app: &App, email: &Email, token: Option<&str>) -> Result<Option<Uuid>> {
    let Some(token) = token else { return Ok(None) };
    let hash = PlainToken::presented(token).hash();
    let since = app.givens.now() - KNOWN_DEVICE;
    let known = sqlx::query_scalar!(
        r#"
        select sessions.id
        from refresh_tokens
        join sessions on sessions.id = refresh_tokens.session_id
        join users on users.id = sessions.user_id
        where refresh_tokens.hash = $1
          and refresh_tokens.spent_at is null
          and lower(users.email) = $2
          and coalesce(sessions.ended_at, sessions.expires_at) > $3
          and sessions.end_reason is distinct from 'reuse'
        "#,
        hash.as_bytes(),
        email.folded(),
        since.0,
    )
    .fetch_optional(&app.database)
    .await?;
    Ok(known)
}

async fn find(app: &App, email: &Email) -> Result<Option<Account>> {
    let account = sqlx::query_as!(
        Account,
        r#"
        select id, password_hash as "hash: PasswordHash", password_generation, role as "role: Role",
               status = 'active' as "active!", email_verified_at is not null as "verified!",
               mfa_enabled_at is not null as "mfa!"
        from users
        where lower(email) = $1
        "#,
        email.folded(),
    )
    .fetch_optional(&app.database)
    .await?;
    Ok(account)
}

/// The parameters have moved on since the hash was made, and only now is there a password to make a new one from.
async fn rehash(app: &App, account: &Account, password: &Password) -> Result<()> {
    let hash = app.passwords.rehash(password).await?;
    sqlx::query!(
        "update users set password_hash = $3 where id = $1 and password_hash = $2",
        account.id,
        account.hash.as_ref().map(PasswordHash::as_str),
        hash.as_str(),
    )
    .execute(&app.database)
    .await?;
    Ok(())
}
