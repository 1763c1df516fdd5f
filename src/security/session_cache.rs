//! Threat: a signed token goes on working after a logout, a password change or a suspension, because nobody asks the
//! database any more (OWASP API2; ASVS 7.4.1, 7.4.2, 8.3.2). So somebody asks, on every request; this cache only makes
//! the question cheap. Postgres announces each change that ends or changes a session (`NOTIFY`, by trigger, so that no
//! code can forget to), every replica drops what it held of that user, and an answer counts only while the announcements
//! are known to arrive: a listener proves that a few times a second, and without a fresh proof the cache says nothing.
//!
//! It does not cover the listener itself (`database`) nor what a session may do (`access`).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// How old a proof may be. The contract promises that a revocation works everywhere within one second.
const PROOF_LIFE: Duration = Duration::from_millis(900);

/// Sessions kept at most. Beyond it all are dropped at once: each entry took a sign-in to make, so filling the cache is
/// dear and refilling it costs one query a session. A cleverer eviction would be more to get wrong.
const CAPACITY: usize = 100_000;

/// What is known of live sessions, by user and session.
pub struct SessionCache<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    users: HashMap<Uuid, HashMap<Uuid, T>>,
    held: usize,
    /// Counts what was dropped, so that an answer that was under way meanwhile is not kept.
    dropped: u64,
    proven: Option<Instant>,
    hits: u64,
    misses: u64,
}

/// How well it does, for whoever watches the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub held: usize,
    pub hits: u64,
    pub misses: u64,
    /// Whether announcements are known to arrive. While they are not, each request asks the database.
    pub is_trusted: bool,
}

/// Taken before the database is asked, given back with its answer.
pub struct Ticket(u64);

impl<T: Clone> SessionCache<T> {
    pub fn new() -> Self {
        let state = State { users: HashMap::new(), held: 0, dropped: 0, proven: None, hits: 0, misses: 0 };
        Self { state: Mutex::new(state) }
    }

    pub fn get(&self, user: Uuid, session: Uuid, now: Instant) -> Option<T> {
        let mut state = self.lock();
        let found = state.is_proven(now).then(|| state.users.get(&user)?.get(&session).cloned()).flatten();
        match &found {
            Some(_) => state.hits += 1,
            None => state.misses += 1,
        }
        found
    }

    /// To be taken before the question is asked: a revocation that comes between question and answer would otherwise be
    /// overwritten by the older answer, and stay unseen for as long as the entry lives.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.lock().dropped)
    }

    pub fn put(&self, ticket: &Ticket, user: Uuid, session: Uuid, value: T) {
        let mut state = self.lock();
        if state.dropped != ticket.0 {
            return;
        }
        if state.held >= CAPACITY {
            state.users.clear();
            state.held = 0;
        }
        if state.users.entry(user).or_default().insert(session, value).is_none() {
            state.held += 1;
        }
    }

    /// Something about this user changed.
    pub fn forget(&self, user: Uuid) {
        let mut state = self.lock();
        state.dropped += 1;
        let gone = state.users.remove(&user).map_or(0, |sessions| sessions.len());
        state.held -= gone;
    }

    /// Every announcement made before `at` has arrived.
    pub fn prove(&self, at: Instant) {
        self.lock().proven = Some(at);
    }

    /// The announcements may have been missed: nothing that is held can be believed any more.
    pub fn distrust(&self) {
        let mut state = self.lock();
        state.users.clear();
        state.held = 0;
        state.dropped += 1;
        state.proven = None;
    }

    pub fn counts(&self, now: Instant) -> Counts {
        let state = self.lock();
        Counts { held: state.held, hits: state.hits, misses: state.misses, is_trusted: state.is_proven(now) }
    }

    /// A panic elsewhere while the lock was held leaves a map that is whole: every change above is a single step.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_proven(&self, now: Instant) -> bool {
        self.proven.is_some_and(|at| now.saturating_duration_since(at) < PROOF_LIFE)
    }
}

impl<T: Clone> Default for SessionCache<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const SESSION: Uuid = Uuid::from_u128(3);

    fn proven_at(now: Instant) -> SessionCache<&'static str> {
        let cache = SessionCache::new();
        cache.prove(now);
        cache.put(&cache.ticket(), USER, SESSION, "live");
        cache
    }

    #[test]
    fn it_answers_only_for_the_user_and_session_together() {
        let now = Instant::now();
        let cache = proven_at(now);
        assert_eq!(cache.get(USER, SESSION, now), Some("live"));
        assert_eq!(cache.get(OTHER, SESSION, now), None);
        assert_eq!(cache.get(USER, OTHER, now), None);
    }

    #[test]
    fn a_revoked_user_is_gone_at_once_and_others_stay() {
        let now = Instant::now();
        let cache = proven_at(now);
        cache.put(&cache.ticket(), OTHER, SESSION, "other");
        cache.forget(USER);
        assert_eq!(cache.get(USER, SESSION, now), None);
        assert_eq!(cache.get(OTHER, SESSION, now), Some("other"));
    }

    #[test]
    fn an_answer_that_a_revocation_overtook_is_not_kept() {
        let now = Instant::now();
        let cache = proven_at(now);
        let ticket = cache.ticket();
        cache.forget(USER); // the database had already answered "live"
        cache.put(&ticket, USER, SESSION, "live");
        assert_eq!(cache.get(USER, SESSION, now), None);
    }

    #[test]
    fn without_a_fresh_proof_that_announcements_arrive_it_says_nothing() {
        let now = Instant::now();
        let cache = proven_at(now);
        assert_eq!(cache.get(USER, SESSION, now + PROOF_LIFE), None);
        cache.prove(now + PROOF_LIFE);
        assert_eq!(cache.get(USER, SESSION, now + PROOF_LIFE), Some("live"));
        cache.distrust();
        cache.prove(now + PROOF_LIFE);
        assert_eq!(
            cache.get(USER, SESSION, now + PROOF_LIFE),
            None,
            "what was held before a gap is not believed after"
        );
    }

    #[test]
    fn it_counts_what_it_could_answer_and_says_whether_it_is_believed() {
        let now = Instant::now();
        let cache = proven_at(now);
        cache.get(USER, SESSION, now);
        cache.get(OTHER, SESSION, now);
        assert_eq!(cache.counts(now), Counts { held: 1, hits: 1, misses: 1, is_trusted: true });
        cache.get(USER, SESSION, now + PROOF_LIFE);
        assert_eq!(cache.counts(now + PROOF_LIFE), Counts { held: 1, hits: 1, misses: 2, is_trusted: false });
    }

    #[test]
    fn a_full_cache_starts_again_instead_of_growing() {
        let now = Instant::now();
        let cache = SessionCache::new();
        cache.prove(now);
        for session in 0..=CAPACITY as u128 {
            cache.put(&cache.ticket(), USER, Uuid::from_u128(session), ());
        }
        assert_eq!(cache.lock().held, 1);
    }
}
