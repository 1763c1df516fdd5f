//! Listeners: TCP and TLS, HTTP/1.1 and HTTP/2, and an end to everything that a connection may wait for.
//!
//! An accept loop of our own. `axum::serve` was tried and kept silent connections, stopped HTTP/2 prefaces and slow
//! headers open for ever (hyper #3756, #3962). ALPN alone decides which HTTP is spoken, so there are no first bytes to
//! wait for and guess by; in plain text it is HTTP/1.1, which every proxy speaks to what stands behind it.
//!
//! Two answers never reach the service, so they come without our headers and envelope: hyper's 431 for a head of over
//! 64 KiB (from 32 KiB on the service refuses) or 100 fields, and its 400 for what is not HTTP.

mod certificate;
mod connection;
mod patience;
mod tls;
mod traffic;

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow};
use axum::{body::Body, http::Request, response::Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tower::Service;

use crate::{security::transport::Settings, telemetry::Door};
use connection::{Connection, Peer};
use tls::Tls;

/// What answers requests: axum's router, and anything like it.
pub trait Answers:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Opens the port. Apart from [`serve`], so that tests may ask for port 0 and read which one they got.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind_as("LISTEN_ADDR", address).await
}

/// As [`bind`], for the address that this setting names.
pub async fn bind_as(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    allow_many_files();
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!("{address} is already in use: stop what listens there, or choose another {setting}")
        }
        io::ErrorKind::PermissionDenied => {
            anyhow!("{address} may not be opened: ports below 1024 need a privilege; choose another {setting}")
        }
        io::ErrorKind::AddrNotAvailable => anyhow!("{address} is no address of this machine: correct {setting}"),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address} ({setting})")),
    })
}

/// Many systems still start a program with 1024 open files, for the sake of `select`; a connection takes one each.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::warn!("the limit on open files cannot be raised");
    }
}

/// Serves until `stop` comes true; then lets the requests in flight finish, closes what is idle, and returns.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    door: &Door,
    service: impl Answers,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let tls = Tls::load(&settings.encryption, door).await.context("cannot serve HTTPS")?;
    tokio::select! {
        () = accept(listener, settings, &tls, door, service, stop) => Ok(()),
        never = tls.keep_fresh(settings.caps.certificate_check) => match never {},
    }
}

/// Serves the metrics, until it is dropped. Where there is no listener for them, it only waits.
pub async fn serve_metrics(
    listener: Option<TcpListener>,
    settings: &Settings,
    page: impl Answers,
) -> anyhow::Result<()> {
    let Some(listener) = listener else { return std::future::pending().await };
    serve(listener, &settings.of_metrics(), &Door::default(), page, std::future::pending()).await
}

async fn accept(
    listener: TcpListener,
    settings: &Settings,
    tls: &Tls,
    door: &Door,
    service: impl Answers,
    stop: impl Future<Output = ()>,
) {
    let caps = settings.caps;
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        door.open.set(i64::try_from(connections.len()).unwrap_or(i64::MAX));
        let (stream, address) = tokio::select! {
            // In this order, so that a connection that has ended is not counted against the next.
            biased;
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
            accepted = next(&listener) => accepted,
        };
        let turned_away = connections.len() >= caps.connections;
        if turned_away {
            door.turned_away.inc();
        }
        if connections.len() >= caps.connections + caps.turned_away {
            continue;
        }
        let tls = tls.current();
        let peer = Peer { address, secure: tls.is_some(), turned_away };
        let (service, stopped, door) = (service.clone(), stopped.clone(), door.clone());
        let connection = Connection { peer, caps, service, stopped, door };
        connections.spawn(connection.attend(stream, tls));
    }
    drop(listener);
    stopping.send_replace(true);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if timeout(caps.drain, all_done).await.is_err() {
        tracing::warn!(count = connections.len(), "connections that did not finish in time were cut");
        connections.shutdown().await;
    }
}

/// The next connection. An accept fails for the connection's own reasons, or because files have run out; neither is
/// a reason to stop serving, and the second passes only if we wait.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            // `::ffff:192.0.2.1` and `192.0.2.1` are one client, and must not have two budgets.
            Ok((stream, peer)) => return (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(error) => {
                tracing::warn!(cause = %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
