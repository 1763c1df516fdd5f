//! Texts that reach files, answers' heads, logs, and other servers.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{tokens::lure::Lure, walk::each},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "file-traversal",
        title: "A path that leaves the folder of the static files",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["5.3.2", "13.4.7"],
        teaching: "Pages need files, and a path that is glued to a folder's name leaves it: `/docs/../../etc/passwd`, encoded \
                   once, encoded twice, with back slashes. In 2021 Grafana gave away any file under its plugins' addresses \
                   (CVE-2021-43798), Apache under `/cgi-bin/.%2e/` (CVE-2021-41773). Files that are built into the program \
                   and named in the list of routes have no folder to leave.",
        run: |attempt| Box::pin(files(attempt)),
        ..PLAIN
    },
    Case {
        id: "response-splitting",
        title: "A line break in a path or parameter writes a header of the answer",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.2.2", "4.2.4"],
        teaching: "A redirect, a `Location`, a cookie that repeats what was asked: with `%0d%0a` in it the answer gets a header \
                   more, or a second answer that a cache keeps for everybody. It was described in 2004 and came back with \
                   each new library that joined texts (Python's urllib, CVE-2019-9740). Types for header values refuse \
                   line breaks; answers that repeat nothing have nothing to split.",
        needs: &[Need::User, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(splitting(attempt)),
        ..PLAIN
    },
    Case {
        id: "log-forging",
        title: "A request that writes a line of the log, or names itself",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["16.4.1", "16.2.1"],
        teaching: "Whoever can write a line break into a log writes lines: a successful sign-in of somebody else, a hundred \
                   errors to search through. Escape codes act on the terminal of whoever reads. And a request id that the \
                   client chooses makes two requests one in every search. Logs are written as JSON with everything \
                   escaped, and the id is the server's own.",
        needs: &[Need::FreshUser, Need::Operation("GET", "/v1/users/me/sessions")],
        run: |attempt| Box::pin(log_forging(attempt)),
        ..PLAIN
    },
    Case {
        id: "ssrf-fields",
        title: "Addresses of servers in every field",
        pillar: None,
        owasp: &["API7:2023"],
        asvs: &["1.3.6", "15.3.2"],
        teaching: "A picture by its address, a webhook, an import: the server fetches what a stranger names, from inside. In \
                   2019 such a request to 169.254.169.254 gave out the keys to 100 million records of Capital One. Here no \
                   operation takes an address at all, and this case watches that none begins to: a field more in some \
                   body, and a listener of ours would be visited.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(ssrf(attempt)),
        ..PLAIN
    },
];

async fn files(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404 or 400, and nothing of a file");
    let hello = attempt.get("/").note("Control: it answers").send().await?;
    attempt.control(hello.status < 500, "it answers")?;
    let files = ["etc/passwd", ".env", ".data/dev-credentials.env", "Cargo.toml", "proc/self/environ"];
    let places = ["/", "/docs/", "/watchtower/", "/dev/mailbox/", "/static/", "/.well-known/"];
    let ups = [
        "../../../../../../",
        "..%2f..%2f..%2f..%2f..%2f",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/",
        "..%5c..%5c..%5c",
        "....//....//",
    ];
    let mut paths: Vec<_> =
        places.iter().flat_map(|place| ups.iter().map(move |up| format!("{place}{up}etc/passwd"))).collect();
    paths.extend(files.iter().map(|file| format!("/docs/../{file}")));
    paths.extend(files.iter().map(|file| format!("/{file}")));
    paths.extend(files.iter().map(|file| format!("//{file}")));
    paths.extend(
        ["/docs/%252e%252e%252fetc%252fpasswd", "/docs/%c0%ae%c0%ae/etc/passwd", "/docs/start.js%00.html"]
            .map(str::to_owned),
    );
    paths.extend(
        ["/docs/start.js/../../.env", "/docs/file:///etc/passwd", "/docs/C:%5cWindows%5cwin.ini"].map(str::to_owned),
    );
    each(paths.iter().map(|path| attempt.get(path)).collect(), no_file).await
}

fn no_file(answer: &Answer) -> Verdict {
    const TELLING: [&str; 6] = ["root:", "_PASSWORD=", "[package]", "PATH=/", "DATABASE_URL", "[fonts]"];
    let text = answer.text();
    let found = TELLING.iter().find(|word| text.contains(**word));
    answer.refused().and(Verdict::held_if(found.is_none(), || format!("a file came: {}", found.unwrap_or(&""))))
}

