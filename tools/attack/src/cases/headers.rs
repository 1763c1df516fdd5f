//! What stands on every answer.

use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "headers-nosniff",
    title: "An answer without nosniff",
    pillar: Some("security-headers"),
    owasp: &["API8:2023"],
    asvs: &["3.4.4"],
    teaching: "A browser that guesses the type of an answer may take JSON with somebody's text in it for a page, and run what \
               stands there. `X-Content-Type-Options: nosniff` tells it to believe the Content-Type. It must stand on errors \
               too: they repeat what the client sent more often than anything else does, and they are written by other code.",
    run: |attempt| Box::pin(nosniff(attempt)),
    ..PLAIN
}];

async fn nosniff(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("X-Content-Type-Options: nosniff on an answer and on an error");
    let mut verdict = Verdict::Held;
    for path in ["/", "/no-such-path"] {
        let answer = attempt.get(path).send().await?;
        // The control: these are answers of the service, with headers that can be read.
        attempt.control(
            answer.headers.contains_key("content-type") || answer.headers.contains_key("date"),
            "no headers",
        )?;
        let found = answer.header("x-content-type-options").unwrap_or("nothing").to_owned();
        let nosniff = found.eq_ignore_ascii_case("nosniff");
        verdict = verdict.and(answer.held_if(nosniff, || format!("GET {path} says {found}")));
    }
    Ok(verdict)
}
