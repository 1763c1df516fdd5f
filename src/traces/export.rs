//! Spans wait here for a moment and are handed over together, beside the requests and never in their way: a collector that
//! is slow, hostile or gone costs spans, a bounded piece of memory and one warning a minute.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::{
    net::lookup_host,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{Settings, Span, wire};
use crate::{
    outbound::{Endpoint, Post, Poster},
    types::{Givens, Timestamp},
};

/// Spans that may wait, each of about 130 bytes. One more is lost.
const WAITING: usize = 2048;
/// Spans that are handed over together, and how long the first of them waits for the others.
const TOGETHER: usize = 512;
const GATHER: Duration = Duration::from_millis(500);
/// For one attempt, from the look-up of the name to the answer.
const ATTEMPT: Duration = Duration::from_secs(10);
/// After a failure; each is twice as long as the one before it, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_mins(1);
/// How often somebody who rests looks whether the service stops.
const BEAT: Duration = Duration::from_millis(100);
const BETWEEN_WARNINGS: Duration = Duration::from_mins(1);

/// Takes the spans of requests that are over.
pub struct Traces(Option<Queue>);

struct Queue {
    spans: mpsc::Sender<Waiting>,
    lost: Arc<AtomicU64>,
    share: f64,
    givens: Givens,
}

/// A span that is complete: another attempt sends it under the same id.
pub(super) struct Waiting {
    pub(super) span: Span,
    pub(super) id: [u8; 8],
    pub(super) ended: Timestamp,
}

impl Traces {
    /// The task ends once this is dropped and what waits was handed over, or was tried to be.
    pub fn start(settings: &Settings, production: bool, givens: &Givens) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let Some(endpoint) = settings.endpoint.clone() else {
            return Ok((Self(None), tokio::spawn(std::future::ready(()))));
        };
        tracing::info!(address = endpoint.authority, "traces are sent to a collector");
        let (sender, spans) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let queue = Queue { spans: sender, lost: lost.clone(), share: settings.share, givens: givens.clone() };
        let resource = wire::resource(settings, production);
        let courier = Courier { spans, lost, endpoint, poster: Poster::new()?, resource, warned: None };
        Ok((Self(Some(queue)), tokio::spawn(courier.run())))
    }

    /// Waits for nothing.
    pub fn keep(&self, span: Span) {
        let Some(queue) = &self.0 else { return };
        if is_chosen(span.request_id, queue.share) {
            let waiting = Waiting { span, id: queue.givens.random(), ended: queue.givens.now() };
            if queue.spans.try_send(waiting).is_err() {
                queue.lost.fetch_add(1, Relaxed);
            }
        }
    }
}

/// By the id alone, the end of which is chance: whoever knows the id knows whether there is a trace to look for.
fn is_chosen(request: Uuid, share: f64) -> bool {
    let [.., a, b, c, d] = *request.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) < share * (f64::from(u32::MAX) + 1.0)
}

struct Courier {
    spans: mpsc::Receiver<Waiting>,
    lost: Arc<AtomicU64>,
    endpoint: Endpoint,
    poster: Poster,
    resource: Value,
    warned: Option<Instant>,
}

/// Why a batch was not taken, and whether it may be another time.
struct Trouble {
    cause: String,
    may_pass: bool,
}

