//! `GET /v1/admin/security-events/stream`: the trail as it is written, on whichever replica, as server-sent events.
//!
//! An `id` is the event's position in the chain. Positions have no gaps, so a reader who was cut off and sends the last
//! one back loses nothing and is told nothing twice; and where some were left out, because they were too many, the next
//! position shows it, and the stream says so.

use std::time::{Duration, Instant};

use axum::{extract::State, http::HeaderMap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;
use validator::Validate;

use crate::{
    database::{self, Batch, Followed},
    error::{Error, Result, problems},
    http::{
        caller::Caller,
        event_stream::{EventStream, LastEventId, Source, heartbeat, write_event},
        input::{ValidQuery, no_null},
        routes::About,
    },
    security::{
        access::Admin,
        audit::{Kind, Recorded},
        seats::{Full, Seat},
    },
    state::App,
};

/// How often it is asked whether the reader may still read and the service goes on; the contract gives a revocation a
/// second. It is asked before every event as well.
const BEAT: Duration = Duration::from_millis(250);
/// How long it is silent at most: proxies cut what says nothing for a minute, and a reader wants to know that it is read.
const SILENCE: Duration = Duration::from_secs(10);
/// Seconds after which the caller's own seats are worth another try.
const LATER: u64 = 10;

/// What the stream can be narrowed by.
#[derive(Deserialize, Validate, JsonSchema)]
pub struct Filter {
    #[schemars(transform = no_null)]
    r#type: Option<Kind>,
    /// The account that it is about.
    #[schemars(transform = no_null, length(max = 36))]
    user_id: Option<Uuid>,
}

pub const ABOUT: About = About {
    summary: "Watch security events",
    description: "Server-sent events: `event` is the type, `data` the event as in the list, `id` its place in the trail. \
        Begins now, or after `Last-Event-ID`. An event `gap` with `{\"missed\": 12}` says that so many were left out, \
        because there were too many: they stand in the list. Ends when the access token does; reconnect with a new one.",
    problems: &[],
};

pub async fn stream(
    caller: Caller<Admin>,
    State(app): State<App>,
    ValidQuery(filter): ValidQuery<Filter>,
    LastEventId(last): LastEventId,
    headers: HeaderMap,
) -> Result<EventStream<Watch>> {
    let seat = app.seats.take(caller.id()).map_err(no_seat)?;
    // In this order, or what is written in between would be in neither.
    let feed = app.feed.watch(&app.database).await?;
    let end = database::last_position(&app.database).await?;
    // An id from beyond the end is of another trail, such as the one before a backup was restored.
    let told = last.unwrap_or(end).min(end);
    let missed = database::newest_after(&app.database, told).await?;
    let mut begin = format!("retry: 1000\nid: {told}\n\n");
    let mut watch = Watch { app, headers, filter, feed, told, begin: None, spoken: Instant::now(), _seat: seat };
    begin.push_str(&watch.tell(&missed));
    watch.begin = Some(begin);
    Ok(EventStream(watch))
}

fn no_seat(full: Full) -> Error {
    match full {
        Full::Own => Error::Later(problems::RATE_LIMITED, LATER),
        Full::House => problems::SERVICE_UNAVAILABLE.because("every seat for a stream is taken"),
    }
}

/// Somebody who watches.
pub struct Watch {
    app: App,
    /// With the credential, which is judged again and again.
    headers: HeaderMap,
    filter: Filter,
    feed: Receiver<Batch>,
    /// The position up to which everything has been told, or was not asked for.
    told: i64,
    /// What is told at once.
    begin: Option<String>,
    spoken: Instant,
    _seat: Seat,
}

impl Source for Watch {
    type Data = Recorded;

    async fn next(&mut self) -> Option<String> {
        loop {
            let heard = match self.begin.take() {
                Some(begin) => Heard::Text(begin),
                None => self.listen().await,
            };
            // After the wait and before a word is said.
            if self.app.is_stopping() || !Caller::<Admin>::is_still_admitted(&self.app, &self.headers).await {
                return None;
            }
            let text = match heard {
                Heard::Text(text) => text,
                Heard::Events(events) => self.tell(&events),
                Heard::Nothing if self.spoken.elapsed() >= SILENCE => heartbeat(self.told),
                Heard::Nothing => continue,
                Heard::End => return None,
            };
            if !text.is_empty() {
                self.spoken = Instant::now();
                return Some(text);
            }
        }
    }
}

enum Heard {
    Text(String),
    Events(Batch),
    Nothing,
    End,
}

#[derive(Serialize)]
struct Gap {
    missed: i64,
}

impl Watch {
    async fn listen(&mut self) -> Heard {
        match tokio::time::timeout(BEAT, self.feed.recv()).await {
            Ok(Ok(events)) => Heard::Events(events),
            // A beat without news; or too slow a reader, to whom the next position shows how much it has missed.
            Err(_) | Ok(Err(RecvError::Lagged(_))) => Heard::Nothing,
            Ok(Err(RecvError::Closed)) => Heard::End,
        }
    }

    /// What of these has not been told yet and was asked for.
    fn tell(&mut self, events: &[Followed]) -> String {
        let mut text = String::new();
        for event in events {
            if event.position <= self.told {
                continue;
            }
            let missed = event.position - self.told - 1;
            if missed > 0 {
                write_event(&mut text, event.position - 1, "gap", &Gap { missed });
            }
            self.told = event.position;
            if self.filter.admits(&event.event) {
                write_event(&mut text, event.position, &event.event.r#type, &event.event);
            }
        }
        text
    }
}

impl Filter {
    fn admits(&self, event: &Recorded) -> bool {
        self.r#type.is_none_or(|kind| kind.name() == event.r#type)
            && self.user_id.is_none_or(|user| Some(user) == event.user_id)
    }
}
