//! Bytes that no client library would send: where a message ends, what a head may hold, and who is asked.

mod chunks;
mod heads;
mod lengths;
mod targets;

use futures_util::future::join_all;

use crate::{
    attempt::Attempt,
    case::{Case, Trouble, Verdict},
    wire::{Raw, RawAnswer},
};

pub const PARTS: &[&[Case]] = &[lengths::CASES, chunks::CASES, heads::CASES, targets::CASES];

/// A request by hand that ends the connection: its line, more of its head (each line with its end), a body.
fn written(attempt: &Attempt, line: &str, head: &str, body: &str) -> Vec<u8> {
    let host = attempt.target.base.authority();
    format!("{line}\r\nhost: {host}\r\nconnection: close\r\n{head}\r\n{body}").into_bytes()
}

/// `GET /`, or what stands for it behind a prefix.
fn root(attempt: &Attempt) -> String {
    format!("GET {}/ HTTP/1.1", attempt.target.base.prefix)
}

/// With a body of JSON, whose length this head states.
fn framed(attempt: &Attempt, head: &str, body: &str) -> Vec<u8> {
    written(attempt, &root(attempt), &format!("content-type: application/json\r\n{head}"), body)
}

/// Control: the twin that is well-formed is answered with a success. Without one, a refusal would prove nothing.
async fn twin(attempt: &Attempt, bytes: Vec<u8>) -> Result<RawAnswer, Trouble> {
    let answer = attempt.raw(bytes).note("Control: the same, well-formed").send().await?;
    if !matches!(answer.status(), 200..=399) {
        return Err(Trouble::Skipped(format!("what is well-formed is not answered with a success: {}", answer.seen())));
    }
    attempt.control(true, "")?;
    Ok(answer)
}

/// All of them at once, each from an address of its own.
async fn answers(attempt: &Attempt, odd: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, RawAnswer)>, Trouble> {
    let sent = odd.into_iter().map(async |(note, bytes)| {
        let answer = Raw::new(&attempt.wire.elsewhere(), bytes).note(&note).send().await?;
        Ok((note, answer))
    });
    join_all(sent).await.into_iter().collect()
}

/// Each is refused or hung up on, and answered once at most.
async fn refused(attempt: &Attempt, odd: Vec<(String, Vec<u8>)>) -> Result<Verdict, Trouble> {
    let each = answers(attempt, odd).await?.into_iter().map(|(note, answer)| {
        let once = answer.statuses().len() <= 1;
        let held = answer.refused() == Verdict::Held && once;
        Verdict::held_if(held, || format!("{note}: {}", answer.seen()))
    });
    Ok(each.fold(Verdict::Held, Verdict::and))
}

/// None succeeds, and none is answered twice; to wait for the rest of a message that has no end is no mistake.
async fn not_taken(attempt: &Attempt, odd: Vec<(String, Vec<u8>)>) -> Result<Verdict, Trouble> {
    let each = answers(attempt, odd).await?.into_iter().map(|(note, answer)| {
        let statuses = answer.statuses();
        let held = statuses.len() <= 1 && !matches!(answer.status(), 200..=399);
        Verdict::held_if(held, || format!("{note}: {}", answer.seen()))
    });
    Ok(each.fold(Verdict::Held, Verdict::and))
}

/// The request that nobody sent, if it is answered.
fn smuggled(attempt: &Attempt) -> String {
    format!("GET /smuggled HTTP/1.1\r\nhost: {}\r\n\r\n", attempt.target.base.authority())
}

/// As it stands in sentences, with what cannot be seen.
fn shown(text: &str) -> String {
    text.escape_debug().to_string().chars().take(60).collect()
}
