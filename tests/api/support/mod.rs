//! A service of its own for each test, and clients that speak to it as anyone would: over a socket.

mod callers;
mod client;
mod collector;
mod contract;
mod database;
mod given;
mod listener;
mod log;
mod people;
mod stream;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::body::Body;
use drawbridge::{
    app::{self, Service},
    config::Config,
    features,
    http::routes::Routes,
    metrics, server,
    state::App,
    types::Givens,
};
use http_body_util::BodyExt;
use sqlx::PgPool;
use tokio::sync::oneshot;
use tower::ServiceExt;

pub use self::{
    callers::{UNLIMITED, role_for},
    client::{Answer, Client, Request},
    collector::Collector,
    given::{MovableClock, TestEntropy},
    listener::listen,
    log::lines_with,
    people::{PASSWORD, Person},
    stream::Stream,
};
use self::{contract::Contract, database::Database};

/// A running service.
pub struct TestApp {
    pub app: App,
    pub clock: MovableClock,
    pub address: SocketAddr,
    /// Where the metrics are, with `METRICS_ADDR`.
    pub metrics: Option<SocketAddr>,
    /// Connections of the owner, for looking at what the service did and for doing what no request can.
    pub owner: PgPool,
    pub folder: Arc<tempfile::TempDir>,
    /// What every answer is held against.
    pub contract: Arc<Contract>,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(&[], features::routes()).await
    }

    /// With settings of its own, or routes that misbehave on purpose.
    pub async fn start_with(settings: &[(&str, &str)], routes: Routes) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::start_on(Database::create().await, MovableClock::default(), folder, settings, routes).await
    }

    /// Another replica: the same database, clock and keys, another process as far as it can tell.
    pub async fn replica_with(&self, settings: &[(&str, &str)]) -> Self {
        let (database, clock) = (self.database.shared(), self.clock.clone());
        Self::start_on(database, clock, self.folder.clone(), settings, features::routes()).await
    }

    async fn start_on(
        database: Database,
        clock: MovableClock,
        folder: Arc<tempfile::TempDir>,
        settings: &[(&str, &str)],
        routes: Routes,
    ) -> Self {
        log::capture();
        let config = config(&folder, settings);
        let pool = drawbridge::database::pool(database.as_service(), 5);
        let transport = config.transport.clone();
        let service = app::build(config, Givens::new(clock.clone(), TestEntropy), pool, routes).await.unwrap();
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let watched = match transport.metrics {
            Some(address) => Some(server::bind_as("METRICS_ADDR", address).await.unwrap()),
            None => None,
        };
        let metrics = watched.as_ref().map(|listener| listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let app = service.app.clone();
        let contract = Arc::new(Contract::read(&app.openapi));
        tokio::spawn(async move {
            let Service { app, router, .. } = &service;
            let stopped = async { drop(stopped.await) };
            tokio::select! {
                served = server::serve(listener, &transport, &app.meters.door, router.clone(), stopped) => served.unwrap(),
                failed = server::serve_metrics(watched, &transport, metrics::Page::new(app)) => failed.unwrap(),
            }
            service.close().await;
        });
        let owner = database.as_owner();
        Self { app, clock, address, metrics, owner, folder, contract, database, stop: Some(stop) }
    }

    /// For a replica that really is another process.
    #[cfg(feature = "redis-tests")]
    pub fn database_settings(&self) -> [(&'static str, String); 2] {
        let url = |options: &sqlx::postgres::PgConnectOptions| sqlx::ConnectOptions::to_url_lossy(options).to_string();
        [("DATABASE_URL", url(&self.database.as_service())), ("DATABASE_OWNER_URL", url(&self.owner.connect_options()))]
    }

    /// Somebody new, at an address of their own.
    pub fn client(&self) -> Client {
        Client::new(self.address, self.contract.clone())
    }

    /// What whoever watches the service reads, whether or not this one listens for them.
    pub async fn metrics_page(&self) -> String {
        let page =
            metrics::Page::new(&self.app).oneshot(axum::http::Request::get("/metrics").body(Body::empty()).unwrap());
        let body = page.await.unwrap().into_body().collect().await.unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    }

    /// Cuts every connection of the service to its database, as a restart would.
    pub async fn cut_database_connections(&self) {
        self.database.cut().await;
    }

    /// From here on no change is announced to anyone, as if every announcement were still under way.
    pub async fn silence_announcements(&self) {
        for table in ["users", "sessions"] {
            let statement = format!("alter table {table} disable trigger user");
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&self.owner).await.unwrap();
        }
    }

    /// From here on the service cannot connect to its database any more.
    pub async fn lose_database(&self) {
        self.database.shut().await;
    }

    pub async fn restore_database(&self) {
        self.database.open().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// The settings of a test: the contract's, where the test does not say otherwise. Clients say who they are by
/// `X-Forwarded-For`, so that each test person has the limits of one person.
pub fn config(folder: &tempfile::TempDir, settings: &[(&str, &str)]) -> Config {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut values = BTreeMap::from([
        ("TRUSTED_PROXIES".to_owned(), "127.0.0.0/8".to_owned()),
        ("JWT_KEYS_DIR".to_owned(), path("keys")),
        ("DATA_ENCRYPTION_KEYS".to_owned(), format!("file:{}", path("data-encryption.keys"))),
        ("MAIL_URL".to_owned(), format!("file:{}", path("mail"))),
        ("LOG_DIR".to_owned(), path("log")),
        ("PASSWORD_HASH_THREADS".to_owned(), "2".to_owned()),
    ]);
    values.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Config::parse(values).unwrap().0
}

/// Two requests that need the same row of a user: both have done all that they do before, and the first gets it first.
pub async fn one_behind_the_other(
    app: &TestApp,
    user: uuid::Uuid,
    first: Request,
    second: Request,
) -> (Answer, Answer) {
    let mut holding = app.owner.begin().await.unwrap();
    sqlx::query("select from users where id = $1 for update").bind(user).execute(&mut *holding).await.unwrap();
    let waiting = async |count: i64| {
        until("they wait for the row", async || {
            let waiting = "select count(distinct pid) from pg_locks where not granted and pid in (
                               select pid from pg_locks join pg_database on pg_database.oid = database
                               where datname = current_database())";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&app.owner).await.unwrap();
            (waiting == count).then_some(())
        })
        .await;
    };
    let first = tokio::spawn(first.send());
    waiting(1).await;
    let second = tokio::spawn(second.send());
    waiting(2).await;
    holding.rollback().await.unwrap();
    (first.await.unwrap(), second.await.unwrap())
}

/// Waits for something to come true, however long a slow machine takes, and fails when it never does.
pub async fn until<F: Future<Output = Option<T>>, T>(what: &str, mut look: impl FnMut() -> F) -> T {
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(5));
    for _ in 0..6000 {
        if let Some(found) = look().await {
            return found;
        }
        beat.tick().await;
    }
    panic!("never came true: {what}");
}
