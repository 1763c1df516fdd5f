//! What stands in the mails, and who writes it.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{FORGOT, REGISTER, RESETS, mails_to};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{good_password, nobody},
};

pub const CASES: &[Case] = &[
    Case {
        id: "recovery-host-poisoning",
        title: "A reset is asked for in the name of another host, so that its mail leads there",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["4.1.3", "6.4.3"],
        teaching: "If the link in a mail is built from the Host header, whoever asks for the reset chooses where it leads: the \
                   owner clicks in a genuine mail and hands the token over. Django fell to it (CVE-2012-4520), and James \
                   Kettle collected many more in 2013. The service must know its own name from its settings.",
        needs: RESETS,
        run: |attempt| Box::pin(host(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-two-recipients",
        title: "The mail with the token is sent to a second address as well",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["6.4.3", "1.3.11"],
        teaching: "GitLab took a list where it expected one address, and mailed the reset token to all of them: account takeover \
                   without a click (CVE-2023-7028). Line breaks in the address add a `Bcc:` to mails that are put together as \
                   text, commas a second recipient. One address, of one strict shape, as one string, and mailed to the one \
                   that is stored.",
        needs: RESETS,
        run: |attempt| Box::pin(recipients(attempt)),
        ..PLAIN
    },
    Case {
        id: "recovery-mail-content",
        title: "A registration writes its own text into a mail to a stranger",
        owasp: &["API6:2023", "API8:2023"],
        asvs: &["1.3.11"],
        teaching: "A name that is greeted in a mail is a text that anybody can have sent to anybody, from our address and \
                   through every spam filter: \"Dear winner, collect it at http://…\". A mail to an address that nobody has \
                   confirmed must hold nothing that a stranger wrote, and headers must be safe from line breaks.",
        needs: &[Need::FreshUser, Need::Operation("POST", REGISTER)],
        run: |attempt| Box::pin(content(attempt)),
        ..PLAIN
    },
];

const EVIL: &str = "poisoned.example";

async fn host(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("mails that name no host but the service's own");
    let person = attempt.fresh_user().await?;
    let ask = || attempt.post(FORGOT, &json!({"email": person.email})).elsewhere().limits_count();
    let asked = [
        ask().header("host", EVIL),
        ask().header("x-forwarded-host", EVIL).header("x-forwarded-proto", "http"),
        ask().header("forwarded", format!("host={EVIL};proto=http")),
        ask().header("x-host", EVIL).header("x-original-host", EVIL).header("x-forwarded-server", EVIL),
        ask().header("origin", format!("https://{EVIL}")).header("referer", format!("https://{EVIL}/")),
    ];
    let mut taken = 0;
    for request in asked {
        taken += usize::from(request.send().await?.is_success());
    }
    if taken == 0 {
        ask().note("Control: an honest one").send().await?.must_work("a reset is asked for")?;
        return Ok(Verdict::Held);
    }
    attempt.mailed_token(&person.email, "password").await?;
    sleep(Duration::from_millis(300)).await;
    let mails = mails_to(attempt, &person.email).await?;
    attempt.control(!mails.is_empty(), "no mail came")?;
    let poisoned = mails.iter().find(|mail| mail.to_string().contains(EVIL));
    Ok(Verdict::held_if(poisoned.is_none(), || format!("a mail to the owner names {EVIL}")))
}

async fn recipients(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of what is no single address, and no mail to the second");
    let victim = attempt.fresh_user().await?;
    let thief = nobody();
    let both = [
        json!({"email": [victim.email, thief]}),
        json!({"email": format!("{},{thief}", victim.email)}),
        json!({"email": format!("{};{thief}", victim.email)}),
        json!({"email": format!("{} {thief}", victim.email)}),
        json!({"email": format!("{}\r\nBcc: {thief}", victim.email)}),
        json!({"email": format!("{}\nCc: {thief}", victim.email)}),
        json!({"email": format!("{}%0d%0aBcc:{thief}", victim.email)}),
        json!({"email": victim.email, "cc": thief}),
        json!({"email": {"to": victim.email, "cc": thief}}),
    ];
    let mut verdict = Verdict::Held;
    for body in both {
        let answer = attempt.post(FORGOT, &body).elsewhere().limits_count().send().await?;
        verdict = verdict.and(answer.refused());
    }
    // The control comes last, so that its mail is the sign that earlier ones would have been there.
    let honest = attempt.post(FORGOT, &json!({"email": victim.email})).elsewhere().note("Control: one address");
    honest.send().await?.must_work("a reset is asked for")?;
    attempt.mailed_token(&victim.email, "password").await?;
    let stolen = mails_to(attempt, &thief).await?;
    Ok(Verdict::held_if(stolen.is_empty(), || "a mail went to the second address".to_owned()).and(verdict))
}

async fn content(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a mail that does not repeat the name that a stranger gave");
    let email = nobody();
    let lure = "You have won, see winner.example/now";
    let body = json!({"email": email, "name": lure, "password": good_password()});
    attempt.post(REGISTER, &body).elsewhere().send().await?.must_work("somebody registers")?;
    attempt.mailed_token(&email, "Confirm").await?;
    let mails = mails_to(attempt, &email).await?;
    attempt.control(!mails.is_empty(), "no mail came")?;
    let repeats = mails.iter().any(|mail| mail.to_string().contains("winner.example"));
    Ok(Verdict::held_if(!repeats, || "a mail to an unconfirmed address repeats the name".to_owned()))
}
