//! SQL that several endpoints of this room share.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Result, problems},
    security::recovery_code::{COUNT, RecoveryCode},
    state::App,
    types::Email,
};

pub struct Account {
    pub email: Email,
    pub mfa_enabled: bool,
}

/// Locked until the commit: a second factor is turned on or off by one at a time, and no sign-in slips in between.
pub async fn lock(tx: &mut PgConnection, user: Uuid) -> Result<Account> {
    let account = sqlx::query_as!(
        Account,
        r#"
        select email as "email: _", mfa_enabled_at is not null as "mfa_enabled!"
        from users
        where id = $1
        for no key update
        "#,
        user,
    )
    .fetch_optional(tx)
    .await?;
    account.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))
}

/// Ten new ones; from the commit on the old ones are dead.
pub async fn new_recovery_codes(tx: &mut PgConnection, app: &App, user: Uuid) -> Result<Vec<RecoveryCode>> {
    let codes: Vec<_> = (0..COUNT).map(|_| RecoveryCode::generate(&app.givens)).collect();
    let hashes: Vec<_> = codes.iter().map(|code| code.hash().as_bytes().to_vec()).collect();
    sqlx::query!("delete from recovery_codes where user_id = $1", user).execute(&mut *tx).await?;
    sqlx::query!("insert into recovery_codes (hash, user_id) select unnest($1::bytea[]), $2", &hashes, user)
        .execute(tx)
        .await?;
    Ok(codes)
}
