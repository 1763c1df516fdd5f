//! Whose key is this, and what may it do now? Asked of the database on every use.
//!
//! Not remembered as sessions are: a key is found by one step in a unique index, which costs about what checking a
//! token's signature does, and what is not remembered needs no announcement to be revoked at once on every replica.

use time::Duration;
use uuid::Uuid;

use crate::{
    error::{self, Error, Result, problems},
    security::{
        access::{Credential, Identity, Role, Scope},
        api_key::{KeyHash, Presented},
    },
    state::App,
    types::Timestamp,
};

/// How exact the time of last use is. A busy key would otherwise make a write of every read.
const STAMP_EVERY: Duration = Duration::minutes(1);

/// A key that is not revoked, of an owner who is not suspended.
struct LiveKey {
    id: Uuid,
    hash: KeyHash,
    user_id: Uuid,
    role: Role,
    scopes: Vec<String>,
    expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

// ANCHOR: api-key-scope
pub async fn identify(app: &App, text: &str, now: Timestamp) -> Result<Identity> {
    let presented = Presented::read(text).ok_or(refused("not the text of a key"))?;
    let key = find(app, &presented).await?.ok_or(refused("unknown or revoked key, or its owner is suspended"))?;
    if !key.hash.matches(&presented.hash) {
        return Err(refused("the name of a key without its secret"));
    }
    if key.expires_at <= now {
        return Err(refused("the key has expired"));
    }
    if key.last_used_at.is_none_or(|last| now - last >= STAMP_EVERY) {
        stamp(app, key.id, now);
    }
    // A key never does more than its owner: scopes that the role has lost since are lost to the key as well.
    let granted = key.scopes.iter().filter_map(|name| Scope::named(name));
    let scopes = granted.filter(|scope| key.role.scopes().contains(scope)).collect();
    Ok(Identity { user_id: key.user_id, role: key.role, scopes, credential: Credential::ApiKey { id: key.id } })
}
// ANCHOR_END: api-key-scope

/// Why is for the log alone, and the challenge names no error: that is for tokens (RFC 6750 section 3.1).
const fn refused(reason: &'static str) -> Error {
    problems::UNAUTHENTICATED.because(reason)
}

async fn find(app: &App, presented: &Presented) -> Result<Option<LiveKey>> {
    let key = sqlx::query_as!(
        LiveKey,
        r#"
        select api_keys.id, api_keys.hash as "hash: KeyHash", api_keys.user_id, users.role as "role: Role",
               api_keys.scopes, api_keys.expires_at as "expires_at: _", api_keys.last_used_at as "last_used_at: _"
        from api_keys
        join users on users.id = api_keys.user_id
        where api_keys.key_id = $1
          and api_keys.revoked_at is null
          and users.status = 'active'
          and users.email_verified_at is not null
        "#,
        presented.id.as_str(),
    )
    .fetch_optional(&app.database)
    .await?;
    Ok(key)
}

/// The request does not wait for it, and does not fail with it. There is at most one for each request that was let in:
/// of several at once the first writes, and the others find it written.
fn stamp(app: &App, key: Uuid, now: Timestamp) {
    let database = app.database.clone();
    tokio::spawn(async move {
        let written = sqlx::query!(
            "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at <= $3)",
            key,
            now.0,
            (now - STAMP_EVERY).0,
        )
        .execute(&database)
        .await;
        if let Err(cause) = written {
            tracing::warn!(cause = error::describe(&cause), "the last use of a key was not written down");
        }
    });
}
