//! The service, put together as `drawbridge serve` puts it together in production.

use anyhow::Context;
use drawbridge::{
    app,
    config::Config,
    database, server, telemetry,
    types::{Givens, System},
};

use crate::process::parent_gone;

pub async fn run() -> anyhow::Result<()> {
    let config = Config::load()?;
    let _log = telemetry::start(&config.telemetry, config.production)?;
    let listener = server::bind(config.transport.listen).await?;
    let located = config.database.url.clone().context("DATABASE_URL")?;
    let pool = database::pool(located, config.database.pool_size);
    database::judge(&pool, config.production).await?;

    let transport = config.transport.clone();
    let service = app::build_default(config, Givens::new(System, System), pool).await?;
    server::serve(listener, &transport, &service.app.meters.door, service.router.clone(), parent_gone()).await?;
    service.close().await;
    Ok(())
}
