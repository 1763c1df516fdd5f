//! One of everything that somebody can own.

use serde_json::{Value, json};

use crate::{actors::Person, attempt::Attempt, case::Trouble, forge::Jwt};

pub struct Belongings {
    pub owner: Person,
    /// A second session of the owner's.
    pub session: Person,
    pub session_id: String,
    pub draft: String,
    pub key: String,
    pub key_id: String,
}

impl Belongings {
    pub async fn of_somebody(attempt: &Attempt) -> Result<Self, Trouble> {
        let owner = attempt.fresh_user().await?;
        let session = attempt.sign_in(&owner).await?;
        let session_id = Jwt::read(&session.access).map(|jwt| jwt.text("sid")).unwrap_or_default();
        if session_id.is_empty() {
            return Err(Trouble::Skipped("its tokens do not name their session".to_owned()));
        }
        let made = key(attempt, &owner, &["profile:read"]).await?;
        let draft = draft(attempt, &owner).await?;
        let (key, key_id) = (made["key"].as_str(), made["id"].as_str());
        let (key, key_id) = (key.unwrap_or_default().to_owned(), key_id.unwrap_or_default().to_owned());
        Ok(Self { owner, session, session_id, draft, key, key_id })
    }

    pub fn ids(&self) -> [&str; 4] {
        [&self.owner.id, &self.session_id, &self.draft, &self.key_id]
    }

    /// Is all of it still there? What a thief was told says little: what counts is what happened.
    pub async fn untouched(&self, attempt: &Attempt) -> Result<bool, Trouble> {
        let path = format!("/v1/articles/{}", self.draft);
        let draft = attempt.get(&path).by(&self.owner).note("Is the draft still there?").send().await?;
        let session = attempt.get("/v1/users/me").by(&self.session).note("Does the session live?").send().await?;
        let key = attempt.get("/v1/users/me").header("x-api-key", &self.key).note("Does the key work?").send().await?;
        let untouched = draft.string("/title") == "Not for you" && session.string("/status") == "active";
        Ok(untouched && session.string("/name") == "A guest" && key.is_success())
    }
}

/// A draft of this person's; its id.
pub async fn draft(attempt: &Attempt, owner: &Person) -> Result<String, Trouble> {
    let draft = json!({"title": "Not for you", "body": "A secret of mine"});
    let request = attempt.post("/v1/articles", &draft).by(owner);
    Ok(request.send().await?.must_work("a draft is written")?.string("/id"))
}

/// An API key of this person's, as it is shown once.
pub async fn key(attempt: &Attempt, owner: &Person, scopes: &[&str]) -> Result<Value, Trouble> {
    let body = json!({"name": "A robot", "scopes": scopes, "expires_at": tomorrow(owner)});
    let answer = attempt.post("/v1/users/me/api-keys", &body).by(owner).limits_count().send().await?;
    if answer.status == 429 {
        return Err(Trouble::Skipped("this account has made as many keys as it may for now".to_owned()));
    }
    Ok(answer.must_work("a key is made")?.json())
}

/// By the target's clock, as its tokens tell it.
pub fn tomorrow(of: &Person) -> String {
    let expiry = Jwt::read(&of.access).map_or(0, |jwt| jwt.number("exp"));
    let then = time::UtcDateTime::from_unix_timestamp(expiry + 86_400).unwrap_or(time::UtcDateTime::UNIX_EPOCH);
    format!("{}-{:02}-{:02}T00:00:00Z", then.year(), u8::from(then.month()), then.day())
}
