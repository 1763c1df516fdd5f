//! Whose counts decide: Redis's, which all replicas share, or this process's own, while Redis is not set or not there.
//!
//! Redis must not become a way to stop the service or its limits. So a charge waits for it only briefly; the first that
//! waits in vain hangs up, and from then on nobody asks Redis until a proof, once a second, finds it back. In between,
//! each replica goes on with its own counts: limits are never dropped, only no longer added up. Those counts are not
//! fresh: what a replica lets through it counts for itself too, so that who brings Redis down wins no more than the
//! replicas apart would have given him. The other way round nothing is carried over: Redis does not hear of what was let
//! through in between.
//!
//! While Redis answers, its word alone counts. To be refused by either was rejected: a sign-in at one replica gives
//! an e-mail's budget back, and the others' own counts do not hear of it.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::hmac;
use tokio::{sync::Notify, time::timeout};

use super::{
    Class, Decision, Key, Limiter, Settings, Tally,
    shared::{Failure, Line, Redis},
};
use crate::{
    security::secret::Secret,
    types::{Givens, Timestamp},
};

/// How long one charge waits. A hundred times what a neighbour needs; and it is waited for once, not by every request.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long to connect, to prove a connection, or to answer readiness: nobody waits at a door for these.
const PATIENCE_ASIDE: Duration = Duration::from_millis(900);
/// How often Redis is asked whether it is (still, again) there.
const PROOF_EVERY: Duration = Duration::from_secs(1);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Lost,
    Shared,
}

pub struct Limits {
    own: Limiter,
    redis: Option<Redis>,
    /// `None`: Redis is not asked.
    line: RwLock<Option<Line>>,
    hung_up: Notify,
    tallies: [Tally; Class::ALL.len()],
}

impl Limits {
    /// `secret` is the same for all replicas: under it their names for one client are the same.
    pub fn new(mut settings: Settings, secret: &Secret<Vec<u8>>, givens: &Givens) -> Self {
        let hiding = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let redis = settings.redis.take().map(|address| Redis::new(address, hiding));
        let own = Limiter::new(settings, givens);
        Self { own, redis, line: RwLock::default(), hung_up: Notify::new(), tallies: Default::default() }
    }

    /// Takes one request from a budget, unless it is spent.
    pub async fn charge(&self, class: Class, key: &Key<'_>, now: Timestamp) -> Decision {
        let decision = match self.charge_shared(class, key).await {
            Some(refused) if !refused.allowed => refused,
            Some(allowed) => {
                self.own.charge(class, key, now);
                allowed
            }
            None => self.own.charge(class, key, now),
        };
        self.tallies[class as usize].note(decision.allowed);
        decision
    }

    /// Gives the whole budget back: after a successful login, the e-mail's.
    pub async fn clear(&self, class: Class, key: &Key<'_>) {
        self.own.clear(class, key);
        if let Some((redis, mut line)) = self.asked() {
            let name = redis.name(class, self.own.settings().rule(class), key);
            self.heard(PATIENCE, line.clear(&name)).await;
        }
    }

    /// Whether what the settings ask for is there: without Redis always, with it while it answers.
    pub async fn ready(&self) -> bool {
        match (&self.redis, self.asked()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some((_, mut line))) => self.heard(PATIENCE_ASIDE, line.prove()).await.is_some(),
        }
    }

    /// Before the first request, so that a start in order is never counted apart. It may fail: then `watch` goes on trying.
    pub async fn connect(&self) {
        let Some(redis) = &self.redis else { return };
        // Boxed: what it takes to connect would make everything larger that waits for this.
        match timeout(PATIENCE_ASIDE, Box::pin(redis.open())).await {
            Ok(Ok(line)) => *self.line.write().unwrap_or_else(PoisonError::into_inner) = Some(line),
            Ok(Err(cause)) => tracing::debug!(cause = %cause, "Redis cannot be reached"),
            Err(_) => tracing::debug!("Redis did not answer in time"),
        }
    }

    /// Looks after the connection for as long as the process lives, and says once when it is lost and once when it is
    /// back: also when no request comes that would notice.
    pub async fn watch(&self, tell: impl Fn(Change)) {
        let mut shared = true;
        while self.redis.is_some() {
            let present = self.asked().is_some();
            if present != shared {
                shared = present;
                tell(if shared { Change::Shared } else { Change::Lost });
            }
            // Who hangs up has to be heard first: else the connection is back before its loss was told.
            if timeout(PROOF_EVERY, self.hung_up.notified()).await.is_ok() {
                continue;
            }
            if shared {
                self.ready().await;
            } else {
                self.connect().await;
            }
        }
    }

    /// For the bounds on memory: see `Limiter::sweep`. What Redis keeps ends by itself.
    pub fn sweep(&self, now: Timestamp) {
        self.own.sweep(now);
    }

    /// How often this class allowed a request here, and how often it did not.
    pub const fn tally(&self, class: Class) -> &Tally {
        &self.tallies[class as usize]
    }

    /// How many budgets this replica counts, by class and kind of key.
    pub fn held(&self) -> impl Iterator<Item = (Class, &'static str, usize)> {
        self.own.held()
    }

    /// Whether replicas are to count together, and whether they do.
    pub fn sharing(&self) -> (bool, bool) {
        (self.redis.is_some(), self.asked().is_some())
    }

    async fn charge_shared(&self, class: Class, key: &Key<'_>) -> Option<Decision> {
        let (redis, mut line) = self.asked()?;
        let rule = self.own.settings().rule(class);
        let name = redis.name(class, rule, key);
        self.heard(PATIENCE, line.charge(class, rule, &name)).await
    }

    fn asked(&self) -> Option<(&Redis, Line)> {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.redis.as_ref().zip(line)
    }

    /// What Redis said; or it is hung up on. One that was late may have counted the request all the same, which is then
    /// counted twice: the side to err on.
    async fn heard<T>(&self, patience: Duration, answer: impl Future<Output = Result<T, Failure>>) -> Option<T> {
        let cause = match timeout(patience, answer).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        // Many may find out at once; one of them says so.
        if self.line.write().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::warn!(cause, "Redis is lost: each replica counts for itself");
            self.hung_up.notify_one();
        }
        None
    }
}
