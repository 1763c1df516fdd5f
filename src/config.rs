//! Every setting, typed. Each pillar reads and judges its own; this file collects them, so that a start is refused once,
//! with every mistake in one list, by name and never by value.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, bail};

use crate::{
    alarms, database, mail,
    security::{anomaly, client_address, cors, jwt, password, rate_limit, sealed, session_token, transport},
    settings::Env,
    telemetry, traces,
};

/// All settings of a running service.
#[derive(Clone)]
pub struct Config {
    pub production: bool,
    /// How clients reach the service: for links in mails and as the base of the documents.
    pub public_url: String,
    /// For `/.well-known/security.txt` (RFC 9116).
    pub security_contact: Option<String>,
    pub transport: transport::Settings,
    pub client_address: client_address::Settings,
    pub cors: cors::Settings,
    pub rate_limit: rate_limit::Settings,
    pub anomaly: anomaly::Settings,
    pub jwt: jwt::Settings,
    pub session: session_token::Settings,
    pub data_keys: sealed::Settings,
    pub password: password::Settings,
    pub database: database::Settings,
    pub mail: mail::Settings,
    pub alarms: alarms::Settings,
    pub telemetry: telemetry::Settings,
    /// Shared, since whoever starts the service carries its settings about.
    pub traces: Arc<traces::Settings>,
}

impl Config {
    /// From the process's environment, and from `.env` in the current folder for what the environment leaves open.
    pub fn load() -> anyhow::Result<Self> {
        Self::parse(environment()?).map(|(config, _)| config)
    }

    /// The settings, and the name of each that was asked for.
    pub fn parse(values: BTreeMap<String, String>) -> anyhow::Result<(Self, Vec<&'static str>)> {
        let mut env = Env::new(values);
        let config = Self {
            production: env.production,
            public_url: env.production_must_choose("PUBLIC_URL", "http://localhost:3000", web_address),
            security_contact: env.optional("SECURITY_CONTACT", contact),
            transport: transport::Settings::read(&mut env),
            client_address: client_address::Settings::read(&mut env),
            cors: cors::Settings::read(&mut env),
            rate_limit: rate_limit::Settings::read(&mut env),
            anomaly: anomaly::Settings::read(&mut env),
            jwt: jwt::Settings::read(&mut env),
            session: session_token::Settings::read(&mut env),
            data_keys: sealed::Settings::read(&mut env),
            password: password::Settings::read(&mut env),
            database: database::Settings::read(&mut env),
            mail: mail::Settings::read(&mut env),
            alarms: alarms::Settings::read(&mut env),
            telemetry: telemetry::Settings::read(&mut env),
            traces: Arc::new(traces::Settings::read(&mut env)),
        };
        let asked = env.asked().to_vec();
        let mistakes = env.mistakes();
        if mistakes.is_empty() {
            return Ok((config, asked));
        }
        bail!("these settings are wrong, so nothing was started:\n  {}", mistakes.join("\n  "))
    }
}

/// What the process was given wins over what stands in the file.
pub fn environment() -> anyhow::Result<BTreeMap<String, String>> {
    let mut values = match dotenvy::from_path_iter(Path::new(".env")) {
        Ok(lines) => lines.collect::<Result<BTreeMap<_, _>, _>>().map_err(|error| unreadable(&error))?,
        Err(error) if error.not_found() => BTreeMap::new(),
        Err(error) => return Err(unreadable(&error)),
    };
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    values
        .extend(std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())));
    Ok(values)
}

/// dotenvy quotes the line that it could not read, and that line can hold a password.
fn unreadable(error: &dotenvy::Error) -> anyhow::Error {
    match error {
        dotenvy::Error::LineParse(_, at) => anyhow::anyhow!(".env has a line that is not NAME=value (character {at})"),
        _ => anyhow::anyhow!(".env cannot be read"),
    }
}

fn web_address(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "is a web address without a trailing slash, such as `https://api.example.com`";
    let url: axum::http::Uri = text.parse().map_err(|_| RULE)?;
    let known = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    if known && !text.ends_with('/') { Ok(text.to_owned()) } else { Err(RULE) }
}

fn contact(text: &str) -> Result<String, &'static str> {
    let known = ["mailto:", "https://", "tel:"].iter().any(|scheme| text.starts_with(scheme));
    let one_line = !text.contains(char::is_control);
    if known && one_line { Ok(text.to_owned()) } else { Err("starts with `mailto:`, `https://` or `tel:`") }
}

/// For the command line: where `.data` is when nothing else was said.
pub fn data_dir() -> anyhow::Result<std::path::PathBuf> {
    let values = environment().context("read the settings")?;
    Ok(values.get("APP_DATA_DIR").map_or_else(|| ".data".into(), Into::into))
}
