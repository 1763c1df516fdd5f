//! `drawbridge lab`: the service with a hole, for whoever wants to see what closes it.

use std::sync::Arc;

use clap::Args;
use drawbridge::{
    config::{self, Config},
    lab::{self, Home, LOUD, PILLARS, Pillar},
    telemetry,
};

use super::{hint, patience::busy, say, serve::stop_signal};

pub const EXAMPLES: &str = "\
Examples:
  drawbridge lab --list                             what can be left out
  drawbridge lab                                    nothing is: see the attacks fail
  drawbridge lab --without jwt-audience             a token for another service opens this one
  drawbridge lab --without step-up --without if-match";

#[derive(Args)]
pub struct Lab {
    /// Leave this out; may be given more than once
    #[arg(long, value_name = "PILLAR", value_parser = Pillar::named)]
    without: Vec<&'static Pillar>,
    /// Show what can be left out, where its defence stands, and what stands in its place
    #[arg(long, conflicts_with = "without")]
    list: bool,
}

impl Lab {
    pub async fn run(self) -> anyhow::Result<()> {
        if self.list {
            return list();
        }
        let home = Home::open(&config::environment()?)?;
        Pillar::fit_together(&self.without).map_err(anyhow::Error::msg)?;
        let (settings, _) = Config::parse(home.values.clone())?;
        let (mut outlets, _log) = telemetry::outlets(&settings.telemetry, settings.production)?;
        outlets.push(lab::heard::outlet());
        telemetry::start_with(settings.telemetry.filter.clone(), outlets)?;
        let stop = stop_signal()?;

        let lab = {
            let _busy = busy("Making the lab: a database, keys and users of its own …");
            Arc::new(lab::Lab::open(home).await?)
        };
        let page = lab.clone();
        let front = |service| lab::page::in_front(service, page);
        let running = lab.start_at(&self.without, settings.transport.listen, front).await?;
        tracing::info!(address = running.url(), "ready");
        hint(&greeting(&lab.home, &self.without, &running.url()));
        stop.await;
        lab.end(running).await
    }
}

fn list() -> anyhow::Result<()> {
    let width = PILLARS.iter().map(|pillar| pillar.name.len()).max().unwrap_or_default();
    let line = |pillar: &Pillar| {
        let Pillar { name, title, defence, careless, .. } = pillar;
        format!("{name:width$}  {title}\n{:width$}  {} → {}", "", defence.file, careless.file)
    };
    say(&PILLARS.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn greeting(home: &Home, without: &[&Pillar], url: &str) -> String {
    let (credentials, keys) = (home.credentials_file(), home.folder.join("keys"));
    let loud = if without.is_empty() {
        "The lab, with every pillar in its place.".to_owned()
    } else {
        format!("{LOUD}; left out: {}.", lab::left_out(without))
    };
    format!(
        "
  {loud}
  Attack it from another terminal:

    cargo run -p drawbridge-attack -- {url} --credentials {} --keys-dir {}

  Or open {url}/lab, and see each attack with its pillar and without.
",
        credentials.display(),
        keys.display(),
    )
}
