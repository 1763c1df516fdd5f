//! What stands on every answer, and what must not.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::made_up_token,
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "headers-nosniff",
        title: "An answer without nosniff",
        pillar: Some("security-headers"),
        owasp: &["API8:2023"],
        asvs: &["3.4.4"],
        teaching: "A browser that guesses the type of an answer may take JSON with somebody's text in it for a page, and run \
                   what stands there. `X-Content-Type-Options: nosniff` tells it to believe the Content-Type. It must stand \
                   on errors too: they repeat what the client sent more often than anything else does, and they are written \
                   by other code.",
        run: |attempt| Box::pin(nosniff(attempt)),
        ..PLAIN
    },
    Case {
        id: "headers-on-every-answer",
        title: "Some kind of answer that the middleware has forgotten",
        pillar: Some("security-headers"),
        owasp: &["API8:2023"],
        asvs: &["3.4.3", "3.4.4", "3.4.5"],
        teaching: "Security headers are set where the normal answers pass; errors of the router, refusals of size and type, \
                   answers to HEAD and OPTIONS and the limiter's 429 are made elsewhere and lack them. Attackers choose the \
                   path with the gap: an error that repeats input, framed and sniffed. The outermost layer must set them on \
                   all.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(everywhere(attempt)),
        ..PLAIN
    },
    Case {
        id: "headers-software-named",
        title: "Answers name the software and its version",
        pillar: Some("security-headers"),
        owasp: &["API8:2023"],
        asvs: &["13.4.6"],
        teaching: "`Server: Apache/2.4.49` was all that anybody needed in October 2021: whoever sent it could be read from the \
                   outside (CVE-2021-41773), and scanners had the list ready. The name of the software is of no use to an \
                   honest client. Not in headers, not in errors, not on pages.",
        run: |attempt| Box::pin(software(attempt)),
        ..PLAIN
    },
    Case {
        id: "headers-private-cached",
        title: "Private answers may be stored by whoever is in between",
        owasp: &["API8:2023"],
        asvs: &["14.3.2", "14.2.2"],
        teaching: "Without `Cache-Control: no-store` a browser keeps tokens and personal data on disk, the back button shows them \
                   after the sign-out, and a shared cache may hand them to the next one who asks for the same address. In 2015 \
                   Steam showed strangers' account pages on Christmas Day after a caching mistake. Private is never stored.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(cached(attempt)),
        ..PLAIN
    },
    Case {
        id: "headers-content-type",
        title: "A body whose type is not said, or that is not what it says",
        owasp: &["API8:2023"],
        asvs: &["4.1.1", "3.2.1"],
        teaching: "An answer without a type is whatever its reader guesses, and one of type `text/html` is a page, whatever was \
                   meant. JSON errors that leave as HTML are how a value from the address becomes a script. Every body says \
                   what it is, and JSON says JSON.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(content_type(attempt)),
        ..PLAIN
    },
];

async fn nosniff(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("X-Content-Type-Options: nosniff on an answer and on an error");
    let mut verdict = Verdict::Held;
    for path in ["/", "/no-such-path"] {
        let answer = attempt.get(path).send().await?;
        // The control: these are answers of the service, with headers that can be read.
        attempt.control(
            answer.headers.contains_key("content-type") || answer.headers.contains_key("date"),
            "no headers",
        )?;
        let found = answer.header("x-content-type-options").unwrap_or("nothing").to_owned();
        let nosniff = found.eq_ignore_ascii_case("nosniff");
        verdict = verdict.and(Verdict::held_if(nosniff, || format!("GET {path} says {found}")));
    }
    Ok(verdict)
}

