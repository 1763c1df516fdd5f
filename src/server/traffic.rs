//! What a connection's requests and its stream have to know of each other.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::{sync::Notify, time::sleep};

#[derive(Default)]
pub(super) struct Traffic {
    /// Heads that have come whole.
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// Answers of which a part waits for the peer to take it.
    offered: AtomicUsize,
    /// Counts every part that is offered or taken.
    moves: AtomicUsize,
    /// Told when the connection has been idle for its time.
    pub(super) idle: Notify,
}

impl Traffic {
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Relaxed);
        InFlight { traffic: self.clone(), offers: false }
    }

    pub(super) fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.ended.load(Relaxed) < self.begun()
    }

    /// Comes true when the peer has been offered something and taken nothing, on any stream, for this time (twice
    /// this time at most). HTTP/2 needs it: a peer that grants no window stops every answer while its pings and the
    /// stream below go on, for ever. An answer that waits for its own next part, an event stream's, offers nothing.
    pub(super) async fn stalled(&self, patience: Duration) {
        let mut before = None;
        loop {
            sleep(patience).await;
            let moves = Some(self.moves.load(Relaxed));
            if self.offered.load(Relaxed) > 0 && moves == before {
                return;
            }
            before = moves;
        }
    }
}

/// One request, from its head to the last byte of its answer.
pub(super) struct InFlight {
    traffic: Arc<Traffic>,
    offers: bool,
}

impl InFlight {
    fn offer(&mut self, offers: bool) {
        if std::mem::replace(&mut self.offers, offers) == offers {
            return;
        }
        self.traffic.moves.fetch_add(1, Relaxed);
        let offered = &self.traffic.offered;
        if offers {
            offered.fetch_add(1, Relaxed)
        } else {
            offered.fetch_sub(1, Relaxed)
        };
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.offer(false);
        self.traffic.ended.fetch_add(1, Relaxed);
    }
}

/// An answer's body. hyper asks it for a part when the peer has taken the one before.
pub(super) struct Answer {
    body: Body,
    in_flight: InFlight,
}

impl Answer {
    pub(super) fn new(body: Body, mut in_flight: InFlight) -> Self {
        in_flight.offer(true);
        Self { body, in_flight }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.in_flight.offer(false);
        let part = Pin::new(&mut self.body).poll_frame(cx);
        self.in_flight.offer(part.is_ready());
        part
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
