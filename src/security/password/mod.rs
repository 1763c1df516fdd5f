//! Threat: passwords are guessed, and stolen hashes are cracked. Against guessing: fifteen characters at least, no
//! composition rules, none that is common or about its owner (NIST SP 800-63B-4 section 3.1.1; ASVS 6.2). Against
//! cracking: argon2id with OWASP's parameters (ASVS 11.4.2). And because each hash costs 19 MiB and some 20 ms, hashing
//! is itself a way to starve a service: it has its own threads, its own memory and a short queue (ASVS 15.2.2, CWE-400).
//!
//! It does not cover online guessing (the LOGIN limit does), passwords that leaked in breaches which the list does not
//! know, nor the copy of a password in the request's body, which is freed but not wiped.

pub mod breached;
pub mod calibrate;
mod hasher;
mod pepper;
mod policy;
mod stored;
mod text;
mod worker;

use crate::settings::{Env, number_within};

pub use hasher::{Busy, Hasher, Verdict};
pub use pepper::Peppers;
pub use stored::PasswordHash;
pub use text::{NewPassword, Password};

/// OWASP's first choice of argon2id parameters: memory in KiB, passes, one lane.
const OWASP_MEMORY_KIB: u32 = 19_456;
/// From here on a single pass is as good as OWASP's two at 19 MiB.
const ONE_PASS_MEMORY_KIB: u32 = 47_104;
/// 1 GiB. Also the bound for what a stored hash may ask for: a forged row must not make the service allocate more.
const MOST_MEMORY_KIB: u32 = 1_048_576;
const MOST_ITERATIONS: u32 = 32;

/// What a hash costs, and how many may be made or waited for at once.
#[derive(Clone)]
pub struct Settings {
    pub memory_kib: u32,
    pub iterations: u32,
    pub threads: u32,
    /// How many may wait, in all.
    pub queue: u32,
    pub peppers: Peppers,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let memory_kib = env.read(
            "PASSWORD_HASH_MEMORY_KIB",
            "19456",
            number_within(OWASP_MEMORY_KIB..=MOST_MEMORY_KIB, "is a number of KiB from 19456 to 1048576"),
        );
        let iterations =
            env.read("PASSWORD_HASH_ITERATIONS", "2", number_within(1..=MOST_ITERATIONS, "is a number from 1 to 32"));
        if iterations < 2 && memory_kib < ONE_PASS_MEMORY_KIB {
            env.refuse("PASSWORD_HASH_ITERATIONS", "is at least 2, unless PASSWORD_HASH_MEMORY_KIB is 47104 or more");
        }
        // More threads than cores hash no faster; they only hold more memory.
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(64));
        let threads = env.read(
            "PASSWORD_HASH_THREADS",
            &cores.to_string(),
            number_within(1..=64, "is a number of threads from 1 to 64"),
        );
        // Sixteen a thread: the last in line waits for about 16 x 20 ms, a third of a second, which a person does not
        // mind. A longer line serves nobody: those at its end have gone when their turn comes.
        let queue = env.read(
            "PASSWORD_HASH_QUEUE",
            &(16 * threads).to_string(),
            number_within(1..=1024, "is a number of waiting requests from 1 to 1024"),
        );
        let peppers = env.optional("PASSWORD_PEPPERS", Peppers::parse).unwrap_or_default();
        Self { memory_kib, iterations, threads, queue, peppers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let settings = Settings::read(&mut env);
        (settings, env.mistakes())
    }

    #[test]
    fn the_defaults_are_owasps_parameters() {
        let (settings, mistakes) = read(&[("PASSWORD_HASH_THREADS", "2")]);
        let Settings { memory_kib, iterations, threads, queue, peppers } = settings;
        assert_eq!((memory_kib, iterations, threads, queue), (19_456, 2, 2, 32));
        assert!(!peppers.are_set());
        assert!(mistakes.is_empty());
    }

    #[test]
    fn parameters_weaker_than_owasps_refuse_to_start() {
        for weak in [
            ("PASSWORD_HASH_MEMORY_KIB", "19455"),
            ("PASSWORD_HASH_ITERATIONS", "1"),
            ("PASSWORD_HASH_ITERATIONS", "0"),
            ("PASSWORD_HASH_THREADS", "0"),
            ("PASSWORD_HASH_QUEUE", "0"),
            ("PASSWORD_PEPPERS", "k1:dG9vIHNob3J0"),
        ] {
            let (_, mistakes) = read(&[weak]);
            assert_eq!(mistakes.len(), 1, "{weak:?}: {mistakes:?}");
            assert!(mistakes[0].starts_with(weak.0));
        }
    }

    #[test]
    fn one_pass_is_enough_over_46_mib() {
        let (settings, mistakes) = read(&[("PASSWORD_HASH_MEMORY_KIB", "47104"), ("PASSWORD_HASH_ITERATIONS", "1")]);
        assert_eq!((settings.memory_kib, settings.iterations), (47_104, 1));
        assert!(mistakes.is_empty());
    }
}
