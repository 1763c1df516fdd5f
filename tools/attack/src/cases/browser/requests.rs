//! What a browser sends for an attacker, without asking: cookies, forms, script tags, odd methods.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

const LOGIN: &str = "/v1/auth/login";

pub const CASES: &[Case] = &[
    Case {
        id: "browser-cookies-set",
        title: "A sign-in leaves a cookie behind that a browser sends by itself",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["3.5.1", "3.3.2", "3.3.4"],
        teaching: "What a browser attaches by itself, it also attaches when a stranger's page makes it ask: that is cross-site \
                   request forgery, which changed Netflix queues in 2006 and routers' DNS later. A service that gives its \
                   credentials in the body, to be sent in a header that only a script can set, has none. If there must be a \
                   cookie: Secure, HttpOnly, SameSite.",
        needs: &[Need::User, Need::Operation("POST", LOGIN)],
        run: |attempt| Box::pin(cookie(attempt)),
        ..PLAIN
    },
    Case {
        id: "browser-form-post",
        title: "A stranger's page sends JSON in a plain form",
        pillar: Some("content-type"),
        owasp: &["API8:2023"],
        asvs: &["3.5.2", "4.1.1"],
        teaching: "A form may be sent to any origin without a preflight, as text/plain, form or multipart, and its text can be \
                   made to look like JSON. A service that parses whatever comes thus takes requests from every page. \
                   `application/json` alone needs a preflight, so nothing else may reach the parser: 415.",
        needs: &[Need::User, Need::Operation("POST", LOGIN)],
        run: |attempt| Box::pin(form(attempt)),
        ..PLAIN
    },
    Case {
        id: "browser-trace",
        title: "TRACE sends back the headers that a script may not read",
        owasp: &["API8:2023"],
        asvs: &["13.4.4"],
        teaching: "TRACE answers with the request as it arrived, cookies and credentials included, which gave scripts what HttpOnly \
                   hides: cross-site tracing (Jeremiah Grossman, 2003). Behind proxies it also shows what they add, such as \
                   inner addresses. It is of no use to an API: 405.",
        run: |attempt| Box::pin(trace(attempt)),
        ..PLAIN
    },
    Case {
        id: "browser-script-include",
        title: "An answer is loaded as a script: JSONP, a callback, a bare list",
        owasp: &["API8:2023"],
        asvs: &["3.5.6", "3.5.7"],
        teaching: "Script tags load across origins and with credentials. JSONP is made for that, and a bare list was enough in \
                   2006, when Grossman read Gmail's contacts by redefining Array. Today `callback=` parameters that frameworks \
                   still honour are what is left. JSON leaves as JSON, with nosniff, and no parameter wraps it in a call.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(script(attempt)),
        ..PLAIN
    },
    Case {
        id: "browser-simple-get-changes",
        title: "A link or an image changes something",
        owasp: &["API8:2023"],
        asvs: &["3.5.3"],
        teaching: "GET is sent by links, images, prefetchers and mail scanners, in anybody's name. In 2005 Google's Web \
                   Accelerator followed every \"delete\" link on people's own pages. What changes something must want a method \
                   that no tag can send, and must not be talked into it by `_method=` or an override header.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/logout")],
        run: |attempt| Box::pin(by_get(attempt)),
        ..PLAIN
    },
];

async fn cookie(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no cookie, or one that is Secure, HttpOnly and SameSite");
    let person = attempt.user().await?;
    let login = json!({"email": person.email, "password": person.password});
    let login = attempt.post(LOGIN, &login).elsewhere().send().await?.must_work("somebody signs in")?;
    let refresh = json!({"refresh_token": login.string("/refresh_token")});
    let answers = [
        attempt.post("/v1/auth/refresh", &refresh).elsewhere().send().await?,
        attempt.get("/v1/users/me").bearer(&login.string("/access_token")).send().await?,
        attempt.get("/docs").send().await?,
        attempt.get("/no-such-path").send().await?,
        login,
    ];
    let loose = answers.iter().flat_map(|answer| answer.headers.get_all("set-cookie")).find(|cookie| {
        let said = String::from_utf8_lossy(cookie.as_bytes()).to_lowercase();
        !["secure", "httponly", "samesite"].iter().all(|flag| said.contains(flag))
    });
    let loose = loose.map(|cookie| String::from_utf8_lossy(cookie.as_bytes()).into_owned());
    Ok(Verdict::held_if(loose.is_none(), || format!("it sets {}", loose.unwrap_or_default())))
}

