//! `drawbridge serve`: from nothing to answering requests, and back without losing one.

use std::time::Duration;

use anyhow::Context;
use drawbridge::{
    app::{self, Service},
    config::Config,
    database::{self, Purpose},
    metrics,
    security::transport::Encryption,
    server, telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{bring_up_to_date, dev_users, givens, locate, patience::busy};

/// Between "not ready any more" and "no new connections". Long enough for a probe a second.
const NOTICE: Duration = Duration::from_secs(1);

pub async fn serve() -> anyhow::Result<()> {
    let config = Config::load()?;
    let _log = telemetry::start(&config.telemetry, config.production)?;
    // The port first: if another instance has it, nothing else should be touched.
    let listener = server::bind(config.transport.listen).await?;
    let metrics_listener = match config.transport.metrics {
        Some(address) => Some(server::bind_as("METRICS_ADDR", address).await?),
        None => None,
    };
    // From here on a signal stops the service in order, also while it is still starting.
    let stop = stop_signal()?;

    let located = locate(&config, Purpose::Serve).await?;
    if let Some(owner) = &located.owner {
        bring_up_to_date(owner).await?;
    }
    let pool = database::pool(located.service.clone(), config.database.pool_size);
    database::judge(&pool, config.production).await?;

    let transport = config.transport.clone();
    let service = app::build_default(config, givens(), pool).await?;
    let scheme = if transport.encryption == Encryption::None { "http" } else { "https" };
    let address = listener.local_addr().context("read the address")?;
    let url = format!("{scheme}://{address}");
    if !service.app.settings.production {
        let _busy = busy("Making the first users, each with a password of its own …");
        dev_users::seed(&service.app, &url).await?;
    }
    tracing::info!(address = url, "ready");

    let Service { app, router, .. } = &service;
    let stopping = async {
        stop.await;
        // Readiness says no for a moment before the door closes, so that whoever balances load looks elsewhere first.
        app.stop();
        tokio::time::sleep(NOTICE).await;
        tracing::info!("stopping: requests in flight are finished first");
    };
    if let Some(listener) = &metrics_listener {
        tracing::info!(address = %listener.local_addr().context("read the address")?, "metrics are at /metrics");
    }
    tokio::select! {
        served = server::serve(listener, &transport, &app.meters.door, router.clone(), stopping) => served?,
        failed = server::serve_metrics(metrics_listener, &transport, metrics::Page::new(app)) => failed?,
    }
    service.close().await;
    // The development database goes last; everything that used it is closed.
    drop(located);
    Ok(())
}

pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
