//! How often a class said yes and no, for whoever watches the service.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Default)]
pub struct Tally {
    allowed: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    pub(super) fn note(&self, allowed: bool) {
        let count = if allowed { &self.allowed } else { &self.refused };
        count.fetch_add(1, Relaxed);
    }

    /// `("allowed", …)` and `("refused", …)`.
    pub fn outcomes(&self) -> [(&'static str, u64); 2] {
        [("allowed", self.allowed.load(Relaxed)), ("refused", self.refused.load(Relaxed))]
    }
}
