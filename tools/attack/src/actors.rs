//! People who are signed in. Accounts cost a password hash each, so they are kept and lent out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::Mutex, time::sleep};

use crate::{
    case::Trouble,
    target::{Login, Target},
    wire::Wire,
};

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub password: String,
    pub access: String,
    pub refresh: String,
    since: Instant,
}

/// A program's key, as it was shown once.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: String,
    pub key: String,
}

/// Everybody there is.
pub(crate) struct Cast {
    target: Arc<Target>,
    user: Mutex<Option<Person>>,
    editor: Mutex<Option<Person>>,
    admin: Mutex<Option<Person>>,
    /// No two accounts of a run, or of two runs, have one name.
    run: String,
    next: AtomicU32,
}

/// The two accounts that cases of one lane use one after another.
#[derive(Default)]
pub(crate) struct Lane {
    user: Option<(Person, u8)>,
    other: Option<(Person, u8)>,
}

/// A lane's account is replaced after so many cases: they share its budget of requests.
const CASES_PER_ACCOUNT: u8 = 12;
/// Well within the life of any access token.
const FRESH_FOR: Duration = Duration::from_mins(4);

impl Lane {
    pub(crate) async fn user(&mut self, cast: &Cast) -> Result<Person, Trouble> {
        // From one address few accounts can be made, and they are for cases that cannot do without.
        let target = &cast.target;
        let one_address = !target.base.has_many_addresses() && target.credentials.user.is_some();
        if one_address || !target.makes_accounts() {
            return seated(&cast.user, cast, target.credentials.user.as_ref(), "user").await;
        }
        lent(&mut self.user, cast).await
    }

    pub(crate) async fn other_user(&mut self, cast: &Cast) -> Result<Person, Trouble> {
        lent(&mut self.other, cast).await
    }
}

async fn lent(seat: &mut Option<(Person, u8)>, cast: &Cast) -> Result<Person, Trouble> {
    if let Some((person, used)) = seat
        && *used < CASES_PER_ACCOUNT
        && person.since.elapsed() < FRESH_FOR
    {
        *used += 1;
        return Ok(person.clone());
    }
    let person = cast.fresh().await?;
    *seat = Some((person.clone(), 1));
    Ok(person)
}

async fn seated(
    seat: &Mutex<Option<Person>>,
    cast: &Cast,
    login: Option<&Login>,
    who: &str,
) -> Result<Person, Trouble> {
    let mut seat = seat.lock().await;
    if let Some(person) = seat.as_ref().filter(|person| person.since.elapsed() < FRESH_FOR) {
        return Ok(person.clone());
    }
    let login = login.ok_or_else(|| Trouble::Skipped(format!("no {who} to sign in as")))?;
    let person = cast.sign_in(&login.email, &login.password).await?;
    *seat = Some(person.clone());
    Ok(person)
}

impl Cast {
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        let mut seed = [0; 6];
        let _ = aws_lc_rs::rand::fill(&mut seed);
        let run = data_encoding::HEXLOWER.encode(&seed);
        let (user, editor, admin) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { target: Arc::clone(target), user, editor, admin, run, next: AtomicU32::new(1) }
    }

    pub(crate) async fn editor(&self) -> Result<Person, Trouble> {
        seated(&self.editor, self, self.target.credentials.editor.as_ref(), "editor").await
    }

    pub(crate) async fn admin(&self) -> Result<Person, Trouble> {
        seated(&self.admin, self, self.target.credentials.admin.as_ref(), "administrator").await
    }

    /// Registers, confirms the address and signs in: each from an address of its own, for each has a budget of its own.
    pub(crate) async fn fresh(&self) -> Result<Person, Trouble> {
        if !self.target.makes_accounts() {
            return Err(Trouble::Skipped("no new account: no registration whose mail can be read".to_owned()));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let email = format!("guest-{}-{number}@attack.example", self.run);
        let password = self.register(&email, number).await?;
        let token = self.mailed_token(&email, "Confirm").await?;
        self.post("/v1/auth/verify-email", &json!({"token": token})).await?.must_work("its address is confirmed")?;
        self.sign_in(&email, &password).await
    }

    /// A filter of breached passwords takes a few innocent ones for breached: then it is another one.
    async fn register(&self, email: &str, number: u32) -> Result<String, Trouble> {
        let mut words = ["lantern", "orchard", "violin"].into_iter();
        loop {
            let word = words.next().unwrap_or("harbour");
            let password = format!("Quiet-ferry-{}-{number}-{word}", self.run);
            let guest = json!({"email": email, "name": "A guest", "password": password});
            let answer = self.post("/v1/auth/register", &guest).await?;
            if answer.status != 400 || word == "harbour" {
                answer.must_work("an account is registered")?;
                return Ok(password);
            }
        }
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<Person, Trouble> {
        let answer = self.post("/v1/auth/login", &json!({"email": email, "password": password})).await?;
        let answer = answer.must_work("somebody signs in")?;
        let (access, refresh) = (answer.string("/access_token"), answer.string("/refresh_token"));
        let mut person = Person {
            id: String::new(),
            email: email.to_owned(),
            password: password.to_owned(),
            access,
            refresh,
            since: Instant::now(),
        };
        let claims = crate::forge::Jwt::read(&person.access).map(|jwt| jwt.claims);
        person.id = claims.and_then(|claims| claims["sub"].as_str().map(str::to_owned)).unwrap_or_default();
        Ok(person)
    }

    pub(crate) async fn mailed_token(&self, email: &str, subject: &str) -> Result<String, Trouble> {
        let wire = Wire::silent(Arc::clone(&self.target));
        for _ in 0..200 {
            let mails = wire.request("GET", "/dev/mailbox.json").send().await?.json();
            let found = mails["items"].as_array().into_iter().flatten().find(|mail| {
                mail["to"] == email && mail["subject"].as_str().is_some_and(|found| found.contains(subject))
            });
            if let Some(token) = found.and_then(|mail| mail["token"].as_str()) {
                return Ok(token.to_owned());
            }
            sleep(Duration::from_millis(25)).await;
        }
        Err(Trouble::Broken(format!("no mail \"{subject}\" to {email} came")))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<crate::wire::Answer, Trouble> {
        Wire::silent(Arc::clone(&self.target)).request("POST", path).json(body).send().await
    }
}
