//! Passwords, guessed: one account by many, many accounts by one.

use futures_util::future::join_all;
use serde_json::json;

use super::{LOGIN, MOST, SIGNS_IN, guess, spend};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::nobody,
};

pub const CASES: &[Case] = &[
    Case {
        id: "limit-one-account",
        title: "One account's password is guessed from a new address each time",
        pillar: Some("login-limit"),
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1"],
        teaching: "A limit that counts addresses alone is no limit for whoever has many: a botnet, a cloud account, one IPv6 \
                   network. In 2014 iBrute guessed iCloud passwords at the API of Find My iPhone, which counted nothing at \
                   all. Tries must be counted by the account that is tried, wherever they come from, whether or not it \
                   exists.",
        needs: &[Need::FreshUser, Need::Addresses, SIGNS_IN],
        run: |attempt| Box::pin(one_account(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-one-address",
        title: "One address tries one password on many accounts",
        pillar: Some("login-limit"),
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1", "2.4.1"],
        teaching: "Password spraying turns guessing around: one likely password, and then the next account, so that no account \
                   ever sees two tries. Citrix was entered this way in 2018, Microsoft's own tenant in 2023 (Midnight \
                   Blizzard). Credential stuffing looks the same. Tries must be counted by where they come from as well, \
                   across all accounts.",
        needs: &[SIGNS_IN],
        run: |attempt| Box::pin(one_address(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-at-once",
        title: "Forty guesses at one password arrive at the same moment",
        pillar: Some("login-limit"),
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.3.1", "15.4.2"],
        teaching: "If the count is read before the guess is judged and written after it, all guesses that are under way at \
                   once read the same count. Laxman Muthiyah took over any Instagram account in 2019 by sending reset codes \
                   from many addresses at once, and Microsoft accounts in 2021 the same way. Counting must be one step with \
                   deciding, before the password is looked at.",
        needs: &[Need::FreshUser, Need::Addresses, SIGNS_IN],
        // Without a limit it fills the queue of password checks, and whoever signs in meanwhile is turned away.
        alone: true,
        run: |attempt| Box::pin(at_once(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-success-between",
        title: "An own sign-in after every third guess wipes the count",
        pillar: Some("login-limit"),
        owasp: &["API2:2023"],
        asvs: &["6.3.1"],
        teaching: "Many services forget an address's failures when somebody signs in from it, for the sake of people who \
                   mistype. An attacker has an account too: three guesses, one sign-in of their own, three guesses more, \
                   without an end. A success may give back what was counted against that very account, never what was \
                   counted against the address.",
        needs: &[Need::FreshUser, SIGNS_IN],
        run: |attempt| Box::pin(success_between(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-guess-in-session",
        title: "A stolen session guesses its owner's password",
        owasp: &["API2:2023", "API6:2023"],
        asvs: &["6.3.1", "7.5.1"],
        teaching: "Whoever holds a stolen session still lacks the password, which every dangerous change asks for. The routes \
                   that ask are a second login form: re-authentication, change of password, change of address. When only \
                   the login counts its tries, they are guessed here, in turns, at the speed of the general limit. All of \
                   them must share one small budget.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/reauthenticate")],
        run: |attempt| Box::pin(guess_in_session(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-owner-locked-out",
        title: "A stranger's guesses keep the owner of the account out",
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1", "6.1.1"],
        teaching: "A lock on the account is a weapon: whoever knows an address sends ten wrong passwords and its owner is out, \
                   every quarter of an hour anew. Bidders on eBay locked out their rivals this way in the last minutes of an \
                   auction, as OWASP tells. A device that has been in the account before must have a budget of its own, \
                   which strangers cannot spend.",
        needs: &[Need::FreshUser, Need::Addresses, SIGNS_IN],
        run: |attempt| Box::pin(owner(attempt)),
        ..PLAIN
    },
];

async fn one_account(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a handful of tries, wherever they come from");
    let victim = attempt.fresh_user().await?;
    let first = guess(&attempt.wire, &victim.email).note("Control: a wrong password is judged").send().await?;
    attempt.control(first.status == 401, "a wrong password is not answered with 401")?;
    let taken = spend(|_| guess(&attempt.wire.elsewhere(), &victim.email)).await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("{MOST} passwords were tried on one account, and no end")))
}

async fn one_address(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a handful of accounts");
    let first = guess(&attempt.wire, &nobody()).note("Control: a wrong password is judged").send().await?;
    attempt.control(first.status == 401, "a wrong password is not answered with 401")?;
    let taken = spend(|_| guess(&attempt.wire, &nobody())).await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("one address tried {MOST} accounts, and no end")))
}

async fn at_once(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("as many are judged as one after another would be; the rest is refused unread");
    let victim = attempt.fresh_user().await?;
    let tries = (0..2 * MOST).map(|_| guess(&attempt.wire.elsewhere(), &victim.email).send());
    let (mut judged, mut refused, mut stated) = (0, 0, None);
    for answer in join_all(tries).await {
        let answer = answer?;
        judged += usize::from(matches!(answer.status, 200 | 401));
        refused += usize::from(answer.status == 429);
        let limit = answer.header("x-ratelimit-limit").and_then(|limit| limit.parse().ok());
        stated = limit.or(stated);
    }
    attempt.control(judged > 0, "not one guess was judged")?;
    let limit: usize = stated.unwrap_or(MOST).min(MOST);
    Ok(Verdict::held_if(judged <= limit, || {
        format!("{judged} of {} were judged, {refused} refused; the limit is {limit}", 2 * MOST)
    }))
}

async fn success_between(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 in the end: what an address has failed at is not forgotten for what it succeeds in");
    let me = attempt.fresh_user().await?;
    let own = json!({"email": me.email, "password": me.password});
    let mut judged = 0;
    for n in 0..MOST {
        if n % 3 == 2 {
            let mine = attempt.post(LOGIN, &own).limits_count().note("The attacker's own sign-in").send().await?;
            attempt.control(mine.is_success() || mine.status == 429, "the attacker cannot sign in")?;
        }
        let answer = guess(&attempt.wire, &nobody()).send().await?;
        if answer.status == 429 {
            return Ok(Verdict::Held);
        }
        judged += usize::from(answer.status == 401);
    }
    Ok(Verdict::Hole(format!("{judged} guesses from one address, with sign-ins in between, and no end")))
}

async fn guess_in_session(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 after a handful of wrong passwords, whichever route is asked");
    let owner = attempt.fresh_user().await?;
    let wrong = "Not-the-password-of-anybody";
    let genuine = attempt.post("/v1/auth/reauthenticate", &json!({"password": owner.password})).by(&owner);
    let renewed = genuine.note("Control: the right password").send().await?.must_work("the right password is taken")?;
    let access = renewed.string("/access_token");
    let access = if access.is_empty() { owner.access } else { access };
    let taken = spend(|n| {
        let request = match n % 3 {
            0 => attempt.post("/v1/auth/reauthenticate", &json!({"password": wrong})),
            1 => attempt.put(
                "/v1/users/me/password",
                &json!({"current_password": wrong, "new_password": "Nine-lanterns-on-the-quay"}),
            ),
            _ => attempt.post("/v1/users/me/email", &json!({"new_email": nobody(), "password": wrong})),
        };
        request.bearer(&access).limits_count()
    });
    let taken = taken.await?;
    Ok(Verdict::held_if(taken.is_some(), || format!("{MOST} passwords were tried in one session, and no end")))
}

async fn owner(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("200 for the owner's device, while strangers get 429");
    let owner = attempt.fresh_user().await?;
    let operation = attempt.target.operation("POST", LOGIN);
    let schema = operation.and_then(|operation| attempt.target.body_schema(operation));
    if !schema.is_some_and(|schema| schema["properties"]["known_device"].is_object()) {
        return Err(Trouble::Skipped("a login tells nothing of the device, so we cannot be a known one".to_owned()));
    }
    let taken = spend(|_| guess(&attempt.wire.elsewhere(), &owner.email)).await?;
    attempt.control(taken.is_some(), "the stranger's guesses never end")?;
    let body = json!({"email": owner.email, "password": owner.password, "known_device": owner.refresh});
    let back = attempt.post(LOGIN, &body).elsewhere().limits_count().note("The owner, from a device of theirs");
    let back = back.send().await?.must_be(&[200]);
    let still = attempt.get("/v1/users/me").by(&owner).note("And a session that was open stays open").send().await?;
    Ok(back.and(still.must_be(&[200])))
}
