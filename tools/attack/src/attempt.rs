//! What a running case holds in its hands.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    actors::{ApiKey, Cast, Lane, Person},
    case::Trouble,
    forge::{Jwt, PublicKey, SigningKey},
    target::Target,
    wire::{Raw, Request, Socket, Wire},
};

/// One running of one case. All of it works through `&self`, so that a case can do several things at once.
pub struct Attempt {
    pub target: Arc<Target>,
    pub wire: Wire,
    pub(crate) expected: Mutex<String>,
    pub(crate) cast: Arc<Cast>,
    pub(crate) lane: Arc<tokio::sync::Mutex<Lane>>,
}

/// A path that a bearer token opens.
#[derive(Clone, Debug)]
pub struct Door {
    pub path: String,
    pub token: String,
}

impl Attempt {
    pub(crate) fn new(target: &Arc<Target>, cast: &Arc<Cast>, lane: &Arc<tokio::sync::Mutex<Lane>>) -> Self {
        let wire = Wire::new(Arc::clone(target));
        Self { target: Arc::clone(target), wire, expected: Mutex::default(), cast: cast.clone(), lane: lane.clone() }
    }

    /// What a target that is safe does, as a sentence for the report. Say it first.
    pub fn expect(&self, what: impl Into<String>) {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    /// A control of the case's own: if this does not hold, the case has no verdict.
    pub fn control(&self, held: bool, what: &str) -> Result<(), Trouble> {
        if held {
            self.wire.record.controls.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Err(Trouble::Broken(format!("the control failed: {what}")))
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        self.wire.request(method, path)
    }

    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request("POST", path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Request {
        self.request("PATCH", path).json(body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Request {
        self.request("PUT", path).json(body)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// Bytes as they are.
    pub fn raw(&self, bytes: impl Into<Vec<u8>>) -> Raw {
        Raw::new(&self.wire, bytes)
    }

    /// A connection to write to and read from at will; `protocols` is what ALPN offers, as `&[b"h2"]`.
    pub async fn socket(&self, protocols: &[&[u8]]) -> Result<Socket, Trouble> {
        Socket::open(&self.wire, protocols).await
    }

    /// The same without TLS, also where the target speaks it.
    pub async fn socket_without_tls(&self) -> Result<Socket, Trouble> {
        Socket::open_without_tls(&self.wire).await
    }

    /// Somebody without privileges, signed in. Nobody else uses the account meanwhile, but later cases do: do not end the
    /// session or change its password.
    pub async fn user(&self) -> Result<Person, Trouble> {
        self.lane.lock().await.user(&self.cast).await
    }

    /// Somebody else without privileges.
    pub async fn other_user(&self) -> Result<Person, Trouble> {
        self.lane.lock().await.other_user(&self.cast).await
    }

    /// An account made for this case, signed in: do with it what you like.
    pub async fn fresh_user(&self) -> Result<Person, Trouble> {
        self.cast.fresh().await
    }

    /// One more session of the same person.
    pub async fn sign_in(&self, person: &Person) -> Result<Person, Trouble> {
        self.cast.sign_in(&person.email, &person.password).await
    }

    /// A key of this person's, who must have signed in lately; a person may make ten an hour.
    pub async fn api_key(&self, person: &Person, scopes: &[&str]) -> Result<ApiKey, Trouble> {
        let body = json!({"name": "A key to try", "scopes": scopes, "expires_at": tomorrow()?});
        let request = self.post("/v1/users/me/api-keys", &body).by(person).note(format!("A key with {scopes:?}"));
        let made = request.send().await?.must_work("a key is made")?;
        Ok(ApiKey { id: made.string("/id"), key: made.string("/key") })
    }

    /// Shared by all cases: change nothing of it.
    pub async fn editor(&self) -> Result<Person, Trouble> {
        self.cast.editor().await
    }

    /// Shared by all cases: change nothing of it.
    pub async fn admin(&self) -> Result<Person, Trouble> {
        self.cast.admin().await
    }

    /// The newest token that was mailed to this address under this subject's words (as `Confirm`); waits a little.
    pub async fn mailed_token(&self, email: &str, subject: &str) -> Result<String, Trouble> {
        self.cast.mailed_token(email, subject).await
    }

    /// A path that a token opens, on any API; checked here, so that it is the case's control too.
    pub async fn door(&self) -> Result<Door, Trouble> {
        let door = match (&self.target.protected, &self.target.token) {
            (Some(path), Some(token)) => Door { path: path.clone(), token: token.clone() },
            _ => Door { path: "/v1/users/me".to_owned(), token: self.user().await?.access },
        };
        let genuine = self.get(&door.path).bearer(&door.token).note("Control: the genuine token");
        genuine.send().await?.must_work("the genuine token opens it")?;
        let nobody = self.get(&door.path).note("Control: no token").send().await?;
        self.control(
            !nobody.is_success(),
            &format!("{} is open to everybody, so no token proves anything", door.path),
        )?;
        Ok(door)
    }

    /// The token of a door, taken apart.
    pub async fn jwt_door(&self) -> Result<(Door, Jwt), Trouble> {
        let door = self.door().await?;
        let jwt = Jwt::read(&door.token).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
        Ok((door, jwt))
    }

    /// The public half of the key that this token names, as the target publishes it.
    pub async fn public_key(&self, genuine: &Jwt) -> Result<PublicKey, Trouble> {
        let published =
            self.get("/.well-known/jwks.json").note("The public keys, for everybody to read").send().await?.json();
        let mut keys = published["keys"].as_array().into_iter().flatten();
        let named = keys.find(|key| key["kid"] == genuine.header["kid"]).cloned();
        let jwk = named.ok_or_else(|| Trouble::Skipped("it publishes no key of that name".to_owned()))?;
        Ok(PublicKey { jwk })
    }

    /// The key that signed this token.
    pub fn signing_key(&self, genuine: &Jwt) -> Result<&SigningKey, Trouble> {
        let found = self.target.keys.iter().find(|key| key.signed(genuine));
        found.ok_or_else(|| Trouble::Skipped("none of the known keys signed its token".to_owned()))
    }
}

/// RFC 3339, as APIs want it.
pub(crate) fn tomorrow() -> Result<String, Trouble> {
    let then = OffsetDateTime::now_utc() + Duration::days(1);
    then.format(&Rfc3339).map_err(|error| Trouble::Broken(error.to_string()))
}
