//! The way out: a folder of `.eml` files, or a mail server.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::PathBuf, time::Duration as Pause};

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use uuid::Uuid;

use super::{Settings, Target};

/// Where mail goes, opened.
#[derive(Clone)]
pub struct Sender {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Folder(PathBuf),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

impl Sender {
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        let way = match &settings.target {
            Target::Folder(folder) => {
                // For its owner alone: the tokens in the mails open accounts.
                let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.with_context(|| format!("make the folder {}", folder.display()))?;
                Way::Folder(folder.clone())
            }
            Target::Server(url) => {
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()).context("MAIL_URL")?;
                Way::Server(server.timeout(Some(Pause::from_secs(30))).build())
            }
        };
        Ok(Self { from: settings.from.clone(), way })
    }

    /// A mail in plain text. An `.eml` file is named by the id: the same mail, sent again, is one file.
    pub async fn send(&self, id: Uuid, recipient: &str, subject: &str, text: String) -> anyhow::Result<()> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.parse().context("the recipient's address")?))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .context("compose the mail")?;
        self.hand_over(id, message).await
    }

    async fn hand_over(&self, id: Uuid, message: Message) -> anyhow::Result<()> {
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
