//! What costs us: accounts, mails, exports; and whether what we say of a limit is true.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{LOGIN, MOST, SIGNS_IN, guess, spend};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{chance, good_password, nobody},
    wire::Answer,
};

const REGISTER: &str = "/v1/auth/register";
const FORGOT: &str = "/v1/auth/password/forgot";
const EXPORT: &str = "/v1/users/me/export";
const REFRESH: &str = "/v1/auth/refresh";

pub const CASES: &[Case] = &[
    Case {
        id: "limit-registrations",
        title: "One address registers account after account",
        owasp: &["API4:2023", "API6:2023"],
        asvs: &["2.4.1"],
        teaching: "Registration is a business flow that machines like: accounts for spam, for trials without end, for votes, \
                   and each sends a mail and costs a password hash at our expense. Docker Hub, GitHub and Heroku had their \
                   free machines farmed by PurpleUrchin's scripts, which registered thousands of accounts in 2022. A small \
                   budget by address makes it dear.",
        needs: &[Need::Operation("POST", REGISTER)],
        run: |attempt| Box::pin(registrations(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-mail-bomb",
        title: "A stranger has somebody's mailbox filled from many addresses",
        owasp: &["API4:2023", "API6:2023"],
        asvs: &["2.4.1", "6.6.3"],
        teaching: "\"Forgot my password\" sends a mail to anybody, for anybody. In a loop it fills a mailbox, hides the one mail \
                   that mattered (subscription bombing), costs money by the message, and gets our sender on lists of \
                   spammers. The budget must be the recipient's, since the sender has many addresses.",
        needs: &[Need::FreshUser, Need::Addresses, Need::Operation("POST", FORGOT)],
        run: |attempt| Box::pin(mail_bomb(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-costly-work",
        title: "One account asks for its whole export again and again, from two sessions and many addresses",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "An answer that gathers everything about somebody costs a thousand times what its request costs, and a limit \
                   made for ordinary reading is far too wide for it. Such operations need a budget of their own, counted by \
                   the account: not by the token, of which one signs in for more, and not by the address.",
        needs: &[Need::FreshUser, Need::Operation("GET", EXPORT)],
        run: |attempt| Box::pin(costly(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-says-the-truth",
        title: "A refused client waits as long as it was told, and is refused again",
        owasp: &["API4:2023"],
        asvs: &["2.4.1"],
        teaching: "A 429 without Retry-After, or with one that is too short, makes honest clients ask in a loop: the limit then \
                   creates the load that it was made against. RFC 6585 wants the header where possible. What it says must be \
                   enough, and the remaining count must reach zero before the refusal, not after.",
        needs: &[Need::Operation("POST", REFRESH)],
        run: |attempt| Box::pin(truth(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-tells-of-others",
        title: "The remaining count at the login tells how often others tried, and when the owner signed in",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.3.8", "6.3.1"],
        teaching: "A count that belongs to an account and is shown to whoever asks is a small window into it: it falls when \
                   somebody else tries, and jumps back when the owner signs in, which also tells that the account exists. \
                   Only the asker's own budget, by address, may be shown.",
        needs: &[Need::FreshUser, Need::Addresses, SIGNS_IN],
        run: |attempt| Box::pin(of_others(attempt)),
        ..PLAIN
    },
];

async fn registrations(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a handful");
    // All for one address, so that the mailbox of a development service is not flooded by us.
    let body = json!({"email": nobody(), "name": "One of many", "password": good_password()});
    let first = attempt.post(REGISTER, &body).limits_count().note("Control: the first is taken").send().await?;
    first.must_work("somebody registers")?;
    let taken = spend(|_| attempt.post(REGISTER, &body).limits_count()).await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("one address registered {MOST} times, and no end")))
}

async fn mail_bomb(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a few mails, wherever the wish comes from");
    let victim = attempt.fresh_user().await?;
    let ask = || attempt.post(FORGOT, &json!({"email": victim.email})).limits_count();
    ask().note("Control: the first is taken").send().await?.must_work("a reset is asked for")?;
    let taken = spend(|_| ask().elsewhere()).await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("{MOST} mails to one address, and no end")))
}

async fn costly(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a handful, for the account and not for the session");
    let me = attempt.fresh_user().await?;
    let again = attempt.sign_in(&me).await?;
    let first = attempt.get(EXPORT).by(&me).limits_count().note("Control: the first export").send().await?;
    first.must_work("somebody exports what is known about them")?;
    let taken = spend(|n| {
        let session = if n % 2 == 0 { &again } else { &me };
        attempt.get(EXPORT).by(session).elsewhere().limits_count()
    });
    let taken = taken.await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("{MOST} exports of one account, and no end")))
}

fn number(answer: &Answer, name: &str) -> Option<u64> {
    answer.header(name)?.parse().ok()
}

async fn truth(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a count that falls to zero, then 429 with Retry-After; after that time, no 429");
    let ask = || attempt.post(REFRESH, &json!({"refresh_token": format!("dbt_{}", chance())})).limits_count();
    let mut left = None;
    for _ in 0..100 {
        let answer = ask().send().await?;
        if answer.status != 429 {
            left = number(&answer, "x-ratelimit-remaining");
            continue;
        }
        attempt.control(left.is_some() || answer.header("retry-after").is_some(), "nothing is said of the limit")?;
        let Some(wait) = number(&answer, "retry-after").filter(|wait| *wait > 0) else {
            return Ok(Verdict::Hole("a 429 without a Retry-After of some seconds".to_owned()));
        };
        // A bucket fills while we ask, so the last number seen may not be zero; far from it, it is not the truth.
        let counted = Verdict::held_if(left.is_none_or(|left| left <= 1), || {
            format!("it said {} were left, and then 429", left.unwrap_or_default())
        });
        let zero = number(&answer, "x-ratelimit-remaining");
        let zero = Verdict::held_if(zero.is_none_or(|zero| zero == 0), || "a 429 with some left".to_owned());
        if wait > 10 {
            return Ok(counted.and(zero));
        }
        sleep(Duration::from_secs(wait)).await;
        let waited = ask().note("After the time that it named").send().await?;
        let enough = Verdict::held_if(waited.status != 429, || format!("after {wait} s it is still refused"));
        return Ok(counted.and(zero).and(enough));
    }
    Err(Trouble::Skipped("a hundred refreshes met no limit that could be judged".to_owned()))
}

async fn of_others(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same count for an account that was tried often, for one that was not, and for nobody");
    let victim = attempt.fresh_user().await?;
    let left = async |email: &str| {
        let answer = guess(&attempt.wire.elsewhere(), email).send().await?;
        Ok::<_, Trouble>(number(&answer, "x-ratelimit-remaining"))
    };
    let stranger = left(&nobody()).await?;
    if stranger.is_none() {
        return Err(Trouble::Skipped("it shows no count at the login".to_owned()));
    }
    let mut seen = vec![stranger];
    for _ in 0..4 {
        seen.push(left(&victim.email).await?);
    }
    let own = json!({"email": victim.email, "password": victim.password});
    let own = attempt.post(LOGIN, &own).elsewhere().note("Control: the owner signs in").send().await?;
    own.must_work("the owner signs in")?;
    seen.push(left(&victim.email).await?);
    Ok(Verdict::held_if(seen.iter().all(|one| *one == stranger), || {
        let seen: Vec<_> = seen.iter().map(|one| one.map_or("-".to_owned(), |one| one.to_string())).collect();
        format!("from fresh addresses it showed {}", seen.join(", "))
    }))
}
