//! Between the password and the code: a token for five minutes and five tries, which says that the password was right and
//! is good for nothing else.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use sqlx::PgConnection;
use time::Duration;
use uuid::Uuid;

use super::tokens::{self, Tokens};
use crate::{
    error::{Result, problems},
    security::{
        access::Role,
        session_token::{PlainToken, TokenHash},
    },
    state::App,
    types::Email,
};

const LIFE: Duration = Duration::minutes(5);
const TRIES: i32 = 5;

/// What a right password gets.
#[derive(Serialize)]
#[serde(untagged)]
pub enum SignIn {
    Done(Tokens),
    CodeWanted(Challenge),
}

/// By hand, for schemars says `anyOf` of such an enum. The two differ in `status`, so exactly one fits.
impl JsonSchema for SignIn {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SignIn".into()
    }
    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [schemas.subschema_for::<Tokens>(), schemas.subschema_for::<Challenge>()] })
    }
}

/// The password was right, and a code is wanted.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "MfaRequired")]
pub struct Challenge {
    #[schemars(length(max = 32), extend("const" = "mfa_required"))]
    status: &'static str,
    /// For `/v1/auth/mfa`, within five minutes and five tries.
    #[serde(serialize_with = "tokens::opaque")]
    #[schemars(with = "String", length(max = 512), regex(pattern = "^dbt_[0-9A-Za-z_-]{43}$"))]
    #[schemars(extend("examples" = ["dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI"]))]
    mfa_token: PlainToken,
    methods: [Method; 2],
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "MfaMethod")]
enum Method {
    Totp,
    RecoveryCode,
}

/// A challenge that stands on the very password that was proved: if there is another meanwhile, or the account has changed,
/// there is none.
pub async fn begin(app: &App, user: Uuid, password_generation: i32, device: Option<Uuid>) -> Result<SignIn> {
    let mfa_token = PlainToken::generate(&app.givens);
    let hash = mfa_token.hash();
    let made = sqlx::query!(
        r#"
        insert into mfa_challenges
            (hash, user_id, password_generation, mfa_enabled_at, known_device, tries_left, expires_at)
        select $1, id, password_generation, mfa_enabled_at, $4, $5, $6
        from users
        where id = $2
          and password_generation = $3
          and status = 'active'
          and mfa_enabled_at is not null
        "#,
        hash.as_bytes(),
        user,
        password_generation,
        device,
        TRIES,
        (app.givens.now() + LIFE).0,
    )
    .execute(&app.database)
    .await?;
    if made.rows_affected() == 0 {
        return Err(problems::INVALID_CREDENTIALS.because("changed while signing in"));
    }
    let methods = [Method::Totp, Method::RecoveryCode];
    Ok(SignIn::CodeWanted(Challenge { status: "mfa_required", mfa_token, methods }))
}

/// Whose challenge it is.
pub struct Challenged {
    pub user_id: Uuid,
    pub role: Role,
    pub password_generation: i32,
    pub email: Email,
    pub known_device: Option<Uuid>,
}

// ANCHOR: mfa-tries
/// Takes one of its tries, committed before the code is looked at: of a hundred that come at once, five are looked at. `None`:
/// unknown, spent or expired, or what it stands on is gone: another password, another second factor, a suspension.
pub async fn take_try(app: &App, hash: &TokenHash) -> Result<Option<Challenged>> {
    let challenged = sqlx::query_as!(
        Challenged,
        r#"
        update mfa_challenges
        set tries_left = tries_left - 1
        from users
        where hash = $1
          and tries_left > 0
          and expires_at > $2
          and users.id = mfa_challenges.user_id
          and users.status = 'active'
          and users.mfa_enabled_at = mfa_challenges.mfa_enabled_at
          and users.password_generation = mfa_challenges.password_generation
        returning users.id as user_id, users.role as "role: _", users.password_generation, users.email as "email: _",
                  known_device
        "#,
        hash.as_bytes(),
        app.givens.now().0,
    )
    .fetch_optional(&app.database)
    .await?;
    Ok(challenged)
}
// ANCHOR_END: mfa-tries

/// It has done its work: one session a challenge, also for two good codes at once. What it stands on is looked at again, now
/// that the account's row is locked: a password may have changed while the code was checked.
pub async fn finish(tx: &mut PgConnection, hash: &TokenHash) -> Result<()> {
    let finished = sqlx::query!(
        r#"
        delete from mfa_challenges
        using users
        where hash = $1
          and users.id = user_id
          and users.mfa_enabled_at = mfa_challenges.mfa_enabled_at
          and users.password_generation = mfa_challenges.password_generation
        "#,
        hash.as_bytes(),
    )
    .execute(tx)
    .await?;
    if finished.rows_affected() == 1 {
        Ok(())
    } else {
        Err(problems::INVALID_CREDENTIALS.because("the challenge was met already, or stands on nothing any more"))
    }
}
