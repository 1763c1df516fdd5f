//! Whose count is whose, in bounded memory.
//!
//! A million addresses must not exhaust the memory, so counts have to be dropped; but a count that is dropped is a
//! budget that is given back. The trade: first go those that are whole again (nothing is lost), then those of whom the
//! least is spent, and of these the ones that renew soonest. So a crowd of strangers who asked once each never pushes
//! out the one who has spent everything; to win back ten guesses at a password, an attacker would have to spend ten
//! requests under each of some fifty thousand other keys. Keys of another class or kind are counted in maps of their
//! own and push out nothing here: addresses are cheap (an IPv6 /48 holds 65 536 networks), e-mails tried are not, since
//! each of them costs its address a login. Refusing every new key when memory is full was rejected: then a flood would
//! shut out strangers.
//!
//! `governor`, which drives the flood guard, was not used here. It would take a movable clock, but it knows one strategy
//! of the three, cannot clear a single key, and its map has no bound.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::hmac;

use super::{
    Class, Decision, Settings,
    decision::micros,
    key::{KIND_NAMES, KINDS, Key, Slot},
    rule::Rule,
    strategies::Count,
};
use crate::types::{Givens, Timestamp};

/// How many parts each map has, so that two requests seldom wait for each other.
const SHARDS: usize = 16;
/// The most keys of one class and kind: 65 536.
const MOST_PER_SHARD: usize = 4_096;
/// Room is made for many at once: looking through a whole shard for every new key would be a gift to a flood.
const KEPT_PER_SHARD: usize = MOST_PER_SHARD / 8 * 7;

type Shard = HashMap<Slot, Count>;

pub struct Limiter {
    settings: Settings,
    hiding: hmac::Key,
    /// Keyed by chance, so that nobody can aim at one shard.
    spreading: RandomState,
    shards: Vec<Mutex<Shard>>,
}

impl Limiter {
    pub fn new(settings: Settings, givens: &Givens) -> Self {
        Self {
            settings,
            hiding: hmac::Key::new(hmac::HMAC_SHA256, &givens.random::<32>()),
            spreading: RandomState::new(),
            shards: (0..Class::ALL.len() * KINDS * SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes one request from a budget, unless it is spent.
    pub fn charge(&self, class: Class, key: &Key<'_>, now: Timestamp) -> Decision {
        let (rule, now) = (self.settings.rule(class), micros(now));
        let slot = key.slot(&self.hiding);
        let mut shard = self.shard(class, slot);
        if shard.len() >= MOST_PER_SHARD && !shard.contains_key(&slot) {
            make_room(&mut shard, rule, now);
        }
        let charge = shard.entry(slot).or_insert_with(|| Count::unspent(rule, now)).charge(rule, now);
        Decision::new(class, rule, charge, now)
    }

    /// Gives the whole budget back: after a successful login, the e-mail's.
    pub fn clear(&self, class: Class, key: &Key<'_>) {
        let slot = key.slot(&self.hiding);
        self.shard(class, slot).remove(&slot);
    }

    /// Forgets every budget that is whole again. To be called every minute or so; correctness does not hang on it.
    pub fn sweep(&self, now: Timestamp) {
        let now = micros(now);
        for (index, shard) in self.shards.iter().enumerate() {
            let rule = self.settings.rule(Class::ALL[index / (KINDS * SHARDS)]);
            let mut shard = unpoisoned(shard);
            forget_whole(&mut shard, rule, now);
            if shard.capacity() / 4 > shard.len() {
                shard.shrink_to_fit();
            }
        }
    }

    /// How many budgets are being counted, by class and by what kind of key they belong to.
    pub fn held(&self) -> impl Iterator<Item = (Class, &'static str, usize)> {
        self.shards.chunks(SHARDS).enumerate().map(|(index, shards)| {
            let held = shards.iter().map(|shard| unpoisoned(shard).len()).sum();
            (Class::ALL[index / KINDS], KIND_NAMES[index % KINDS], held)
        })
    }

    /// How many budgets are being counted.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| unpoisoned(shard).len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, class: Class, slot: Slot) -> MutexGuard<'_, Shard> {
        let [chance, ..] = self.spreading.hash_one(slot).to_le_bytes();
        unpoisoned(&self.shards[(class as usize * KINDS + slot.kind()) * SHARDS + usize::from(chance) % SHARDS])
    }
}

/// A count is whole after every single statement, so one that a panic left behind can be used on.
fn unpoisoned(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_room(shard: &mut Shard, rule: &Rule, now: i64) {
    forget_whole(shard, rule, now);
    let Some(excess) = shard.len().checked_sub(KEPT_PER_SHARD + 1) else { return };
    let mut losses: Vec<_> =
        shard.iter().map(|(slot, count)| (count.spent(rule, now), count.renews_at(rule, now), *slot)).collect();
    losses.select_nth_unstable_by_key(excess, |(spent, renews_at, _)| (*spent, *renews_at));
    for (_, _, slot) in &losses[..=excess] {
        shard.remove(slot);
    }
}

fn forget_whole(shard: &mut Shard, rule: &Rule, now: i64) {
    shard.retain(|_, count| {
        count.settle(rule, now);
        count.spent(rule, now) > 0
    });
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::Ipv4Addr};

    use time::{Duration, macros::datetime};

    use super::*;
    use crate::{
        settings::Env,
        types::{Email, System},
    };

    const NOON: Timestamp = Timestamp(datetime!(2026-03-01 12:00 UTC));

    fn limiter() -> Limiter {
        Limiter::new(Settings::read(&mut Env::new(BTreeMap::new())), &Givens::new(System, System))
    }

    fn address(text: &str) -> Key<'_> {
        Key::Address(text.parse().unwrap())
    }

    fn numbered(number: u32) -> Key<'static> {
        Key::Address(Ipv4Addr::from_bits(number).into())
    }

