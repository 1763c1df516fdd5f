//! Mail: committed with the change that causes it (an outbox table), sent afterwards by a worker with retries, to `.eml`
//! files in development and by SMTP in production.
//!
//! A row of the outbox says which mail, not what is in it. The single-use token that a mail carries is made at the moment
//! of sending and only its hash is kept, so its plain form never rests in the database.

use std::{path::PathBuf, sync::Arc, time::Duration as Pause};

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use sqlx::{PgConnection, PgPool};
use time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    security::{secret::Secret, session_token::PlainToken},
    settings::Env,
    types::{Email, Givens},
};

/// How long one attempt keeps a mail from the other workers; longer than a mail server may take.
const LEASE: Duration = Duration::minutes(2);
/// After this many attempts (about a day) a mail is given up.
const ATTEMPTS: i32 = 12;
/// How often the worker looks when nobody wakes it: for mails of other replicas, and for what is to be tried again.
const LOOK: Pause = Pause::from_secs(5);

#[derive(Clone)]
pub struct Settings {
    pub target: Target,
    pub from: Mailbox,
}

/// Where mail goes.
#[derive(Clone)]
pub enum Target {
    /// One `.eml` file a mail.
    Folder(PathBuf),
    /// `smtp://` or `smtps://`, which may hold a password.
    Server(Arc<Secret<String>>),
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        Self {
            target: env.production_must_choose("MAIL_URL", "file:.data/mail", target),
            from: env.production_must_choose("MAIL_FROM", "Drawbridge <no-reply@localhost.localdomain>", |text| {
                text.parse().map_err(|_| "is an address such as `Example <no-reply@example.com>`")
            }),
        }
    }
}

fn target(text: &str) -> Result<Target, &'static str> {
    const RULE: &str = "is `file:FOLDER`, `smtp://HOST:PORT` or `smtps://USER:PASSWORD@HOST`";
    if let Some(folder) = text.strip_prefix("file:") {
        return Ok(Target::Folder(folder.into()));
    }
    AsyncSmtpTransport::<Tokio1Executor>::from_url(text).map_err(|_| RULE)?;
    Ok(Target::Server(Arc::new(Secret::new(text.to_owned()))))
}

/// Every mail there is: an enum that carries what belongs to each, so that nothing is mapped by hand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    VerifyEmail,
    AlreadyRegistered,
}

/// The single-use token in a mail: what it is for, and how long it lives.
struct Ticket {
    purpose: &'static str,
    life: Duration,
}

impl Template {
    const ALL: [Self; 2] = [Self::VerifyEmail, Self::AlreadyRegistered];

    const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AlreadyRegistered => "already_registered",
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::VerifyEmail => "Confirm your e-mail address",
            Self::AlreadyRegistered => "You already have an account",
        }
    }

    const fn ticket(self) -> Option<Ticket> {
        match self {
            Self::VerifyEmail => Some(Ticket { purpose: "verify_email", life: Duration::hours(24) }),
            Self::AlreadyRegistered => None,
        }
    }

    /// ASCII and short lines, so that no mail program wraps or encodes a token; nothing a stranger typed is repeated, so
    /// that nobody can make us send their words (ASVS 1.3.11).
    fn text(self, service: &str, token: &str) -> String {
        match self {
            Self::VerifyEmail => format!(
                "Somebody, probably you, registered this address at\n{service}\n\n\
                 To confirm that it is yours, enter this token within 24 hours:\n\n{token}\n\n\
                 If it was not you, do nothing: without the token the account stays closed.\n"
            ),
            Self::AlreadyRegistered => format!(
                "Somebody, probably you, tried to register this address at\n{service}\n\n\
                 There is an account with it already, and nothing was changed.\n\
                 If you forgot the password, ask for a new one there.\n\
                 If it was not you, do nothing.\n"
            ),
        }
    }
}

/// Puts mails into the outbox, and wakes the worker.
#[derive(Clone, Default)]
pub struct Outbox {
    wake: Arc<Notify>,
}

