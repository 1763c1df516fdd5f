//! What a hash costs on this machine, measured with the threads that would hash.

use std::{
    thread,
    time::{Duration, Instant},
};

use argon2::{Params, password_hash::phc::Salt};

use super::{
    Settings,
    worker::{Recipe, Worker},
};

/// What may be chosen, from OWASP's first choice up. All of them are as strong or stronger.
pub const CHOICES: [(u32, u32); 6] = [(19_456, 2), (47_104, 1), (32_768, 2), (65_536, 2), (65_536, 3), (131_072, 3)];

/// Hashes a second, of all threads together: what is left of it for sign-ins is a little less.
pub fn hashes_a_second(settings: &Settings, time: Duration) -> f64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.threads).map(|_| scope.spawn(|| measure(settings, time))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
    })
}

fn measure(settings: &Settings, time: Duration) -> f64 {
    let params = Params::new(settings.memory_kib, settings.iterations, 1, None).expect("bounded by `Settings`");
    let mut worker = Worker::new(&params);
    let salt = Salt::new(&[7; 16]).expect("a length PHC admits");
    let recipe = Recipe { params, salt, pepper: None };
    // The first touches every page of the memory, which a running service's threads did long ago.
    let mut hash = || worker.compute(b"a password to measure with", &recipe).map(drop);
    let (mut count, mut began) = (0.0, Instant::now());
    if hash().is_ok() {
        began = Instant::now();
        while began.elapsed() < time && hash().is_ok() {
            count += 1.0;
        }
    }
    count / began.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::password::Peppers;

    #[test]
    fn two_threads_are_measured_and_every_choice_may_be_set() {
        let settings = Settings { memory_kib: 32, iterations: 1, threads: 2, queue: 1, peppers: Peppers::NONE };
        assert!(hashes_a_second(&settings, Duration::from_millis(5)) > 0.0);
        for (memory_kib, iterations) in CHOICES {
            let pairs = [("PASSWORD_HASH_MEMORY_KIB", memory_kib), ("PASSWORD_HASH_ITERATIONS", iterations)];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_string()));
            let mut env = crate::settings::Env::new(pairs.into());
            Settings::read(&mut env);
            assert!(env.mistakes().is_empty(), "{memory_kib} {iterations}");
        }
    }
}
