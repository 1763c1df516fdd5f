//! Events that belong to no transaction: on their way to the table without a request waiting for them.

use std::time::Duration;

use sqlx::PgPool;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
    time::Instant,
};

use super::{Event, Note, Origin, counts, insert};
use crate::{error::Error, types::Givens};

/// Events that wait to be written: about 4 MB at most.
const QUEUE: usize = 8192;
/// Alarms that wait. A place of their own, so that a flood of refusals cannot push out the event that says so.
const ALARMS: usize = 256;
/// Events in one insert. Larger ones write no more a second; they only hold the chain's lock for longer.
const BATCH: usize = 128;
/// While the database is away.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is said how many were given up.
const CONFESS: Duration = Duration::from_secs(10);

/// The way in.
#[derive(Clone)]
pub struct Notes {
    usual: Sender<Note>,
    alarms: Sender<Note>,
    givens: Givens,
}

impl Notes {
    /// Starts the writer. It ends, with everything written, when the last `Notes` is gone.
    pub fn start(pool: PgPool, givens: Givens) -> (Self, JoinHandle<()>) {
        let (notes, writer) = Self::without_writer(pool, givens);
        (notes, tokio::spawn(writer.run()))
    }

    fn without_writer(pool: PgPool, givens: Givens) -> (Self, Writer) {
        let (usual, waiting) = mpsc::channel(QUEUE);
        let (alarms, alarming) = mpsc::channel(ALARMS);
        let writer = Writer { pool, givens: givens.clone(), waiting, alarming, given_up: 0, confessed: None };
        (Self { usual, alarms, givens }, writer)
    }

    /// Never waits. The log line is always written; the row is given up when the queue is full, because the alternative
    /// is that whoever floods us with refused requests decides how much memory we use. What is given up is counted.
    pub fn note(&self, origin: &Origin, event: Event) {
        let note = Note::of(&self.givens, origin, event);
        note.tell();
        let kind = note.kind;
        let queue = if kind.is_alarm() { &self.alarms } else { &self.usual };
        if queue.try_send(note).is_err() {
            counts::sample(kind);
        }
    }
}

/// Takes from both queues what is there, alarms first.
struct Writer {
    pool: PgPool,
    givens: Givens,
    waiting: Receiver<Note>,
    alarming: Receiver<Note>,
    /// Up to which count it has been said that events were given up.
    given_up: u64,
    confessed: Option<Instant>,
}

impl Writer {
    async fn run(mut self) {
        self.given_up = given_up();
        let mut batch = Vec::with_capacity(BATCH);
        while self.take(&mut batch).await {
            let begun = Instant::now();
            self.write(&batch).await;
            if batch.len() >= BATCH {
                // In a flood it rests for as long as it wrote: the other half of the time belongs to whoever is served.
                tokio::time::sleep(begun.elapsed()).await;
            }
            batch.clear();
        }
    }

    /// False when nothing will come any more.
    async fn take(&mut self, batch: &mut Vec<Note>) -> bool {
        let first = tokio::select! {
            biased;
            Some(note) = self.alarming.recv() => Some(note),
            note = self.waiting.recv() => note,
        };
        let goes_on = first.is_some();
        batch.extend(first);
        while batch.len() < BATCH
            && let Ok(note) = self.alarming.try_recv().or_else(|_| self.waiting.try_recv())
        {
            batch.push(note);
        }
        self.confess(batch);
        goes_on
    }

    /// A row that says how many rows there are not, for whoever reads only the table.
    fn confess(&mut self, batch: &mut Vec<Note>) {
        let count = given_up() - self.given_up;
        let lately = self.confessed.is_some_and(|at| at.elapsed() < CONFESS);
        if count > 0 && !lately {
            (self.given_up, self.confessed) = (self.given_up + count, Some(Instant::now()));
            let note = Note::of(&self.givens, &Origin::default(), Event::EventsSampled { count });
            note.tell();
            batch.push(note);
        }
    }

    /// Until it is written. While the database is away the queue fills, and what does not fit is counted; so what was
    /// taken from it must not be lost as well.
    async fn write(&self, batch: &[Note]) {
        loop {
            let written = async { insert(&mut *self.pool.acquire().await?, batch).await };
            let Err(cause) = written.await else { return };
            let (described, closed) = (crate::error::describe(&cause), self.pool.is_closed());
            if closed || !matches!(Error::from(cause), Error::Unavailable(_)) {
                tracing::error!(cause = described, count = batch.len(), "security events stand in the log alone");
                for note in batch {
                    counts::sample(note.kind);
                }
                return;
            }
            tracing::warn!(cause = described, count = batch.len(), "security events wait for the database");
            tokio::time::sleep(RETRY).await;
        }
    }
}

fn given_up() -> u64 {
    super::Kind::ALL.into_iter().map(counts::sampled).sum()
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgConnectOptions;

    use super::*;
    use crate::{security::audit::Kind, types::System};

    fn held() -> (Notes, Writer) {
        let pool = PgPool::connect_lazy_with(PgConnectOptions::new());
        Notes::without_writer(pool, Givens::new(System, System))
    }

    #[tokio::test]
    async fn a_flood_waits_in_bounded_memory_and_what_is_given_up_is_counted() {
        let (notes, mut writer) = held();
        let before = counts::sampled(Kind::RateLimitExceeded);
        for _ in 0..QUEUE + 500 {
            notes.note(&Origin::default(), Event::RateLimitExceeded { class: "FLOOD" });
        }
        assert_eq!(counts::sampled(Kind::RateLimitExceeded) - before, 500);
        let mut batch = Vec::new();
        assert!(writer.take(&mut batch).await);
        let last = batch.last().unwrap();
        assert_eq!(last.kind, Kind::MonitorDisabled);
        assert!(last.details["count"].as_u64().unwrap() >= 500, "{}", last.details);
    }

    #[tokio::test]
    async fn an_alarm_has_its_place_however_many_refusals_wait_and_is_written_first() {
        let (notes, mut writer) = held();
        for _ in 0..=QUEUE {
            notes.note(&Origin::default(), Event::InputRefused { route: "-", code: "MALFORMED_JSON" });
        }
        let before = counts::sampled(Kind::EndpointScan);
        notes.note(&Origin::default(), Event::EndpointScan { refused: 20 });
        assert_eq!(counts::sampled(Kind::EndpointScan), before);
        let mut batch = Vec::new();
        writer.take(&mut batch).await;
        assert_eq!(batch[0].kind, Kind::EndpointScan);
    }

    #[tokio::test]
    async fn the_writer_takes_all_that_waits_before_it_ends() {
        let (notes, mut writer) = held();
        for event in [Event::Startup, Event::EndpointScan { refused: 20 }, Event::Shutdown] {
            notes.note(&Origin::default(), event);
        }
        drop(notes);
        let (mut batch, mut all) = (Vec::new(), Vec::new());
        while writer.take(&mut batch).await {
            all.append(&mut batch);
        }
        let kinds: Vec<_> = all.iter().map(|note| note.kind).filter(|kind| *kind != Kind::MonitorDisabled).collect();
        assert_eq!(kinds, [Kind::EndpointScan, Kind::Startup, Kind::Shutdown]);
    }
}
