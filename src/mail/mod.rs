//! Mail: committed with the change that causes it (an outbox table), sent afterwards by a worker with retries, to `.eml`
//! files in development and by SMTP in production.
//!
//! A row of the outbox says which mail, not what is in it. The single-use token that a mail carries is made at the moment
//! of sending and only its hash is kept, so its plain form never rests in the database.

mod sender;
mod template;
mod worker;

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use sqlx::PgConnection;
use tokio::sync::Notify;
use uuid::Uuid;

pub use self::{sender::Sender, template::Template, worker::Worker};
use crate::{
    security::{client_address::ClientAddress, secret::Secret},
    settings::{Env, is_this_machine},
    types::{Email, Givens},
};

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

impl Target {
    /// Whether mails, which hold tokens that open accounts, leave this machine without TLS (ASVS 12.3.1). `doctor` says so
    /// and nothing refuses it: a relay in one's own cluster often has no certificate.
    pub fn is_open_to_readers(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Server(url) => !is_sealed(url.expose()) && !is_this_machine(host(url.expose())),
        }
    }
}

/// `tls=opportunistic` is not: whoever sits in between says that there is none.
fn is_sealed(url: &str) -> bool {
    url.starts_with("smtps://") || url.split_once('?').is_some_and(|(_, query)| query == "tls=required")
}

/// What stands between user and port.
fn host(url: &str) -> &str {
    let authority = url.trim_start_matches("smtp://").split(['/', '?']).next().unwrap_or_default();
    let named = authority.rsplit('@').next().unwrap_or_default();
    let port = named.rfind(':').filter(|at| named[*at..].bytes().skip(1).all(|byte| byte.is_ascii_digit()));
    &named[..port.unwrap_or(named.len())]
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
    ) -> sqlx::Result<Uuid> {
        insert(tx, givens, template, recipient, user, None).await
    }

    /// The same, for a mail that tells the owner of an account what was done to it, and from where.
    pub async fn notify(
        &self,
        tx: &mut PgConnection,
        givens: &Givens,
        template: Template,
        owner: (Uuid, &Email),
        client: IpAddr,
    ) -> sqlx::Result<Uuid> {
        let (user, recipient) = owner;
        insert(tx, givens, template, recipient, Some(user), Some(ClientAddress(client))).await
    }

    /// For who must not show by their speed whether there is anybody to write to: for nobody the mail is written too, and
    /// taken back before it commits.
    pub async fn put_or_pretend(
        &self,
        tx: &mut PgConnection,
        givens: &Givens,
        template: Template,
        recipient: &Email,
        user: Option<Uuid>,
    ) -> sqlx::Result<()> {
        let id = self.put(tx, givens, template, recipient, user).await?;
        if user.is_none() {
            sqlx::query!("delete from mail_outbox where id = $1", id).execute(tx).await?;
        }
        Ok(())
    }

    /// The mails with a token that still wait for this user: nobody needs them after a change of what they were for, and
    /// each would bring a fresh token into the world.
    pub async fn withdraw(&self, tx: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
        let with_token = Template::ALL.into_iter().filter(|template| template.ticket().is_some());
        let names: Vec<_> = with_token.map(|template| template.name().to_owned()).collect();
        sqlx::query!("delete from mail_outbox where user_id = $1 and template = any($2)", user, &names)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// To be called after the commit; the worker finds the mail without it too, only later.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    async fn woken(&self) {
        self.wake.notified().await;
    }
}

async fn insert(
    tx: &mut PgConnection,
    givens: &Givens,
    template: Template,
    recipient: &Email,
    user: Option<Uuid>,
    client: Option<ClientAddress>,
) -> sqlx::Result<Uuid> {
    let id = givens.new_id();
    sqlx::query!(
        r#"
        insert into mail_outbox (id, recipient, template, user_id, client_network, queued_at, next_attempt_at)
        values ($1, $2, $3, $4, $5, $6, $6)
        "#,
        id,
        recipient.as_str(),
        template.name(),
        user,
        client.map(|client| client.masked().to_string()),
        givens.now().0,
    )
    .execute(tx)
    .await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_open_to_readers_where_it_leaves_this_machine_without_tls() {
        let open = |url: &str| target(url).unwrap_or_else(|rule| panic!("{url}: {rule}")).is_open_to_readers();
        for url in [
            "file:.data/mail",
            "smtps://u:p@mail.example.com",
            "smtp://mail.example.com:587?tls=required",
            "smtp://127.0.0.1:25",
            "smtp://localhost",
            "smtp://[::1]:25",
        ] {
            assert!(!open(url), "{url}");
        }
        for url in [
            "smtp://mail.example.com:25",
            "smtp://u:p@mail.example.com",
            "smtp://mail.example.com:587?tls=opportunistic",
            "smtp://localhost@mail.example.com",
            "smtp://mail.example.com/localhost",
            "smtp://localhost.example.com",
        ] {
            assert!(open(url), "{url}");
        }
    }
}
