//! Hashing and verifying, from the side of a request: into a short queue at once, or refused at once.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Params, ParamsBuilder,
    password_hash::phc::{Output, Salt},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    NewPassword, Password, Peppers, Settings,
    pepper::Pepper,
    stored::{PasswordHash, Stored},
    worker::{Job, Queue, Recipe, Work, Worker},
};
use crate::{
    error::{Error, problems},
    security::secret::Secret,
    types::Givens,
};

/// As RFC 9106 section 3.1 recommends.
const SALT_LENGTH: usize = 16;

/// What came of a try. No variant tells a wrong password from an unknown user: what is not told cannot be leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and hashed with parameters that have moved since: hash it anew while the password is at hand.
    RightButOutdated,
}

/// The queue is full. Said within microseconds, for a refusal that waits is no relief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// A place in the queue, kept until it is used or dropped.
pub struct Place(mpsc::OwnedPermit<Job>);

/// The way to the hashing threads. When it is dropped, they end.
pub struct Hasher {
    /// tokio's channel, for to offer a job takes no lock: a thread of low priority that is set aside while it holds one
    /// would hold up the request that wants it.
    queue: mpsc::Sender<Job>,
    refused: AtomicU64,
    work: Arc<Work>,
    params: Params,
    peppers: Peppers,
    /// Stands in where there is no hash, so that an unknown user costs what a known one does (CWE-208).
    nobody: Stored,
    givens: Givens,
}

impl Hasher {
    pub fn start(settings: &Settings, givens: Givens) -> Self {
        let (hasher, queue) = Self::without_threads(settings, givens);
        for number in 0..settings.threads {
            let (worker, queue, work) = (Worker::new(&hasher.params), queue.clone(), hasher.work.clone());
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || worker.run(&queue, &work))
                .expect("a thread can be started");
        }
        hasher
    }

    /// Apart from `start`, so that a test can stand where the threads stand.
    fn without_threads(settings: &Settings, givens: Givens) -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(settings.queue as usize);
        let (params, peppers, salt) = (params(settings), settings.peppers.clone(), salt(&givens));
        // Any bytes would do as nobody's hash: to find a password for them is to invert argon2.
        let output = Output::new(&givens.random::<{ Params::DEFAULT_OUTPUT_LEN }>()).expect("a length PHC admits");
        let recipe = Recipe { params: params.clone(), salt, pepper: peppers.current() };
        let nobody = Stored { recipe, output };
        let hasher =
            Self { queue: sender, refused: AtomicU64::new(0), work: Arc::default(), params, peppers, nobody, givens };
        (hasher, Arc::new(Mutex::new(receiver)))
    }

    /// For a password that `NewPassword::check` has let pass; it is not judged again.
    pub async fn hash(&self, password: &NewPassword) -> Result<PasswordHash, Busy> {
        self.write(password.text()).await
    }

    /// For a password that was just found right, under parameters that have moved on.
    pub async fn rehash(&self, password: &Password) -> Result<PasswordHash, Busy> {
        self.write(password.text()).await
    }

    async fn write(&self, password: &Arc<Secret<String>>) -> Result<PasswordHash, Busy> {
        let recipe = Recipe { params: self.params.clone(), salt: salt(&self.givens), pepper: self.peppers.current() };
        let output = compute(self.place()?, password, &recipe).await?;
        Ok(PasswordHash::written(&recipe, output))
    }

    /// As [`Self::verify_at`], with a place of its own.
    pub async fn verify(&self, password: &Password, against: Option<&PasswordHash>) -> Result<Verdict, Busy> {
        self.verify_at(self.place()?, password, against).await
    }

    /// A place in the queue, to be had before anything else is done for a login: who is to be turned away should not wait
    /// for a connection to the database first, nor hold one that others need.
    pub fn place(&self) -> Result<Place, Busy> {
        // Not `reserve`: to wait for a place in the queue is a second queue, without an end.
        self.queue.clone().try_reserve_owned().map(Place).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Busy
        })
    }

    /// `None` is for a user who is not there: the same work, and always wrong.
    pub async fn verify_at(
        &self,
        place: Place,
        password: &Password,
        against: Option<&PasswordHash>,
    ) -> Result<Verdict, Busy> {
        let stored = against.and_then(|hash| hash.read(&self.peppers));
        let compared = stored.as_ref().unwrap_or(&self.nobody);
        // With the parameters of the hash and not with ours, or nobody could sign in after they have moved.
        let output = compute(place, password.text(), &compared.recipe).await?;
        // `Output` compares in constant time.
        let is_right = output == compared.output;
        Ok(match stored {
            Some(stored) if is_right && stored.recipe.params == self.params => Verdict::Right,
            Some(_) if is_right => Verdict::RightButOutdated,
            _ => Verdict::Wrong,
        })
    }

    /// How many wait at this moment.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// How many have been refused since the start: when it rises, either someone is guessing or there are too few cores.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many threads are hashing at this moment.
    pub fn busy(&self) -> usize {
        self.work.busy.load(Ordering::Relaxed)
    }

    /// How many hashes have been asked for and dealt with since the start.
    pub fn done(&self) -> u64 {
        self.work.done.load(Ordering::Relaxed)
    }
}

