//! Keeps every replica's memory of sessions true: Postgres announces a change when it commits (migration 2), this hears it.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use uuid::Uuid;

use crate::security::session_cache::SessionCache;

/// How often it is proven that announcements arrive. Well below the cache's patience, so that one slow answer does not
/// silence the cache.
const PROOF_EVERY: Duration = Duration::from_millis(250);

/// Listens for as long as the process lives. While it cannot, the cache is silent and each request asks the database:
/// slower, never wrong.
pub async fn listen<T: Clone>(pool: PgPool, cache: &SessionCache<T>) {
    loop {
        let outcome = follow(&pool, cache).await;
        cache.distrust();
        let cause = outcome.err().map(|cause| crate::error::describe(&cause));
        tracing::warn!(cause, "not hearing of revocations: each request asks the database");
        tokio::time::sleep(PROOF_EVERY).await;
    }
}

async fn follow<T: Clone>(pool: &PgPool, cache: &SessionCache<T>) -> sqlx::Result<()> {
    // A connection of its own: the service's pool is for requests, and may be busy just when a revocation matters.
    let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    // It must not reconnect by itself: a time-out that fell into that would leave it connected again with nobody told, and
    // what was announced in between would be missed for as long as it lives.
    listener.eager_reconnect(false);
    listener.listen("user_changed").await?;
    // What was remembered before the first announcement could arrive is not known to be true.
    cache.distrust();
    loop {
        let next = Instant::now() + PROOF_EVERY;
        prove(&mut listener, cache).await?;
        // The clock is asked too: a stream of announcements without a pause would keep the time-out from ever firing.
        while Instant::now() < next {
            let Ok(news) = tokio::time::timeout_at(next.into(), listener.try_recv()).await else { break };
            // `None`: the connection was lost, and what was announced since then is gone.
            let Some(news) = news? else { return Ok(()) };
            heed(cache, news.payload());
        }
    }
}

/// Postgres sends what was announced before it answers the next query of the same connection. So an answer proves that
/// everything announced before the question has arrived, also on a network that drops packets without a word.
async fn prove<T: Clone>(listener: &mut PgListener, cache: &SessionCache<T>) -> sqlx::Result<()> {
    let asked = Instant::now();
    let question = sqlx::query("select 1").execute(&mut *listener);
    let answer = tokio::time::timeout(Duration::from_secs(1), question).await;
    answer.map_err(|_| sqlx::Error::PoolTimedOut)??;
    while let Some(news) = listener.next_buffered() {
        heed(cache, news.payload());
    }
    cache.prove(asked);
    Ok(())
}

fn heed<T: Clone>(cache: &SessionCache<T>, payload: &str) {
    match Uuid::from_str(payload) {
        Ok(user) => cache.forget(user),
        Err(_) => cache.distrust(),
    }
}
