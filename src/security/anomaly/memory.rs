//! What is remembered of whom, in bounded memory.
//!
//! A million addresses must not exhaust it, so traces have to be dropped. First go those that are over (nothing is lost),
//! then the faintest, and of these the oldest: a crowd of strangers who asked once each does not make the one forgotten who
//! has knocked at nineteen doors. It is the trade of `rate_limit::memory`, and for the same reason: to have itself
//! forgotten, an attack would have to leave as strong a trace under each of some thousand other networks.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::threshold::Threshold;

/// How many parts each memory has, so that two requests seldom wait for each other.
pub(super) const SHARDS: usize = 16;

/// What is remembered of one subject.
pub(super) trait Trace: Default {
    /// Forgets of it what is over, and says what would be lost with the rest: how strong the trace is, and how fresh.
    /// `None`: nothing.
    fn worth(&mut self, rule: Threshold, now: i64) -> Option<(u32, i64)>;
}

pub(super) struct Memory<K, T> {
    rule: Threshold,
    most_per_shard: usize,
    /// Keyed by chance, so that nobody can aim at one shard.
    spreading: RandomState,
    shards: [Mutex<HashMap<K, T>>; SHARDS],
}

impl<K: Eq + Hash + Copy, T: Trace> Memory<K, T> {
    /// `most`: subjects at a time. Best seven eighths of a power of two, which is where a hash map doubles.
    pub(super) fn of(most: usize, rule: Threshold) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { rule, most_per_shard: most / SHARDS, spreading: RandomState::new(), shards }
    }

    /// Looks at, and adds to, what is known of one subject.
    pub(super) fn look<R>(&self, key: K, now: i64, look: impl FnOnce(&mut T, Threshold) -> R) -> R {
        let [chance, ..] = self.spreading.hash_one(key).to_le_bytes();
        let mut shard = unpoisoned(&self.shards[usize::from(chance) % SHARDS]);
        if shard.len() >= self.most_per_shard && !shard.contains_key(&key) {
            self.make_room(&mut shard, now);
        }
        look(shard.entry(key).or_default(), self.rule)
    }

    /// Forgets what is over.
    pub(super) fn sweep(&self, now: i64) {
        for shard in &self.shards {
            let mut shard = unpoisoned(shard);
            shard.retain(|_, trace| trace.worth(self.rule, now).is_some());
            if shard.capacity() / 4 > shard.len() {
                shard.shrink_to_fit();
            }
        }
    }

    /// A quarter at once: looking through a whole shard for every newcomer would be a gift to a flood.
    fn make_room(&self, shard: &mut HashMap<K, T>, now: i64) {
        let kept = self.most_per_shard / 4 * 3;
        let mut losses = Vec::with_capacity(shard.len());
        shard.retain(|key, trace| {
            let worth = trace.worth(self.rule, now);
            losses.extend(worth.map(|worth| (worth, *key)));
            worth.is_some()
        });
        let Some(excess) = losses.len().checked_sub(kept + 1) else { return };
        losses.select_nth_unstable_by_key(excess, |(worth, _)| *worth);
        for (_, key) in &losses[..=excess] {
            shard.remove(key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| unpoisoned(shard).len()).sum()
    }
}

/// A trace is whole after every single statement, so one that a panic left behind can be used on.
fn unpoisoned<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