async fn compute(place: Place, password: &Arc<Secret<String>>, recipe: &Recipe) -> Result<Output, Busy> {
    let (reply, answer) = oneshot::channel();
    place.0.send(Job { password: password.clone(), recipe: recipe.clone(), reply });
    // No time limit of its own: the queue is short, and the request has one. Nor does a thread drop a job unanswered,
    // unless it could not have the memory; that passes as well.
    answer.await.map_err(|_| Busy)
}

/// The pepper's name is one of the parameters: a hash that was made with another is outdated like any other.
fn params(settings: &Settings) -> Params {
    let mut builder = ParamsBuilder::new();
    builder.m_cost(settings.memory_kib).t_cost(settings.iterations).p_cost(1).output_len(Params::DEFAULT_OUTPUT_LEN);
    if let Some(pepper) = settings.peppers.current() {
        builder.keyid(Pepper::id(&pepper));
    }
    builder.build().expect("bounded by `Settings`")
}

fn salt(givens: &Givens) -> Salt {
    Salt::new(&givens.random::<SALT_LENGTH>()).expect("a length PHC admits")
}

impl From<Busy> for Error {
    fn from(_: Busy) -> Self {
        Self::Later(problems::SERVICE_UNAVAILABLE, 1)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::types::System;

    /// Weaker than `Settings::read` admits, so that a test is quick.
    const QUICK: Settings = Settings { memory_kib: 32, iterations: 1, threads: 1, queue: 2, peppers: Peppers::NONE };

    fn hasher() -> Hasher {
        Hasher::start(&QUICK, Givens::new(System, System))
    }

    fn chosen(text: &str) -> NewPassword {
        NewPassword::new(&Secret::new(text.to_owned()))
    }

    fn tried(text: &str) -> Password {
        Password::new(&Secret::new(text.to_owned()))
    }

    async fn verdict(password: &str, tried_with: &str) -> Verdict {
        let hasher = hasher();
        let hash = hasher.hash(&chosen(password)).await.unwrap();
        hasher.verify(&tried(tried_with), Some(&hash)).await.unwrap()
    }

    #[tokio::test]
    async fn the_right_password_is_right_and_no_other() {
        assert_eq!(verdict("a quiet harbour", "a quiet harbour").await, Verdict::Right);
        for wrong in ["A quiet harbour", "a quiet harbour ", "a quiet harbou", ""] {
            assert_eq!(verdict("a quiet harbour", wrong).await, Verdict::Wrong, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_password_is_the_same_on_every_keyboard() {
        assert_eq!(verdict("un caf\u{e9} au lait", "un cafe\u{301} au lait").await, Verdict::Right);
        assert_eq!(verdict("room １２３ at noon", "room 123 at noon").await, Verdict::Right);
    }

    #[tokio::test]
    async fn two_users_with_one_password_have_two_hashes() {
        let hasher = hasher();
        let one = hasher.hash(&chosen("a quiet harbour")).await.unwrap();
        let other = hasher.hash(&chosen("a quiet harbour")).await.unwrap();
        assert_ne!(one.text(), other.text());
        assert!(one.text().starts_with("$argon2id$v=19$m=32,t=1,p=1$"));
    }

    #[tokio::test]
    async fn parameters_that_have_moved_are_told_and_still_verify() {
        let hash = hasher().hash(&chosen("a quiet harbour")).await.unwrap();
        for moved in [Settings { memory_kib: 64, ..QUICK }, Settings { iterations: 2, ..QUICK }] {
            let now = Hasher::start(&moved, Givens::new(System, System));
            let verdict = now.verify(&tried("a quiet harbour"), Some(&hash)).await;
            assert_eq!(verdict, Ok(Verdict::RightButOutdated), "{} {}", moved.memory_kib, moved.iterations);
            assert_eq!(now.verify(&tried("another"), Some(&hash)).await, Ok(Verdict::Wrong));
        }
    }

    /// With these peppers, each as its name and the byte that its key is made of.
    fn peppered(list: &[(&str, u8)]) -> Hasher {
        let entries = list.iter().map(|(name, byte)| format!("{name}:{}", STANDARD.encode([*byte; 32])));
        let peppers = Peppers::parse(&entries.collect::<Vec<_>>().join(",")).unwrap();
        Hasher::start(&Settings { peppers, ..QUICK }, Givens::new(System, System))
    }

    #[tokio::test]
    async fn a_pepper_is_turned_without_anyone_choosing_another_password() {
        let password = tried("a quiet harbour");
        let (first, both, second) = (peppered(&[("k1", 1)]), peppered(&[("k2", 2), ("k1", 1)]), peppered(&[("k2", 2)]));
        let plain = hasher().hash(&chosen("a quiet harbour")).await.unwrap();
        assert_eq!(first.verify(&password, Some(&plain)).await, Ok(Verdict::RightButOutdated));
        let with_first = first.rehash(&password).await.unwrap();
        assert!(with_first.text().contains(",keyid=azE$"), "{}", with_first.text());
        assert_eq!(first.verify(&password, Some(&with_first)).await, Ok(Verdict::Right));
        assert_eq!(both.verify(&password, Some(&with_first)).await, Ok(Verdict::RightButOutdated));
        let with_second = both.rehash(&password).await.unwrap();
        assert_eq!(second.verify(&password, Some(&with_second)).await, Ok(Verdict::Right));
        assert_eq!(both.verify(&tried("another"), Some(&with_second)).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_hash_without_its_pepper_opens_to_nobody() {
        let password = tried("a quiet harbour");
        let hash = peppered(&[("k1", 1)]).hash(&chosen("a quiet harbour")).await.unwrap();
        // Gone, another key under the same name, and none at all: what a thief of the rows has.
        for hasher in [peppered(&[("k2", 2)]), peppered(&[("k1", 2)]), hasher()] {
            assert_eq!(hasher.verify(&password, Some(&hash)).await, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn an_unknown_user_and_a_damaged_hash_cost_one_hash_and_are_wrong() {
        let (hasher, queue) = Hasher::without_threads(&QUICK, Givens::new(System, System));
        for against in [None, Some(PasswordHash::from_text("$argon2id$v=19$m=32,t=1,p=1$damaged"))] {
            let password = tried("a quiet harbour");
            let mut verifying = pin!(hasher.verify(&password, against.as_ref()));
            assert!(poll_once(verifying.as_mut()).await.is_none(), "answered without work");
            let job = queue.lock().unwrap().try_recv().expect("the same work is done");
            assert_eq!(job.recipe.params, hasher.params);
            Worker::new(&hasher.params).answer(job);
            assert_eq!(verifying.await, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn nobodys_hash_opens_to_nothing() {
        let (mut hasher, queue) = Hasher::without_threads(&QUICK, Givens::new(System, System));
        let (reply, mut answer) = oneshot::channel();
        let password = tried("a quiet harbour");
        let recipe = hasher.nobody.recipe.clone();
        Worker::new(&hasher.params).answer(Job { password: password.text().clone(), recipe, reply });
        // Chance would have to draw this very hash; even then there is no user to let in.
        hasher.nobody.output = answer.try_recv().unwrap();
        let worker = Worker::new(&hasher.params);
        std::thread::spawn(move || worker.run(&queue, &Work::default()));
        assert_eq!(hasher.verify(&password, None).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_counts_it() {
        let (hasher, _queue) = Hasher::without_threads(&QUICK, Givens::new(System, System));
        let password = tried("a quiet harbour");
        let mut first = pin!(hasher.verify(&password, None));
        let mut second = pin!(hasher.verify(&password, None));
        assert!(poll_once(first.as_mut()).await.is_none());
        assert!(poll_once(second.as_mut()).await.is_none());
        let mut third = pin!(hasher.verify(&password, None));
        assert_eq!(poll_once(third.as_mut()).await, Some(Err(Busy)), "the first poll is the answer");
        assert_eq!((hasher.waiting(), hasher.refused()), (2, 1));
        assert!(matches!(Error::from(Busy), Error::Later(problems::SERVICE_UNAVAILABLE, 1)));
    }

    #[tokio::test]
    async fn a_request_that_goes_away_takes_its_job_along() {
        let (hasher, queue) = Hasher::without_threads(&QUICK, Givens::new(System, System));
        let password = tried("a quiet harbour");
        {
            let mut abandoned = pin!(hasher.verify(&password, None));
            assert!(poll_once(abandoned.as_mut()).await.is_none());
        }
        let job = queue.lock().unwrap().try_recv().unwrap();
        assert!(job.reply.is_closed());
    }

    #[tokio::test]
    async fn the_threads_end_with_the_hasher() {
        let (hasher, queue) = Hasher::without_threads(&QUICK, Givens::new(System, System));
        let worker = Worker::new(&hasher.params);
        let thread = std::thread::spawn(move || worker.run(&queue, &Work::default()));
        drop(hasher);
        tokio::task::spawn_blocking(|| thread.join()).await.unwrap().expect("it ended by itself");
    }

    /// One poll: what a future says before anything else has had a turn.
    async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
