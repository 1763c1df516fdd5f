//! Threat: an attack, or an abuse by someone with rights, that nobody can see or reconstruct (ASVS 16.3.1 to 16.3.4; OWASP
//! Logging Vocabulary). Every security event is a variant of one enum, named in OWASP's words. A change and its event
//! commit together, so that neither exists without the other; a refusal has no transaction, so its event goes through a
//! bounded queue that never makes a request wait.
//!
//! It does not cover requests as such: each has its own line (`http::respond`).
//!
//! Reading order: `event` (what there is to tell) → this file (how it is told).

mod event;

use std::net::IpAddr;

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio::{sync::mpsc, task::JoinHandle};
use uuid::Uuid;

pub use self::event::Event;
use crate::types::{Givens, Timestamp};

/// Events that wait to be written. When the database cannot keep up, further ones stand in the log alone.
const QUEUE: usize = 4096;
/// Events in one insert.
const BATCH: usize = 128;

/// Whose request caused an event.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: Option<Uuid>,
    pub client_address: Option<IpAddr>,
    /// The account that it is about, where one is known.
    pub user_id: Option<Uuid>,
    /// Who did it, where that is somebody else than whom it is about. It stands among the details.
    pub by: Option<Uuid>,
    /// On failures: the reference that the client was given.
    pub reference: Option<String>,
}

/// Writes an event of a change into the transaction of that change.
pub async fn record(tx: &mut PgConnection, givens: &Givens, origin: &Origin, event: Event) -> sqlx::Result<()> {
    let note = Note::of(givens, origin, event);
    note.log();
    insert(tx, &[note]).await
}

/// The queue for events that belong to no transaction.
#[derive(Clone)]
pub struct Notes {
    queue: mpsc::Sender<Note>,
    givens: Givens,
}

struct Note {
    id: Uuid,
    at: Timestamp,
    name: &'static str,
    details: serde_json::Value,
    origin: Origin,
}

impl Notes {
    /// Starts the writer. It ends, with everything written, when the last `Notes` is gone.
    pub fn start(pool: PgPool, givens: Givens) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue, givens }, tokio::spawn(write(pool, waiting)))
    }

    /// Never waits. The log line is always written; the row is given up when the queue is full, because the alternative
    /// is that whoever floods us with refused requests decides how much memory we use.
    pub fn note(&self, origin: &Origin, event: Event) {
        let note = Note::of(&self.givens, origin, event);
        note.log();
        if self.queue.try_send(note).is_err() {
            tracing::warn!("the queue of security events is full: this one stands in the log alone");
        }
    }
}

impl Note {
    fn of(givens: &Givens, origin: &Origin, event: Event) -> Self {
        let (name, mut details) = event.told();
        if let Some(by) = origin.by {
            details["by"] = json!(by);
        }
        Self { id: givens.new_id(), at: givens.now(), name, details, origin: origin.clone() }
    }

    /// Without the reference: that stands on exactly one line, the request's.
    fn log(&self) {
        tracing::info!(
            event = self.name,
            request_id = self.origin.request_id.map(tracing::field::display),
            client_address = self.origin.client_address.map(tracing::field::display),
            user_id = self.origin.user_id.map(tracing::field::display),
            details = %self.details,
            "security event"
        );
    }
}

async fn write(pool: PgPool, mut waiting: mpsc::Receiver<Note>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let written = async { insert(&mut *pool.acquire().await?, &batch).await };
        if let Err(cause) = written.await {
            let cause = crate::error::describe(&cause);
            tracing::error!(cause, count = batch.len(), "security events stand in the log alone");
        }
        batch.clear();
    }
}

async fn insert(connection: &mut PgConnection, notes: &[Note]) -> sqlx::Result<()> {
    let ids: Vec<_> = notes.iter().map(|note| note.id).collect();
    let times: Vec<_> = notes.iter().map(|note| note.at.0).collect();
    let names: Vec<_> = notes.iter().map(|note| note.name.to_owned()).collect();
    let users: Vec<_> = notes.iter().map(|note| note.origin.user_id).collect();
    let addresses: Vec<_> = notes.iter().map(|note| note.origin.client_address.map(|ip| ip.to_string())).collect();
    let requests: Vec<_> = notes.iter().map(|note| note.origin.request_id).collect();
    let references: Vec<_> = notes.iter().map(|note| note.origin.reference.clone()).collect();
    let details: Vec<_> = notes.iter().map(|note| note.details.clone()).collect();
    sqlx::query!(
        r#"
        insert into security_events (id, at, type, user_id, client_address, request_id, reference, details)
        select *
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::jsonb[])
        "#,
        &ids,
        &times,
        &names,
        &users as &[Option<Uuid>],
        &addresses as &[Option<String>],
        &requests as &[Option<Uuid>],
        &references as &[Option<String>],
        &details,
    )
    .execute(connection)
    .await?;
    Ok(())
}