async fn form(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 for whatever is not application/json");
    let person = attempt.user().await?;
    let body = json!({"email": person.email, "password": person.password});
    let honest = attempt.post(LOGIN, &body).elsewhere().note("Control: as JSON").send().await?;
    honest.must_work("the same body signs in as JSON")?;
    let body = body.to_string();
    let pairs = format!("email={}&password={}", person.email.replace('@', "%40"), person.password);
    // What a form of type text/plain makes of a field whose name is the beginning of the JSON.
    let padded = format!("{},\"known_device\":\"=x\"}}\r\n", body.trim_end_matches('}'));
    let sent = [
        (Some("text/plain"), body.clone()),
        (Some("text/plain;charset=UTF-8"), padded),
        (Some("application/x-www-form-urlencoded"), body.clone()),
        (Some("application/x-www-form-urlencoded"), pairs),
        (
            Some("multipart/form-data; boundary=x"),
            format!("--x\r\ncontent-disposition: form-data; name=a\r\n\r\n{body}\r\n--x--"),
        ),
        (Some("text/plain; application/json"), body.clone()),
        (Some("application/json, text/plain"), body.clone()),
        (Some("text/json"), body.clone()),
        (Some(""), body.clone()),
        (None, body),
    ];
    let mut verdict = Verdict::Held;
    for (kind, body) in sent {
        let request = attempt.request("POST", LOGIN).body(body).elsewhere();
        let request = kind.map_or(request.clone(), |kind| request.header("content-type", kind));
        verdict = verdict.and(request.send().await?.refused());
    }
    Ok(verdict)
}

async fn trace(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("405, and nothing of the request in the answer");
    attempt.get("/").send().await?.must_work("the root is answered")?;
    let secret = "tracer-4711-in-a-cookie";
    let mut verdict = Verdict::Held;
    for (method, path) in [("TRACE", "/"), ("TRACK", "/"), ("TRACE", "/no-such-path"), ("TRACE", "/v1/users/me")] {
        let request = attempt.request(method, path).header("cookie", secret).header("x-secret", secret);
        let answer = request.header("max-forwards", "0").send().await?;
        let echoed = answer.text().contains(secret);
        verdict = verdict.and(answer.refused());
        verdict = verdict.and(Verdict::held_if(!echoed, || format!("{method} {path} sends the request back")));
    }
    Ok(verdict)
}

async fn script(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no answer that runs as a script");
    let door = attempt.door().await?;
    let mut verdict = Verdict::Held;
    for query in ["callback=steal", "jsonp=steal", "cb=steal", "_callback=steal", "format=jsonp&callback=steal"] {
        for path in [door.path.as_str(), "/"] {
            let request = attempt.get(&format!("{path}?{query}")).bearer(&door.token).header("accept", "*/*");
            let answer = request.header("sec-fetch-dest", "script").send().await?;
            let kind = answer.header("content-type").unwrap_or_default();
            let runs = answer.text().trim_start_matches("/**/").starts_with("steal") || kind.contains("javascript");
            verdict = verdict.and(Verdict::held_if(!runs, || format!("GET {path}?{query} runs as a script")));
        }
    }
    let bare = attempt.get(&door.path).bearer(&door.token).send().await?;
    let list = bare.text().trim_start().starts_with('[') && bare.header("x-content-type-options") != Some("nosniff");
    Ok(verdict.and(Verdict::held_if(!list, || "a private answer is a bare list that may be sniffed".to_owned())))
}

async fn by_get(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("405 or 404, and the session and the name stay what they were");
    let person = attempt.fresh_user().await?;
    let before = attempt.get("/v1/users/me").by(&person).send().await?.must_work("the session is live")?;
    let tries = [
        attempt.get("/v1/auth/logout"),
        attempt.request("HEAD", "/v1/auth/logout"),
        attempt.get("/v1/auth/logout?_method=POST"),
        attempt.get("/v1/auth/logout").header("x-http-method-override", "POST"),
        attempt.get("/v1/auth/logout").header("x-method-override", "POST").header("x-http-method", "POST"),
        attempt.get("/v1/users/me?_method=PATCH&name=Changed"),
        attempt.get("/v1/users/me?_method=DELETE").header("x-http-method-override", "DELETE"),
        attempt.get("/v1/users/me/sessions?_method=DELETE"),
    ];
    for request in tries {
        request.by(&person).send().await?;
    }
    let after = attempt.get("/v1/users/me").by(&person).note("Who am I now?").send().await?;
    let live = Verdict::held_if(after.is_success(), || format!("a GET ended the session: {}", after.seen()));
    Ok(live
        .and(Verdict::held_if(after.string("/name") == before.string("/name"), || "a GET changed the name".to_owned())))
}
