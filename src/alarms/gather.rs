//! Reads the trail on from where any replica came to, and adds up what is an alarm, for each way out and kind.

use std::collections::BTreeMap;

use sqlx::{PgConnection, types::Json};

use super::ledger::{Channel, Ledger, TRIED_FOR};
use crate::{
    security::audit::{Kind, Recorded},
    types::Timestamp,
};

/// Events that are read in one go.
const STRIDE: i64 = 10_000;

/// Of one kind, in one go.
struct Gathered {
    count: i64,
    since: Timestamp,
    newest: Recorded,
}

impl Ledger {
    /// The very first start begins with what happens from then on: whoever sets alarms up wants no history. And what was
    /// left by a way out that is not there any more has had its time.
    pub(super) async fn open(&self) -> sqlx::Result<()> {
        sqlx::query!(
            r#"
            insert into alarm_cursors (channel, position)
            select channel, coalesce((select max(position) from security_event_chain), 0)
            from unnest($1::text[]) as channel
            on conflict do nothing
            "#,
            &self.channels as _,
        )
        .execute(&self.pool)
        .await?;
        let forgotten = self.givens.now() - TRIED_FOR - TRIED_FOR;
        sqlx::query!("delete from alarms where ready_at <= $1", forgotten.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Reads on, for each way out by itself: a replica that does not have it yet must not read past what it would tell.
    pub(super) async fn gather(&self) -> sqlx::Result<()> {
        for channel in &self.channels {
            while self.gather_for(*channel).await? {}
        }
        Ok(())
    }

    /// `true`: there may be more.
    async fn gather_for(&self, channel: Channel) -> sqlx::Result<bool> {
        // Without a lock first: that writes nothing, and almost always there is nothing.
        let ends = sqlx::query!(
            r#"
            select position as "from!", coalesce((select max(position) from security_event_chain), 0) as "upto!"
            from alarm_cursors
            where channel = $1
            "#,
            channel as _,
        );
        let ends = ends.fetch_one(&self.pool).await?;
        if ends.upto <= ends.from {
            return Ok(false);
        }
        let mut tx = self.pool.begin().await?;
        let cursor = sqlx::query_scalar!(
            "select position from alarm_cursors where channel = $1 for update skip locked",
            channel as _
        );
        // Another replica is at it, or was.
        let Some(from) = cursor.fetch_optional(&mut *tx).await?.filter(|from| *from < ends.upto) else {
            return Ok(false);
        };
        let upto = ends.upto.min(from + STRIDE);
        for (kind, gathered) in self.alarms(&mut tx, from, upto).await? {
            self.add(&mut tx, channel, &kind, &gathered).await?;
        }
        sqlx::query!("update alarm_cursors set position = $1 where channel = $2", upto, channel as _)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(upto < ends.upto)
    }

    /// The alarms among the events from one position to another, by kind. A flood of other events never leaves the
    /// database.
    async fn alarms(&self, tx: &mut PgConnection, from: i64, upto: i64) -> sqlx::Result<BTreeMap<String, Gathered>> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_alarm());
        let kinds: Vec<_> = kinds.map(|kind| kind.name().to_owned()).collect();
        let events = sqlx::query_as!(
            Recorded,
            r#"
            select event.id, event.type, event.at as "at: _", event.user_id, event.client_address, event.request_id,
                   event.reference, event.details
            from security_event_chain chain
            join security_events event on event.id = chain.event_id and event.at = chain.at
            where chain.position > $1
              and chain.position <= $2
              and event.type = any($3)
              and event.at > $4
            order by chain.position
            "#,
            from,
            upto,
            &kinds,
            (self.givens.now() - TRIED_FOR).0,
        )
        .fetch_all(tx)
        .await?;
        let mut gathered: BTreeMap<String, Gathered> = BTreeMap::new();
        for event in events {
            let first = Gathered { count: 0, since: event.at, newest: event.clone() };
            let kind = gathered.entry(event.r#type.clone()).or_insert(first);
            (kind.count, kind.newest) = (kind.count + 1, event);
        }
        Ok(gathered)
    }

    async fn add(&self, tx: &mut PgConnection, channel: Channel, kind: &str, gathered: &Gathered) -> sqlx::Result<()> {
        sqlx::query!(
            r#"
            insert into alarms (channel, kind, gathered, since, newest, ready_at)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (channel, kind) do update
            set gathered = alarms.gathered + excluded.gathered,
                since = coalesce(alarms.since, excluded.since),
                newest = excluded.newest
            "#,
            channel as _,
            kind,
            gathered.count,
            gathered.since.0,
            Json(&gathered.newest) as _,
            self.givens.now().0,
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
