//! What there is to tell and what was told of it, in the database: a restart loses nothing, and of several replicas one
//! tells it.
//!
//! When what was gathered for a way out and a kind is due, one replica leases it: it is put together as a delivery, which
//! then stays as it is, while what comes meanwhile is gathered for the next one.

use sqlx::{PgPool, types::Json};
use time::Duration;
use uuid::Uuid;

use crate::{
    security::audit::Recorded,
    types::{Givens, Timestamp},
};

/// A kind is told at most so often by each way out.
pub(super) const PAUSE: Duration = Duration::minutes(1);
/// How long one attempt keeps a delivery from other replicas; longer than any may take.
pub(super) const LEASE: Duration = Duration::minutes(2);
/// For so long a delivery is tried. What is older than that is no alarm any more, also when it is found only then.
pub(super) const TRIED_FOR: Duration = Duration::hours(24);

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(super) enum Channel {
    Webhook,
    Mail,
}

impl Channel {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }
}

/// A delivery that this replica has leased.
pub(super) struct Due {
    pub(super) channel: Channel,
    pub(super) kind: String,
    pub(super) delivery: Uuid,
    /// Events since the delivery before it, and the first one's time.
    pub(super) told: i64,
    pub(super) told_since: Timestamp,
    /// The newest of them.
    pub(super) event: Json<Recorded>,
    pub(super) opened_at: Timestamp,
    pub(super) attempts: i32,
}

pub(super) struct Ledger {
    pub(super) pool: PgPool,
    pub(super) givens: Givens,
    pub(super) channels: Vec<Channel>,
}

impl Ledger {
    /// Takes what has been due for longest and moves its next attempt on, in one statement: another replica skips the
    /// locked row, and one that dies now leaves a delivery that is tried again. What was gathered becomes the delivery,
    /// unless one is under way.
    pub(super) async fn lease(&self) -> sqlx::Result<Option<Due>> {
        let now = self.givens.now();
        sqlx::query_as!(
            Due,
            r#"
            update alarms
            set delivery = coalesce(delivery, $1),
                told = coalesce(told, gathered),
                told_since = coalesce(told_since, since),
                event = coalesce(event, newest),
                opened_at = coalesce(opened_at, $2),
                gathered = case when delivery is null then 0 else gathered end,
                since = case when delivery is null then null else since end,
                newest = case when delivery is null then null else newest end,
                attempts = attempts + 1,
                ready_at = $3
            where (channel, kind) = (
                select channel, kind
                from alarms
                where ready_at <= $2
                  and (delivery is not null or gathered > 0)
                  and channel = any($4)
                order by ready_at
                limit 1
                for update skip locked
            )
            returning channel as "channel: _", kind, delivery as "delivery!", told as "told!",
                      told_since as "told_since!: _", event as "event!: _", opened_at as "opened_at!: _", attempts
            "#,
            self.givens.new_id(),
            now.0,
            (now + LEASE).0,
            &self.channels as _,
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// A delivery that failed, until later.
    pub(super) async fn postpone(&self, due: &Due, by: Duration) -> sqlx::Result<()> {
        let ready_at = self.givens.now() + by;
        sqlx::query!("update alarms set ready_at = $1 where delivery = $2", ready_at.0, due.delivery)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A delivery that was taken, or given up: the next one waits for its minute.
    pub(super) async fn close(&self, due: &Due) -> sqlx::Result<()> {
        let ready_at = self.givens.now() + PAUSE;
        sqlx::query!(
            r#"
            update alarms
            set delivery = null, told = null, told_since = null, event = null, opened_at = null,
                attempts = 0,
                ready_at = $1
            where delivery = $2
            "#,
            ready_at.0,
            due.delivery,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
