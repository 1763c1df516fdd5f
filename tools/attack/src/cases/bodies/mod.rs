//! Bodies that are too much, or not what they say they are (API4, unrestricted resource consumption).

mod compressed;
mod framing;
mod sizes;
mod types;

use crate::{actors::Person, attempt::Attempt, case::Case};

pub const PARTS: &[&[Case]] = &[sizes::CASES, compressed::CASES, types::CASES, framing::CASES];

/// The head of a change of one's name, up to where the body's own headers begin.
fn head(attempt: &Attempt, person: &Person) -> String {
    let base = &attempt.target.base;
    let (prefix, host) = (&base.prefix, base.authority());
    let (line, token) = (format!("PATCH {prefix}/v1/users/me HTTP/1.1"), &person.access);
    format!(
        "{line}\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    )
}
