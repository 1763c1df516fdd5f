//! Threat: an attack, or an abuse by someone with rights, that nobody can see or reconstruct (ASVS 16.3.1 to 16.3.4; OWASP
//! Logging Vocabulary). Every security event is a variant of one enum, named in OWASP's words. A change and its event
//! commit together, so that neither exists without the other; a refusal has no transaction, so its event goes through a
//! bounded queue that never makes a request wait.
//!
//! It does not cover requests as such: each has its own line (`http::respond`).

use std::net::IpAddr;

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio::{sync::mpsc, task::JoinHandle};
use uuid::Uuid;

use crate::types::{Givens, Timestamp};

/// Events that wait to be written. When the database cannot keep up, further ones stand in the log alone.
const QUEUE: usize = 4096;
/// Events in one insert.
const BATCH: usize = 128;

/// What happened. The names are OWASP's.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    LoginSuccess,
    LoginFail {
        reason: &'static str,
    },
    TokenCreated,
    TokenReuse {
        session_id: Uuid,
    },
    TokenRevoked {
        session_id: Uuid,
    },
    /// Many sessions of a user at once.
    SessionsRevoked {
        count: u64,
    },
    KeyCreated {
        key: Uuid,
    },
    KeyRevoked {
        key: Uuid,
    },
    AccessRefused {
        route: &'static str,
        code: &'static str,
    },
    RoleChanged {
        to: &'static str,
    },
    UserCreated,
    UserUpdated,
    StatusChanged {
        to: &'static str,
    },
    UserDeleted,
    /// Somebody registered an address that has an account.
    AddressTaken,
    EmailVerified,
    VerificationRequested,
    /// By somebody who knew the old one.
    PasswordChanged,
    ResetRequested,
    /// By somebody who holds the mailbox.
    PasswordReset,
    EmailChangeRequested,
    EmailChanged,
    /// A signed-in user proved again who they are.
    Reauthenticated,
    MfaEnabled,
    MfaDisabled,
    MfaSuccess,
    MfaFail {
        reason: &'static str,
    },
    RecoveryCodeUsed,
    RecoveryCodesReplaced,
    /// All that is held about a user was handed out to them.
    DataExported,
    RateLimitExceeded {
        class: &'static str,
    },
    InputRefused {
        route: &'static str,
        code: &'static str,
    },
    /// Redis is lost: each replica counts for itself.
    SharedLimitsLost,
    SharedLimitsBack,
    Startup,
    Shutdown,
}

impl Event {
    /// The event's name and whatever else is worth knowing. Nothing a client sent stands in it.
    fn told(self) -> (&'static str, serde_json::Value) {
        match self {
            Self::LoginSuccess => ("authn_login_success", json!({})),
            Self::LoginFail { reason } => ("authn_login_fail", json!({ "reason": reason })),
            Self::TokenCreated => ("authn_token_created", json!({})),
            Self::TokenReuse { session_id } => ("authn_token_reuse", json!({ "session_id": session_id })),
            Self::TokenRevoked { session_id } => ("authn_token_revoked", json!({ "session_id": session_id })),
            Self::SessionsRevoked { count } => ("authn_token_revoked", json!({ "sessions": count })),
            Self::KeyCreated { key } => ("authn_key_created", json!({ "key": key })),
            Self::KeyRevoked { key } => ("authn_key_revoked", json!({ "key": key })),
            Self::AccessRefused { route, code } => ("authz_fail", json!({ "route": route, "code": code })),
            Self::RoleChanged { to } => ("authz_change", json!({ "role": to })),
            Self::UserCreated => ("user_created", json!({})),
            Self::UserUpdated => ("user_updated", json!({})),
            Self::StatusChanged { to } => ("user_updated", json!({ "status": to })),
            Self::UserDeleted => ("user_deleted", json!({})),
            Self::AddressTaken => ("input_validation_fail", json!({ "reason": "address taken" })),
            Self::VerificationRequested => ("authn_token_created", json!({ "purpose": "verify_email" })),
            Self::PasswordChanged => ("authn_password_change", json!({})),
            Self::ResetRequested => ("authn_token_created", json!({ "purpose": "reset_password" })),
            Self::PasswordReset => ("authn_password_change", json!({ "reset": true })),
            Self::EmailChangeRequested => ("authn_token_created", json!({ "purpose": "change_email" })),
            Self::EmailChanged => ("user_updated", json!({ "email": true })),
            Self::Reauthenticated => ("authn_login_success", json!({ "reauthenticated": true })),
            Self::MfaEnabled => ("authn_mfa_enabled", json!({})),
            Self::MfaDisabled => ("authn_mfa_disabled", json!({})),
            Self::MfaSuccess => ("authn_mfa_success", json!({})),
            Self::MfaFail { reason } => ("authn_mfa_fail", json!({ "reason": reason })),
            Self::RecoveryCodeUsed => ("authn_mfa_recovery_code_used", json!({})),
            Self::RecoveryCodesReplaced => ("authn_mfa_recovery_codes_replaced", json!({})),
            Self::EmailVerified => ("user_updated", json!({ "email_verified": true })),
            Self::DataExported => ("sensitive_read", json!({ "export": true })),
            Self::RateLimitExceeded { class } => ("excess_rate_limit_exceeded", json!({ "class": class })),
            Self::InputRefused { route, code } => ("input_validation_fail", json!({ "route": route, "code": code })),
            Self::SharedLimitsLost => ("sys_monitor_disabled", json!({ "monitor": "shared rate limits" })),
            Self::SharedLimitsBack => ("sys_monitor_enabled", json!({ "monitor": "shared rate limits" })),
            Self::Startup => ("sys_startup", json!({})),
            Self::Shutdown => ("sys_shutdown", json!({})),
        }
    }
}

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
