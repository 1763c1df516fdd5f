//! The threads that hash. They are the service's own and not the runtime's: a hash is 20 ms of pure computing, and on
//! the runtime's threads every other request would wait behind it. `spawn_blocking` was rejected: with one block of
//! memory to each of its threads it took 350 MB where these take two blocks.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, Salt},
};
use tokio::sync::{mpsc, oneshot};

use super::pepper::Pepper;
use crate::security::secret::Secret;

/// Below everything that answers a request, above nothing: measured, a light reader's p99 stayed at 13 ms in a storm of
/// logins, where it had been seconds.
const NICENESS: i32 = 10;

/// How a hash is made from a password.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) params: Params,
    pub(super) salt: Salt,
    /// The one that `params` names.
    pub(super) pepper: Option<Arc<Pepper>>,
}

/// One hash to be made. To verify is to make the hash again and compare, which the asking side does: a thread knows no
/// stored hash and no verdict.
pub(super) struct Job {
    pub(super) password: Arc<Secret<String>>,
    pub(super) recipe: Recipe,
    pub(super) reply: oneshot::Sender<Output>,
}

/// The jobs in waiting, taken by whichever thread is free.
pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Job>>>;

/// What all threads do together, for whoever watches the service.
#[derive(Default)]
pub(super) struct Work {
    pub(super) busy: AtomicUsize,
    pub(super) done: AtomicU64,
}

/// One thread's share: a block of memory that it keeps. Fresh memory for every hash costs as much as a third of the
/// hashing, in page faults.
pub(super) struct Worker {
    memory: Vec<Block>,
    usual: usize,
}

impl Worker {
    pub(super) fn new(params: &Params) -> Self {
        Self { memory: vec![Block::new(); params.block_count()], usual: params.block_count() }
    }

    /// Until the last `Hasher` is gone.
    pub(super) fn run(mut self, queue: &Queue, work: &Work) {
        yield_to_others();
        while let Some(job) = next(queue) {
            work.busy.fetch_add(1, Relaxed);
            self.answer(job);
            work.busy.fetch_sub(1, Relaxed);
            work.done.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn answer(&mut self, job: Job) {
        // Whoever asked has gone away, and with them the reason to spend 20 ms.
        if job.reply.is_closed() {
            return;
        }
        match self.compute(job.password.expose().as_bytes(), &job.recipe) {
            // It may have gone away meanwhile; that is its own affair.
            Ok(output) => drop(job.reply.send(output)),
            Err(error) => tracing::error!(%error, "a password could not be hashed"),
        }
    }

    pub(super) fn compute(&mut self, password: &[u8], recipe: &Recipe) -> Result<Output, argon2::password_hash::Error> {
        let (algorithm, version, params) = (Algorithm::Argon2id, Version::V0x13, recipe.params.clone());
        let argon2 = match &recipe.pepper {
            Some(pepper) => Argon2::new_with_secret(pepper.key(), algorithm, version, params)?,
            None => Argon2::new(algorithm, version, params),
        };
        // A hash made with other parameters may need more. It gets it, and gives it back.
        self.resize(recipe.params.block_count().max(self.usual));
        let mut output = [0; Output::MAX_LENGTH];
        let output = &mut output[..recipe.params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        let hashed = argon2.hash_password_into_with_memory(password, &recipe.salt, output, &mut self.memory[..]);
        self.resize(self.usual);
        hashed?;
        Ok(Output::new(output)?)
    }

    fn resize(&mut self, blocks: usize) {
        if self.memory.len() != blocks {
            self.memory.resize(blocks, Block::new());
            self.memory.shrink_to_fit();
        }
    }
}

/// One thread waits for the next job, the others wait for that thread: whoever is woken has a job to itself.
fn next(queue: &Queue) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

/// On Linux niceness belongs to a thread. Elsewhere it belongs to the whole process, so there it is left alone.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "password hashing runs at the priority of everything else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: u32 = 32;

    fn params(blocks: u32) -> Params {
        Params::new(blocks, 1, 1, Some(32)).unwrap()
    }

    fn job(blocks: u32) -> (Job, oneshot::Receiver<Output>) {
        let (reply, answer) = oneshot::channel();
        let recipe = Recipe { params: params(blocks), salt: Salt::new(&[7; 16]).unwrap(), pepper: None };
        (Job { password: Arc::new(Secret::new("tried".to_owned())), recipe, reply }, answer)
    }

    #[test]
    fn a_job_whose_caller_has_gone_costs_nothing() {
        let mut worker = Worker::new(&params(SMALL));
        let (job, answer) = job(SMALL);
        drop(answer);
        worker.answer(job);
        assert!(worker.memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)), "it was hashed");
    }

    #[test]
    fn memory_grows_for_one_hash_and_is_given_back() {
        let mut worker = Worker::new(&params(SMALL));
        for blocks in [8, SMALL * 4, SMALL] {
            let (job, mut answer) = job(blocks);
            worker.answer(job);
            let alone = Argon2::from(params(blocks));
            let mut expected = [0; 32];
            alone.hash_password_into(b"tried", &[7; 16], &mut expected).unwrap();
            assert_eq!(answer.try_recv().unwrap().as_bytes(), expected, "{blocks} blocks, in used memory");
            assert_eq!(worker.memory.capacity(), SMALL as usize);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_hashing_thread_steps_back() {
        let niceness = || rustix::process::nice(0).unwrap();
        let before = niceness();
        let hashing = std::thread::spawn(move || {
            yield_to_others();
            niceness()
        });
        assert_eq!(hashing.join().unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
