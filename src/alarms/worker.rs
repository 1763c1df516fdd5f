//! Tells what there is to tell: the first of a kind at once, then at most once a minute, and again until it is taken.

use std::{sync::Arc, time::Duration as Pause};

use anyhow::Context;
use serde::Serialize;
use sqlx::PgPool;
use time::Duration;
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use super::{
    Settings, Webhook,
    client::{Client, Letter},
    ledger::{Channel, Due, Ledger, TRIED_FOR},
    letter, signature,
};
use crate::{
    mail::Sender,
    security::audit::Recorded,
    types::{Email, Givens},
};

/// How often the trail is looked at; on average an alarm waits for half of it.
const LOOK: Pause = Pause::from_millis(500);
/// While the database is away.
const REST: Pause = Pause::from_secs(5);
/// The first wait after a failure; each is twice as long as the one before it, up to the longest.
const FIRST_WAIT: Duration = Duration::seconds(5);
const LONGEST_WAIT: Duration = Duration::hours(1);
/// For a mail, with all that is said between two mail servers. The webhook has its own bound.
const MAILING: Pause = Pause::from_secs(90);

/// Follows the trail for as long as the process lives; at once at its end, where nobody is to be told.
pub struct Worker {
    ledger: Ledger,
    ways: Vec<Way>,
    /// The address of the service, for the mail.
    service: String,
}

/// A way out, opened.
enum Way {
    Webhook(Client, Webhook),
    Mail(Sender, Email),
}

impl Way {
    const fn channel(&self) -> Channel {
        match self {
            Self::Webhook(..) => Channel::Webhook,
            Self::Mail(..) => Channel::Mail,
        }
    }
}

/// The webhook's body.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    event: &'a Recorded,
    /// Events of this kind since the delivery before this one.
    count: i64,
    /// The same over all attempts.
    delivery: Uuid,
}

impl Worker {
    pub async fn open(
        settings: &Settings,
        sender: Sender,
        service: String,
        pool: PgPool,
        givens: Givens,
    ) -> anyhow::Result<Self> {
        let mut ways = Vec::new();
        if let Some(webhook) = &settings.webhook {
            ways.push(Way::Webhook(Client::new(webhook.allow_private)?, webhook.clone()));
        }
        ways.extend(settings.email.clone().map(|recipient| Way::Mail(sender, recipient)));
        let channels = ways.iter().map(Way::channel).collect();
        let ledger = Ledger { pool, givens, channels };
        ledger.open().await.context("read how far the trail was told")?;
        Ok(Self { ledger, ways, service })
    }

    pub async fn run(self) {
        let worker = Arc::new(self);
        let mut attempts = JoinSet::new();
        while !worker.ways.is_empty() && !worker.ledger.pool.is_closed() {
            match worker.look(&mut attempts).await {
                Ok(()) => tokio::time::sleep(LOOK).await,
                Err(cause) => {
                    tracing::warn!(cause = crate::error::describe(&cause), "alarms wait for the database");
                    tokio::time::sleep(REST).await;
                }
            }
            while attempts.try_join_next().is_some() {}
        }
    }

    /// Each delivery is a task of its own: a receiver that takes its time takes nobody else's. There are no more of them
    /// than there are ways out and kinds, since the next of a kind waits for the one before it.
    async fn look(self: &Arc<Self>, attempts: &mut JoinSet<()>) -> sqlx::Result<()> {
        self.ledger.gather().await?;
        while let Some(due) = self.ledger.lease().await? {
            attempts.spawn(self.clone().attempt(due));
        }
        Ok(())
    }

    async fn attempt(self: Arc<Self>, due: Due) {
        let outcome = self.deliver(&due).await;
        let cause = outcome.as_ref().err().map(|cause| format!("{cause:#}"));
        let is_over = due.opened_at + TRIED_FOR <= self.ledger.givens.now();
        let (channel, event, count) = (due.channel.name(), due.kind.as_str(), due.told);
        match outcome {
            Ok(()) => tracing::info!(channel, event, count, "an alarm was delivered"),
            Err(_) if is_over => tracing::error!(channel, event, count, cause, "an alarm was given up"),
            // Once a delivery: what fails for a day must not fill the log with it.
            Err(_) if due.attempts == 1 => {
                tracing::warn!(channel, event, count, cause, "an alarm could not be delivered; it is tried again");
            }
            Err(_) => {}
        }
        let noted = if cause.is_none() || is_over {
            self.ledger.close(&due).await
        } else {
            self.ledger.postpone(&due, wait(due.attempts, self.ledger.givens.random())).await
        };
        if let Err(cause) = noted {
            // The lease ends by itself, and then it is tried once more, under the same id.
            let cause = crate::error::describe(&cause);
            tracing::warn!(channel, event, cause, "what became of an alarm could not be noted");
        }
    }

    async fn deliver(&self, due: &Due) -> anyhow::Result<()> {
        let way = self.ways.iter().find(|way| way.channel() == due.channel).context("this way out is closed")?;
        match way {
            Way::Webhook(client, webhook) => {
                let body = Body { event: &due.event, count: due.told, delivery: due.delivery };
                let body = serde_json::to_vec(&body)?;
                let signature = signature::sign(&webhook.secret, self.ledger.givens.now(), &body);
                client.post(&webhook.endpoint, Letter { signature, body }).await
            }
            Way::Mail(sender, recipient) => {
                let (subject, text) = (letter::subject(due), letter::text(&self.service, due));
                let sending = sender.send(due.delivery, recipient.as_str(), &subject, text);
                timeout(MAILING, sending).await.context("the mail server takes too long")?
            }
        }
    }
}

/// Somewhere in its upper half, by chance: deliveries that failed together should not come back together.
fn wait(attempts: i32, [chance]: [u8; 1]) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    let whole = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
    whole / 2 + whole / 2 * (f64::from(chance) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{client, ledger::LEASE},
        *,
    };

    #[test]
    fn each_wait_is_twice_as_long_up_to_an_hour_and_chance_takes_up_to_half_of_it() {
        for (attempts, seconds) in [(1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (12, 3600), (i32::MAX, 3600)] {
            assert_eq!(wait(attempts, [255]), Duration::seconds(seconds));
            assert_eq!(wait(attempts, [0]), Duration::seconds(seconds) / 2);
        }
    }

    /// Else another replica would take a delivery that is still under way.
    #[test]
    fn a_lease_outlives_every_attempt() {
        assert!(MAILING < LEASE.unsigned_abs() && client::IN_ALL < LEASE.unsigned_abs());
    }
}
