//! The composition root of the lab: the service as it is (`app::build`), but for what is to be left out.

use anyhow::ensure;
use axum::http::Method;
use sqlx::PgPool;

use super::{
    home::Values,
    pillar::{Pillar, Without},
};
use crate::{
    app::{self, Service},
    config::Config,
    features,
    http::routes::Routes,
    types::Givens,
};

/// The service without these pillars; with none of them, the service.
pub async fn compose(
    values: &Values,
    givens: Givens,
    database: PgPool,
    without: &[&'static Pillar],
) -> anyhow::Result<Service> {
    Pillar::fit_together(without).map_err(anyhow::Error::msg)?;
    let settings = settings(values, without)?;
    ensure!(!settings.production, "there is no lab in production");
    let mut service = app::build(settings, givens, database, table(without)).await?;
    for pillar in without {
        service.router = match pillar.without {
            Without::Layers(layers) => {
                let development = features::development(false, &service.app.settings.mail);
                layers(&service.app, table(without).merge(development))
            }
            _ => service.router,
        };
    }
    for pillar in without {
        if let Without::Front(front) = pillar.without {
            service.router = front(&service.app, service.router);
        }
    }
    Ok(service)
}

fn settings(values: &Values, without: &[&'static Pillar]) -> anyhow::Result<Config> {
    let mut values = values.clone();
    for pillar in without {
        if let Without::Chosen(chosen) = pillar.without {
            values.extend(chosen.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
    }
    let (mut settings, _) = Config::parse(values)?;
    for pillar in without {
        if let Without::Changed(change) = pillar.without {
            change(&mut settings);
        }
    }
    Ok(settings)
}

fn table(without: &[&'static Pillar]) -> Routes {
    let lines = without.iter().filter_map(|pillar| match pillar.without {
        Without::Handlers(lines) => Some(lines),
        _ => None,
    });
    lines.flatten().fold(features::routes(), |routes, line| {
        let method = Method::from_bytes(line.method.as_bytes()).expect("a method of the table");
        routes.with_handler(&method, line.path, (line.handler)())
    })
}
