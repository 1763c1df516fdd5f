//! Accounts that are made, and sessions that are ended.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::{at_once, let_in, tally};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, nobody},
};

const REGISTER: &str = "/v1/auth/register";
const VERIFY: &str = "/v1/auth/verify-email";
const LOGIN: &str = "/v1/auth/login";
const LOGOUT: &str = "/v1/auth/logout";
const ME: &str = "/v1/users/me";

pub const CASES: &[Case] = &[
    Case {
        id: "race-one-registration",
        title: "One address is registered twenty times at once, with five passwords",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["15.4.2", "2.3.3"],
        teaching: "\"Is the address taken?\" and \"write the account\" are two steps, and between them twenty others ask the \
                   same. Then two accounts share an address and a reset of one opens the other; or a second password is good \
                   for the owner's account. GitLab's verification of addresses fell to a race (CVE-2022-4037). A unique \
                   index, and one answer for all, settle it.",
        needs: &[Need::FreshUser, Need::Addresses, Need::Operation("POST", REGISTER)],
        // Twenty hashes at once: whoever registers beside it is turned away.
        alone: true,
        run: |attempt| Box::pin(registration(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-after-logout",
        title: "A token goes on working while and after its session is ended",
        pillar: Some("session-liveness"),
        owasp: &["API2:2023"],
        asvs: &["7.4.1"],
        teaching: "A signed token is good until it expires, unless somebody asks whether its session still lives. Caches of \
                   that answer keep it alive for a while, each replica for itself, and a request that was under way at the \
                   logout can even put the old answer back. A second after the logout no request may get in, however many \
                   were on their way.",
        needs: &[Need::FreshUser, Need::Operation("POST", LOGOUT), Need::Operation("GET", ME)],
        run: |attempt| Box::pin(after_logout(attempt)),
        ..PLAIN
    },
    Case {
        id: "race-password-change",
        title: "A session opens with the old password while it is being changed",
        owasp: &["API2:2023"],
        asvs: &["7.4.3", "15.4.2"],
        teaching: "A login takes a tenth of a second, most of it in the hash. If the password is changed meanwhile, the thief's \
                   login has verified the old one already and opens its session after all others were ended: it survives the \
                   very act that was to throw them out. The session must be opened only for the password that was verified.",
        needs: &[Need::FreshUser, Need::Operation("PUT", "/v1/users/me/password"), Need::Operation("POST", LOGIN)],
        run: |attempt| Box::pin(password_change(attempt)),
        ..PLAIN
    },
];

async fn registration(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one answer for all; one account, which one password opens");
    let email = nobody();
    let passwords: Vec<_> = (0..5).map(|_| good_password()).collect();
    let answers = at_once((0..20).map(|n| {
        let body = json!({"email": email, "name": "One of many", "password": passwords[n % 5]});
        attempt.post(REGISTER, &body).elsewhere().limits_count()
    }));
    let answers = answers.await?;
    attempt.control(let_in(&answers) > 0, "no registration at all succeeded")?;
    let fell = answers.iter().find(|answer| answer.status >= 500 && answer.status != 503);
    let stood = fell.map_or(Verdict::Held, crate::wire::Answer::refused);
    // Every token that was mailed: whichever is the account's, it is confirmed now.
    attempt.mailed_token(&email, "Confirm").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mails = attempt.get("/dev/mailbox.json").elsewhere().send().await?.json();
    let mine = mails["items"].as_array().into_iter().flatten().filter(|mail| mail["to"] == json!(email));
    let tokens = mine.filter_map(|mail| mail["token"].as_str().map(str::to_owned));
    let verified =
        at_once(tokens.map(|token| attempt.post(VERIFY, &json!({"token": token})).elsewhere().limits_count()));
    let verified = verified.await?;
    attempt.control(let_in(&verified) > 0, "the address cannot be confirmed")?;
    let opened = at_once(passwords.iter().map(|password| {
        attempt.post(LOGIN, &json!({"email": email, "password": password})).elsewhere().limits_count()
    }));
    let opened = opened.await?;
    attempt.control(let_in(&opened) > 0, "none of the passwords opens the account")?;
    let one = Verdict::held_if(let_in(&opened) == 1, || {
        format!("{} of five passwords open one address: {}", let_in(&opened), tally(&opened))
    });
    Ok(stood.and(one))
}

async fn after_logout(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 from a second after the 204 on, for every request");
    let person = attempt.fresh_user().await?;
    attempt.get(ME).by(&person).send().await?.must_work("the token works before")?;
    let asking = async {
        // Under way before, while and after.
        for _ in 0..5 {
            at_once((0..4).map(|_| attempt.get(ME).by(&person).limits_count())).await?;
        }
        Ok::<_, Trouble>(())
    };
    let ending = attempt.request("POST", LOGOUT).by(&person).note("The logout, while others ask").send();
    let (asked, ended) = tokio::join!(asking, ending);
    asked?;
    ended?.must_work("a logout")?;
    let out = Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answers = at_once((0..10).map(|_| attempt.get(ME).by(&person).limits_count())).await?;
    Ok(Verdict::held_if(let_in(&answers) == 0, || {
        format!("{:.1} s after the logout: {}", out.elapsed().as_secs_f32(), tally(&answers))
    }))
}

async fn password_change(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("whatever the old password opened is dead once the new one is set");
    let owner = attempt.fresh_user().await?;
    let old = json!({"email": owner.email, "password": owner.password});
    let new = json!({"current_password": owner.password, "new_password": "Nine-lanterns-on-the-quay"});
    // One every ten milliseconds, and the change in the midst of them: one of them straddles it.
    let logins = join_all((0..8).map(async |n| {
        tokio::time::sleep(Duration::from_millis(n * 10)).await;
        attempt.post(LOGIN, &old).elsewhere().limits_count().send().await
    }));
    let change = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        attempt.put("/v1/users/me/password", &new).by(&owner).note("The change, while others sign in").send().await
    };
    let (opened, changed) = tokio::join!(logins, change);
    let opened: Vec<_> = opened.into_iter().collect::<Result<_, _>>()?;
    changed?.must_work("the owner changes the password")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut alive = Vec::new();
    for answer in opened.iter().filter(|answer| answer.is_success()) {
        alive.push(attempt.get(ME).bearer(&answer.string("/access_token")));
    }
    let tried = alive.len();
    attempt.control(tried > 0, "no login came before the change")?;
    let answers = at_once(alive.into_iter()).await?;
    Ok(Verdict::held_if(let_in(&answers) == 0, || {
        format!("of {tried} sessions that the old password opened, {} live on", let_in(&answers))
    }))
}
