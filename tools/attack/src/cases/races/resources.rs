//! What is written once, and budgets that are spent once.

use std::collections::BTreeSet;

use serde_json::json;

use super::{at_once, let_in, tally};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::chance,
};

const ARTICLES: &str = "/v1/articles";
const ME: &str = "/v1/users/me";
const KEYS: &str = "/v1/users/me/api-keys";

pub const CASES: &[Case] = &[
    Case {
        id: "race-idempotency-key",
        title: "One idempotency key makes twenty things at once",
        pillar: Some("idempotency"),
        owasp: &["API6:2023"],
        asvs: &["2.3.4", "15.4.2"],
        teaching: "A client that lost an answer asks again with the same key, and must not pay twice. A server that looks the key \
                   up, does the work and then writes the key down does the work as often as it is asked while the first is \
                   under way, and impatient clients and attackers do just that. The key must be taken before the work, under \
                   a unique index.",
        needs: &[Need::FreshUser, Need::Operation("POST", ARTICLES)],
        run: |attempt| Box::pin(idempotency(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-if-match",
        title: "Ten writers change what all of them have read, at once",
        pillar: Some("if-match"),
        owasp: &["API6:2023"],
        asvs: &["15.4.2", "2.3.3"],
        teaching: "If-Match says: only if nobody else has changed it since I read it (RFC 9110 section 13.1.1). Compared in one \
                   statement and written in another, it stops only those who come late enough: of ten at once several win, \
                   and the last one silently buries the others. The comparison belongs into the `where` of the update.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", ME)],
        run: |attempt| Box::pin(if_match(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-costly-budget",
        title: "A budget of ten is spent by thirty requests at once",
        owasp: &["API4:2023", "API6:2023"],
        asvs: &["15.4.2", "2.4.1"],
        teaching: "Counting is itself check-then-act: read the count, compare, add one. Thirty requests that arrive together all \
                   read nine. What comes of it is thirty API keys, thirty withdrawals, thirty mails. The count must be charged \
                   in one atomic step that also decides, before anything is done.",
        needs: &[Need::FreshUser, Need::Operation("POST", KEYS)],
        run: |attempt| Box::pin(budget(attempt)),
        ..PLAIN
    },
];

async fn idempotency(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one article, however often it is said to have been made");
    let author = attempt.fresh_user().await?;
    let named = attempt.target.operation("POST", ARTICLES).map(ToString::to_string).unwrap_or_default();
    if !named.to_lowercase().contains("idempotency-key") {
        return Err(Trouble::Skipped("nothing there honours an Idempotency-Key".to_owned()));
    }
    let (key, draft) = (chance(), json!({"title": "Only once", "body": "However often it is sent"}));
    let answers = at_once(
        (0..20).map(|_| attempt.post(ARTICLES, &draft).by(&author).header("idempotency-key", &key).limits_count()),
    );
    let answers = answers.await?;
    attempt.control(let_in(&answers) > 0, "no article was made at all")?;
    let made: BTreeSet<_> =
        answers.iter().filter(|answer| answer.is_success()).map(|answer| answer.string("/id")).collect();
    let fell = answers.iter().find(|answer| answer.status >= 500 && answer.status != 503);
    let stood = fell.map_or(Verdict::Held, crate::wire::Answer::refused);
    Ok(Verdict::held_if(made.len() == 1, || format!("one key made {} articles: {}", made.len(), tally(&answers)))
        .and(stood))
}

async fn if_match(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one 200, nine times 412");
    let person = attempt.fresh_user().await?;
    let read = attempt.get(ME).by(&person).send().await?.must_work("it is read")?;
    let Some(etag) = read.header("etag").map(str::to_owned) else {
        return Err(Trouble::Skipped("its answers have no ETag".to_owned()));
    };
    let answers = at_once((0..10).map(|n| {
        let change = json!({"name": format!("Writer number {n}")});
        attempt.patch(ME, &change).by(&person).header("if-match", &etag).limits_count()
    }));
    let answers = answers.await?;
    attempt.control(let_in(&answers) > 0, "not even the first writer won")?;
    Ok(Verdict::held_if(let_in(&answers) == 1, || format!("ten writers at once: {}", tally(&answers))))
}

async fn budget(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no more than the budget says, though all came at the same moment");
    let person = attempt.fresh_user().await?;
    let scopes = ["profile:read"];
    let body = json!({"name": "One of many", "scopes": scopes, "expires_at": in_a_month(attempt, &person).await?});
    let answers = at_once((0..30).map(|_| attempt.post(KEYS, &body).by(&person).limits_count())).await?;
    attempt.control(let_in(&answers) > 0, "no key was made at all")?;
    let stated = answers.iter().filter_map(|answer| answer.header("x-ratelimit-limit")?.parse::<usize>().ok()).min();
    let limit = stated.unwrap_or(20);
    Ok(Verdict::held_if(let_in(&answers) <= limit, || {
        format!("{} were let through where {limit} are allowed: {}", let_in(&answers), tally(&answers))
    }))
}

/// By the target's clock: what its own answers call now, and thirty days.
async fn in_a_month(attempt: &Attempt, person: &crate::actors::Person) -> Result<String, Trouble> {
    let me = attempt.get(ME).by(person).send().await?.must_work("somebody reads about themselves")?;
    let made = me.string("/created_at");
    let parsed = time::OffsetDateTime::parse(&made, &time::format_description::well_known::Rfc3339);
    let made = parsed.map_err(|_| Trouble::Skipped("it does not say when the account was made".to_owned()))?;
    let later = made + time::Duration::days(30);
    later.format(&time::format_description::well_known::Rfc3339).map_err(|error| Trouble::Broken(error.to_string()))
}
