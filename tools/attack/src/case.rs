//! What a case is, and what can come of it.

use std::{pin::Pin, time::Duration};

use crate::{attempt::Attempt, wire::Exchange};

/// One thing that an attacker tries.
pub struct Case {
    /// In kebab-case, unique and stable: people and scripts name cases by it.
    pub id: &'static str,
    /// What the attacker tries, as a short sentence.
    pub title: &'static str,
    /// The defence that stops it, as the lab names it, when the lab can leave it out.
    pub pillar: Option<&'static str>,
    /// OWASP API Security Top 10, as `API2:2023`.
    pub owasp: &'static [&'static str],
    /// ASVS 5.0.0, as `9.1.2`.
    pub asvs: &'static [&'static str],
    /// What it is, who fell for it, what stops it: 40 to 80 words.
    pub teaching: &'static str,
    /// What the target must have. Without it the case is skipped, with the reason.
    pub needs: &'static [Need],
    /// Nothing else runs meanwhile: for cases that measure time or fill a queue.
    pub alone: bool,
    /// It waits more than it works: it is begun first, and runs beside the others without taking a place from them.
    pub waits: bool,
    pub run: Run,
}

pub type Run = for<'a> fn(&'a Attempt) -> Going<'a>;
pub type Going<'a> = Pin<Box<dyn Future<Output = Result<Verdict, Trouble>> + Send + 'a>>;

/// The rest of a case: `Case { id: …, ..PLAIN }`. A test refuses cases that leave out what they must say.
pub const PLAIN: Case = Case {
    id: "",
    title: "",
    pillar: None,
    owasp: &[],
    asvs: &[],
    teaching: "",
    needs: &[],
    alone: false,
    waits: false,
    run: |_| Box::pin(async { Err(Trouble::Broken("the case has no `run`".to_owned())) }),
};

/// What a case wants of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// An operation of the OpenAPI document: `Operation("PATCH", "/v1/users/me")`.
    Operation(&'static str, &'static str),
    /// An OpenAPI document, whatever it says.
    Document,
    /// A path that a bearer token opens: an account, or `--token` and `--protected`.
    Door,
    /// The same, and the token is a JWT.
    JwtDoor,
    /// The private key that signs the target's tokens (`--keys-dir`).
    SigningKey,
    /// Somebody signed in.
    User,
    /// Two people without privileges.
    TwoUsers,
    /// An account made for this case: registration, and a mailbox that we can read.
    FreshUser,
    Editor,
    Admin,
    /// The target is reached over TLS.
    Tls,
    /// The target is reached without TLS.
    PlainHttp,
    /// The target is on this machine over IPv4, so that each attempt has addresses of its own.
    Addresses,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target did what it should.
    Held,
    /// It did not; what was seen.
    Hole(String),
    /// The target has not what the case wants; why.
    Skipped(String),
    /// The attempt could not be made; why. Never the target's merit.
    Broken(String),
}

/// Why there is no verdict of the case's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The control failed, or the attempt could not be made.
    Broken(String),
    /// The target turned out not to have what the case is about.
    Skipped(String),
    /// The target could not be reached.
    Unreachable(String),
}

/// What came of a case.
#[derive(Clone)]
pub struct Outcome {
    pub case: &'static Case,
    pub family: &'static str,
    pub verdict: Verdict,
    /// What a target that is safe does.
    pub expected: String,
    pub exchanges: Vec<Exchange>,
    pub took: Duration,
}

impl Outcome {
    /// The exchange in which the hole was seen; the last one where the case did not say.
    pub fn telling(&self) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.telling).or_else(|| self.exchanges.last())
    }
}

impl Verdict {
    /// For cases that check several things: the first hole is the verdict.
    pub fn and(self, next: Self) -> Self {
        if self == Self::Held { next } else { self }
    }

    /// Held, or a hole with what was seen.
    pub fn held_if(held: bool, seen: impl FnOnce() -> String) -> Self {
        if held { Self::Held } else { Self::Hole(seen()) }
    }

    pub fn is_hole(&self) -> bool {
        matches!(self, Self::Hole(_))
    }

    /// One word, the same in every report.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Hole(_) => "hole",
            Self::Skipped(_) => "skipped",
            Self::Broken(_) => "broken",
        }
    }

    /// What was seen, or why nothing was.
    pub fn reason(&self) -> &str {
        match self {
            Self::Held => "",
            Self::Hole(text) | Self::Skipped(text) | Self::Broken(text) => text,
        }
    }
}

impl From<Trouble> for Verdict {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Broken(why) | Trouble::Unreachable(why) => Self::Broken(why),
            Trouble::Skipped(why) => Self::Skipped(why),
        }
    }
}
