//! Takes mails from the outbox and sends them, as many replicas side by side as there are.

use std::time::{Duration as Pause, Instant};

use anyhow::Context;
use sqlx::{PgPool, postgres::types::PgInterval};
use time::Duration;
use uuid::Uuid;

use super::{Outbox, Sender, Template, template::Filling};
use crate::{
    security::session_token::PlainToken,
    telemetry::Mail,
    types::{Givens, Timestamp},
};

/// How long one attempt keeps a mail from the other workers; longer than a mail server may take.
const LEASE: Duration = Duration::minutes(2);
/// After this many attempts (about a day) a mail is given up.
const ATTEMPTS: i32 = 12;
/// How often the worker looks when nobody wakes it: for mails of other replicas, and for what is to be tried again.
const LOOK: Pause = Pause::from_secs(5);

/// Sends what is due, for as long as the process lives.
pub struct Worker {
    pub pool: PgPool,
    pub givens: Givens,
    pub outbox: Outbox,
    pub meters: Mail,
    pub sender: Sender,
    pub service: String,
}

/// A mail that this worker has leased.
struct Due {
    id: Uuid,
    recipient: String,
    template: String,
    user_id: Option<Uuid>,
    client_network: Option<String>,
    queued_at: Timestamp,
    attempts: i32,
}

impl Worker {
    pub async fn run(self) {
        let mut counted = None;
        loop {
            // Here, at the worker's own pace: counted at each look at the metrics, it would be for others to say how
            // often the database has to count.
            if counted.is_none_or(|at: Instant| at.elapsed() >= LOOK) {
                counted = Some(Instant::now());
                self.count_waiting().await;
            }
            match self.send_one().await {
                Ok(true) => {}
                Ok(false) => self.rest().await,
                Err(cause) => {
                    tracing::warn!(cause = crate::error::describe(&cause), "the outbox cannot be read");
                    self.rest().await;
                }
            }
            if self.pool.is_closed() {
                return;
            }
        }
    }

    async fn rest(&self) {
        let _ = tokio::time::timeout(LOOK, self.outbox.woken()).await;
    }

    /// Up to a thousand: more is trouble enough, and to count a long outbox takes long.
    async fn count_waiting(&self) {
        let waiting = sqlx::query_scalar!(
            r#"
            select count(*) as "waiting!"
            from (select from mail_outbox limit 1000) as waiting
            "#
        );
        if let Ok(waiting) = waiting.fetch_one(&self.pool).await {
            self.meters.waiting.set(waiting);
        }
    }

    /// `false`: nothing is due.
    async fn send_one(&self) -> sqlx::Result<bool> {
        let Some(due) = self.lease().await? else { return Ok(false) };
        match self.send(&due).await {
            Ok(()) => {
                self.meters.sent.inc();
                self.forget(due.id).await?;
            }
            Err(cause) if due.attempts >= ATTEMPTS => {
                self.meters.given_up.inc();
                tracing::error!(cause = %format_args!("{cause:#}"), "a mail was given up");
                self.forget(due.id).await?;
            }
            Err(cause) => {
                self.meters.failed.inc();
                tracing::warn!(cause = %format_args!("{cause:#}"), "a mail was not sent; it will be tried again");
            }
        }
        Ok(true)
    }

    /// Takes the mail that has waited longest and moves its next attempt on, in one statement: another worker skips the
    /// locked row, and one that dies now leaves a mail that is tried again. No transaction is held while a mail server
    /// takes its time.
    async fn lease(&self) -> sqlx::Result<Option<Due>> {
        let now = self.givens.now();
        sqlx::query_as!(
            Due,
            r#"
            update mail_outbox
            set attempts = attempts + 1,
                next_attempt_at = $1 + $2::interval * power(2, least(attempts, 6))
            where id = (
                select id
                from mail_outbox
                where next_attempt_at <= $1
                order by next_attempt_at
                limit 1
                for update skip locked
            )
            returning id, recipient, template, user_id, client_network, queued_at as "queued_at: _", attempts
            "#,
            now.0,
            PgInterval::try_from(LEASE).expect("two minutes are an interval"),
        )
        .fetch_optional(&self.pool)
        .await
    }

    async fn send(&self, due: &Due) -> anyhow::Result<()> {
        let template = Template::ALL.into_iter().find(|template| template.name() == due.template);
        let template = template.context("a mail of an unknown kind")?;
        let token = self.mint(template, due).await?;
        let text = template.text(&Filling {
            service: &self.service,
            token: token.as_ref().map_or("", |token| token.expose()),
            at: due.queued_at,
            client_network: due.client_network.as_deref(),
        });
        self.sender.send(due.id, &due.recipient, template.subject(), text).await
    }

    /// A fresh token for this mail, good for its recipient alone. A second attempt makes a second one; both work until one
    /// of them was used.
    async fn mint(&self, template: Template, due: &Due) -> anyhow::Result<Option<PlainToken>> {
        let (Some(ticket), Some(user)) = (template.ticket(), due.user_id) else { return Ok(None) };
        let token = PlainToken::generate(&self.givens);
        let (hash, now) = (token.hash(), self.givens.now());
        sqlx::query!(
            r#"
            insert into one_time_tokens (hash, user_id, purpose, recipient, created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6)
            "#,
            hash.as_bytes(),
            user,
            ticket.purpose,
            due.recipient,
            now.0,
            (now + ticket.life).0,
        )
        .execute(&self.pool)
        .await
        .map_err(|cause| anyhow::anyhow!(crate::error::describe(&cause)))?;
        Ok(Some(token))
    }

    async fn forget(&self, id: Uuid) -> sqlx::Result<()> {
        sqlx::query!("delete from mail_outbox where id = $1", id).execute(&self.pool).await?;
        Ok(())
    }
}
