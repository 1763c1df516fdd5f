//! What each gate costs a request, beside a bare handler that answers the same question: all in this process, without a
//! socket, one request after the other.
//!
//! A gate is called as the service calls it, with a browser's headers and a token. What it costs is said as a share of
//! the bare handler's time in the same round; the last lines are the whole router, so that one can see how much of it
//! the gates explain. The log's lines are made and thrown away.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    task::{self, Poll, Waker},
    time::Instant,
};

use anyhow::{Context, anyhow, ensure};
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, FromRequest},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Uri, Version},
    routing::get,
};
use drawbridge::{
    app::{self, Service},
    config::Config,
    database,
    http::input::Valid,
    security::{
        access::{Credential, Identity, Policy, Role, Scope},
        client_address::ClientAddress,
        headers,
        input::{EMAIL, NAME},
        jwt::Grant,
        limits,
        password::NewPassword,
        rate_limit::{Class, ClientNetwork, FloodGuard, Key},
        secret::Secret,
    },
    state::{App, LiveSession},
    telemetry::{self, Form, Outlet},
    types::Timestamp,
};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;
use uuid::Uuid;
use validator::Validate;

use crate::{
    bare, say,
    spread::{Ratio, Spread, as_number},
    stage::{PASSWORD, Stage},
};

const ROUNDS: usize = 20;
/// Of each gate in a round. Some last a tenth of a microsecond, so many are needed to time any.
const CALLS: usize = 2_000;
/// Of each router in a round.
const REQUESTS: usize = 500;
/// Tokens that have to be proven in a round.
const FRESH: usize = 20;
const PAGE: &str = "https://app.bench.example";
const SESSION: Uuid = Uuid::from_u128(1);

/// A body with the rules of a registration, whose own type is its room's.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Registration {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    email: String,
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    name: String,
    #[validate(nested)]
    password: NewPassword,
}

/// All that a gate is called with.
struct Gates<'a> {
    service: &'a Service,
    path: String,
    token: String,
    headers: HeaderMap,
    who: Identity,
    registration: String,
    without: Router,
    behind_flood_guard: Router,
    bare: Router,
}

pub async fn compare(stage: &Stage) -> anyhow::Result<()> {
    let discarded = Outlet { form: Form::Json, write: Arc::new(|line| _ = black_box(line)) };
    telemetry::start_with("info".parse().map_err(|_| anyhow!("a filter"))?, vec![discarded])?;
    let mut settings = stage.settings.clone();
    settings.insert("CORS_ALLOWED_ORIGINS".to_owned(), PAGE.to_owned());
    let (config, _) = Config::parse(settings)?;
    let pool = || config.database.url.clone().map(|located| database::pool(located, config.database.pool_size));
    let (own, bare) = pool().zip(pool()).context("DATABASE_URL")?;
    let service = app::build_default(config, stage.givens.clone(), own).await?;
    let gates = Gates::new(stage, &service, bare).await?;
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let measured = gates.round().await?;
        if round > 0 {
            rounds.push(measured);
        }
    }
    report(&rounds);
    service.close().await;
    Ok(())
}

