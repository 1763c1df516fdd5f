//! Whether time tells who has an account. `tests/api/enumeration.rs` asks the same with a generous bound, since a busy
//! machine must not fail it; this is the strict one.
//!
//! Each round asks for a known address, an unknown one and another known one, each round beginning with another of the
//! three. Known and unknown are compared by rank (Mann and Whitney): the share of pairs in which the unknown one took
//! longer is 0.5 where time tells nothing. The two known ones, compared alike, say what noise makes of 0.5.

use std::{net::SocketAddr, time::Duration};

use anyhow::ensure;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::{
    load::{self, Client},
    process::Server,
    say,
    spread::as_number,
    stage::{PASSWORD, Stage},
};

const ROUNDS: usize = 60;
/// A share as far from one half as this is worth an attacker's while: some hundred requests for one address.
const TELLING: f64 = 0.1;
/// Standard deviations that chance may be blamed for.
const CHANCE: f64 = 4.0;
/// Addresses of clients and of nobody, apart from those of other sections.
const FIRST: usize = 1000;

struct Question<'a> {
    name: &'a str,
    path: &'a str,
    /// Of the caller, where the route wants one.
    tokens: &'a [String],
    body: fn(&str) -> Value,
}

pub async fn compare(stage: &Stage, service: &Server) -> anyhow::Result<()> {
    say(&format!("\nwho has an account, by time: {ROUNDS} rounds; 0.5 is nothing"));
    let mut tokens = Vec::new();
    for (number, person) in stage.people.iter().take(10).enumerate() {
        tokens.push(load::access_token(service.address, number, person).await?);
    }
    let questions = [
        Question { name: "register", path: "/v1/auth/register", tokens: &[], body: register },
        Question { name: "login", path: "/v1/auth/login", tokens: &[], body: login },
        Question { name: "resend", path: "/v1/auth/verify-email/resend", tokens: &[], body: email },
        Question { name: "forgot", path: "/v1/auth/password/forgot", tokens: &[], body: email },
        Question { name: "e-mail change", path: "/v1/users/me/email", tokens: &tokens, body: new_email },
    ];
    for (index, question) in questions.iter().enumerate() {
        let line = ask(stage, service.address, question, FIRST + index * ROUNDS * 3).await?;
        say(&line);
    }
    Ok(())
}

async fn ask(stage: &Stage, server: SocketAddr, question: &Question<'_>, first: usize) -> anyhow::Result<String> {
    let mut took: [Vec<Duration>; 3] = Default::default();
    let mut answers = Vec::new();
    for round in 0..ROUNDS {
        for place in 0..3 {
            let (which, number) = ((round + place) % 3, first + round * 3 + place);
            let address = match which {
                0 => stage.people[20 + round].email.clone(),
                1 => format!("nobody-{number}@bench.example"),
                _ => stage.people[100 + round].email.clone(),
            };
            let token = question.tokens.get(round % question.tokens.len().max(1)).map(String::as_str);
            let request = load::post(server, number, question.path, &(question.body)(&address), token)?;
            let answer = Client::connect(server, request).await?.send().await?;
            took[which].push(answer.took);
            answers.push((answer.status, without_reference(&answer.body)));
        }
    }
    answers.dedup();
    ensure!(answers.len() == 1, "{}: the answers differ, or a limit was met: {answers:?}", question.name);
    let [known, unknown, other] = &took;
    Ok(verdict(question.name, answers[0].0, longer(known, unknown), longer(known, other)))
}

/// The share of pairs in which the second took longer.
fn longer(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| f64::from(u8::from(other > one))));
    pairs.sum::<f64>() / as_number(one.len() * other.len())
}

fn verdict(name: &str, status: StatusCode, share: f64, noise: f64) -> String {
    // Of the share, when both come from one distribution.
    let deviation = (as_number(2 * ROUNDS + 1) / (12.0 * as_number(ROUNDS * ROUNDS))).sqrt();
    let off = (share - 0.5).abs();
    let told = if off > TELLING && off > CHANCE * deviation { "TIME TELLS" } else { "time tells nothing" };
    format!(
        "  {name:13} {} {told}: unknown longer than known in {share:.2} of pairs; noise {noise:.2}",
        status.as_u16()
    )
}

fn without_reference(body: &[u8]) -> Value {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(reference) = body.get_mut("reference") {
        reference.take();
    }
    body
}

fn register(address: &str) -> Value {
    json!({ "email": address, "name": "Some Person", "password": PASSWORD })
}

fn login(address: &str) -> Value {
    json!({ "email": address, "password": "not the right one at all" })
}

fn email(address: &str) -> Value {
    json!({ "email": address })
}

fn new_email(address: &str) -> Value {
    json!({ "new_email": address, "password": PASSWORD })
}
