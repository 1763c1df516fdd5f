//! The events of all replicas as they are committed, for everybody who watches this one: read once for all of them, and
//! only while somebody watches.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::{Mutex, broadcast};

use super::follower::{Followed, events_after, last_position};

/// How often the trail is looked at. `NOTIFY` was set aside: under a flood it would be one message an event, and a look is
/// one index lookup.
const LOOK: Duration = Duration::from_secs(1);
/// Events of one look. Under a flood only the newest are handed on: nobody reads more, and all of them stand in the trail.
const MOST: i64 = 500;
/// Looks that wait for a watcher who is slow: a few megabytes. One that is slower finds a gap.
const WAITING: usize = 8;

/// What came since the look before, oldest first.
pub type Batch = Arc<[Followed]>;

/// One per process; cheap to clone.
#[derive(Clone)]
pub struct Feed {
    sender: broadcast::Sender<Batch>,
    looking: Arc<Mutex<bool>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(WAITING), looking: Arc::default() }
    }
}

impl Feed {
    /// From now on. Whoever reads the trail to its end afterwards, and then takes from here what lies beyond that, has
    /// missed nothing: what is not there yet has yet to come through here.
    pub async fn watch(&self, pool: &PgPool) -> sqlx::Result<broadcast::Receiver<Batch>> {
        let mut looking = self.looking.lock().await;
        let watcher = self.sender.subscribe();
        if !*looking {
            let position = last_position(pool).await?;
            *looking = true;
            tokio::spawn(self.clone().look(pool.clone(), position));
        }
        Ok(watcher)
    }

    async fn look(self, pool: PgPool, mut position: i64) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut looking = self.looking.lock().await;
            if self.sender.receiver_count() == 0 || pool.is_closed() {
                *looking = false;
                return;
            }
            drop(looking);
            match newest_after(&pool, position).await {
                Ok(events) => {
                    let Some(last) = events.last() else { continue };
                    position = last.position;
                    // It fails where the last watcher has just left.
                    let _ = self.sender.send(events.into());
                }
                Err(cause) => {
                    tracing::warn!(cause = crate::error::describe(&cause), "the events could not be looked at");
                }
            }
        }
    }
}

/// What follows a position, oldest first; where that is too much, the newest of it.
pub async fn newest_after(pool: &PgPool, position: i64) -> sqlx::Result<Vec<Followed>> {
    let end = last_position(pool).await?;
    if end <= position {
        return Ok(Vec::new());
    }
    events_after(pool, position.max(end - MOST), MOST).await
}
