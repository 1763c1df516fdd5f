//! What a case did over a socket of its own, for the report.

use std::time::Duration;

use crate::{attempt::Attempt, wire::Exchange};

pub(super) fn told(attempt: &Attempt, note: &str, sent: &str, seen: &str, took: Duration) {
    let (note, request, answer) = (note.to_owned(), sent.to_owned(), seen.to_owned());
    attempt.wire.record.note(Exchange { note, request, answer, took, ..Exchange::default() });
}
