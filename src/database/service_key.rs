//! Keys that all replicas and all restarts share. What may have its key here stands in migration 5.

use sqlx::PgPool;

use crate::{security::secret::Secret, types::Givens};

/// The key of this database for one purpose. Of several first starts at once one makes it, and all read the same.
pub async fn service_key(pool: &PgPool, givens: &Givens, purpose: &str) -> sqlx::Result<Secret<Vec<u8>>> {
    let fresh = Secret::new(givens.random::<32>());
    sqlx::query!(
        r#"
        insert into service_keys (purpose, secret, created_at)
        values ($1, $2, $3)
        on conflict do nothing
        "#,
        purpose,
        fresh.expose(),
        givens.now().0,
    )
    .execute(pool)
    .await?;
    let kept = sqlx::query_scalar!("select secret from service_keys where purpose = $1", purpose);
    kept.fetch_one(pool).await.map(Secret::new)
}
