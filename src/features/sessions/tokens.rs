//! What a signed-in client holds: a signed access token for minutes, an opaque refresh token for the next one.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    security::{
        access::{Role, Scope},
        jwt::{AccessToken, Grant},
        session_token::{PlainToken, TokenHash},
    },
    state::App,
    types::Timestamp,
};

/// The client that tokens from a login are for. Others come with OAuth.
const FIRST_PARTY: &str = "first-party";

/// The tokens of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tokens {
    #[schemars(length(max = 32), extend("const" = "authenticated"))]
    status: &'static str,
    #[serde(serialize_with = "access")]
    #[schemars(
        with = "String",
        length(max = 4096),
        regex(pattern = r"^[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+$")
    )]
    #[schemars(extend("examples" = ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMThlIn0.c2lnbmF0dXJl"]))]
    access_token: AccessToken,
    #[schemars(length(max = 16), extend("const" = "Bearer"))]
    token_type: &'static str,
    /// Seconds that the access token lives.
    #[schemars(range(min = 1, max = 3600), example = 600)]
    expires_in: u64,
    #[serde(serialize_with = "opaque")]
    #[schemars(with = "String", length(max = 512), regex(pattern = "^dbt_[0-9A-Za-z_-]{43}$"))]
    #[schemars(extend("examples" = ["dbt_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI"]))]
    refresh_token: PlainToken,
}

/// The one place where an access token is written out: to the client that it was made for.
fn access<S: Serializer>(token: &AccessToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.token.expose())
}

/// And an opaque one.
pub(super) fn opaque<S: Serializer>(token: &PlainToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

/// What the tokens of a session are made from.
pub struct Holder {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub role: Role,
    pub generation: i32,
    pub auth_time: Timestamp,
    pub amr: Vec<String>,
}

impl Tokens {
    /// A new access token beside the given refresh token.
    pub fn issue(app: &App, holder: Holder, refresh_token: PlainToken) -> Result<Self> {
        let scopes: Vec<_> = holder.role.scopes().iter().copied().map(Scope::name).collect();
        let grant = Grant {
            user_id: holder.user_id,
            session_id: holder.session_id,
            generation: holder.generation,
            role: holder.role.name(),
            scope: scopes.join(" "),
            auth_time: holder.auth_time,
            amr: holder.amr,
            client_id: FIRST_PARTY.to_owned(),
        };
        let access_token = app.jwt.issue(grant, &app.givens)?;
        let expires_in = access_token.expires_in;
        Ok(Self { status: "authenticated", access_token, token_type: "Bearer", expires_in, refresh_token })
    }
}

/// Keeps the hash of a refresh token; the token itself goes to the client alone.
pub async fn keep(tx: &mut PgConnection, session: Uuid, hash: &TokenHash, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, created_at) values ($1, $2, $3)",
        hash.as_bytes(),
        session,
        now.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks a refresh token as spent, with the one that replaces it, sealed.
pub async fn spend(tx: &mut PgConnection, hash: &[u8], sealed: &[u8], now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("update refresh_tokens set spent_at = $2, successor = $3 where hash = $1", hash, now.0, sealed)
        .execute(tx)
        .await?;
    Ok(())
}
