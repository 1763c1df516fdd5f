//! What can be watched from outside: where it is found, that it is true, and that no client writes a word of it.

use std::{collections::BTreeSet, fs, net::SocketAddr};

use axum::http::Method;
use drawbridge::{
    app,
    error::Result,
    features,
    http::{
        answer::NoContent,
        caller::Caller,
        routes::{About, Limit},
    },
    security::{
        access::{Public, Role},
        audit::Kind,
    },
};
use regex::Regex;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{PASSWORD, TestApp, UNLIMITED, until};

const OPENMETRICS: &str = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";

async fn start() -> TestApp {
    start_with(&[]).await
}

async fn start_with(settings: &[(&str, &str)]) -> TestApp {
    let settings = [&[("METRICS_ADDR", "127.0.0.1:0")], settings].concat();
    TestApp::start_with(&settings, features::routes()).await
}

/// As Prometheus asks, over a socket of its own: status, head and body.
async fn asked(address: SocketAddr, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

/// One look at all numbers.
struct Scrape(String);

impl Scrape {
    async fn of(app: &TestApp) -> Self {
        let (status, _, body) = asked(app.metrics.unwrap(), "GET", "/metrics", "").await;
        assert_eq!(status, 200);
        Self(body)
    }

    fn samples(&self) -> impl Iterator<Item = &str> {
        self.0.lines().filter(|line| !line.starts_with('#'))
    }

    /// The number of a series, written as Prometheus writes it.
    fn number(&self, series: &str) -> i64 {
        self.text(series).parse().unwrap()
    }

    fn text(&self, series: &str) -> &str {
        let found = self.samples().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {series} in {}", self.0))
    }

    fn holds(&self, series: &str) -> bool {
        self.samples().any(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))
    }

    fn series(&self) -> BTreeSet<String> {
        self.samples().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    }
}

#[tokio::test]
async fn metrics_are_at_an_address_of_their_own_and_nowhere_else() {
    let app = start().await;
    let there = app.metrics.unwrap();
    assert_eq!(asked(there, "GET", "/metrics", "").await.0, 200);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/metrics/"),
        ("GET", "/health/live"),
        ("GET", "/v1/users/me"),
        ("HEAD", "/metrics"),
        ("POST", "/metrics"),
        ("OPTIONS", "/metrics"),
    ] {
        let (status, _, body) = asked(there, method, path, "").await;
        assert_eq!((status, body.as_str()), (404, ""), "{method} {path}");
    }

    app.client().get("/metrics").send().await.assert_refused(404, "NOT_FOUND");
    assert!(app::table().iter().all(|route| !route.path.contains("metrics")));
    assert_eq!(TestApp::start().await.metrics, None, "nobody gets what they did not ask for");
}

