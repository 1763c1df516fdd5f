//! Services of the lab that are up: the whole one, and any number beside it that each lack something.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;
use dev_postgres::Cluster;
use sqlx::postgres::PgConnectOptions;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    compose::compose,
    databases::Databases,
    home::{Home, LOUD},
    left_out,
    people::{self, Credentials},
    pillar::Pillar,
};
use crate::{
    app::Service,
    config::Config,
    database,
    security::{jwt::Keyring, password::Hasher, transport::Encryption},
    server,
    state::App,
    types::{Givens, System},
};

/// The lab: a home, a server of databases, and people. Whatever is started in it ends with the process.
pub struct Lab {
    pub home: Home,
    pub people: Vec<Credentials>,
    databases: Databases,
    started: AtomicU32,
    /// Stops when the lab is dropped.
    _server: Option<Cluster>,
}

/// A service that answers on a port of its own, with a database of its own.
pub struct Running {
    pub app: App,
    pub address: SocketAddr,
    pub without: Vec<&'static Pillar>,
    database: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<anyhow::Result<()>>,
}

impl Lab {
    /// With a database server of its own in its folder.
    pub async fn open(home: Home) -> anyhow::Result<Self> {
        let folder = home.folder.join("postgres");
        let server =
            tokio::task::spawn_blocking(move || Cluster::start(&folder)).await.context("start the database")??;
        // Only now: where another lab runs, the server has not started.
        home.clear()?;
        let superuser = server.url(dev_postgres::SUPERUSER, "postgres").parse().context("the server's address")?;
        let databases = Databases::prepare(superuser, "lab", Some(server.password())).await?;
        Self::settle(home, databases, Some(server)).await
    }

    /// On a server that is there, as its superuser: for tests.
    pub async fn on(home: Home, superuser: PgConnectOptions) -> anyhow::Result<Self> {
        home.clear()?;
        let name = format!("lab_{}", Givens::new(System, System).new_id().simple());
        let databases = Databases::prepare(superuser, &name, None).await?;
        Self::settle(home, databases, None).await
    }

    async fn settle(home: Home, databases: Databases, server: Option<Cluster>) -> anyhow::Result<Self> {
        let (config, givens) = (Config::parse(home.values.clone())?.0, givens());
        // The first key is made here, and not by two services that start at once.
        drop(Keyring::open(config.jwt.clone(), givens.now()).context("the lab's signing key")?);
        let pool = database::pool(databases.original(), 2);
        let people = people::settle(&pool, &givens, &Hasher::start(&config.password, givens.clone())).await?;
        pool.close().await;
        people::write(&people, &home.credentials_file())?;
        Ok(Self { home, people, databases, started: AtomicU32::new(0), _server: server })
    }

    /// The service without these pillars, on a free port of this machine.
    pub async fn start(&self, without: &[&'static Pillar]) -> anyhow::Result<Running> {
        self.start_at(without, SocketAddr::from(([127, 0, 0, 1], 0)), |service| service).await
    }

    /// On a port that was asked for, and with something put in front of it: the page of the lab.
    pub async fn start_at(
        &self,
        without: &[&'static Pillar],
        address: SocketAddr,
        front: impl FnOnce(Service) -> Service,
    ) -> anyhow::Result<Running> {
        anyhow::ensure!(address.ip().is_loopback(), "the lab listens on loopback alone");
        let (options, database) = self.databases.copy().await?;
        // Each has mail of its own: all have the same people.
        let mut values = self.home.values.clone();
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mail = self.home.folder.join("mail").join(number.to_string());
        values.insert("MAIL_URL".to_owned(), format!("file:{}", mail.display()));
        let service = compose(&values, givens(), database::pool(options, 8), without).await?;
        if !without.is_empty() {
            tracing::warn!("{LOUD}; left out: {}", left_out(without));
        }
        let listener = server::bind(address).await?;
        let address = listener.local_addr().context("read the address")?;
        let (stop, stopped) = oneshot::channel();
        let (app, served) = serve(front(service), listener, stopped);
        Ok(Running { app, address, without: without.to_vec(), database, stop, served })
    }

    /// Ends a service, and drops its database.
    pub async fn end(&self, running: Running) -> anyhow::Result<()> {
        let _ = running.stop.send(());
        drop(running.app);
        running.served.await.context("a service of the lab")??;
        self.databases.drop(&running.database).await
    }
}

impl Running {
    pub fn url(&self) -> String {
        let encrypted = self.app.settings.transport.encryption != Encryption::None;
        format!("{}://{}", if encrypted { "https" } else { "http" }, self.address)
    }
}

/// Serves until `stopped` is told, or nobody is left to tell it.
pub fn serve(
    service: Service,
    listener: tokio::net::TcpListener,
    stopped: oneshot::Receiver<()>,
) -> (App, JoinHandle<anyhow::Result<()>>) {
    let app = service.app.clone();
    let served = tokio::spawn(async move {
        let Service { app, router, .. } = &service;
        let stopped = async { drop(stopped.await) };
        let served = server::serve(listener, &app.settings.transport, &app.meters.door, router.clone(), stopped).await;
        service.close().await;
        served
    });
    (app, served)
}

fn givens() -> Givens {
    Givens::new(System, System)
}
