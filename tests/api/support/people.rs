//! People who use the service, made the way that people are made or, where a test is about something else, quickly.

use std::sync::atomic::{AtomicU32, Ordering};

use drawbridge::security::{access::Role, password::NewPassword, secret::Secret};
use serde_json::json;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Answer, Client, TestApp, until};

pub const PASSWORD: &str = "a long walk over seven wooden bridges";

/// Somebody with an account who has signed in.
pub struct Person {
    pub id: Uuid,
    pub email: String,
    /// Speaks with the access token of the sign-in.
    pub client: Client,
    pub access_token: String,
    pub refresh_token: String,
}

impl TestApp {
    /// A verified account of this role, signed in.
    pub async fn person(&self, role: Role) -> Person {
        let (id, email) = self.account(role).await;
        self.sign_in(id, email).await
    }

    /// A verified account that nobody has signed in to.
    pub async fn account(&self, role: Role) -> (Uuid, String) {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let email = format!("person-{}@example.com", NEXT.fetch_add(1, Ordering::Relaxed));
        let (id, now) = (self.app.givens.new_id(), self.app.givens.now());
        sqlx::query(
            "insert into users (id, email, name, role, password_hash, email_verified_at, created_at, updated_at)
             values ($1, $2, 'Some Person', $3, $4, $5, $5, $5)",
        )
        .bind(id)
        .bind(&email)
        .bind(role.name())
        .bind(self.known_hash().await)
        .bind(now.0)
        .execute(&self.owner)
        .await
        .unwrap();
        (id, email)
    }

    pub async fn sign_in(&self, id: Uuid, email: String) -> Person {
        let client = self.client();
        let tokens = client.login(&email, PASSWORD).await.assert(200).json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access_token, refresh_token) = (text("access_token"), text("refresh_token"));
        Person { id, email, client: client.with_token(&access_token), access_token, refresh_token }
    }

    /// Hashing is slow by design; one hash is enough for all whose password is [`PASSWORD`].
    async fn known_hash(&self) -> &'static str {
        static HASH: OnceCell<String> = OnceCell::const_new();
        let hash = async {
            let password = NewPassword::new(&Secret::new(PASSWORD.to_owned()));
            self.app.passwords.hash(&password).await.unwrap().as_str().to_owned()
        };
        HASH.get_or_init(|| hash).await
    }

    /// The newest mail to this address; waits for the worker to send it.
    pub async fn mail_to(&self, email: &str) -> String {
        until("a mail arrives", async || self.mails_to(email).into_iter().next()).await
    }

    /// A mail to this address that says this; waits for it, also behind others.
    pub async fn mail_saying(&self, email: &str, words: &str) -> String {
        until(words, async || self.mails_to(email).into_iter().find(|mail| mail.contains(words))).await
    }

    /// What has arrived so far, the newest first.
    pub fn mails_to(&self, email: &str) -> Vec<String> {
        let folder = self.folder.path().join("mail");
        let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "eml"));
        // Their names carry the time that the test moves, so it is the file system that knows which is the newest.
        files.sort_by_key(|file| std::fs::metadata(file).unwrap().modified().unwrap());
        let mails = files.iter().rev().map(|file| std::fs::read_to_string(file).unwrap());
        mails.filter(|mail| mail.contains(&format!("To: {email}\r\n"))).collect()
    }

    /// The token in the newest mail to this address.
    pub async fn token_mailed_to(&self, email: &str) -> String {
        let mail = self.mail_to(email).await;
        token_in(&mail).unwrap_or_else(|| panic!("no token in {mail}")).to_owned()
    }

    /// The same without waiting, of the newest mail that has one.
    pub fn newest_token(&self, email: &str) -> Option<String> {
        let mails = self.mails_to(email);
        mails.iter().find_map(|mail| token_in(mail)).map(str::to_owned)
    }

    /// How many of these events the trail holds for the user.
    pub async fn events(&self, user: Uuid, name: &str) -> i64 {
        sqlx::query_scalar("select count(*) from security_events where user_id = $1 and type = $2")
            .bind(user)
            .bind(name)
            .fetch_one(&self.owner)
            .await
            .unwrap()
    }
}

fn token_in(mail: &str) -> Option<&str> {
    mail.lines()
        .map(str::trim)
        .find(|line| line.len() >= 43 && line.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'))
}

impl Client {
    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/v1/auth/login", &json!({ "email": email, "password": password })).send().await
    }

    pub async fn register(&self, email: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "name": name, "password": password });
        self.post("/v1/auth/register", &body).send().await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/v1/auth/refresh", &json!({ "refresh_token": refresh_token })).send().await
    }

    pub async fn me(&self) -> Answer {
        self.get("/v1/users/me").send().await
    }
}
