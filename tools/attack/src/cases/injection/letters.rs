//! Letters that cannot be seen, cannot be stored, or are no letters.

use serde_json::json;

use super::as_a_name;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, each, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "text-with-nul",
        title: "A NUL in every text that can be sent",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["2.2.1", "1.5.3"],
        teaching: "JSON may carry `\\u0000`, C ends texts there, and PostgreSQL cannot store it: a check that saw all of the \
                   text and a program that sees its beginning disagree. PHP opened `evil.php\\0.jpg` as a script for years \
                   (CVE-2006-7243). In a service over PostgreSQL a forgotten NUL is a 500 that anybody can cause. It must \
                   be a 400 from the schema, in every field.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(nul(attempt)),
        ..PLAIN
    },
    Case {
        id: "text-that-is-no-text",
        title: "Halves of letters: lone surrogates and bytes that are no UTF-8",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.5.3", "2.2.1"],
        teaching: "`\\ud800` is half a letter of UTF-16: JSON's grammar allows it, UTF-8 cannot write it. Parsers replace it, \
                   drop it, or keep it until something behind them falls over; two that do different things see two \
                   names. Overlong forms (`%c0%af` for a slash) walked past IIS in 2001, and Nimda with them. What is not \
                   UTF-8 must be refused whole, not repaired.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(no_text(attempt)),
        ..PLAIN
    },
    Case {
        id: "name-that-deceives",
        title: "Names that look like other names",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["2.2.1", "1.1.1"],
        teaching: "Characters that turn the direction or have no width make `nimda` read as `admin` and two equal names out of \
                   two accounts. Trojan Source hid code from reviewers that way (CVE-2021-42574); in 2013 Spotify gave an \
                   account away to whoever registered `ᴮᴵᴳᴮᴵᴿᴰ`. What cannot be seen has no place in a name; what is \
                   compared must first have one form (NFC).",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(deceives(attempt)),
        ..PLAIN
    },
    Case {
        id: "text-too-long",
        title: "Texts far longer than anything needs",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["2.2.1", "15.2.2"],
        teaching: "A name of sixty thousand letters costs its sender nothing, and is stored, sorted, mailed and drawn by \
                   everybody else. Long passwords once kept Django busy hashing for minutes (CVE-2013-1443). Each field \
                   has a longest value, in characters, and what is longer is refused rather than cut: a name that is cut \
                   is another name, and may be somebody's.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(too_long(attempt)),
        ..PLAIN
    },
    Case {
        id: "email-regex-bomb",
        title: "An address that keeps a regular expression busy",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["1.3.12", "15.2.2"],
        teaching: "Some expressions try every way to split a text: each letter more doubles the time. In 2016 a post with \
                   20,000 spaces took Stack Overflow down, in 2019 one rule took Cloudflare down everywhere. Patterns for \
                   addresses are the classic ones. An engine that runs in linear time, as Rust's does, has no such texts; \
                   a limit on the length in front of it helps every engine.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/forgot")],
        run: |attempt| Box::pin(regex_bomb(attempt)),
        ..PLAIN
    },
];

async fn nul(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, never 500");
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: without it");
    honest.send().await?.must_work("a name is changed")?;
    let (email, password) = (&person.email, &person.password);
    let with_nul = |text: &str| format!("{text}\u{0}x");
    refuses(vec![
        attempt.patch("/v1/users/me", &json!({"name": with_nul("Ada")})).by(&person),
        attempt.patch("/v1/users/me", &json!({"name": "Ada", "x\u{0}": 1})).by(&person),
        attempt.post("/v1/articles", &json!({"title": with_nul("On"), "body": "x"})).by(&person),
        attempt.post("/v1/articles", &json!({"title": "On", "body": with_nul("x")})).by(&person),
        attempt.post("/v1/auth/login", &json!({"email": with_nul(email), "password": password})).elsewhere(),
        attempt.post("/v1/auth/login", &json!({"email": email, "password": with_nul(password)})).elsewhere(),
        attempt.post("/v1/auth/refresh", &json!({"refresh_token": with_nul(&person.refresh)})),
        attempt.post("/v1/auth/verify-email", &json!({"token": with_nul("dbt")})).elsewhere(),
        attempt.get("/v1/articles/%00").by(&person),
        attempt.get("/v1/articles?cursor=%00").by(&person),
        attempt.get("/v1/articles?limit=1%00").by(&person),
    ])
    .await
}

