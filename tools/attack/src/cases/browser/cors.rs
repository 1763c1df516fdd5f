//! Pages of other origins that want to read our answers. Which origins the target grants we are not told, so all of
//! these are strangers.

use super::EVIL;
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::{Answer, Request},
};

pub const CASES: &[Case] = &[
    Case {
        id: "cors-foreign-origin",
        title: "A stranger's page asks, and its origin is echoed back as allowed",
        pillar: Some("cors-allowlist"),
        owasp: &["API8:2023"],
        asvs: &["3.4.2"],
        teaching: "The easiest way to make CORS work is to send back whatever Origin came. Then every page in the world may read \
                   every answer, and with Allow-Credentials as the signed-in user. James Kettle took bitcoins off exchanges \
                   with it in 2016. Only a list of exact origins may be granted; all others get no word of CORS.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(foreign(attempt)),
        ..PLAIN
    },
    Case {
        id: "cors-null-origin",
        title: "A page without an origin of its own asks as `null`",
        pillar: Some("cors-allowlist"),
        owasp: &["API8:2023"],
        asvs: &["3.4.2"],
        teaching: "`null` is what a browser sends for sandboxed frames, `data:` pages and local files, and developers put it on \
                   the list because their test page needs it. Any page can open a sandboxed frame, so granting `null` grants \
                   everybody. The Fetch standard's own authors advise against it.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(null(attempt)),
        ..PLAIN
    },
    Case {
        id: "cors-look-alikes",
        title: "Origins that only begin, end or sound like the service's own",
        pillar: Some("cors-allowlist"),
        owasp: &["API8:2023"],
        asvs: &["3.4.2"],
        teaching: "Origins are compared with prefixes, suffixes and patterns whose dots match anything: `https://example.com` also \
                   lets in `https://example.com.evil.net` and `https://notexample.com`, and a pattern for subdomains lets in the \
                   one that was taken over. Another scheme or port is another origin too. Compare the whole, byte for byte.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(look_alikes(attempt)),
        ..PLAIN
    },
    Case {
        id: "cors-two-origins",
        title: "Two origins in one request: one that may be known, and the attacker's",
        pillar: Some("cors-allowlist"),
        owasp: &["API8:2023"],
        asvs: &["3.4.2"],
        teaching: "A browser sends one Origin. Two of them, or a list in one, are somebody in between at work; a server that \
                   checks the first and echoes the second, or echoes the list, grants what it never meant to, and a cache keeps \
                   that answer for others. More than one is none.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(two(attempt)),
        ..PLAIN
    },
    Case {
        id: "cors-preflight",
        title: "A stranger's preflight is granted methods, headers, or the private network",
        pillar: Some("cors-allowlist"),
        owasp: &["API8:2023"],
        asvs: &["3.5.2"],
        teaching: "The preflight is the question before the request: may this page send PATCH with Authorization? A server that \
                   echoes what is asked for, or answers it in a layer that knows no origins, opens writing where reading was \
                   closed. For a stranger there is no grant at all, on known paths and unknown ones.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(preflight(attempt)),
        ..PLAIN
    },
];

/// Whatever is said of CORS to a stranger is too much.
fn silent(answer: &Answer, origin: &str) -> Verdict {
    let said = answer.headers.iter().find(|(name, _)| name.as_str().starts_with("access-control-allow"));
    let public = |value: &str| value == "*" && answer.header("access-control-allow-credentials").is_none();
    let Some((name, value)) = said else { return Verdict::Held };
    let value = value.to_str().unwrap_or_default();
    // `*` without credentials, on what everybody may read, is a decision and no hole; what needs a token is not that.
    let harmless = public(value) && answer.status != 401 && answer.header("cache-control") != Some("no-store");
    Verdict::held_if(harmless, || format!("for {origin} it says {name}: {value}"))
}

