//! A limit that is spent, and requests that would not be counted under it.

use serde_json::json;

use super::{LOGIN, SIGNS_IN, guess, spend};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::{made_up_token, nobody},
    wire::Request,
};

const VERIFY: &str = "/v1/auth/verify-email";

pub const CASES: &[Case] = &[
    Case {
        id: "limit-forwarded-header",
        title: "A header claims another client address for each try",
        pillar: Some("client-address"),
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["4.1.3"],
        teaching: "Behind a proxy the client's address stands in a header, and whoever writes the header writes the address: \
                   X-Forwarded-For, X-Real-IP, True-Client-IP. Services that believe it from everybody give each guess a \
                   budget of its own; login limiters for WordPress, Rails and Express have had this flaw again and again \
                   (CWE-348). Only a proxy that is known may say it, and of a list only what it appended counts.",
        needs: &[Need::Operation("POST", VERIFY)],
        run: |attempt| Box::pin(forwarded(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-claim-to-be-inside",
        title: "A header claims to be this very machine, or its proxy",
        pillar: Some("client-address"),
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["4.1.3"],
        teaching: "Health checks and colleagues come from inside, so inside is often exempt: 127.0.0.1, 10.0.0.0/8, the name \
                   `localhost`. A client that writes such an address into X-Forwarded-For then has no limit at all, and \
                   where administration is open to inside, no lock either. Addresses from headers must not exempt anybody, \
                   and broken ones must not end up as nobody's.",
        needs: &[Need::Operation("POST", VERIFY)],
        run: |attempt| Box::pin(inside(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-email-spelling",
        title: "Each guess spells the account's e-mail in another way",
        owasp: &["API2:2023", "API4:2023"],
        asvs: &["6.3.1"],
        teaching: "The login finds `Ada@Example.org ` and `ada@example.org` as one account, but the limiter counts the text \
                   that was sent: with upper case, spaces and tabs a name has thousands of spellings, and each has a budget. \
                   What is counted must be what is looked up: trimmed and folded once, before either.",
        needs: &[Need::FreshUser, Need::Addresses, SIGNS_IN],
        run: |attempt| Box::pin(spelling(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-path-spelling",
        title: "Each guess spells the login's path in another way",
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["6.3.1"],
        teaching: "Limits often sit in front, in a proxy or a middleware that compares the path as text, while the router behind \
                   it decodes, folds and tidies up: `//login`, `/%6Cogin`, `/login/`, `/LOGIN`, `/login?x`. Where the two \
                   disagree, the limit guards a path that nobody takes. It must hang on the route that was matched, and paths \
                   should be exact.",
        needs: &[SIGNS_IN],
        run: |attempt| Box::pin(path_spelling(attempt)),
        ..PLAIN
    },
    Case {
        id: "limit-dialects",
        title: "The same guess in another dialect of HTTP",
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["6.3.1"],
        teaching: "HTTP/1.0, absolute addresses, another Host, chunked bodies, overridden methods, headers that rewrite the path \
                   for frameworks (X-Original-URL, as Symfony believed it: CVE-2018-14773): one request can be \
                   written in many ways. A limiter that only knows one of them misses the others. It must count what is \
                   executed, not how it was written.",
        needs: &[SIGNS_IN],
        run: |attempt| Box::pin(dialects(attempt)),
        ..PLAIN
    },
];

/// A made-up token: cheap for both sides, and counted by address.
fn knock(attempt: &Attempt) -> Request {
    attempt.post(VERIFY, &json!({"token": made_up_token()})).limits_count()
}

/// Spends this address's budget, and then asks with each of the headers.
async fn with_headers(attempt: &Attempt, headers: &[(&str, &str)]) -> Result<Verdict, Trouble> {
    let spent = spend(|_| knock(attempt)).await?;
    attempt.control(spent.is_some(), "there is no limit that could be evaded")?;
    if attempt.target.base.has_many_addresses() {
        let neighbour = knock(attempt).elsewhere().note("Control: another address is not limited").send().await?;
        attempt.control(neighbour.status != 429, "the limit is not this address's")?;
    }
    let mut verdict = Verdict::Held;
    for (name, value) in headers {
        let answer = knock(attempt).header(name, value).send().await?;
        let held = answer.status == 429;
        verdict = verdict.and(Verdict::held_if(held, || format!("with {name}: {value} it got {}", answer.seen())));
    }
    Ok(verdict)
}

async fn forwarded(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429, whatever address the header claims");
    let headers = [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-for", "203.0.113.8, 198.51.100.4"),
        ("x-forwarded-for", "2001:db8::7"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.10;proto=https"),
        ("true-client-ip", "203.0.113.11"),
        ("cf-connecting-ip", "203.0.113.12"),
        ("x-client-ip", "203.0.113.13"),
        ("x-cluster-client-ip", "203.0.113.14"),
        ("fastly-client-ip", "203.0.113.15"),
        ("x-originating-ip", "203.0.113.16"),
        ("x-azure-clientip", "203.0.113.17"),
    ];
    with_headers(attempt, &headers).await
}

async fn inside(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429: nobody is exempt for what they say of themselves");
    let headers = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-for", "::1"),
        ("x-forwarded-for", "localhost"),
        ("x-forwarded-for", "unknown"),
        ("x-forwarded-for", ""),
        ("x-forwarded-for", "203.0.113.300, not-an-address"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=\"[::1]:8080\";by=_secret"),
        ("x-forwarded-host", "localhost"),
        ("via", "1.1 localhost"),
    ];
    with_headers(attempt, &headers).await
}

async fn spelling(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429, however the address is spelled; or 400, where it is none");
    let victim = attempt.fresh_user().await?;
    let spent = spend(|_| guess(&attempt.wire.elsewhere(), &victim.email)).await?;
    attempt.control(spent.is_some(), "there is no limit that could be evaded")?;
    let (name, host) = victim.email.split_once('@').unwrap_or_default();
    let spellings = [
        victim.email.to_uppercase(),
        format!("{}@{host}", name.to_uppercase()),
        format!("{name}@{}", host.to_uppercase()),
        format!(" {}", victim.email),
        format!("{}  ", victim.email),
        format!("\t{}", victim.email),
        format!("{}\u{a0}", victim.email),
        format!("{}.", victim.email),
        format!("{name}@{host}\u{200b}"),
        // Full-width letters: NFKC makes the plain ones of them.
        victim.email.replacen('g', "\u{ff47}", 1),
    ];
    let mut verdict = Verdict::Held;
    for spelled in spellings {
        let answer = guess(&attempt.wire.elsewhere(), &spelled).send().await?;
        let judged = matches!(answer.status, 200 | 401);
        verdict = verdict.and(Verdict::held_if(!judged, || format!("{spelled:?} got {}", answer.seen())));
    }
    Ok(verdict)
}

/// The head and the body of a guess, by hand.
fn by_hand(attempt: &Attempt, line: &str, head: &str) -> Vec<u8> {
    let body = json!({"email": nobody(), "password": "Not-the-password-of-anybody"}).to_string();
    let host =
        if head.contains("host:") { String::new() } else { format!("host: {}\r\n", attempt.target.base.authority()) };
    let length = body.len();
    let fixed = "content-type: application/json\r\nconnection: close";
    format!("{line}\r\n{host}{fixed}\r\ncontent-length: {length}\r\n{head}\r\n{body}").into_bytes()
}

/// Spends the address's budget at the login, and sends each of these afterwards: a line, and more of the head.
async fn each(attempt: &Attempt, written: &[(String, &str)]) -> Result<Verdict, Trouble> {
    let base = &attempt.target.base;
    let plain = by_hand(attempt, &format!("POST {}{LOGIN} HTTP/1.1", base.prefix), "");
    let control = attempt.raw(plain.clone()).note("Control: written by hand, it is judged").send().await?;
    attempt.control(control.status() == 401, "a guess that was written by hand is not judged")?;
    let spent = spend(|_| guess(&attempt.wire, &nobody())).await?;
    attempt.control(spent.is_some(), "there is no limit that could be evaded")?;
    let mut verdict = Verdict::Held;
    for (line, head) in written {
        let answer = attempt.raw(by_hand(attempt, line, head)).send().await?;
        let judged = matches!(answer.status(), 200 | 401);
        verdict = verdict.and(Verdict::held_if(!judged, || format!("{line} {head} got {}", answer.seen())));
    }
    Ok(verdict)
}

async fn path_spelling(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 or 404, never a judged password");
    let paths = [
        "/v1/auth/login/",
        "//v1/auth/login",
        "/v1//auth/login",
        "/v1/auth/./login",
        "/v1/users/../auth/login",
        "/v1/auth/%6Cogin",
        "/v1%2Fauth%2Flogin",
        "/V1/auth/login",
        "/v1/auth/LOGIN",
        "/v1/auth/login;a=b",
        "/v1/auth/login.json",
        "/v1/auth/login%20",
        "/v1/auth/login%00",
        "/v1/auth/login?",
        "/v1/auth/login?email=a",
        "/v1/auth/login#x",
        "/v1\\auth\\login",
    ];
    let prefix = &attempt.target.base.prefix;
    let written: Vec<_> = paths.iter().map(|path| (format!("POST {prefix}{path} HTTP/1.1"), "")).collect();
    each(attempt, &written).await
}

async fn dialects(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("429 in every dialect that is understood");
    let base = &attempt.target.base;
    let line = format!("POST {}{LOGIN} HTTP/1.1", base.prefix);
    let written = [
        (format!("POST {}{LOGIN} HTTP/1.0", base.prefix), ""),
        (format!("POST {}{LOGIN} HTTP/1.1", base.url()), ""),
        (format!("PUT {}{LOGIN} HTTP/1.1", base.prefix), "x-http-method-override: POST\r\n"),
        ("POST / HTTP/1.1".to_owned(), "x-original-url: /v1/auth/login\r\n"),
        ("POST / HTTP/1.1".to_owned(), "x-rewrite-url: /v1/auth/login\r\n"),
        (format!("post {}{LOGIN} HTTP/1.1", base.prefix), ""),
        (line.clone(), "host: elsewhere.example\r\n"),
        (line.clone(), "X-RateLimit-Bypass: 1\r\nUSER-AGENT: healthcheck\r\n"),
        (line.clone(), "cookie: session=new\r\n"),
        (line, "origin: http://localhost\r\nreferer: http://localhost/\r\n"),
    ];
    let verdict = each(attempt, &written).await?;
    if !base.tls {
        return Ok(verdict);
    }
    let other = guess(&attempt.wire, &nobody()).http2().note("Over HTTP/2").send().await?;
    Ok(verdict.and(other.must_be(&[429])))
}
