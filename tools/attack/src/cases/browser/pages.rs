//! Pages, where there are some: what may run on them, who may frame them, where they lead.

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "pages-content-policy",
        title: "A page lets scripts run that stand in it, or come from elsewhere",
        owasp: &["API8:2023"],
        asvs: &["3.4.3"],
        teaching: "Documentation and consoles are pages among all the JSON, and show what others have written: names, titles, \
                   events. A content policy without `unsafe-inline`, `unsafe-eval` and foreign hosts keeps a text that slipped \
                   through from running. In 2018 British Airways' payment page loaded one changed script; 380 000 cards went \
                   with it.",
        run: |attempt| Box::pin(policy(attempt)),
        ..PLAIN
    },
    Case {
        id: "pages-framing",
        title: "A page is shown in a stranger's frame, and clicked on there",
        pillar: Some("security-headers"),
        owasp: &["API8:2023"],
        asvs: &["3.4.6"],
        teaching: "Clickjacking (Hansen and Grossman, 2008) lays the victim's own signed-in page, invisible, over a game: the \
                   click on \"play\" is a click on \"delete\". `frame-ancestors` in the content policy says who may frame a \
                   page; for an API and its documents nobody.",
        run: |attempt| Box::pin(framing(attempt)),
        ..PLAIN
    },
    Case {
        id: "pages-open-redirect",
        title: "An address of the service leads to a stranger's",
        owasp: &["API8:2023"],
        asvs: &["3.7.2"],
        teaching: "`https://bank.example//evil.example` begins with the bank's name and ends at the thief's page, with whatever \
                   stood in the address or its fragment; in OAuth it is the token. Slash fixing, `next=` parameters and \
                   `//host` paths make such redirects by themselves. A service that never redirects to what a request says \
                   has none.",
        run: |attempt| Box::pin(redirect(attempt)),
        ..PLAIN
    },
    Case {
        id: "pages-cache-deception",
        title: "A private answer is had under a name that caches keep",
        owasp: &["API8:2023", "API3:2023"],
        asvs: &["14.2.2", "8.2.2"],
        teaching: "Caches in front often decide by the ending: `.css` is kept, for everybody. If the service answers \
                   `/users/me/logo.css` as it answers `/users/me`, a victim who opens that link leaves their data in the cache. \
                   Omer Gil showed it on PayPal in 2017. Paths must be exact: what is not a route is 404.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(deception(attempt)),
        ..PLAIN
    },
];

/// The pages that this target has, among those where one would look.
async fn pages(attempt: &Attempt) -> Result<Vec<(&'static str, Answer)>, Trouble> {
    let mut found = Vec::new();
    for path in ["/", "/docs", "/watchtower", "/dev/mailbox", "/swagger-ui/", "/swagger-ui/index.html", "/login"] {
        let answer = attempt.get(path).header("accept", "text/html, */*").send().await?;
        let html = answer.header("content-type").is_some_and(|kind| kind.contains("html"));
        if answer.is_success() && html {
            found.push((path, answer));
        }
    }
    if found.is_empty() {
        return Err(Trouble::Skipped("it has no pages where one would look for them".to_owned()));
    }
    attempt.control(true, "")?;
    Ok(found)
}

async fn policy(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a content policy without unsafe-inline, unsafe-eval, wildcards and foreign hosts");
    let mut verdict = Verdict::Held;
    for (path, page) in pages(attempt).await? {
        let policy = page.header("content-security-policy").unwrap_or_default().to_lowercase();
        let directives: Vec<Vec<&str>> = policy.split(';').map(|part| part.split_whitespace().collect()).collect();
        let of = |name: &str| directives.iter().find(|directive| directive.first() == Some(&name));
        let scripts = of("script-src").or_else(|| of("default-src"));
        let bad = |source: &&&str| {
            matches!(**source, "*" | "'unsafe-inline'" | "'unsafe-eval'" | "data:" | "http:" | "https:")
                || source.contains("://")
        };
        let weak = scripts.and_then(|sources| sources[1..].iter().find(bad));
        let closed = scripts.is_some() && weak.is_none();
        verdict = verdict.and(Verdict::held_if(closed, || {
            format!("{path} lets scripts come from {}", weak.unwrap_or(&"everywhere"))
        }));
        // A policy that lets nothing inline run is of use only where the page does not need it.
        let objects = of("object-src").or_else(|| of("default-src"));
        let objects =
            objects.is_some_and(|sources| sources[1..].iter().all(|source| *source == "'none'" || *source == "'self'"));
        verdict = verdict.and(Verdict::held_if(objects, || format!("{path} lets objects come from everywhere")));
    }
    Ok(verdict)
}

async fn framing(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("frame-ancestors 'none' (or 'self') on every page, and on errors that might be taken for one");
    let mut shown = pages(attempt).await?;
    shown.push(("/no-such-path", attempt.get("/no-such-path").header("accept", "text/html").send().await?));
    let mut verdict = Verdict::Held;
    for (path, page) in shown {
        let policy = page.header("content-security-policy").unwrap_or_default();
        let framed = policy.split(';').find_map(|part| part.trim().strip_prefix("frame-ancestors "));
        let held = match framed {
            Some(ancestors) => matches!(ancestors.trim(), "'none'" | "'self'"),
            None => matches!(page.header("x-frame-options").unwrap_or_default(), "DENY" | "SAMEORIGIN"),
        };
        verdict = verdict.and(Verdict::held_if(held, || format!("{path} may be framed by anybody")));
    }
    Ok(verdict)
}

async fn redirect(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no answer that leads to another host");
    attempt.get("/").send().await?.must_work("the root is answered")?;
    let mut verdict = Verdict::Held;
    for path in [
        "//evil.example",
        "//evil.example/",
        "//evil.example/%2e%2e",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "/docs//evil.example/",
        "/docs?next=https://evil.example",
        "/?url=https://evil.example&next=//evil.example&redirect=https://evil.example&returnTo=//evil.example",
        "/login?next=//evil.example",
        "/docs/..//evil.example/",
    ] {
        let answer = attempt.get(path).send().await?;
        let leads = [answer.header("location"), answer.header("refresh"), answer.header("link")];
        let there = leads.into_iter().flatten().find(|value| value.contains("evil.example"));
        verdict = verdict
            .and(Verdict::held_if(there.is_none(), || format!("GET {path} leads to {}", there.unwrap_or_default())));
    }
    Ok(verdict)
}

async fn deception(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404 for every path that is not exactly the route's");
    let door = attempt.door().await?;
    let mut verdict = Verdict::Held;
    for ending in [
        "/logo.css",
        ";logo.css",
        "%2Flogo.css",
        ".css",
        "%3Blogo.css",
        "/",
        "%00.css",
        "%0A.js",
        "/..%2Fstatic.js",
        "//",
    ] {
        let answer = attempt.get(&format!("{}{ending}", door.path)).bearer(&door.token).send().await?;
        verdict = verdict.and(answer.refused());
    }
    Ok(verdict)
}
