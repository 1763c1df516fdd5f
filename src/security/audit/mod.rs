//! Threat: an attack, or an abuse by someone with rights, that nobody can see or reconstruct (ASVS 16.3.1 to 16.3.4, 16.4.2;
//! OWASP Logging Vocabulary). Every security event is a variant of one enum, named in OWASP's words. A change and its
//! event commit together, so that neither exists without the other; a refusal has no transaction, so its event goes
//! through a bounded queue that never makes a request wait. The database chains the rows by hashes as they are
//! committed: one that is changed or taken away later shows.
//!
//! It does not cover requests as such: each has its own line (`http::respond`). Nor whoever owns the database: they can
//! write the chain anew, which only a hash that was kept elsewhere shows (`chain`).
//!
//! Reading order: `kind` and `event` (what there is to tell) → this file (how it is told) → `queue` (what belongs to no
//! transaction) → `counts` → `chain` (whether it is still as it was written).

pub mod chain;
mod counts;
mod event;
mod kind;
mod queue;
mod recorded;

use std::net::IpAddr;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::{
    counts::{noted, sampled},
    event::Event,
    kind::{Kind, Severity},
    queue::Notes,
    recorded::Recorded,
};
use crate::types::{Givens, Timestamp};

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
    note.tell();
    insert(tx, &[note]).await
}

/// An event as it is kept.
struct Note {
    id: Uuid,
    at: Timestamp,
    kind: Kind,
    details: Value,
    origin: Origin,
}

impl Note {
    fn of(givens: &Givens, origin: &Origin, event: Event) -> Self {
        let (kind, mut details) = event.told();
        if let Some(by) = origin.by {
            details["by"] = json!(by);
        }
        Self { id: givens.new_id(), at: givens.now(), kind, details, origin: origin.clone() }
    }

    /// Counts it and logs it, whatever becomes of its row. Without the reference: that stands on exactly one line, the
    /// request's.
    fn tell(&self) {
        counts::note(self.kind);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    event = self.kind.name(),
                    request_id = self.origin.request_id.map(tracing::field::display),
                    client_address = self.origin.client_address.map(tracing::field::display),
                    user_id = self.origin.user_id.map(tracing::field::display),
                    details = %self.details,
                    "security event"
                )
            };
        }
        match self.kind.severity() {
            Severity::Info => line!(info),
            Severity::Warning => line!(warn),
            Severity::Alarm => line!(error),
        }
    }
}

/// Through the one function that may: the service's role cannot insert by itself, and not choose a place in the chain
/// (migration 14).
async fn insert(connection: &mut PgConnection, notes: &[Note]) -> sqlx::Result<()> {
    let ids: Vec<_> = notes.iter().map(|note| note.id).collect();
    let times: Vec<_> = notes.iter().map(|note| note.at.0).collect();
    let kinds: Vec<_> = notes.iter().map(|note| note.kind.name().to_owned()).collect();
    let users: Vec<_> = notes.iter().map(|note| note.origin.user_id).collect();
    let addresses: Vec<_> = notes.iter().map(|note| note.origin.client_address.map(|ip| ip.to_string())).collect();
    let requests: Vec<_> = notes.iter().map(|note| note.origin.request_id).collect();
    let references: Vec<_> = notes.iter().map(|note| note.origin.reference.clone()).collect();
    let details: Vec<_> = notes.iter().map(|note| note.details.clone()).collect();
    sqlx::query!(
        "select append_security_events($1, $2, $3, $4, $5, $6, $7, $8)",
        &ids,
        &times,
        &kinds,
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

/// Makes the partitions of this month and the next, so that no event has to.
pub async fn make_months(connection: &mut PgConnection, now: Timestamp) -> sqlx::Result<()> {
    let month = now.0.date().replace_day(1).expect("every month has a first day");
    sqlx::query!(
        "select make_security_events_month($1), make_security_events_month(($1 + interval '1 month')::date)",
        month
    )
    .execute(connection)
    .await?;
    Ok(())
}
