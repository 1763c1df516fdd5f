//! Who is asked, in which version, by which method.

use super::{answers, refused, root, shown, twin, written};
use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "http1-host",
        title: "A request without a Host, with two, or with one that is none",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "Whoever routes by Host and whoever answers must read the same one. With two of them, or with one that hides a \
                   path or a user (`a@b`, `a/b`), the proxy picks one and the service the other, and rules that hang on the \
                   name are gone around. RFC 9112 section 3.2 says 400 for none, for two, and for a bad one.",
        run: |attempt| Box::pin(hosts(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-foreign-host",
        title: "The answer repeats the host that the request claims",
        owasp: &["API8:2023"],
        asvs: &["4.1.3"],
        teaching: "Links, redirects and documents that are built from Host or X-Forwarded-Host lead wherever the request says. \
                   A cache in between keeps the answer and hands it to everybody: web cache poisoning, as James Kettle showed \
                   on unity3d.com and many others in 2018. A service knows its own name from its settings, or answers without \
                   it.",
        run: |attempt| Box::pin(foreign_host(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-versions",
        title: "HTTP/0.9, HTTP/1.2, HTTP/2.0 in text, and lines that are hardly HTTP",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "HTTP/0.9 has no head at all: its answer is the bare content, which another parser takes for whatever it looks \
                   like. Versions that do not exist are read by guess, and extra spaces in the first line shift where the \
                   address ends. A strict parser refuses all of it; then no two can disagree.",
        run: |attempt| Box::pin(versions(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-methods",
        title: "Methods that there are not: made up, in lower case, CONNECT to somewhere else",
        owasp: &["API5:2023", "API8:2023"],
        asvs: &["4.1.4"],
        teaching: "Rules often name the methods that they guard, and servers treat others as GET: in 2010 Arshan Dabirsiaghi \
                   walked past Java's security constraints with HEAD and with methods of his own. CONNECT makes a careless \
                   server an open proxy into its own network. Each path has its list, and everything else is 405.",
        run: |attempt| Box::pin(methods(attempt)),
        ..PLAIN
    },
    Case {
        id: "http1-upgrade",
        title: "A connection is upgraded to something that nobody checks any more",
        owasp: &["API8:2023"],
        asvs: &["4.2.1", "4.4.1"],
        teaching: "After `101 Switching Protocols` a proxy only passes bytes on. With `Upgrade: h2c` the client then speaks HTTP/2 \
                   with the service directly, past every rule of the proxy: Jake Miller's h2c smuggling of 2020. Web sockets \
                   are misused the same way. A service that has no use for an upgrade ignores it.",
        run: |attempt| Box::pin(upgrade(attempt)),
        ..PLAIN
    },
];

const EVIL: &str = "poisoned.example";

async fn hosts(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let line = root(attempt);
    let own = attempt.target.base.authority();
    let with = |head: &str| format!("{line}\r\n{head}connection: close\r\n\r\n").into_bytes();
    twin(attempt, with(&format!("host: {own}\r\n"))).await?;
    let heads = [
        String::new(),
        format!("host: {own}\r\nhost: {EVIL}\r\n"),
        format!("host: {EVIL}\r\nHost: {own}\r\n"),
        format!("host: {own}\r\nhost: {own}\r\n"),
        format!("host: {own}/path\r\n"),
        format!("host: {own}@{EVIL}\r\n"),
        format!("host: {own}#{EVIL}\r\n"),
        format!("host: {own}?{EVIL}\r\n"),
        format!("host: {own} {EVIL}\r\n"),
        format!("host: http://{own}\r\n"),
        "host: [::1\r\n".to_owned(),
        format!("host:{own}\r\n {EVIL}\r\n"),
    ];
    refused(attempt, heads.iter().map(|head| (shown(head), with(head))).collect()).await
}

async fn foreign_host(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no answer that names the host that was claimed");
    twin(attempt, written(attempt, &root(attempt), "", "")).await?;
    let (base, mut odd) = (&attempt.target.base, Vec::new());
    for path in ["/", "/docs", "/openapi.json", "/v1", "/no-such-path", "//", "/.well-known/security.txt"] {
        let line = format!("GET {}{path} HTTP/1.1", base.prefix);
        let claimed = format!("{line}\r\nhost: {EVIL}\r\nconnection: close\r\n\r\n");
        odd.push((format!("Host, {path}"), claimed.into_bytes()));
        let forwarded = format!("x-forwarded-host: {EVIL}\r\nforwarded: host={EVIL}\r\nx-host: {EVIL}\r\n");
        odd.push((format!("X-Forwarded-Host, {path}"), written(attempt, &line, &forwarded, "")));
        let absolute = format!("GET http://{EVIL}{}{path} HTTP/1.1", base.prefix);
        odd.push((format!("an absolute address, {path}"), written(attempt, &absolute, "", "")));
    }
    let each = answers(attempt, odd).await?.into_iter().map(|(note, answer)| {
        Verdict::held_if(!answer.text().contains(EVIL), || format!("the answer repeats {EVIL} ({note})"))
    });
    Ok(each.fold(Verdict::Held, Verdict::and))
}

async fn versions(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 505 for each");
    let path = format!("{}/", attempt.target.base.prefix);
    twin(attempt, written(attempt, &root(attempt), "", "")).await?;
    let lines = [
        format!("GET {path}"),
        format!("GET {path} HTTP/0.9"),
        format!("GET {path} HTTP/1.2"),
        format!("GET {path} HTTP/2.0"),
        format!("GET {path} HTTP/3"),
        format!("GET {path} HTTP/11"),
        format!("GET {path} HTTP/1.10"),
        format!("GET {path} HTTP/01.1"),
        format!("GET {path} HTTP 1.1"),
        format!("GET {path} http/1.1"),
        format!("GET {path} HTTPS/1.1"),
        format!("GET  {path}  HTTP/1.1"),
        format!("GET\t{path}\tHTTP/1.1"),
        format!("GET {path} HTTP/1.1 x"),
        format!(" GET {path} HTTP/1.1"),
        format!("GET {path} x HTTP/1.1"),
    ];
    let mut odd: Vec<_> = lines.iter().map(|line| (shown(line), written(attempt, line, "", ""))).collect();
    odd.push(("a bare line of HTTP/0.9".to_owned(), format!("GET {path}\r\n").into_bytes()));
    refused(attempt, odd).await
}

async fn methods(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("405 or another refusal for each");
    twin(attempt, written(attempt, &root(attempt), "", "")).await?;
    let path = format!("{}/", attempt.target.base.prefix);
    let names = [
        "get",
        "Get",
        "JEFF",
        "PROPFIND",
        "TRACK",
        "DEBUG",
        "GETS",
        "G",
        "PUT",
        "DELETE",
        "SEARCH",
        "PURGE",
        "G@T",
        "G\u{201a}T",
    ];
    let mut odd: Vec<_> =
        names.iter().map(|name| (shown(name), written(attempt, &format!("{name} {path} HTTP/1.1"), "", ""))).collect();
    let long = "A".repeat(10_000);
    odd.push(("a method of 10 KB".to_owned(), written(attempt, &format!("{long} {path} HTTP/1.1"), "", "")));
    for target in ["127.0.0.1:22", "169.254.169.254:80", EVIL, "/"] {
        let line = format!("CONNECT {target} HTTP/1.1");
        odd.push((shown(&line), written(attempt, &line, "", "")));
    }
    refused(attempt, odd).await
}

async fn upgrade(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer of HTTP/1.1 as if nothing had been said; never 101");
    twin(attempt, written(attempt, &root(attempt), "", "")).await?;
    let host = attempt.target.base.authority();
    let with = |head: &str| format!("{}\r\nhost: {host}\r\n{head}\r\n", root(attempt)).into_bytes();
    let heads = [
        "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "connection: upgrade\r\nupgrade: h2c\r\n",
        "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n",
        "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
        "connection: upgrade\r\nupgrade: HTTP/2.0, h2c, websocket, connect-udp\r\n",
    ];
    let close = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    // What follows is HTTP/1.1 again: whoever has switched cannot answer it.
    let odd = heads.iter().map(|head| (shown(head), [with(head), close.into()].concat())).collect();
    let each = answers(attempt, odd).await?.into_iter().map(|(note, answer)| {
        Verdict::held_if(!answer.statuses().contains(&101), || format!("{note} got {}", answer.seen()))
    });
    Ok(each.fold(Verdict::Held, Verdict::and))
}
