//! `GET /lab`: who gets it, what its files admit, and what a run of it says. What it does in a browser, `tools/lab/run`
//! tries.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request},
    response::Response,
};
use drawbridge::{
    lab::{Finished, PILLARS, Running, heard, page},
    telemetry,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Shared, lab, own_lab};

/// A service with the page before it. The lab's folder lives as long.
struct Served {
    shared: Arc<Shared>,
    running: Running,
    router: Finished,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Served {
    async fn start() -> Self {
        Self::of(lab().await).await
    }

    async fn of(shared: Arc<Shared>) -> Self {
        // Where tests share a process, one of them is the first.
        let _ = telemetry::start_with("info".parse().unwrap(), vec![heard::outlet()]);
        let (mut router, lab) = (None, shared.lab.clone());
        let front = |service| {
            let service = page::in_front(service, lab);
            router = Some(service.router.clone());
            service
        };
        let running = shared.lab.start_at(&[], SocketAddr::from(([127, 0, 0, 1], 0)), front).await.unwrap();
        Self { shared, running, router: router.unwrap() }
    }

    /// As the socket's server hands it on, from this machine.
    async fn ask(&self, request: Request<Body>) -> Answer {
        self.ask_from("127.0.0.1:4711", request).await
    }

    async fn ask_from(&self, peer: &str, mut request: Request<Body>) -> Answer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(get(path).body(Body::empty()).unwrap()).await
    }

    async fn begin(&self, case: &str) -> Answer {
        self.ask(run(case, &[("origin", OWN), ("sec-fetch-site", "same-origin")])).await
    }

    /// What came of a run when it is over.
    async fn result(&self) -> Value {
        loop {
            let run = self.get("/lab/run").await.json();
            if run["going_on"] == false {
                return run;
            }
        }
    }

    async fn end(self) {
        drop(self.router);
        self.shared.lab.end(self.running).await.unwrap();
    }
}

impl Answer {
    fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    fn refused(&self, status: u16, code: &str) {
        let told = self.json();
        assert_eq!((self.status, &told["code"]), (status, &json!(code)), "{}", self.text);
        assert!(told["reference"].as_str().unwrap().starts_with("err-"), "{}", self.text);
    }
}

const OWN: &str = "http://127.0.0.1:3000";

fn get(path: &str) -> axum::http::request::Builder {
    Request::get(path).header("host", "127.0.0.1:3000")
}

fn run(case: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request =
        Request::post("/lab/run").header("host", "127.0.0.1:3000").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(json!({ "case": case }).to_string().into()).unwrap()
}

