//! The whole service on one screen: what it is made of, what runs beside it, and what a request passes on its way in.

#![expect(clippy::disallowed_types, reason = "the finished router is put into its layers here")]

use std::{
    future::ready,
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::Extensions,
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
};
use sqlx::PgPool;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::{
    alarms,
    config::Config,
    database::{self, Feed},
    error::{self, problems},
    features,
    http::{gate, openapi, respond, routes::Routes},
    mail::{Outbox, Sender, Worker},
    security::{
        anomaly::Watch,
        audit::{Event, Notes, Origin},
        client_address::{ClientAddress, Suspicion},
        jwt::Keyring,
        limits,
        page_cursor::CursorKey,
        password::Hasher,
        rate_limit::{Change, Class, ClientNetwork, FloodGuard, Limits},
        sealed::DataKeys,
        seats::Seats,
        session_cache::SessionCache,
        transport::TurnedAway,
    },
    state::{App, Shared},
    telemetry::Meters,
    traces::Traces,
    types::Givens,
};

/// How often the folder of signing keys is looked at; the contract allows ten seconds for a new key.
const KEYS_LOOK: Duration = Duration::from_secs(2);
/// How often counts that nobody needs any more are thrown away. tower_governor keeps every address that it ever saw until
/// then, so this is also a bound on memory.
const SWEEP: Duration = Duration::from_secs(10);
/// How often rows that are over are: each replica asks the database.
const HOUSEKEEPING: Duration = Duration::from_mins(1);
/// How long a stop waits for a collector of traces.
const LAST_TRACES: Duration = Duration::from_secs(2);

/// A service that is ready to be served, and what runs beside it.
pub struct Service {
    pub app: App,
    pub router: Router,
    background: JoinSet<()>,
    audit: JoinHandle<()>,
    traces: JoinHandle<()>,
}

/// Puts the parts together. The database is migrated and judged already.
pub async fn build(settings: Config, givens: Givens, database: PgPool, table: Routes) -> anyhow::Result<Service> {
    let sender = Sender::open(&settings.mail).context("the way out for mail (MAIL_URL)")?;
    let jwt = Keyring::open(settings.jwt.clone(), givens.now()).context("the signing keys")?;
    let data_keys = DataKeys::open(&settings.data_keys, &givens).context("the keys of what is sealed")?;
    let key = async |purpose| {
        let loaded = database::service_key(&database, &givens, purpose).await;
        loaded.with_context(|| format!("load the key `{purpose}`"))
    };
    let cursors = CursorKey::new(&key("page_cursor").await?);
    let limits = Limits::new(settings.rate_limit.clone(), &key("rate_limit").await?, &givens);
    limits.connect().await;
    let flood = FloodGuard::new(settings.rate_limit.rule(Class::Flood).clone(), ClientNetwork(client), givens.clone());
    let (url, mailer) = (settings.public_url.clone(), sender.clone());
    let alarms = alarms::Worker::open(&settings.alarms, mailer, url, database.clone(), givens.clone());
    let alarms = alarms.await.context("the alarms")?;
    let (notes, audit) = Notes::start(database.clone(), givens.clone());
    let (kept, traces) = Traces::start(&settings.traces, settings.production, &givens)?;
    let app = App::new(Shared {
        jwt,
        data_keys,
        passwords: Hasher::start(&settings.password, givens.clone()),
        sessions: SessionCache::new(),
        limits,
        flood,
        cursors,
        audit: notes,
        feed: Feed::default(),
        seats: Seats::default(),
        outbox: Outbox::default(),
        meters: Meters::default(),
        traces: kept,
        started: givens.now(),
        suspicion: Suspicion::default(),
        watch: Watch::new(&settings.anomaly, &givens),
        turns: std::array::from_fn(|_| Mutex::default()),
        stopping: AtomicBool::new(false),
        openapi: openapi::document(&table.table()).to_string().into(),
        settings,
        givens,
        database,
    });
    let table = table.merge(features::development(app.settings.production, &app.settings.mail));
    let router = router(&app, table);
    let background = run_beside(&app, sender, alarms);
    app.audit.note(&Origin::default(), Event::Startup);
    Ok(Service { app, router, background, audit, traces })
}

