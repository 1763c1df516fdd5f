//! Alarms: attacks are told to somebody who is awake, by a webhook, by mail, or by both.
//!
//! The trail itself (`security_events`, in the order of its chain) is what alarms are made of, and what was told of it
//! stands in the database: a service that is restarted, or runs as several replicas, loses none and tells none twice. A
//! receiver that is slow, or gone for a day, holds up nothing else, and hears of it when it is back.
//!
//! Reading order: `gather` (what there is to tell) → `ledger` (what was told) → `worker` (who tells it, and again) →
//! `target`, `client`, `signature` (the webhook, on top of `outbound`) → `letter` (the mail).

mod client;
mod gather;
mod ledger;
mod letter;
mod signature;
mod target;
mod worker;

use std::sync::Arc;

use lettre::Address;

use self::client::Client;
pub use self::worker::Worker;
use crate::{outbound::Endpoint, security::secret::Secret, settings::Env, types::Email};

/// Who is told; nobody, where nothing is set.
#[derive(Clone, Default)]
pub struct Settings {
    pub webhook: Option<Webhook>,
    pub email: Option<Email>,
}

#[derive(Clone)]
pub struct Webhook {
    endpoint: Endpoint,
    secret: Arc<Secret<String>>,
    allow_private: bool,
}

/// As much as the code has bits (RFC 2104 section 3), if each character is worth a byte.
const SHORTEST_SECRET: usize = 32;

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let allow_private = env.switch("ALERT_WEBHOOK_ALLOW_PRIVATE", false);
        let endpoint = env.optional("ALERT_WEBHOOK_URL", Endpoint::parse);
        let secret = env.optional("ALERT_WEBHOOK_SECRET", |text| match text.chars().count() {
            SHORTEST_SECRET.. => Ok(Secret::new(text.to_owned())),
            _ => Err("is a secret of at least 32 characters (`openssl rand -base64 32`)"),
        });
        if env.is_set("ALERT_WEBHOOK_URL") && !env.is_set("ALERT_WEBHOOK_SECRET") {
            env.refuse("ALERT_WEBHOOK_SECRET", "must be set with ALERT_WEBHOOK_URL: the receiver knows us by it");
        }
        // In one's own network plain HTTP may be what there is; what crosses other people's is not for them to read.
        if env.production && !allow_private && endpoint.as_ref().is_some_and(|endpoint| endpoint.tls.is_none()) {
            env.refuse("ALERT_WEBHOOK_URL", "is https in production, unless ALERT_WEBHOOK_ALLOW_PRIVATE is 1");
        }
        let webhook = endpoint.zip(secret);
        Self {
            webhook: webhook.map(|(endpoint, secret)| Webhook { endpoint, secret: Arc::new(secret), allow_private }),
            email: env.optional("ALERT_EMAIL", |text| {
                let address: Result<Address, _> = text.parse();
                address.map(|_| Email::trimmed(text)).map_err(|_| "is an e-mail address")
            }),
        }
    }

    pub const fn nobody(&self) -> bool {
        self.webhook.is_none() && self.email.is_none()
    }
}

impl Webhook {
    /// Why no alarm would reach the receiver, as things are now; for whoever wants to know before there is one.
    pub async fn trouble(&self) -> Option<String> {
        let looked = async { Client::new(self.allow_private)?.addresses(&self.endpoint).await };
        looked.await.err().map(|cause| format!("{cause:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn mistakes(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        Settings::read(&mut env);
        env.mistakes()
    }

    #[test]
    fn a_webhook_needs_a_secret_that_is_long_enough() {
        let url = ("ALERT_WEBHOOK_URL", "https://alerts.example.com/");
        assert_eq!(mistakes(&[url, ("ALERT_WEBHOOK_SECRET", SECRET)]), [""; 0]);
        for secret in ["", &SECRET[1..]] {
            let mistakes = mistakes(&[url, ("ALERT_WEBHOOK_SECRET", secret)]);
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(mistakes[0].starts_with("ALERT_WEBHOOK_SECRET ") && !mistakes[0].contains(&SECRET[1..]));
        }
    }

    #[test]
    fn production_posts_over_tls_unless_the_receiver_is_in_its_own_network() {
        let http = [("ALERT_WEBHOOK_URL", "http://alerts.internal/"), ("ALERT_WEBHOOK_SECRET", SECRET)];
        let production = [http.as_slice(), &[("APP_ENV", "production")]].concat();
        assert_eq!(mistakes(&http), [""; 0]);
        assert_eq!(mistakes(&production).len(), 1);
        assert_eq!(mistakes(&[production.as_slice(), &[("ALERT_WEBHOOK_ALLOW_PRIVATE", "1")]].concat()), [""; 0]);
    }

    #[test]
    fn a_wrong_address_is_named_and_not_repeated() {
        for (name, value) in [
            ("ALERT_WEBHOOK_URL", "https://hunter2:hunter2@alerts.example.com/"),
            ("ALERT_WEBHOOK_URL", "https://alerts.example.com/#hunter2"),
            ("ALERT_EMAIL", "hunter2"),
            ("ALERT_EMAIL", "Hunter2 <a@example.com>"),
            ("ALERT_EMAIL", "a@example.com, hunter2@example.com"),
        ] {
            let mistakes = mistakes(&[(name, value), ("ALERT_WEBHOOK_SECRET", SECRET)]);
            assert_eq!(mistakes.len(), 1, "{value}");
            assert!(mistakes[0].starts_with(name) && !mistakes[0].contains("unter2"), "{mistakes:?}");
        }
    }
}