#[tokio::test]
async fn each_reader_gets_the_form_that_they_know() {
    let app = start().await;
    let there = app.metrics.unwrap();
    let (_, head, new) = asked(there, "GET", "/metrics", OPENMETRICS).await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(new.ends_with("# EOF\n") && new.contains("# TYPE drawbridge_mail_sent counter\n"), "{new}");

    let (_, head, old) = asked(there, "GET", "/metrics", "accept: text/plain\r\n").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(!old.contains("# EOF") && old.contains("# TYPE drawbridge_mail_sent_total counter\n"), "{old}");
    for kept_to_themselves in ["cache-control: no-store", "x-content-type-options: nosniff"] {
        assert!(head.contains(kept_to_themselves), "{head}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_class_and_timed() {
    let app = start().await;
    let person = app.person(Role::User).await;
    person.client.me().await.assert(200);
    person.client.me().await.assert(200);
    app.client().me().await.assert(401);

    let scrape = Scrape::of(&app).await;
    let me = r#"method="GET",route="/v1/users/me""#;
    let answered = |class| scrape.number(&format!("drawbridge_http_requests_total{{{me},status_class=\"{class}\"}}"));
    assert_eq!((answered("2xx"), answered("4xx")), (2, 1));
    let series = |part: &str, le: &str| format!("drawbridge_http_request_duration_seconds_{part}{{{le}{me}}}");
    assert_eq!((scrape.number(&series("count", "")), scrape.number(&series("bucket", r#"le="+Inf","#))), (3, 3));
    assert!(scrape.text(&series("sum", "")).parse::<f64>().unwrap() > 0.0);
}

#[tokio::test]
async fn a_request_is_in_flight_until_it_is_answered_or_its_client_has_gone() {
    const ABOUT: About = About { summary: "Wait", description: "A route of the tests.", problems: &[] };
    async fn waits(_: Caller<Public>) -> Result<NoContent> {
        std::future::pending().await
    }
    let routes = features::routes().get("/waits", Public, Limit::Read, waits, &ABOUT);
    let app = TestApp::start_with(&[("METRICS_ADDR", "127.0.0.1:0")], routes).await;
    let in_flight = async || Scrape::of(&app).await.number("drawbridge_http_requests_in_flight");
    app.client().get("/health/live").send().await.assert(200);
    assert_eq!(in_flight().await, 0);

    let mut impatient = TcpStream::connect(app.address).await.unwrap();
    impatient.write_all(b"GET /waits HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until("it is being served", async || (in_flight().await == 1).then_some(())).await;
    drop(impatient);
    until("it is over", async || (in_flight().await == 0).then_some(())).await;
    let gone = r#"drawbridge_http_requests_total{method="GET",route="/waits",status_class="4xx"}"#;
    assert_eq!(Scrape::of(&app).await.number(gone), 1);
}

#[tokio::test]
async fn no_client_makes_a_series_or_writes_a_label() {
    let app =
        start_with(&[&UNLIMITED[..], &[("RATE_LIMIT_FLOOD", "token-bucket 10000/1s burst 10000")]].concat()).await;
    let person = app.person(Role::User).await;
    let barrage = async |word: &str| {
        for path in ["", "/v1/", "/v1/users/", "/v1/users/me/sessions/", "/v1/admin/users/"] {
            let path = format!("{}/{word}?{word}={word}", path.trim_end_matches('/'));
            for method in ["GET", "PATCH", "OPTIONS", "BREW", word] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = person.client.request(method, &path).header("user-agent", word).header("origin", word);
                request.header("x-forwarded-for", word).send().await;
            }
        }
        let email = format!("{word}@example.com");
        app.client().login(&email, word).await.assert(401);
        let body = json!({ "email": email, word: word });
        app.client().post("/v1/auth/login", &body).send().await.assert(400);
    };
    barrage("canary1").await;
    let before = Scrape::of(&app).await.series();
    for word in ["canary2", "canary3", "canary4"] {
        barrage(word).await;
    }
    let scrape = Scrape::of(&app).await;
    assert_eq!(scrape.series(), before, "the same kinds of request make no new series");
    for secret in ["canary", person.email.as_str(), &person.id.to_string(), "10.0.", "BREW", "127.0.0.1"] {
        assert!(!scrape.0.contains(secret), "{secret} in {}", scrape.0);
    }

    let templates: BTreeSet<_> = app::table().iter().map(|route| route.path).chain(["-"]).collect();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
    let label = Regex::new(r#"(\w+)="([^"]*)""#).unwrap();
    for line in scrape.samples() {
        for found in label.captures_iter(line) {
            let known = match &found[1] {
                "route" => templates.contains(&found[2]),
                "method" => methods.contains(&&found[2]),
                "status_class" => ["2xx", "3xx", "4xx", "5xx"].contains(&&found[2]),
                _ => true,
            };
            assert!(known, "{line}");
        }
    }
}

#[tokio::test]
async fn what_the_limits_decide_is_counted_by_class() {
    let app = start_with(&[("RATE_LIMIT_LOGIN", "fixed-window 1/1h")]).await;
    let client = app.client();
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    for status in [401, 429, 429] {
        client.post("/v1/auth/login", &body).send().await.assert(status);
    }
    let scrape = Scrape::of(&app).await;
    let decided = |class, outcome| {
        let labels = format!("class=\"{class}\",outcome=\"{outcome}\"");
        scrape.number(&format!("drawbridge_rate_limit_decisions_total{{{labels}}}"))
    };
    assert_eq!(decided("login", "refused"), 2);
    assert_eq!(decided("login", "allowed"), 2, "the address, and the e-mail");
    assert_eq!((decided("flood", "allowed"), decided("flood", "refused")), (3, 0));
    let kept = |kind| scrape.number(&format!("drawbridge_rate_limit_keys{{class=\"login\",kind=\"{kind}\"}}"));
    assert_eq!((kept("address"), kept("subject"), kept("principal")), (1, 1, 0));
    assert_eq!(scrape.number("drawbridge_rate_limit_redis_configured"), 0);
}

#[tokio::test]
async fn the_flood_guards_refusals_are_counted_too() {
    let app = start_with(&[("RATE_LIMIT_FLOOD", "token-bucket 1/1h burst 1")]).await;
    let client = app.client();
    for status in [200, 429] {
        client.get("/health/live").send().await.assert(status);
    }
    let scrape = Scrape::of(&app).await;
    assert_eq!(scrape.number(r#"drawbridge_rate_limit_decisions_total{class="flood",outcome="refused"}"#), 1);
    assert_eq!(scrape.number(r#"drawbridge_rate_limit_keys{class="flood",kind="address"}"#), 1);
}

#[tokio::test]
async fn sessions_passwords_and_mails_are_counted_where_they_pass() {
    let app = start().await;
    let person = app.person(Role::User).await;
    until("the cache answers", async || {
        person.client.me().await.assert(200);
        (Scrape::of(&app).await.number("drawbridge_session_cache_hits_total") > 0).then_some(())
    })
    .await;
    app.client().register("new@example.com", "New", PASSWORD).await.assert(202);
    app.mail_to("new@example.com").await;
    until("it is counted", async || (Scrape::of(&app).await.number("drawbridge_mail_sent_total") == 1).then_some(()))
        .await;

    let scrape = Scrape::of(&app).await;
    let settings = &app.app.settings;
    for (series, number) in [
        ("drawbridge_session_cache_trusted", 1),
        ("drawbridge_session_cache_entries", 1),
        ("drawbridge_password_threads", 2),
        ("drawbridge_password_queue_capacity", i64::from(settings.password.queue)),
        ("drawbridge_password_refused_total", 0),
        ("drawbridge_database_pool_max", 5),
        ("drawbridge_tls_certificate_expiry_timestamp_seconds", 0),
        ("process_start_time_seconds", 1_772_366_400),
    ] {
        assert_eq!(scrape.number(series), number, "{series}");
    }
    for series in [
        "drawbridge_password_hashes_total",
        "drawbridge_session_cache_misses_total",
        "drawbridge_database_pool_connections",
        "drawbridge_connections_open",
        "process_resident_memory_bytes",
    ] {
        assert!(scrape.number(series) > 0, "{series}");
    }
    assert!(scrape.holds(&format!(r#"drawbridge_build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn a_database_that_is_away_shows_and_the_numbers_still_come() {
    let app = start().await;
    let person = app.person(Role::User).await;
    let trusted = async || Scrape::of(&app).await.number("drawbridge_session_cache_trusted");
    until("the cache is believed", async || (trusted().await == 1).then_some(())).await;
    app.lose_database().await;
    until("the cache is not believed", async || (trusted().await == 0).then_some(())).await;
    person.client.me().await.assert(503);
    let scrape = Scrape::of(&app).await;
    let failed = r#"drawbridge_http_requests_total{method="GET",route="/v1/users/me",status_class="5xx"}"#;
    assert_eq!(scrape.number(failed), 1);
    app.restore_database().await;
    until("the cache is believed again", async || (trusted().await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_request_that_got_no_connection_to_the_database_is_counted() {
    let app = start().await;
    let person = app.person(Role::User).await;
    let timeouts = "drawbridge_database_pool_timeouts_total";
    assert_eq!(Scrape::of(&app).await.number(timeouts), 0);
    let mut held = Vec::new();
    while held.len() < 5 {
        held.extend(app.app.database.acquire().await);
    }
    person.client.get("/v1/users/me/sessions").send().await.assert_refused(503, "SERVICE_UNAVAILABLE");
    let scrape = Scrape::of(&app).await;
    assert_eq!((scrape.number(timeouts), scrape.number("drawbridge_database_pool_idle")), (1, 0));
}

#[tokio::test]
async fn security_events_are_counted_by_type_from_nothing_on() {
    let app = start().await;
    let scrape = Scrape::of(&app).await;
    for kind in Kind::ALL {
        let severity = format!("{:?}", kind.severity()).to_lowercase();
        let labels = format!("{{type=\"{}\",severity=\"{severity}\"}}", kind.name());
        assert!(scrape.holds(&format!("drawbridge_security_events_total{labels}")), "{labels}");
        assert!(scrape.holds(&format!("drawbridge_security_events_sampled_total{labels}")), "{labels}");
    }
    // The counts are the process's, and other tests may run in it.
    let failed = r#"drawbridge_security_events_total{type="authn_login_fail",severity="warning"}"#;
    let before = scrape.number(failed);
    app.client().login("nobody@example.com", PASSWORD).await.assert(401);
    assert!(Scrape::of(&app).await.number(failed) > before);
}

/// A query for a number that nobody measures shows an empty panel, or an alarm that never comes.
#[tokio::test]
async fn every_number_of_the_dashboard_and_the_alarms_is_measured() {
    let app = start().await;
    let person = app.person(Role::User).await;
    person.client.me().await.assert(200);
    let scrape = Scrape::of(&app).await;
    let measured: BTreeSet<_> = scrape.samples().map(|line| line.split(['{', ' ']).next().unwrap()).collect();
    let name = Regex::new(r"\b(?:drawbridge|process)_\w+").unwrap();
    let chosen = Regex::new(r#"\b(\w+)=\\?"([\w-]+)\\?""#).unwrap();
    let mut seen = BTreeSet::new();
    for file in ["grafana/dashboards/drawbridge.json", "alerts.yml", "alerts.test.yml"] {
        let text = fs::read_to_string(format!("deploy/monitoring/{file}")).unwrap();
        for found in name.find_iter(&text) {
            assert!(measured.contains(found.as_str()), "{file} asks for {}", found.as_str());
            seen.insert(found.as_str().to_owned());
        }
        for found in
            chosen.captures_iter(&text).filter(|found| ["type", "severity", "class", "outcome"].contains(&&found[1]))
        {
            let label = format!("{}=\"{}\"", &found[1], &found[2]);
            assert!(scrape.0.contains(&label), "{file} asks for {label}");
        }
    }
    let nobody_looks_at: Vec<_> = measured.iter().filter(|name| !seen.contains(**name)).collect();
    assert_eq!(nobody_looks_at, [&"drawbridge_http_request_duration_seconds_sum"], "neither a panel nor an alarm");
}

#[test]
fn every_alarm_says_what_happened_and_where_it_is_told_what_to_do() {
    let text = fs::read_to_string("deploy/monitoring/alerts.yml").unwrap();
    let chapter = fs::read_to_string("docs/metrics.md").unwrap();
    let alarms: Vec<_> = text.split("- alert: ").skip(1).collect();
    assert!(alarms.len() > 12, "{}", alarms.len());
    for alarm in alarms {
        let name = alarm.lines().next().unwrap();
        for told in ["expr:", "severity: ", "summary: ", "description: "] {
            assert!(alarm.contains(told), "{name}: {told}");
        }
        assert!(alarm.contains(&format!("runbook_url: docs/metrics.md#{}\n", name.to_lowercase())), "{name}");
        assert!(chapter.contains(&format!("### {name}\n")), "{name} has no section");
        let tested = fs::read_to_string("deploy/monitoring/alerts.test.yml").unwrap();
        assert!(tested.contains(name), "{name} is not tested");
    }
}
