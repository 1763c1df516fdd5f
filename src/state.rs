//! What a request may reach.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::body::Bytes;
use sqlx::PgPool;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    config::Config,
    database::Feed,
    mail::Outbox,
    security::{
        access::Role,
        anomaly::Watch,
        audit::Notes,
        client_address::Suspicion,
        jwt::Keyring,
        page_cursor::CursorKey,
        password::Hasher,
        rate_limit::{FloodGuard, Limits},
        sealed::DataKeys,
        seats::Seats,
        session_cache::SessionCache,
        session_token::TokenHash,
    },
    telemetry::Meters,
    traces::Traces,
    types::{Givens, Timestamp},
};

/// One per process; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What stands behind it.
pub struct Shared {
    pub settings: Config,
    pub givens: Givens,
    pub database: PgPool,
    pub jwt: Keyring,
    pub data_keys: DataKeys,
    pub passwords: Hasher,
    pub sessions: SessionCache<LiveSession>,
    pub limits: Limits,
    pub flood: FloodGuard,
    pub cursors: CursorKey,
    pub audit: Notes,
    /// What administrators watch live.
    pub feed: Feed,
    /// For answers that go on.
    pub seats: Seats,
    pub outbox: Outbox,
    pub meters: Meters,
    pub traces: Traces,
    pub started: Timestamp,
    /// Watches for a proxy that nobody told us of.
    pub suspicion: Suspicion,
    /// Watches for attacks that no limit sees.
    pub watch: Watch,
    /// The OpenAPI document, as it is served.
    pub openapi: Bytes,
    /// Who refreshes waits here for others with the same token, and not at the row with a connection of the pool in hand:
    /// fifty tabs would hold every connection that everyone else needs. So do codes for one challenge. Tokens that share a
    /// place only wait a little.
    pub turns: [Mutex<()>; 64],
    /// Set when the process has been asked to stop: it finishes what it has and wants nothing new.
    pub stopping: AtomicBool,
}

/// What is asked about a session on every request.
#[derive(Clone, Debug)]
pub struct LiveSession {
    pub role: Role,
    pub generation: i32,
    pub expires_at: Timestamp,
}

impl App {
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Waits for its turn among those that bring the same token.
    pub async fn turn(&self, token: &TokenHash) -> MutexGuard<'_, ()> {
        self.turns[usize::from(token.as_bytes()[0]) % self.turns.len()].lock().await
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