/// Every layer, outermost first: a request passes them from the top, its answer from the bottom.
pub(crate) fn router(app: &App, routes: Routes) -> Router {
    let (guard, arriving) = (app.flood.clone(), app.settings.transport.caps.body);
    routes
        .mount(app) //                                                        9 each route's gate: media types, limits by address
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES)) //                  8 bodies of unknown length
        .layer(RequestBodyDeadlineLayer::new(arriving)) //                    7 bodies that do not come to an end
        .layer(from_fn_with_state(arriving, gate::time)) //                     how long it may take
        .layer(from_fn(gate::sizes)) //                                       6 how large it may be
        .layer(app.flood.layer()) //                                          5 how often an address may come at all
        .layer(map_response(move |answer| ready(guard.translate(answer)))) //   in our own words
        .layer(from_fn(turned_away)) //                                       4 the house is full
        .layer(from_fn_with_state(app.clone(), respond::respond)) //          1-3 request id, headers, errors, the log line
        .with_state(app.clone())
}

/// What a connection is told that came when there were already as many as the service takes.
async fn turned_away(request: Request, next: Next) -> Response {
    match request.extensions().get::<TurnedAway>() {
        Some(_) => problems::SERVICE_UNAVAILABLE.because("too many connections").into_response(),
        None => next.run(request).await,
    }
}

fn client(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|address| address.0)
}

fn run_beside(app: &App, sender: Sender, alarms: alarms::Worker) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let worker = Worker {
        pool: app.database.clone(),
        givens: app.givens.clone(),
        outbox: app.outbox.clone(),
        meters: app.meters.mail.clone(),
        sender,
        service: app.settings.public_url.clone(),
    };
    tasks.spawn(worker.run());
    tasks.spawn(alarms.run());
    let listening = app.clone();
    tasks.spawn(async move { database::listen(listening.database.clone(), &listening.sessions).await });
    tasks.spawn(look_for_keys(app.clone()));
    tasks.spawn(sweep(app.clone()));
    tasks.spawn(share_limits(app.clone()));
    tasks.spawn(keep_house(app.clone()));
    tasks
}

async fn look_for_keys(app: App) {
    loop {
        tokio::time::sleep(KEYS_LOOK).await;
        let looking = app.clone();
        match tokio::task::spawn_blocking(move || looking.jwt.reload()).await {
            Ok(Ok(true)) => tracing::info!("the signing keys have changed"),
            Ok(Err(cause)) => {
                tracing::warn!(cause = %format_args!("{cause:#}"), "going on with the keys that were known");
            }
            Ok(Ok(false)) | Err(_) => {}
        }
    }
}

async fn sweep(app: App) {
    loop {
        tokio::time::sleep(SWEEP).await;
        app.limits.sweep(app.givens.now());
        app.flood.sweep();
        app.watch.sweep(app.givens.now());
    }
}

async fn share_limits(app: App) {
    let tell = |change| {
        let event = match change {
            Change::Lost => Event::SharedLimitsLost,
            Change::Shared => Event::SharedLimitsBack,
        };
        app.audit.note(&Origin::default(), event);
    };
    app.limits.watch(tell).await;
}

async fn keep_house(app: App) {
    let mut logged = None;
    loop {
        tokio::time::sleep(HOUSEKEEPING).await;
        if let Err(cause) = database::housekeeping(&app.database, &app.settings.session, app.givens.now()).await {
            tracing::warn!(cause = error::describe(&cause), "what is over could not be cleared away");
        }
        database::log_head(&app.database, &mut logged).await;
    }
}

impl Service {
    /// After the last request: what is queued is written, and every connection is closed.
    pub async fn close(mut self) {
        self.app.audit.note(&Origin::default(), Event::Shutdown);
        self.background.shutdown().await;
        let database = self.app.database.clone();
        // The writers end when the last sender is gone; all stand in these two.
        drop((self.app, self.router));
        let _ = timeout(Duration::from_secs(5), self.audit).await;
        if timeout(LAST_TRACES, self.traces).await.is_err() {
            tracing::warn!("the last traces did not reach their collector");
        }
        database::log_head(&database, &mut None).await;
        database.close().await;
    }
}

/// The service with the routes that it ships with.
pub async fn build_default(settings: Config, givens: Givens, database: PgPool) -> anyhow::Result<Service> {
    build(settings, givens, database, features::routes()).await
}

/// The attack surface, for the command line and the tests.
pub fn table() -> Vec<Arc<crate::http::routes::Route>> {
    features::routes().table()
}