type Measured = Vec<(&'static str, f64)>;

fn report(rounds: &[Measured]) {
    say(&format!("\neach gate, in one process and without a socket; {ROUNDS} rounds, one request after the other"));
    say(&format!("  {:46} {:>8}   share of the bare handler's time", "", "µs"));
    let column = |index: usize| rounds.iter().map(move |round| round[index].1);
    // The first two are one and the same.
    let both = || column(0).zip(column(1)).map(|(bare, again)| f64::midpoint(bare, again));
    let noise = Spread::of(column(1).zip(column(0)).map(|(again, bare)| again / bare));
    for (index, (name, _)) in rounds[0].iter().enumerate() {
        let share = Spread::of(column(index).zip(both()).map(|(gate, bare)| gate / bare));
        let told = match index {
            0 => "1".to_owned(),
            1 => format!("noise: {noise} of the line above"),
            _ if share.median > 0.5 => Ratio { thing: share, noise }.to_string(),
            _ => percent(&share),
        };
        say(&format!("  {name:46} {:>8.2}   {told}", Spread::of(column(index)).median));
    }
}

fn percent(share: &Spread) -> String {
    let [low, median, high] = [share.low, share.median, share.high].map(|share| share * 100.0);
    format!("{median:.2} % ({low:.2} to {high:.2})")
}

impl<'a> Gates<'a> {
    async fn new(stage: &Stage, service: &'a Service, bare: sqlx::PgPool) -> anyhow::Result<Self> {
        let person = &stage.people[0];
        let rule = stage.config.rate_limit.rule(Class::Flood).clone();
        let client = |extensions: &Extensions| extensions.get::<ClientAddress>().map(|address| address.0);
        let flood = FloodGuard::new(rule, ClientNetwork(client), stage.givens.clone());
        let without = Router::new().route("/", get(async || Json(json!({ "status": "ok" }))));
        let now = stage.givens.now();
        let live = LiveSession { role: Role::User, generation: 1, expires_at: now };
        service.app.sessions.put(&service.app.sessions.ticket(), person.id, SESSION, live);
        Ok(Self {
            path: format!("/users/{}", person.id),
            token: sign_in(service, &person.email).await?,
            headers: browser(),
            who: Identity {
                user_id: person.id,
                role: Role::User,
                scopes: Scope::ALL.to_vec(),
                credential: Credential::Session { session_id: SESSION, auth_time: now },
            },
            registration: json!({ "email": person.email, "name": "Ada Lovelace", "password": PASSWORD }).to_string(),
            behind_flood_guard: without.clone().layer(flood.layer()),
            without,
            bare: bare::router(bare),
            service,
        })
    }

    /// Everything once, so that what a machine does in this moment is done to all.
    async fn round(&self) -> anyhow::Result<Measured> {
        let (bare, without) = (self.requests(&self.bare, &self.path).await?, self.requests(&self.without, "/").await?);
        let guarded = self.requests(&self.behind_flood_guard, "/").await?;
        let router = &self.service.router;
        let mut measured = vec![
            ("bare handler, with its query", bare),
            ("the same once more", self.requests(&self.bare, &self.path).await?),
            ("bare handler, without a query", without),
            ("flood guard", guarded - without),
        ];
        measured.extend(self.calls()?);
        measured.push(("validation: a registration's body", self.validation().await?));
        measured.push(("all gates for everyone: GET /health/live", self.requests(router, "/health/live").await?));
        measured.push(("all gates and the query: GET /v1/users/me", self.requests(router, "/v1/users/me").await?));
        Ok(measured)
    }

    /// What is a plain function.
    fn calls(&self) -> anyhow::Result<Measured> {
        let (app, user) = (&self.service.app, self.who.user_id);
        let now = app.givens.now();
        let (headers, uri) = (&self.headers, "/v1/users/me".parse().context("a path")?);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let answer = || HeaderMap::with_capacity(24);
        let charge = || at_once(app.limits.charge(Class::Read, &Key::Principal(user), now));
        let decision = charge();
        Ok(vec![
            ("client address, through a trusted proxy", micros(|| app.settings.client_address.resolve(peer, headers))),
            ("request id", micros(|| app.givens.new_id())),
            ("sizes, and requests of two readings", micros(|| sizes(headers, &uri))),
            ("media types", micros(|| limits::is_json(headers) & limits::accepts_json(headers))),
            ("authentication: a token that was proven before", micros(|| app.jwt.verify(&self.token, now).is_ok())),
            (
                "authentication: its session, from memory",
                micros(|| app.sessions.get(user, SESSION, Instant::now()).is_some()),
            ),
            ("rate limit: one charge", micros(charge)),
            ("rate limit: its headers", micros(|| decision.write(&mut answer(), false))),
            ("authorization: the policy", micros(|| Policy::Scope(Scope::ProfileRead).admits(&self.who, now).is_ok())),
            ("CORS: an answer to a known page", micros(|| app.settings.cors.answer(headers, &mut answer()))),
            ("headers", micros(|| headers::apply(&mut answer(), true))),
            ("the log's line", micros(|| line(user))),
            ("once a token: its signature", proof(app, user, now)?),
        ])
    }

    async fn validation(&self) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::post("/").body(Body::from(self.registration.clone()))?;
            let judged = Valid::<Registration>::from_request(request, &()).await;
            ensure!(black_box(judged).is_ok(), "the body of the bench is refused");
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / as_number(REQUESTS))
    }

    async fn requests(&self, router: &Router, path: &str) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for _ in 0..REQUESTS {
            let answer = router.clone().oneshot(self.request(path)?).await?;
            ensure!(answer.status() == 200, "{path} answered {}", answer.status());
            black_box(answer.into_body().collect().await?);
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / as_number(REQUESTS))
    }

    fn request(&self, path: &str) -> anyhow::Result<Request<Body>> {
        let mut request = Request::get(path).body(Body::empty())?;
        request.headers_mut().clone_from(&self.headers);
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token))?;
        request.headers_mut().insert("authorization", bearer);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 4711))));
        // For the flood guard that stands alone; the service finds it out by itself.
        request.extensions_mut().insert(ClientAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        Ok(request)
    }
}

