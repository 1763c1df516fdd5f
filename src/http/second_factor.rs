//! The second factor, from somebody whose password was right: a code of the authenticator app, or one from paper.
//!
//! A code is spent in the transaction of what it allows, with the account's row locked: of many who send one code at once,
//! on however many replicas, one is in time (ASVS 6.5.1, 15.4.2). It is spent for everything: a code that opened a session
//! cannot turn the second factor off a moment later.
//!
//! Whoever has the password must not guess on for ever, and must not be able to lock the owner out either. So wrong codes
//! are counted in the database, ten a day, and by account, not by challenge, since the password buys any number of
//! challenges. A success forgives no one's wrong codes: else the owner's daily sign-in would give a guesser the next ten.
//! Three ways stay open to the owner whose budget a guesser has spent: a device that was in the account before has a budget
//! of its own, a recovery code needs none since nobody guesses 120 bits, and a new password ends the guesser's part.

use sqlx::{PgConnection, Postgres, Transaction};
use time::Duration;
use uuid::Uuid;

use crate::{
    error::{Error, Result, problems},
    http::context::RequestContext,
    mail::Template,
    security::{
        audit::{self, Event},
        recovery_code::RecoveryHash,
        sealed::Purpose,
        totp::{GUESSES_COUNT_FOR, TotpCode, TotpSecret},
    },
    state::App,
    types::{Email, Timestamp},
};

/// Wrong codes of one budget in a day. Three of a million codes are good at a time: guessing for a year at this pace
/// succeeds once in ninety accounts, and only where the password is known.
const MOST_GUESSES: i32 = 10;

/// By what somebody proved the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    Totp,
    RecoveryCode,
}

impl Factor {
    /// With the password before it, in the names of RFC 8176. That has none for a code from a list, and `otp` means the
    /// algorithms of RFC 4226 and 6238: a recovery code makes two factors, and does not claim a phone.
    pub fn amr(self) -> Vec<&'static str> {
        match self {
            Self::Totp => vec!["pwd", "otp", "mfa"],
            Self::RecoveryCode => vec!["pwd", "mfa"],
        }
    }
}

/// Whose second factor, and whose budget of wrong codes: the account's, or that of the session in which a device was (or
/// is) in the account.
#[derive(Clone, Copy)]
pub struct Holder {
    pub user_id: Uuid,
    pub session: Option<Uuid>,
}

impl Holder {
    fn budget(self) -> Uuid {
        self.session.unwrap_or(self.user_id)
    }
}

enum Code {
    Totp(TotpCode),
    Recovery(RecoveryHash),
}

impl Code {
    fn read(text: &str) -> Option<Self> {
        TotpCode::read(text).map(Self::Totp).or_else(|| RecoveryHash::presented(text).map(Self::Recovery))
    }
}

/// Spends the code, and gives the transaction in which it is spent, with the account's row locked: whatever the code was
/// for belongs into it. 401 `INVALID_CREDENTIALS` where it is not good, whatever is wrong with it.
pub async fn spend(
    app: &App,
    context: &RequestContext,
    holder: Holder,
    code: &str,
) -> Result<(Transaction<'static, Postgres>, Factor)> {
    let refuse = |reason| {
        app.audit.note(&context.refusal(Some(holder.user_id)), Event::MfaFail { reason });
        problems::INVALID_CREDENTIALS.because(reason)
    };
    let code = Code::read(code).ok_or_else(|| refuse("not a code"))?;
    if matches!(code, Code::Totp(_)) {
        take_guess(app, context, holder).await?;
    }
    let mut tx = app.database.begin().await?;
    let email = lock(&mut tx, holder.user_id).await?.ok_or_else(|| refuse("no second factor"))?;
    let factor = match &code {
        Code::Totp(code) => spend_totp(&mut tx, app, holder.user_id, code).await?.map_err(refuse)?,
        Code::Recovery(code) => spend_recovery_code(&mut tx, holder.user_id, code).await?.map_err(refuse)?,
    };
    let origin = audit::Origin { user_id: Some(holder.user_id), ..context.origin() };
    match factor {
        Factor::Totp => give_back(&mut tx, holder).await?,
        Factor::RecoveryCode => {
            let owner = (holder.user_id, &email);
            let template = Template::RecoveryCodeUsed;
            app.outbox.notify(&mut tx, &app.givens, template, owner, context.client_address()).await?;
            audit::record(&mut tx, &app.givens, &origin, Event::RecoveryCodeUsed).await?;
        }
    }
    audit::record(&mut tx, &app.givens, &origin, Event::MfaSuccess).await?;
    Ok((tx, factor))
}

