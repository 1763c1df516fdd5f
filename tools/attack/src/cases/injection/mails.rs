//! Addresses and names that write the head of a mail.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::refuses,
};

pub const CASES: &[Case] = &[
    Case {
        id: "mail-address",
        title: "An address with a second address, a header or a command in it",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.3.11", "2.2.1"],
        teaching: "A mail's head is lines of text: an address with a line break in it writes a `Bcc:` of its own, and the \
                   service's good name sends spam or, worse, the link for somebody's password to a second reader. PHPMailer \
                   handed an address on as options of a command (CVE-2016-10033). An allowlist of letters for addresses, \
                   and a library that encodes what it puts into the head, stop both.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/register")],
        run: |attempt| Box::pin(address(attempt)),
        ..PLAIN
    },
    Case {
        id: "mail-name",
        title: "A name with the head of a mail in it",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.3.11"],
        teaching: "Names stand in greetings and in `To: \"Ada\" <…>`, so a name can carry a line break as well, or a whole \
                   advertisement: registering strangers with the name \"You have won, see http://…\" makes the service's \
                   confirmation mail the spam. No line breaks in names, no names in mails to addresses that nobody has \
                   confirmed, and the mail says its one sentence.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/register")],
        run: |attempt| Box::pin(name(attempt)),
        ..PLAIN
    },
    Case {
        id: "mail-host",
        title: "The Host header writes the link in a mail",
        pillar: None,
        owasp: &["API8:2023", "API2:2023"],
        asvs: &["6.4.3", "4.1.3"],
        teaching: "Frameworks build links from the Host header, and whoever asks for your new password chooses it: the mail is \
                   genuine, the link leads to the attacker with your token in it. James Kettle described it in 2013, \
                   Django and many others changed their defaults for it. Links in mails come from a setting; a mail with \
                   a code and without a link has nothing to poison.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/forgot")],
        run: |attempt| Box::pin(host(attempt)),
        ..PLAIN
    },
];

/// All that was mailed lately, as the development mailbox shows it.
async fn mailbox(attempt: &Attempt) -> Result<serde_json::Value, Trouble> {
    Ok(attempt.get("/dev/mailbox.json").note("The mails").send().await?.json()["items"].clone())
}

async fn address(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and no mail to the second address");
    let known = attempt.fresh_user().await?;
    attempt.get("/v1/users/me").by(&known).note("Control: an honest address").send().await?.must_work("an account")?;
    let (new, thief) = (known.email.replace('@', "-new@"), known.email.replace('@', "-thief@"));
    let emails = [
        format!("{new}\r\nBcc: {thief}"),
        format!("{new}\nBcc: {thief}"),
        format!("{new}%0d%0aBcc:%20{thief}"),
        format!("{new},{thief}"),
        format!("{new};{thief}"),
        format!("{new} {thief}"),
        format!("<{thief}>,{new}"),
        format!("\"{thief}\"@attack.example"),
        format!("{thief}(comment)@attack.example"),
        format!("{new}\u{0}{thief}"),
        format!("-OQueueDirectory=/tmp -X/tmp/x.php {thief}"),
        format!("{new}\u{2028}Bcc: {thief}"),
        format!("{thief}@"),
        format!("=?utf-8?q?{thief}?=@attack.example"),
    ];
    let tries = emails.iter().map(|email| {
        let guest = json!({"email": email, "name": "A guest", "password": "Steep-lantern-harbour-77"});
        attempt.post("/v1/auth/register", &guest).elsewhere()
    });
    let verdict = refuses(tries.collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let mailed = mailbox(attempt).await?.to_string().contains(&thief);
    Ok(Verdict::held_if(!mailed, || format!("{thief} was mailed")))
}

async fn name(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, or a mail in which nothing of the name stands");
    let known = attempt.fresh_user().await?;
    attempt.get("/v1/users/me").by(&known).note("Control: an honest name").send().await?.must_work("an account")?;
    let thief = known.email.replace('@', "-thief@");
    let names = [
        format!("Ada\r\nBcc: {thief}"),
        "Ada\nSubject: You have won".to_owned(),
        format!("Ada\u{2028}Bcc: {thief}"),
        format!("Ada\u{85}Bcc: {thief}"),
        format!("Ada%0d%0aBcc: {thief}"),
        format!("\" <{thief}>, \"Ada"),
        "You have won, see http://attack.example/prize".to_owned(),
        "=?utf-8?q?Ada=0d=0aBcc:_x=40attack.example?=".to_owned(),
    ];
    for (i, name) in names.iter().enumerate() {
        let email = known.email.replace('@', &format!("-{i}@"));
        let guest = json!({"email": email, "name": name, "password": "Steep-lantern-harbour-77"});
        let answer = attempt.post("/v1/auth/register", &guest).elsewhere().send().await?;
        if !answer.is_success() {
            let verdict = answer.refused();
            if verdict.is_hole() {
                return Ok(verdict);
            }
            continue;
        }
        attempt.mailed_token(&email, "Confirm").await?;
        let mails = mailbox(attempt).await?;
        let mut theirs = mails.as_array().into_iter().flatten().filter(|mail| mail["to"] == email.as_str());
        let told = theirs.any(|mail| mail.to_string().contains("attack.example/prize"));
        let bcc = mails
            .as_array()
            .into_iter()
            .flatten()
            .any(|mail| mail["to"].as_str().is_some_and(|to| to.contains(&thief)));
        if told || bcc {
            return Ok(Verdict::Hole(format!("the mail says what the name says: {name}")));
        }
    }
    Ok(Verdict::Held)
}

async fn host(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no mail with the attacker's host in it");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/password/forgot";
    let body = json!({"email": person.email});
    let host = "poisoned.attack.example";
    let poisoned = attempt.post(path, &body).header("host", host).note("Another host").elsewhere().send().await?;
    let named = attempt.post(path, &body).elsewhere().header("x-forwarded-host", host).header("x-host", host);
    let forwarded = named.header("forwarded", format!("host={host}")).header("origin", format!("https://{host}"));
    forwarded.send().await?.must_work("a mail is asked for")?;
    attempt.mailed_token(&person.email, "password").await?;
    let mails = mailbox(attempt).await?.to_string();
    let fell = Verdict::held_if(poisoned.status < 500, || format!("it fell over: {}", poisoned.seen()));
    Ok(fell.and(Verdict::held_if(!mails.contains(host), || format!("{host} stands in a mail"))))
}
