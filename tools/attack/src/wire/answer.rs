//! What came back, and the questions that cases ask of it.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use http::HeaderMap;
use serde_json::Value;

use super::Record;
use crate::case::{Trouble, Verdict};

/// An answer that was read to its end.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub took: Duration,
    /// `GET /v1/users/me`, for sentences.
    pub(super) asked: String,
    pub(super) record: Arc<Record>,
    pub(super) number: usize,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// A string of the body by its pointer: `answer.string("/items/0/id")`. Empty if there is none.
    pub fn string(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The `code` of an error.
    pub fn code(&self) -> String {
        self.string("/code")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Control: this is genuine, so it must succeed. Otherwise nothing that follows would mean anything.
    pub fn must_work(self, what: &str) -> Result<Self, Trouble> {
        if self.is_success() {
            self.record.controls.fetch_add(1, Ordering::Relaxed);
            return Ok(self);
        }
        let said: String = self.text().chars().take(300).collect();
        Err(Trouble::Broken(format!("the control failed: {what}: {} got {} {said}", self.asked, self.status)))
    }

    /// The attack must be refused, with any 4xx: another service may see another 4xx fit. A 5xx is no refusal, it is an
    /// accident on the way to one.
    pub fn refused(&self) -> Verdict {
        let what = if self.status >= 500 { "fell over" } else { "was let through" };
        self.held_if(matches!(self.status, 400..=499), || format!("{} {what}: {}", self.asked, self.seen()))
    }

    /// One of these statuses, and nothing else.
    pub fn must_be(&self, statuses: &[u16]) -> Verdict {
        let expected: Vec<_> = statuses.iter().map(ToString::to_string).collect();
        self.held_if(statuses.contains(&self.status), || {
            format!("{} got {} instead of {}", self.asked, self.seen(), expected.join(" or "))
        })
    }

    /// As `Verdict::held_if`, and the report shows this very exchange beside the hole.
    pub fn held_if(&self, held: bool, seen: impl FnOnce() -> String) -> Verdict {
        if !held {
            self.record.tell(self.number);
        }
        Verdict::held_if(held, seen)
    }

    /// `401 UNAUTHENTICATED`, for sentences.
    pub fn seen(&self) -> String {
        format!("{} {}", self.status, self.code()).trim_end().to_owned()
    }
}