/// Taken before the code is looked at, and committed at once: of a hundred guesses at the same time ten are looked at.
async fn take_guess(app: &App, context: &RequestContext, holder: Holder) -> Result<()> {
    let now = app.givens.now();
    let taken = sqlx::query_scalar!(
        r#"
        insert into totp_guesses (budget, user_id, guesses, since)
        values ($1, $2, 1, $3)
        on conflict (budget) do update
        set guesses = case when totp_guesses.since > $4 then totp_guesses.guesses + 1 else 1 end,
            since = case when totp_guesses.since > $4 then totp_guesses.since else $3 end
        where totp_guesses.guesses < $5 or totp_guesses.since <= $4
        returning guesses
        "#,
        holder.budget(),
        holder.user_id,
        now.0,
        (now - GUESSES_COUNT_FOR).0,
        MOST_GUESSES,
    )
    .fetch_optional(&app.database)
    .await?;
    if taken.is_some() {
        return Ok(());
    }
    app.audit.note(&context.refusal(Some(holder.user_id)), Event::RateLimitExceeded { class: "totp" });
    let since = sqlx::query_scalar!(
        r#"select since as "since: Timestamp" from totp_guesses where budget = $1"#,
        holder.budget(),
    )
    .fetch_optional(&app.database)
    .await?;
    // Said openly: only who knows the password comes here, and an owner must not think that the phone is broken.
    let wait = since.map_or(Duration::SECOND, |since| since + GUESSES_COUNT_FOR - now);
    Err(Error::Later(problems::RATE_LIMITED, wait.whole_seconds().unsigned_abs() + 1))
}

/// A code that was right was no guess. Nothing else is forgiven.
async fn give_back(tx: &mut PgConnection, holder: Holder) -> sqlx::Result<()> {
    sqlx::query!("update totp_guesses set guesses = guesses - 1 where budget = $1 and guesses > 0", holder.budget())
        .execute(tx)
        .await?;
    Ok(())
}

/// The account's address, if it has a second factor.
async fn lock(tx: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<Email>> {
    sqlx::query_scalar!(
        r#"
        select email as "email: Email"
        from users
        where id = $1
          and status = 'active'
          and mfa_enabled_at is not null
        for no key update
        "#,
        user,
    )
    .fetch_optional(tx)
    .await
}

// ANCHOR: totp-replay
async fn spend_totp(
    tx: &mut PgConnection,
    app: &App,
    user: Uuid,
    code: &TotpCode,
) -> Result<Result<Factor, &'static str>> {
    let sealed =
        sqlx::query_scalar!("select sealed from totp_secrets where user_id = $1", user).fetch_one(&mut *tx).await?;
    let (secret, outdated) = unseal(app, user, &sealed)?;
    let Some(step) = secret.step_of(code, app.givens.now()) else { return Ok(Err("wrong code")) };
    let sealed = if outdated { seal(app, user, &secret) } else { sealed };
    let spent = sqlx::query!(
        "update totp_secrets set last_step = $2, sealed = $3 where user_id = $1 and last_step < $2",
        user,
        step,
        sealed,
    )
    .execute(tx)
    .await?;
    Ok(if spent.rows_affected() == 1 { Ok(Factor::Totp) } else { Err("a code that was used") })
}
// ANCHOR_END: totp-replay

async fn spend_recovery_code(
    tx: &mut PgConnection,
    user: Uuid,
    code: &RecoveryHash,
) -> Result<Result<Factor, &'static str>> {
    let spent = sqlx::query!("delete from recovery_codes where hash = $1 and user_id = $2", code.as_bytes(), user)
        .execute(tx)
        .await?;
    Ok(if spent.rows_affected() == 1 { Ok(Factor::RecoveryCode) } else { Err("wrong or used recovery code") })
}

/// Back to the password alone. Gives the account's address; `None`: there was no second factor. What was half-way through a
/// sign-in goes by itself: a challenge stands on the second factor that it was made for.
pub async fn turn_off(tx: &mut PgConnection, user: Uuid, now: Timestamp) -> sqlx::Result<Option<Email>> {
    let email = sqlx::query_scalar!(
        r#"
        update users
        set mfa_enabled_at = null,
            updated_at = $2
        where id = $1
          and mfa_enabled_at is not null
        returning email as "email: Email"
        "#,
        user,
        now.0,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if email.is_some() {
        sqlx::query!("delete from totp_secrets where user_id = $1", user).execute(&mut *tx).await?;
        sqlx::query!("delete from recovery_codes where user_id = $1", user).execute(tx).await?;
    }
    Ok(email)
}

/// For the database.
pub fn seal(app: &App, user: Uuid, secret: &TotpSecret) -> Vec<u8> {
    app.data_keys.seal(Purpose::TotpSecret, user.as_bytes(), secret.as_bytes(), &app.givens)
}

/// From the database; true where it is to be sealed anew.
pub fn unseal(app: &App, user: Uuid, sealed: &[u8]) -> Result<(TotpSecret, bool)> {
    let opened = app.data_keys.unseal(Purpose::TotpSecret, user.as_bytes(), sealed);
    let secret = opened.and_then(|opened| TotpSecret::restored(&opened.plain).map(|secret| (secret, opened.outdated)));
    secret.ok_or_else(|| anyhow::anyhow!("no key of DATA_ENCRYPTION_KEYS opens this TOTP secret").into())
}
