//! Time that a test moves, and chance.

use std::sync::{Arc, Mutex};

use drawbridge::types::{Clock, Entropy, System};
use time::{Duration, OffsetDateTime, macros::datetime};

/// Stands still until it is moved.
#[derive(Clone)]
pub struct MovableClock(Arc<Mutex<OffsetDateTime>>);

impl Default for MovableClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(datetime!(2026-03-01 12:00 UTC))))
    }
}

impl MovableClock {
    pub fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    /// Another clock, which is slow by so much.
    pub fn behind(&self, by: Duration) -> Self {
        Self(Arc::new(Mutex::new(self.now() - by)))
    }
}

impl Clock for MovableClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

/// Real chance: tokens of two tests must differ.
pub struct TestEntropy;

impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        System.fill(buffer);
    }
}