impl Courier {
    async fn run(mut self) {
        let (mut batch, mut rest) = (Vec::new(), FIRST_REST);
        loop {
            self.gather(&mut batch).await;
            if batch.is_empty() {
                return;
            }
            let Err(trouble) = self.hand_over(&batch).await else {
                (batch, rest) = (Vec::new(), FIRST_REST);
                self.warn(None);
                continue;
            };
            let is_last = self.spans.is_closed();
            if is_last || !trouble.may_pass {
                let waiting = if is_last { self.spans.len() } else { 0 };
                self.lost.fetch_add(u64::try_from(batch.len() + waiting).unwrap_or_default(), Relaxed);
                batch = Vec::new();
            }
            if is_last {
                // There will be no next minute to say it in.
                self.warned = None;
            }
            self.warn(Some(&trouble.cause));
            if is_last {
                return;
            }
            self.rest(rest).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    /// Nothing comes of it only when nothing will come any more.
    async fn gather(&mut self, batch: &mut Vec<Waiting>) {
        if batch.is_empty() {
            self.spans.recv_many(batch, TOGETHER).await;
        }
        let others =
            async { while batch.len() < TOGETHER && self.spans.recv_many(batch, TOGETHER - batch.len()).await > 0 {} };
        // The others may be late, but not for long.
        let _ = timeout(GATHER, others).await;
    }

    async fn hand_over(&self, batch: &[Waiting]) -> Result<(), Trouble> {
        let answered = timeout(ATTEMPT, self.post(wire::batch(&self.resource, batch))).await;
        match answered.context("the receiver did not answer in time").flatten() {
            Ok(status) if status.is_success() => Ok(()),
            // The standard's list of what is worth another try.
            Ok(status) => Err(Trouble {
                cause: format!("the receiver answered {}", status.as_u16()),
                may_pass: matches!(status.as_u16(), 429 | 502..=504),
            }),
            Err(cause) => Err(Trouble { cause: format!("{cause:#}"), may_pass: true }),
        }
    }

    async fn post(&self, body: Vec<u8>) -> anyhow::Result<StatusCode> {
        let found = lookup_host((self.endpoint.host.as_str(), 0)).await.context("the receiver's name is not known")?;
        let addresses: Vec<_> = found.map(|found| found.ip()).collect();
        self.poster.post(&self.endpoint, &addresses, Post { header: None, body }).await
    }

    /// What was lost is said with the next warning, however long that takes.
    fn warn(&mut self, cause: Option<&str>) {
        let is_news = cause.is_some() || self.lost.load(Relaxed) > 0;
        if is_news && self.warned.is_none_or(|at| at.elapsed() >= BETWEEN_WARNINGS) {
            self.warned = Some(Instant::now());
            let count = self.lost.swap(0, Relaxed);
            let address = &self.endpoint.authority;
            tracing::warn!(address, count, cause, "traces do not reach their collector; so many spans were lost");
        }
    }

    async fn rest(&self, rest: Duration) {
        let began = Instant::now();
        while began.elapsed() < rest && !self.spans.is_closed() {
            sleep(BEAT).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::types::System;

    fn span(request_id: Uuid) -> Span {
        let took = Duration::from_millis(3);
        Span { request_id, method: "GET", route: Some("/v1/users/me"), status: 200, code: None, took }
    }

    fn started(settings: &[(&str, &str)]) -> (Traces, JoinHandle<()>) {
        let values = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::read(&mut crate::settings::Env::new(values));
        Traces::start(&settings, false, &Givens::new(System, System)).unwrap()
    }

    #[tokio::test]
    async fn without_a_collector_nothing_is_kept_and_nothing_runs() {
        let (traces, task) = started(&[]);
        traces.keep(span(Uuid::nil()));
        assert!(traces.0.is_none());
        task.await.unwrap();
    }

    /// Nothing else runs between these lines, so nothing is taken out meanwhile: whoever keeps a span waits for nobody.
    #[tokio::test]
    async fn what_finds_no_place_is_lost_and_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (traces, task) = started(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
        (0..10_000).for_each(|_| traces.keep(span(Uuid::nil())));
        let queue = traces.0.as_ref().unwrap();
        assert_eq!((queue.spans.capacity(), queue.lost.load(Relaxed)), (0, 10_000 - 2048));
        // The collector takes the connection and says nothing; one batch is with it, and no more is taken out.
        let _held = listener.accept().await.unwrap();
        assert_eq!(queue.spans.capacity(), TOGETHER);
        task.abort();
    }

    #[test]
    fn a_waiting_span_is_small() {
        assert!(size_of::<Waiting>() <= 160, "{}", size_of::<Waiting>());
    }

    #[test]
    fn of_some_requests_a_span_is_sent_by_their_ids() {
        let [low, high] = [0x7fff_ffff_u128, 0x8000_0000].map(Uuid::from_u128);
        for (share, chosen) in [(0.0, [false, false]), (0.5, [true, false]), (1.0, [true, true])] {
            assert_eq!([low, high].map(|id| is_chosen(id, share)), chosen, "{share}");
        }
        assert!(is_chosen(Uuid::max(), 1.0) && !is_chosen(Uuid::nil(), 0.0));
    }
}
