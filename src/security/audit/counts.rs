//! How many events of each kind there were since the start, and of how many the row was given up.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Kind;

// Of the process, as the log is: events are also recorded where no service is at hand, and a count that depended on who
// holds what would miss those.
static NOTED: [AtomicU64; Kind::ALL.len()] = [const { AtomicU64::new(0) }; Kind::ALL.len()];
static SAMPLED: [AtomicU64; Kind::ALL.len()] = [const { AtomicU64::new(0) }; Kind::ALL.len()];

pub(super) fn note(kind: Kind) {
    NOTED[kind as usize].fetch_add(1, Ordering::Relaxed);
}

pub(super) fn sample(kind: Kind) {
    SAMPLED[kind as usize].fetch_add(1, Ordering::Relaxed);
}

/// Since the start of this process; each has a line in the log.
pub fn noted(kind: Kind) -> u64 {
    NOTED[kind as usize].load(Ordering::Relaxed)
}

/// Of those, the ones that stand in the log alone, because more came than the database could take.
pub fn sampled(kind: Kind) -> u64 {
    SAMPLED[kind as usize].load(Ordering::Relaxed)
}
