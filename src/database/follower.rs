//! Events in the order in which they were committed, for whoever follows them, as the stream does that
//! administrators watch. Positions have no gaps and become visible in order, on every replica, so one number remembers
//! how far a follower came, and nothing is missed.

use sqlx::PgPool;

use super::ONE_MOMENT;
use crate::{security::audit::Recorded, types::Timestamp};

/// A security event, and its place.
#[derive(Clone, Debug)]
pub struct Followed {
    pub position: i64,
    pub event: Recorded,
}

/// Where the trail ends now; 0 before the first event.
pub async fn last_position(pool: &PgPool) -> sqlx::Result<i64> {
    let last = sqlx::query_scalar!(r#"select coalesce(max(position), 0) as "last!" from security_event_chain"#);
    last.fetch_one(pool).await
}

/// The events that follow a position, oldest first.
pub async fn events_after(pool: &PgPool, position: i64, limit: i64) -> sqlx::Result<Vec<Followed>> {
    // One moment for the plan and the rows: a query that was planned just before a month's partition was made would find
    // the place of an event there, and not the event, and the follower would go on without it.
    let mut tx = pool.begin_with(ONE_MOMENT).await?;
    // The time stands in both, so that only the partition that holds the event is looked into.
    let rows = sqlx::query!(
        r#"
        select chain.position, event.id, event.type, event.at as "at: Timestamp", event.user_id, event.client_address,
               event.request_id, event.reference, event.details
        from security_event_chain chain
        join security_events event on event.id = chain.event_id and event.at = chain.at
        where chain.position > $1
        order by chain.position
        limit $2
        "#,
        position,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    let followed = rows.into_iter().map(|row| Followed {
        position: row.position,
        event: Recorded {
            id: row.id,
            r#type: row.r#type,
            at: row.at,
            user_id: row.user_id,
            client_address: row.client_address,
            request_id: row.request_id,
            reference: row.reference,
            details: row.details,
        },
    });
    Ok(followed.collect())
}
