//! Refresh tokens: used once, for one thing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{FORM, me, refreshed, soon_refused};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
};

const REFRESH: Case =
    Case { asvs: &["10.4.5"], needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/refresh")], ..FORM };

pub const CASES: &[Case] = &[
    Case {
        id: "refresh-reuse",
        title: "A spent refresh token is used again",
        pillar: Some("refresh-reuse"),
        teaching: "A refresh token that works twice can be copied and used beside its owner for weeks, unnoticed. If \
                   each works once, the second use shows that two parties have it, and since nobody can say who is \
                   the thief, the session ends for both (RFC 9700 section 4.14.2). A grace of seconds for lost \
                   answers must not become a second life.",
        run: |attempt| Box::pin(reuse(attempt)),
        ..REFRESH
    },
    Case {
        id: "refresh-two-successors",
        title: "One refresh token is spent many times at once",
        asvs: &["10.4.5", "15.4.2"],
        teaching: "Two tabs refresh at the same moment, and so does a thief who waited for that. If each gets a \
                   successor of its own, the session has split, and the reuse of neither will ever show. However many \
                   ask at once, on however many replicas, there is one successor: the row is locked while it is made.",
        run: |attempt| Box::pin(two_successors(attempt)),
        ..REFRESH
    },
    Case {
        id: "refresh-of-another-shape",
        title: "A refresh token that is null, a list, SQL or a wildcard",
        asvs: &["2.2.1", "1.2.4"],
        teaching: "The token goes into a query. Null has matched rows whose column was null, an object has become an \
                   operator of a document database (`{\"$ne\": null}` is any token but none), an empty text has found \
                   an empty hash. It is hashed before it is looked up, and a string of one fixed form before it is \
                   hashed.",
        run: |attempt| Box::pin(odd_shapes(attempt)),
        ..REFRESH
    },
    Case {
        id: "refresh-from-elsewhere",
        title: "A refresh token in a cookie, a header or the address",
        asvs: &["7.2.1", "14.2.1"],
        teaching: "A refresh token that a cookie can carry is sent by browsers on behalf of any page that asks: \
                   refreshing becomes something that strangers can trigger, and rotate away from its owner. In an \
                   address it is in the log. It comes in the body, under one name, and from nowhere else.",
        run: |attempt| Box::pin(from_elsewhere(attempt)),
        ..REFRESH
    },
];

async fn reuse(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for the spent token, after the grace at the latest; then the whole session is dead");
    let person = attempt.fresh_user().await?;
    let first = refreshed(attempt, &person.refresh, "Control: the first use").await?.must_work("the first use")?;
    let second = refreshed(attempt, &first.string("/refresh_token"), "Control: its successor").await?;
    let second = second.must_work("the successor")?;
    let mut answer = refreshed(attempt, &person.refresh, "The spent token, at once").await?;
    if answer.is_success() {
        // Perhaps a grace for answers that were lost: it may last ten seconds.
        sleep(Duration::from_secs(11)).await;
        answer = refreshed(attempt, &person.refresh, "The spent token, after 11 s").await?;
    }
    let refused = answer.must_be(&[401]);
    let heir = refreshed(attempt, &second.string("/refresh_token"), "The newest token of the session").await?;
    let ended = Verdict::held_if(!heir.is_success(), || "the session lives on after the reuse".to_owned());
    let mut thief = person;
    thief.access = second.string("/access_token");
    let access = soon_refused(attempt, &thief, "The newest access token").await?;
    Ok(refused.and(ended).and(access))
}

async fn two_successors(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one successor, however many ask");
    let person = attempt.fresh_user().await?;
    let body = json!({"refresh_token": person.refresh});
    let tries = (0..8).map(|_| attempt.post("/v1/auth/refresh", &body).elsewhere().limits_count().send());
    let mut successors = Vec::new();
    for answer in join_all(tries).await {
        let answer = answer?;
        let successor = answer.string("/refresh_token");
        if answer.is_success() && !successors.contains(&successor) {
            successors.push(successor);
        }
    }
    attempt.control(!successors.is_empty(), "no refresh succeeded at all")?;
    Ok(Verdict::held_if(successors.len() == 1, || format!("{} different successors", successors.len())))
}

async fn odd_shapes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 401, never a 500");
    let person = attempt.fresh_user().await?;
    refreshed(attempt, &person.refresh, "Control: a genuine one").await?.must_work("a genuine one")?;
    let odd: Vec<Value> = vec![
        json!(null),
        json!(""),
        json!([]),
        json!([person.refresh]),
        json!({"$ne": null}),
        json!({"$gt": ""}),
        json!(0),
        json!(true),
        json!("' or '1'='1"),
        json!("%"),
        json!("dbt_"),
        json!(person.refresh.to_uppercase()),
        json!(format!("{} ", person.refresh)),
        json!(format!("{}\u{0}", person.refresh)),
        json!("A".repeat(5000)),
    ];
    let mut verdict = Verdict::Held;
    for token in odd {
        let request = attempt.post("/v1/auth/refresh", &json!({"refresh_token": token})).elsewhere();
        verdict = verdict.and(request.send().await?.refused());
    }
    Ok(verdict)
}

async fn from_elsewhere(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 401, and the token is not spent by it");
    let person = attempt.fresh_user().await?;
    me(attempt, &person, "Control: signed in").await?.must_work("signed in")?;
    let token = &person.refresh;
    let empty = || attempt.post("/v1/auth/refresh", &json!({}));
    let form = "application/x-www-form-urlencoded";
    let requests = [
        empty().header("cookie", format!("refresh_token={token}")).note("in a cookie"),
        empty().header("x-refresh-token", token).note("in a header"),
        empty().bearer(token).note("as a bearer token"),
        attempt.post(&format!("/v1/auth/refresh?refresh_token={token}"), &json!({})).note("in the address"),
        attempt.request("POST", "/v1/auth/refresh").header("content-type", form).body(format!("refresh_token={token}")),
        attempt.get(&format!("/v1/auth/refresh?refresh_token={token}")).note("with GET"),
    ];
    let mut verdict = Verdict::Held;
    for request in requests {
        verdict = verdict.and(request.send().await?.refused());
    }
    refreshed(attempt, token, "Control: in the body, where it belongs").await?.must_work("the token in the body")?;
    Ok(verdict)
}