fn micros<T>(mut call: impl FnMut() -> T) -> f64 {
    let begun = Instant::now();
    for _ in 0..CALLS {
        black_box(call());
    }
    begun.elapsed().as_secs_f64() * 1e6 / as_number(CALLS)
}

/// Tokens that nobody has seen before, as the first request with one meets it.
fn proof(app: &App, user: Uuid, now: Timestamp) -> anyhow::Result<f64> {
    let grant = || Grant {
        user_id: user,
        session_id: app.givens.new_id(),
        generation: 1,
        role: Role::User.name(),
        scope: "profile:read profile:write".to_owned(),
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        client_id: "bench".to_owned(),
    };
    let issue = |_| Ok(app.jwt.issue(grant(), &app.givens)?.token);
    let fresh: Vec<Secret<String>> = (0..FRESH).map(issue).collect::<anyhow::Result<_>>()?;
    let begun = Instant::now();
    for token in &fresh {
        black_box(app.jwt.verify(token.expose(), now).is_ok());
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / as_number(FRESH))
}

fn sizes(headers: &HeaderMap, uri: &Uri) -> bool {
    let ambiguity = limits::ambiguity(Version::HTTP_11, headers);
    limits::uri_fits(uri) & limits::headers_fit(headers) & ambiguity.is_none()
}

/// The fields of `http::respond`'s.
fn line(id: Uuid) {
    tracing::info!(
        target: "drawbridge::http::respond::line",
        request_id = %id,
        method = "GET",
        route = "/v1/users/me",
        status = 200,
        duration_ms = 0.5,
        client_address = %Ipv4Addr::LOCALHOST,
        principal_id = %id,
        "request"
    );
}

/// What a page's request brings along, through a proxy.
fn browser() -> HeaderMap {
    let headers = [
        ("host", "bench.example"),
        ("origin", PAGE),
        ("accept", "application/json, text/plain, */*"),
        ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
        ("content-type", "application/json"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

async fn sign_in(service: &Service, email: &str) -> anyhow::Result<String> {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let mut request = Request::post("/v1/auth/login").body(Body::from(body))?;
    request.headers_mut().extend(browser());
    let answer = service.router.clone().oneshot(request).await?.into_body().collect().await?.to_bytes();
    let tokens: serde_json::Value = serde_json::from_slice(&answer)?;
    tokens["access_token"].as_str().map(str::to_owned).context("no token from the login")
}

/// What a future that waits for nothing comes to: without Redis a charge is a plain function.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("without Redis nobody is waited for"),
    }
}