async fn splitting(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no header x-split in any answer");
    let person = attempt.user().await?;
    attempt.get("/v1/articles").by(&person).note("Control: an honest request").send().await?.must_work("it answers")?;
    let breaks =
        ["%0d%0ax-split:%201", "%0ax-split:1", "%0d%0a%0d%0aHTTP/1.1%20200%20OK", "%e5%98%8a%e5%98%8dx-split:1"];
    let mut tries = Vec::new();
    for text in breaks {
        tries.push(attempt.get(&format!("/{text}")));
        tries.push(attempt.get(&format!("/docs{text}")));
        tries.push(attempt.get(&format!("/docs/?next={text}")));
        tries.push(attempt.get(&format!("/v1/articles/{text}")).by(&person));
        tries.push(attempt.get(&format!("/v1/articles?cursor={text}")).by(&person));
        tries.push(attempt.get("/v1/users/me").by(&person).header("x-request-id", text));
        tries.push(attempt.get("/v1/users/me").header("origin", format!("https://attack.example{text}")));
    }
    each(tries, |answer| {
        let split = answer.headers.contains_key("x-split") || answer.text().contains("HTTP/1.1 200");
        let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()));
        fell.and(Verdict::held_if(!split, || "the answer has a header of ours".to_owned()))
    })
    .await
}

async fn log_forging(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an id of the server's own, and no control character in what it stored of us");
    let person = attempt.fresh_user().await?;
    let me = attempt.get("/v1/users/me").by(&person).note("Control: an honest request").send().await?;
    me.must_work("it answers")?;
    let forged = "\"} {\"level\":\"INFO\",\"event\":\"authn_login_success\"";
    for id in [forged, "forged-by-us-1", "../../x", "${jndi:x}"] {
        let answer = attempt.get("/v1/users/me").by(&person).header("x-request-id", id).send().await?;
        let answered = answer.header("x-request-id").unwrap_or_default();
        if answered == id {
            return Ok(Verdict::Hole(format!("the request has the id that it chose: {id}")));
        }
    }
    // What it calls itself is kept with the session, for its owner to read. A tab writes no line, and HTTP allows it.
    let names: [&[u8]; 4] =
        [forged.as_bytes(), b"robot\t\t2026-01-01 INFO signed in", b"robot\xc2\x9b31m\xff", b"a<script>"];
    for name in names {
        let login = json!({"email": person.email, "password": person.password});
        let login = attempt.post("/v1/auth/login", &login).header("user-agent", name).send().await?;
        let verdict = Verdict::held_if(login.status < 500, || format!("it fell over: {}", login.seen()));
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    let sessions = attempt.get("/v1/users/me/sessions").by(&person).note("What is kept?").send().await?.json();
    let mut devices = sessions["items"].as_array().into_iter().flatten().filter_map(|item| item["device"].as_str());
    let odd = devices.find(|device| device.chars().any(|c| c.is_control() && c != '\t')).map(str::to_owned);
    Ok(Verdict::held_if(odd.is_none(), || format!("a control character is kept in {:?}", odd.unwrap_or_default())))
}

async fn ssrf(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("nobody comes to our listener");
    let person = attempt.fresh_user().await?;
    let lure = Lure::open(attempt, "{}").await?;
    let url = lure.url().to_owned();
    let article = json!({"title": "On bridges", "body": format!("see {url}")});
    let honest = attempt.post("/v1/articles", &article).by(&person).note("Control: an address in a text");
    honest.send().await?.must_work("an article is written")?;
    let names = ["url", "image", "avatar_url", "webhook", "callback", "import", "href", "$ref", "redirect_uri", "feed"];
    for name in names {
        let body = json!({"title": "On bridges", "body": "x", name: url});
        attempt.post("/v1/articles", &body).by(&person).send().await?;
        attempt.patch("/v1/users/me", &json!({"name": "Ada", name: url})).by(&person).send().await?;
        attempt.get(&format!("/v1/articles?{name}={url}")).by(&person).send().await?;
    }
    let request = attempt.get("/v1/users/me").by(&person).header("referer", &url).header("origin", &url);
    request.header("x-forwarded-host", url.trim_start_matches("http://")).header("x-wap-profile", &url).send().await?;
    // An absolute address in the request line is what proxies are asked.
    let (host, authority) = (url.trim_end_matches("/keys.json"), attempt.target.base.authority());
    let line = format!("GET {host}/ HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    attempt.raw(line).note("As if it were a proxy").send().await?;
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    Ok(Verdict::held_if(lure.visits() == 0, || format!("{} visits came", lure.visits())))
}