impl Outbox {
    /// Part of the caller's transaction: the mail exists exactly if the change does.
    pub async fn put(
        &self,
        tx: &mut PgConnection,
        givens: &Givens,
        template: Template,
        recipient: &Email,
        user: Option<Uuid>,
    ) -> sqlx::Result<()> {
        sqlx::query!(
            r#"
            insert into mail_outbox (id, recipient, template, user_id, queued_at, next_attempt_at)
            values ($1, $2, $3, $4, $5, $5)
            "#,
            givens.new_id(),
            recipient.as_str(),
            template.name(),
            user,
            givens.now().0,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// To be called after the commit; the worker finds the mail without it too, only later.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Sends what is due, for as long as the process lives.
pub struct Worker {
    pub pool: PgPool,
    pub givens: Givens,
    pub outbox: Outbox,
    pub sender: Sender,
    pub service: String,
}

/// A mail that this worker has leased.
struct Due {
    id: Uuid,
    recipient: String,
    template: String,
    user_id: Option<Uuid>,
    attempts: i32,
}

impl Worker {
    pub async fn run(self) {
        loop {
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
        let _ = tokio::time::timeout(LOOK, self.outbox.wake.notified()).await;
    }

    /// `false`: nothing is due.
    async fn send_one(&self) -> sqlx::Result<bool> {
        let Some(due) = self.lease().await? else { return Ok(false) };
        match self.send(&due).await {
            Ok(()) => self.forget(due.id).await?,
            Err(cause) if due.attempts >= ATTEMPTS => {
                tracing::error!(cause = %format_args!("{cause:#}"), "a mail was given up");
                self.forget(due.id).await?;
            }
            Err(cause) => tracing::warn!(cause = %format_args!("{cause:#}"), "a mail was not sent; it will be tried again"),
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
            returning id, recipient, template, user_id, attempts
            "#,
            now.0,
            sqlx::postgres::types::PgInterval::try_from(LEASE).expect("two minutes are an interval"),
        )
        .fetch_optional(&self.pool)
        .await
    }

    async fn send(&self, due: &Due) -> anyhow::Result<()> {
        let template = Template::ALL.into_iter().find(|template| template.name() == due.template);
        let template = template.context("a mail of an unknown kind")?;
        let token = self.mint(template, due.user_id).await?;
        let text = template.text(&self.service, token.as_ref().map_or("", |token| token.expose()));
        let message = Message::builder()
            .from(self.sender.from.clone())
            .to(Mailbox::new(None, due.recipient.parse().context("the recipient's address")?))
            .subject(template.subject())
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .context("compose the mail")?;
        self.sender.send(due.id, message).await
    }

    /// A fresh token for this mail. A second attempt makes a second one; both work until one of them was used.
    async fn mint(&self, template: Template, user: Option<Uuid>) -> anyhow::Result<Option<PlainToken>> {
        let (Some(ticket), Some(user)) = (template.ticket(), user) else { return Ok(None) };
        let token = PlainToken::generate(&self.givens);
        let (hash, now) = (token.hash(), self.givens.now());
        sqlx::query!(
            r#"
            insert into one_time_tokens (hash, user_id, purpose, created_at, expires_at)
            values ($1, $2, $3, $4, $5)
            "#,
            hash.as_bytes(),
            user,
            ticket.purpose,
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

/// The way out.
pub struct Sender {
    from: Mailbox,
    way: Way,
}

enum Way {
    Folder(PathBuf),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

impl Sender {
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        let way = match &settings.target {
            Target::Folder(folder) => {
                std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
                Way::Folder(folder.clone())
            }
            Target::Server(url) => {
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()).context("MAIL_URL")?;
                Way::Server(server.timeout(Some(Pause::from_secs(30))).build())
            }
        };
        Ok(Self { from: settings.from.clone(), way })
    }

    async fn send(&self, id: Uuid, message: Message) -> anyhow::Result<()> {
        match &self.way {
            Way::Folder(folder) => {
                // Complete before it has its name: whoever watches the folder never reads half a mail.
                let (hidden, named) = (folder.join(format!(".{id}")), folder.join(format!("{id}.eml")));
                tokio::fs::write(&hidden, message.formatted()).await.context("write the mail")?;
                tokio::fs::rename(&hidden, &named).await.context("name the mail")
            }
            // A mail server's refusal can quote the recipient; its kind is enough to act on.
            Way::Server(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(cause) if cause.is_permanent() => anyhow::bail!("the mail server refused it"),
                Err(cause) if cause.is_transient() => anyhow::bail!("the mail server asked to try later"),
                Err(_) => anyhow::bail!("the mail server cannot be reached"),
            },
        }
    }
}