/// The questions that a page would ask: something private, the same without a token, nothing at all, and a preflight.
async fn ask(attempt: &Attempt, door: &crate::attempt::Door, origins: &[&str]) -> Result<Verdict, Trouble> {
    let name_them = |request: Request| origins.iter().fold(request, |request, origin| request.header("origin", origin));
    let requests = [
        attempt.get(&door.path).bearer(&door.token),
        attempt.get(&door.path),
        attempt.get("/no-such-path"),
        attempt
            .request("OPTIONS", &door.path)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization"),
    ];
    let mut verdict = Verdict::Held;
    for request in requests {
        verdict = verdict.and(silent(&name_them(request).send().await?, &origins.join(" and ")));
    }
    Ok(verdict)
}

async fn foreign(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("answers without a word of CORS");
    let door = attempt.door().await?;
    let verdict = ask(attempt, &door, &[EVIL]).await?;
    Ok(verdict.and(ask(attempt, &door, &["http://evil.example:8080"]).await?))
}

async fn null(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("answers without a word of CORS");
    let door = attempt.door().await?;
    let verdict = ask(attempt, &door, &["null"]).await?;
    Ok(verdict.and(ask(attempt, &door, &["NULL"]).await?))
}

async fn look_alikes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("answers without a word of CORS");
    let door = attempt.door().await?;
    let base = &attempt.target.base;
    let (scheme, host, own) = (if base.tls { "https" } else { "http" }, &base.host, base.authority());
    let origins = [
        format!("{scheme}://{own}.evil.example"),
        format!("{scheme}://{host}.evil.example"),
        format!("{scheme}://evil{own}"),
        format!("{scheme}://evil.{own}"),
        format!("{scheme}://{own}@evil.example"),
        format!("{scheme}://evil.example/{own}"),
        format!("{scheme}://evil.example#{own}"),
        format!("{scheme}://{host}_.evil.example"),
        format!("{scheme}://{host}`.evil.example"),
        format!("{scheme}://{host}:1"),
        format!("ftp://{own}"),
        "file://".to_owned(),
        "chrome-extension://abcdefghijklmnop".to_owned(),
        "https://localhost.evil.example".to_owned(),
        "*".to_owned(),
        String::new(),
    ];
    let mut verdict = Verdict::Held;
    for origin in &origins {
        let answer = attempt.get(&door.path).bearer(&door.token).header("origin", origin).send().await?;
        verdict = verdict.and(silent(&answer, origin));
    }
    Ok(verdict)
}

async fn two(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("answers without a word of CORS");
    let door = attempt.door().await?;
    let own = attempt.target.base.url();
    let mut verdict = Verdict::Held;
    for origins in [&[own.as_str(), EVIL][..], &[EVIL, own.as_str()], &[EVIL, EVIL]] {
        verdict = verdict.and(ask(attempt, &door, origins).await?);
    }
    for list in [format!("{own}, {EVIL}"), format!("{EVIL} {own}"), format!("{own},{EVIL}")] {
        verdict = verdict.and(ask(attempt, &door, &[&list]).await?);
    }
    Ok(verdict)
}

async fn preflight(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("204 or 404 without a grant");
    let door = attempt.door().await?;
    let asks = [
        (door.path.as_str(), "PATCH", "authorization, content-type"),
        (door.path.as_str(), "DELETE", "authorization"),
        (door.path.as_str(), "GET", "x-api-key"),
        (door.path.as_str(), "JEFF", "x-anything, cookie, *"),
        (door.path.as_str(), "*", "*"),
        ("/no-such-path", "GET", "authorization"),
    ];
    let mut verdict = Verdict::Held;
    for (path, method, headers) in asks {
        let request = attempt.request("OPTIONS", path).header("origin", EVIL);
        let request = request
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers)
            .header("access-control-request-private-network", "true");
        verdict = verdict.and(silent(&request.send().await?, EVIL));
    }
    Ok(verdict)
}