/// The page and every file that it names, and that those name.
async fn files(served: &Served) -> BTreeSet<String> {
    let (mut found, mut unread) = (BTreeSet::new(), vec!["/lab".to_owned()]);
    while let Some(path) = unread.pop() {
        let text = served.get(&path).await.text;
        let words = text.split('"').filter(|word| word.starts_with("/lab/") || word.starts_with("./"));
        let files = words.map(|word| word.replace("./", "/lab/")).filter(|word| word.contains('.'));
        unread.extend(files.filter(|file| file != "/lab/pillars.json" && !found.contains(file)));
        found.insert(path);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_admits_no_code_but_its_own_files_and_its_files_name_no_other_host() {
    let served = Served::start().await;
    let files = files(&served).await;
    assert_eq!(files.len(), 8, "{files:?}");
    for path in files {
        let answer = served.get(&path).await;
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
            img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        assert_eq!(
            (answer.status, answer.headers["content-security-policy"].to_str().unwrap()),
            (200, policy),
            "{path}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store");
        for risky in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "localStorage",
            "sessionStorage",
            "document.cookie",
            "https://",
            "http://",
            " style=",
            " onclick=",
        ] {
            assert!(!answer.text.contains(risky), "{path} has {risky}");
        }
        assert!(answer.text.lines().count() <= 250, "{path} is long");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_every_pillar_with_both_codes_and_a_chapter_that_is_served() {
    let served = Served::start().await;
    let lessons = served.get("/lab/pillars.json").await.json();
    let names: Vec<_> = lessons.as_array().unwrap().iter().map(|lesson| lesson["name"].as_str().unwrap()).collect();
    assert_eq!(names, PILLARS.iter().map(|pillar| pillar.name).collect::<Vec<_>>());
    let mut chapters = BTreeSet::new();
    for lesson in lessons.as_array().unwrap() {
        for code in ["defence", "careless"] {
            assert!(!lesson[code]["text"].as_str().unwrap().is_empty(), "{lesson}");
        }
        chapters.insert(lesson["chapter"].as_str().unwrap());
    }
    for chapter in chapters {
        let answer = served.get(chapter).await;
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert!(answer.text.starts_with("# ") && answer.text.contains("**Threat.**"), "{chapter}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_that_the_service_holds_with_the_pillar_and_has_a_hole_without() {
    let served = Served::start().await;
    let begun = served.begin("jwt-audience-of-another").await;
    assert_eq!((begun.status, &begun.json()["number"]), (202, &json!(1)));
    served.begin("jwt-audience-of-another").await.refused(409, "RUN_GOING_ON");

    let run = served.result().await;
    assert_eq!(run["trouble"], Value::Null, "{run}");
    for (side, verdict, status, cause) in [
        ("with", "held", "401 Unauthorized", json!("aud does not hold ours")),
        ("without", "hole", "200 OK", Value::Null),
    ] {
        let side = &run[side]["side"];
        assert_eq!(side["verdict"], verdict, "{side}");
        let forged = side["exchanges"].as_array().unwrap().iter();
        let forged = forged.filter(|one| one["request"].as_str().unwrap().contains("\"aud\":\"another-service\""));
        let forged: Vec<_> = forged.collect();
        assert!(!forged.is_empty(), "{side}");
        assert!(forged.iter().any(|one| one["answer"].as_str().unwrap().starts_with(status)), "{forged:?}");
        let said: Vec<_> = forged.iter().flat_map(|one| one["log"].as_array().unwrap()).collect();
        assert!(said.iter().any(|line| line["message"] == "request" && line["cause"] == cause), "{said:?}");
    }
    assert_eq!(served.begin("jwt-audience-of-another").await.json()["number"], 2, "the next may begin");
    served.result().await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_says_so_in_a_sentence_and_the_next_may_begin() {
    let served = Served::of(Arc::new(own_lab().await)).await;
    let file = served.shared.lab.home.credentials_file();
    let credentials = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(served.begin("jwt-audience-of-another").await.status, 202);
    let run = served.result().await;
    assert_eq!(run["trouble"], "The attack could not be run; the lab's log says why");
    assert_eq!((&run["with"]["side"], &run["without"]["side"]), (&Value::Null, &Value::Null));

    std::fs::write(&file, credentials).unwrap();
    assert_eq!(served.begin("jwt-audience-of-another").await.status, 202);
    assert_eq!(served.result().await["without"]["side"]["verdict"], "hole");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_but_the_lab_s_own_runs_an_attack() {
    let served = Served::start().await;
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:8080")],
        &[("origin", OWN), ("sec-fetch-site", "cross-site")],
        &[("origin", OWN), ("origin", "https://evil.example")],
    ] {
        served.ask(run("jwt-alg-none", headers)).await.refused(403, "FORBIDDEN");
    }
    // What a form of any page can send without being asked for leave.
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let mut request = run("jwt-alg-none", &[("origin", OWN)]);
        request.headers_mut().insert("content-type", media_type.parse().unwrap());
        served.ask(request).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let run = served.get("/lab/run").await;
    assert_eq!((&run.json()["number"], run.headers.get("access-control-allow-origin")), (&json!(0), None));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attack_that_the_lab_cannot_run_is_refused_by_its_field() {
    let served = Served::start().await;
    let without_pillar = drawbridge_attack::cases().into_iter().find(|case| case.pillar.is_none());
    for case in
        ["no-such-case", "jwt-audience", "", "../../etc/passwd"].into_iter().chain(without_pillar.map(|case| case.id))
    {
        let answer = served.begin(case).await;
        answer.refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.json()["fields"][0]["field"], "case", "{}", answer.text);
    }
    assert_eq!(served.get("/lab/run").await.json()["number"], 0);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_learns_that_there_is_a_lab() {
    let served = Served::start().await;
    let mut paths: Vec<_> = files(&served).await.into_iter().collect();
    paths.extend(["/lab/pillars.json", "/lab/run", "/lab/chapters/access.md", "/lab/nothing"].map(str::to_owned));
    for path in &paths {
        let asked = || get(path).body(Body::empty()).unwrap();
        for peer in ["192.0.2.1:4711", "10.0.0.1:4711", "[2001:db8::1]:4711"] {
            served.ask_from(peer, asked()).await.refused(404, "NOT_FOUND");
        }
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-for", "198.51.100.7"),
            ("forwarded", "for=127.0.0.1"),
            ("host", "evil.example"),
        ] {
            let mut request = asked();
            request.headers_mut().insert(name, value.parse().unwrap());
            served.ask(request).await.refused(404, "NOT_FOUND");
        }
    }
    served.ask_from("192.0.2.1:4711", run("jwt-alg-none", &[("origin", OWN)])).await.refused(404, "NOT_FOUND");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_of_the_service_knows_the_page_and_a_service_without_it_has_none() {
    let served = Served::start().await;
    assert!(!served.get("/openapi.json").await.text.contains("/lab"));
    assert!(drawbridge::app::table().iter().all(|route| !route.path.starts_with("/lab")));
    let plain = served.shared.lab.start(&[]).await.unwrap();
    let said = std::process::Command::new("curl").args(["-s", &format!("{}/lab", plain.url())]).output().unwrap();
    assert!(String::from_utf8(said.stdout).unwrap().contains("\"code\":\"NOT_FOUND\""));
    served.shared.lab.end(plain).await.unwrap();
    served.end().await;
}