    fn exhaust(limiter: &Limiter, class: Class, key: &Key<'_>) {
        for _ in 0..10 {
            limiter.charge(class, key, NOON);
        }
    }

    #[test]
    fn each_client_and_each_class_has_a_budget_of_its_own() {
        let limiter = limiter();
        exhaust(&limiter, Class::Login, &address("192.0.2.1"));
        assert!(limiter.charge(Class::Login, &address("192.0.2.2"), NOON).allowed);
        assert!(limiter.charge(Class::Register, &address("192.0.2.1"), NOON).allowed);
        assert!(!limiter.charge(Class::Login, &address("192.0.2.1"), NOON).allowed);
        let later = NOON + Duration::minutes(15);
        assert!(limiter.charge(Class::Login, &address("192.0.2.1"), later).allowed);
    }

    #[test]
    fn a_cleared_budget_is_whole_and_nobody_elses_is() {
        let limiter = limiter();
        let ada = Email::trimmed("ada@example.com");
        exhaust(&limiter, Class::Login, &Key::Email(&ada));
        // So many that some of them share the shard with the one that is cleared.
        let others: Vec<_> = (0..200).map(|number| Email::trimmed(&format!("bob{number}@example.com"))).collect();
        let charge_others = || others.iter().map(|bob| limiter.charge(Class::Login, &Key::Email(bob), NOON).remaining);
        assert!(charge_others().all(|remaining| remaining == 9));
        limiter.clear(Class::Login, &Key::Email(&ada));
        let decision = limiter.charge(Class::Login, &Key::Email(&ada), NOON);
        assert_eq!((decision.allowed, decision.limit, decision.remaining), (true, 10, 9));
        assert!(charge_others().all(|remaining| remaining == 8));
    }

    #[test]
    fn a_flood_of_strangers_neither_exhausts_memory_nor_gives_a_spent_budget_back() {
        let limiter = limiter();
        exhaust(&limiter, Class::Login, &address("203.0.113.9"));
        for number in 0..100_000 {
            assert!(limiter.charge(Class::Login, &numbered(number), NOON).allowed, "a newcomer is never shut out");
        }
        assert!(limiter.len() <= SHARDS * MOST_PER_SHARD, "{}", limiter.len());
        assert!(!limiter.charge(Class::Login, &address("203.0.113.9"), NOON).allowed, "won his guesses back");
    }

    #[test]
    fn a_flood_of_addresses_pushes_out_no_email() {
        let limiter = limiter();
        let ada = Email::trimmed("ada@example.com");
        limiter.charge(Class::Login, &Key::Email(&ada), NOON);
        for number in 0..100_000 {
            limiter.charge(Class::Login, &numbered(number), NOON + Duration::SECOND);
        }
        assert_eq!(limiter.charge(Class::Login, &Key::Email(&ada), NOON + Duration::SECOND).remaining, 8);
    }

    #[test]
    fn room_is_made_of_budgets_that_are_whole_again_before_any_that_is_not() {
        let limiter = limiter();
        let later = NOON + Duration::minutes(16);
        for number in 0..160_000 {
            limiter.charge(Class::Login, &numbered(number / 2), NOON);
        }
        limiter.charge(Class::Login, &address("203.0.113.9"), later);
        for number in 100_000..110_000 {
            limiter.charge(Class::Login, &numbered(number), later);
        }
        assert_eq!(limiter.charge(Class::Login, &address("203.0.113.9"), later).remaining, 8);
    }

    #[test]
    fn sweeping_forgets_what_is_whole_again_and_nothing_else() {
        let limiter = limiter();
        for number in 0..1_000 {
            limiter.charge(Class::Login, &numbered(number), NOON);
        }
        exhaust(&limiter, Class::Register, &numbered(1));
        limiter.sweep(NOON + Duration::minutes(14));
        assert_eq!(limiter.len(), 1_001);
        limiter.sweep(NOON + Duration::minutes(15));
        assert_eq!(limiter.len(), 1);
        assert!(!limiter.charge(Class::Register, &numbered(1), NOON + Duration::minutes(15)).allowed);
        limiter.sweep(NOON + Duration::hours(2));
        assert!(limiter.is_empty());
    }

    #[test]
    fn requests_at_the_same_moment_cannot_slip_past_each_other() {
        let limiter = limiter();
        let passed: usize = std::thread::scope(|scope| {
            let knock = || (0..100).filter(|_| limiter.charge(Class::Write, &numbered(1), NOON).allowed).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(knock)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 60);
    }
}
