//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a client whose answer was lost sends the request again,
//! and it is done once.
//!
//! The key's row commits together with what the request did. So of two at once the second waits for the first and gets
//! its answer; a request that failed leaves no row, and may be sent again under the same key. Only successes are kept:
//! a refusal is worth asking again.
//!
//! ```text
//! let repeatable = key.on(&caller, &input)?;
//! if let Some(answer) = repeatable.answered(&mut tx, now).await? { return Ok(answer) }
//! … the change, in the same transaction …
//! repeatable.keep(&mut tx, &created).await?;
//! ```

use aws_lc_rs::digest::{SHA256, digest};
use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Error, Result, problems},
    http::{
        answer::Created,
        caller::Caller,
        openapi::{Input, Operation},
    },
    security::{
        access::{Access, Identity},
        limits::REPEATABLE,
    },
    state::App,
    types::Timestamp,
};

const HEADER: &str = "idempotency-key";
const MOST: usize = 200;

/// The header, where it was sent.
pub struct IdempotencyKey(Option<String>);

/// A request that may come again, or, without a key, may not.
pub struct Repeatable {
    user: Uuid,
    route: &'static str,
    /// Of the key and of the request.
    hashes: Option<([u8; 32], [u8; 32])>,
}

impl IdempotencyKey {
    /// Keys of different users, and on different routes, never meet: else one could read what another was answered.
    pub fn on<A: Access<Who = Identity>>(&self, caller: &Caller<A>, request: &impl Serialize) -> Result<Repeatable> {
        let both = |key: &String| -> serde_json::Result<_> {
            Ok((sha256(key.as_bytes()), sha256(&serde_json::to_vec(request)?)))
        };
        let hashes = self.0.as_ref().map(both).transpose().map_err(anyhow::Error::from)?;
        Ok(Repeatable { user: caller.id(), route: caller.context().route_path(), hashes })
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl Repeatable {
    /// What this request was answered before. `None`: it is the first, and whatever it does must be kept.
    pub async fn answered<T: DeserializeOwned>(
        &self,
        tx: &mut PgConnection,
        now: Timestamp,
    ) -> Result<Option<Created<T>>> {
        let Some((key, request)) = &self.hashes else { return Ok(None) };
        if self.claim(tx, now).await? {
            return Ok(None);
        }
        let earlier = sqlx::query!(
            r#"
            select request_hash, location as "location!", answer as "answer!"
            from idempotent_requests
            where user_id = $1
              and route = $2
              and key_hash = $3
            "#,
            self.user,
            self.route,
            key,
        )
        .fetch_one(tx)
        .await?;
        if earlier.request_hash != request {
            return Err(problems::CONFLICT.because("an Idempotency-Key that another request has used"));
        }
        let body = serde_json::from_value(earlier.answer).map_err(anyhow::Error::from)?;
        Ok(Some(Created { location: earlier.location, body }))
    }

    // ANCHOR: idempotency
    /// Whether it is the first. Waits for another request with the same key to commit or fail. A row that has had its time
    /// counts as none, whether or not it has been cleared away.
    async fn claim(&self, tx: &mut PgConnection, now: Timestamp) -> Result<bool> {
        let Some((key, request)) = &self.hashes else { return Ok(true) };
        let claimed = sqlx::query!(
            r#"
            insert into idempotent_requests as earlier (user_id, route, key_hash, request_hash, created_at)
            values ($1, $2, $3, $4, $5)
            on conflict (user_id, route, key_hash) do update
            set request_hash = excluded.request_hash,
                created_at = excluded.created_at
            where earlier.created_at <= $6
            "#,
            self.user,
            self.route,
            key,
            request,
            now.0,
            (now - REPEATABLE).0,
        )
        .execute(tx)
        .await?;
        Ok(claimed.rows_affected() == 1)
    }
    // ANCHOR_END: idempotency

    /// In the transaction of what was done.
    pub async fn keep<T: Serialize>(&self, tx: &mut PgConnection, created: &Created<T>) -> Result<()> {
        let Some((key, _)) = &self.hashes else { return Ok(()) };
        sqlx::query!(
            r#"
            update idempotent_requests
            set location = $4,
                answer = $5
            where user_id = $1
              and route = $2
              and key_hash = $3
            "#,
            self.user,
            self.route,
            key,
            created.location,
            serde_json::to_value(&created.body).map_err(anyhow::Error::from)?,
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let mut sent = parts.headers.get_all(HEADER).iter();
        let key = match (sent.next(), sent.next()) {
            (None, _) => return Ok(Self(None)),
            (Some(key), None) => key.to_str().ok(),
            (Some(_), Some(_)) => None,
        };
        // The draft wants a quoted string; most clients send it bare. Both are a key, and two different ones.
        let key = key.filter(|key| (1..=MOST).contains(&key.len()) && !key.contains('\t'));
        let refused = || Error::field("Idempotency-Key", "header", "is sent once, with 1 to 200 visible characters");
        key.map(|key| Self(Some(key.to_owned()))).ok_or_else(refused)
    }
}

impl Input for IdempotencyKey {
    fn describe(operation: &mut Operation<'_>) {
        operation.header_parameter(
            "Idempotency-Key",
            "Of your choice. For 24 hours the same request with the same key is answered as the \
             first time and done once; another request with the same key is a 409.",
            "^[ -~]+$",
        );
        operation.refuses(problems::CONFLICT);
    }
}