async fn no_text(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let person = attempt.fresh_user().await?;
    let change = |body: &[u8]| {
        attempt.request("PATCH", "/v1/users/me").header("content-type", "application/json").body(body).by(&person)
    };
    let honest = change("{\"name\":\"Zoë 🦀\"}".as_bytes()).note("Control: UTF-8");
    honest.send().await?.must_work("a name in UTF-8")?;
    let bodies: [&[u8]; 9] = [
        br#"{"name":"Ada\ud800"}"#,
        br#"{"name":"Ada\udc00\ud800"}"#,
        br#"{"name":"Ada\ud83ex"}"#,
        b"{\"name\":\"Ada\xff\"}",
        b"{\"name\":\"Ada\xc0\xaf\"}",
        b"{\"name\":\"Ada\xed\xa0\x80\"}",
        b"{\"name\":\"Ada\xf4\x90\x80\x80\"}",
        b"{\"name\":\"Ada\xe2\x82\"}",
        b"{\"name\":\"Zo\xeb\"}",
    ];
    let mut tries: Vec<_> = bodies.map(change).into();
    tries.extend(["%c0%af", "%ff", "%ed%a0%80"].map(|id| attempt.get(&format!("/v1/articles/{id}")).by(&person)));
    refuses(tries).await
}

async fn deceives(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    for name in ["Ada King", "עדה לאבלייס", "ア・ダ", "Zoë Brien-Łuk"] {
        let honest = attempt.patch(path, &json!({"name": name})).by(&person).note("Control: names that people have");
        honest.send().await?.must_work("a name that people have")?;
    }
    let names = [
        "Ada\u{202e}nimda",
        "Ada\u{2066}x\u{2069}",
        "Ada\u{200f}",
        "Ada\u{200b}King",
        "Ada\u{2060}King",
        "\u{feff}Ada",
        "Ada\u{ad}King",
        "Ada\u{34f}",
        "Ada\u{e0041}",
        "Ada\u{fe0f}\u{200d}",
        "Ada\u{2028}King",
        "Ada\u{7f}",
        "Ada\u{85}",
        "\u{3164}",
        "\u{1160}Ada",
        "Ada\tKing",
        "Ada\nKing",
    ];
    refuses(names.iter().map(|name| attempt.patch(path, &json!({"name": name})).by(&person)).collect()).await
}

async fn too_long(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a 4xx for each");
    let person = attempt.fresh_user().await?;
    let verdict = as_a_name(attempt, &[&"a".repeat(50_000), &"🦀a".repeat(101), &"a\u{301}".repeat(3000)]).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let long = "a".repeat(50_000);
    let email = format!("{}@attack.example", "a".repeat(400));
    refuses(vec![
        attempt.post("/v1/articles", &json!({"title": long, "body": "x"})).by(&person),
        attempt.post("/v1/articles", &json!({"title": "x", "body": long})).by(&person),
        attempt.post("/v1/auth/login", &json!({"email": person.email, "password": long})).elsewhere(),
        attempt.post("/v1/auth/login", &json!({"email": email, "password": "x"})).elsewhere(),
        attempt.post("/v1/auth/refresh", &json!({"refresh_token": long})),
        attempt.get(&format!("/v1/articles?cursor={}", "a".repeat(4000))).by(&person),
        attempt.get(&format!("/v1/articles/{}", "a".repeat(4000))).by(&person),
        attempt.get(&format!("/v1/articles?cursor={}", "a".repeat(20_000))).by(&person),
        attempt.get("/v1/users/me").header("x-api-key", "a".repeat(10_000)),
        attempt.get("/v1/users/me").by(&person).header("x-long", "a".repeat(40_000)),
        attempt
            .post("/v1/articles", &json!({"title": "x", "body": "x"}))
            .by(&person)
            .header("idempotency-key", "k".repeat(5000)),
    ])
    .await
}

async fn regex_bomb(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 at once");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/password/forgot";
    let honest = attempt.post(path, &json!({"email": person.email})).note("Control: an address").send().await?;
    honest.must_work("an address")?;
    let emails = [
        format!("{}!", "a.".repeat(120)),
        format!("{}@", "a".repeat(250)),
        format!("a@{}!", "a.".repeat(120)),
        format!("a@{}", "a-".repeat(120)),
        format!("a@{}!", "1".repeat(240)),
        format!("{}a@attack.example!", " ".repeat(200)),
        format!("{}@attack.example", "a".repeat(60_000)),
    ];
    let tries = emails.iter().map(|email| attempt.post(path, &json!({"email": email})).elsewhere());
    each(tries.collect(), |answer| {
        let quick = answer.took.as_secs() < 4;
        answer.refused().and(Verdict::held_if(quick, || format!("the answer took {} ms", answer.took.as_millis())))
    })
    .await
}