/// One of every kind that can be had: what each is, and the answer.
async fn every_kind(attempt: &Attempt) -> Result<Vec<(String, Answer)>, Trouble> {
    let door = attempt.door().await?;
    let json = "application/json";
    let good = || attempt.get(&door.path).bearer(&door.token);
    let patch = || attempt.request("PATCH", &door.path).bearer(&door.token);
    let requests = vec![
        good(),
        attempt.request("HEAD", &door.path).bearer(&door.token),
        attempt.request("OPTIONS", &door.path),
        attempt
            .request("OPTIONS", &door.path)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET"),
        attempt.get(&door.path),
        attempt.get(&door.path).bearer("not.a.token"),
        attempt.get("/no-such-path"),
        attempt.get(&format!("{}/", door.path)),
        attempt.request("TRACE", &door.path),
        attempt.request("JEFF", &door.path).bearer(&door.token),
        good().header("accept", "image/png"),
        attempt.get(&format!("{}?no-such-parameter=1", door.path)).bearer(&door.token),
        patch().header("content-type", json).body("{not json"),
        patch().header("content-type", json).body("{\"no_such_field\":1}"),
        patch().header("content-type", "text/xml").body("<a/>"),
        patch().header("content-type", json).body(format!("{{\"name\":\"{}\"}}", "a".repeat(1 << 20))),
        good().header("if-none-match", "*"),
        attempt.get(&format!("/{}", "a".repeat(10_000))),
        good().header("x-long", "a".repeat(40_000)),
        attempt.get("/"),
        attempt.get("/openapi.json"),
    ];
    let mut kinds = Vec::new();
    for request in requests {
        // Whoever closes the connection on what is too large has given no answer that could lack anything.
        match request.limits_count().send().await {
            Ok(answer) => kinds.push((format!("{} {}", answer.seen(), kinds.len()), answer)),
            Err(Trouble::Broken(_)) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    // A refusal for the limit, where one can be had cheaply.
    if attempt.target.operation("POST", "/v1/auth/verify-email").is_some() {
        for _ in 0..20 {
            let token = json!({"token": made_up_token()});
            let answer = attempt.post("/v1/auth/verify-email", &token).limits_count().send().await?;
            if answer.status == 429 {
                kinds.push((answer.seen(), answer));
                break;
            }
        }
    }
    Ok(kinds)
}

async fn everywhere(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("nosniff, a content policy that forbids framing, no referrer, no sharing, on every kind of answer");
    let mut verdict = Verdict::Held;
    for (kind, answer) in every_kind(attempt).await? {
        let says = |name: &str, wanted: &str| answer.header(name).is_some_and(|value| value.contains(wanted));
        let missing = [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "frame-ancestors"),
            ("referrer-policy", ""),
            ("permissions-policy", ""),
            ("cross-origin-resource-policy", ""),
            ("cross-origin-opener-policy", ""),
        ]
        .into_iter()
        .find(|(name, wanted)| !says(name, wanted));
        let twice = ["x-content-type-options", "content-security-policy", "referrer-policy"]
            .into_iter()
            .find(|name| answer.headers.get_all(*name).iter().count() > 1);
        let found = missing.map(|(name, _)| format!("no {name}")).or(twice.map(|name| format!("{name} twice")));
        verdict = verdict
            .and(Verdict::held_if(found.is_none(), || format!("{} has {}", kind.trim(), found.unwrap_or_default())));
    }
    Ok(verdict)
}

/// Headers that name what runs here.
const TELL: [&str; 8] = [
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-runtime",
    "x-version",
    "via",
    "x-served-by",
];

async fn software(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no Server, no X-Powered-By, no version, on answers and on errors");
    let host = attempt.target.base.authority();
    let first = attempt.get("/").send().await?;
    attempt.control(!first.headers.is_empty(), "no headers")?;
    let mut verdict = Verdict::Held;
    for answer in [first, attempt.get("/no-such-path").send().await?, attempt.request("PUT", "/").send().await?] {
        let told = TELL.iter().find_map(|name| Some(format!("{name}: {}", answer.header(name)?)));
        // A name without a version tells little; but here it also tells that nobody took it out.
        let server = answer.header("server").map(|value| format!("server: {value}"));
        let found = told.or(server);
        verdict = verdict.and(Verdict::held_if(found.is_none(), || found.clone().unwrap_or_default()));
    }
    // What the HTTP library says by itself, before any code of the service's.
    let broken = attempt.raw(format!("GET / HTTP/9.9\r\nhost: {host}\r\n\r\n")).note("Not HTTP").send().await?;
    let text = broken.text().to_lowercase();
    let named = text.lines().take_while(|line| !line.is_empty()).find(|line| line.starts_with("server:"));
    Ok(verdict.and(Verdict::held_if(named.is_none(), || named.unwrap_or_default().to_owned())))
}

async fn cached(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("Cache-Control: no-store on everything that is somebody's");
    let door = attempt.door().await?;
    let mut private = vec![attempt.get(&door.path).bearer(&door.token).send().await?];
    if attempt.target.makes_accounts() {
        let person = attempt.fresh_user().await?;
        let login = json!({"email": person.email, "password": person.password});
        let tokens = attempt.post("/v1/auth/login", &login).elsewhere().send().await?;
        let refresh = json!({"refresh_token": tokens.string("/refresh_token")});
        private.push(attempt.post("/v1/auth/refresh", &refresh).elsewhere().send().await?);
        private.push(tokens);
        for path in ["/v1/users/me/sessions", "/v1/users/me/export", "/v1/users/me/api-keys", "/v1/articles"] {
            private.push(attempt.get(path).by(&person).send().await?);
        }
    }
    let stored = private
        .iter()
        .filter(|answer| answer.is_success())
        .find(|answer| !answer.header("cache-control").is_some_and(|value| value.to_lowercase().contains("no-store")));
    let refused = attempt.get(&door.path).note("A refusal").send().await?;
    let shared = refused.header("cache-control").is_some_and(|value| value.contains("public"));
    Ok(Verdict::held_if(stored.is_none() && !shared, || {
        format!("cache-control is {:?}", stored.map(|answer| answer.header("cache-control").unwrap_or("not said")))
    }))
}

async fn content_type(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a type on every body, and JSON where there is JSON");
    let mut verdict = Verdict::Held;
    for (kind, answer) in every_kind(attempt).await? {
        if answer.bytes.is_empty() {
            continue;
        }
        let said = answer.header("content-type").unwrap_or("nothing").to_owned();
        let is_json = !answer.json().is_null();
        let fits = said != "nothing" && (!is_json || said.contains("json"));
        verdict = verdict.and(Verdict::held_if(fits, || format!("{}: the body is said to be {said}", kind.trim())));
    }
    Ok(verdict)
}
