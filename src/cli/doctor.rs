//! `drawbridge doctor`: what is wrong or weak here, before somebody else finds it.

use std::{net::IpAddr, os::unix::fs::MetadataExt};

use anyhow::bail;
use drawbridge::{
    config::Config,
    database::{self, Purpose},
    mail::Target,
    security::{jwt, rate_limit::Limits, sealed::DataKeys, secret::Secret, transport::Encryption},
};
use sqlx::PgPool;

use super::{givens, locate, say};

pub async fn doctor() -> anyhow::Result<()> {
    // Mistakes end it here, all of them listed.
    let config = Config::load()?;
    let mut findings = weak_settings(&config);
    findings.extend(keys(&config));
    findings.extend(data_key_file(&config));
    findings.extend(reach_receiver(&config).await);
    findings.extend(reach_database(&config).await);
    findings.extend(reach_redis(&config).await);
    if findings.is_empty() {
        return say("Nothing to complain about.");
    }
    for finding in &findings {
        say(&format!("- {finding}"))?;
    }
    if config.production {
        bail!("{} findings", findings.len());
    }
    say("In development that is fine.")
}

fn weak_settings(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |weak: bool, finding: &str| {
        if weak {
            findings.push(finding.to_owned());
        }
    };
    find(!config.production, "APP_ENV is development: weak defaults are allowed");
    find(config.transport.encryption == Encryption::None, "no TLS: only a proxy on the same host should reach this");
    find(config.transport.encryption == Encryption::SelfSigned, "the certificate is self-signed");
    find(matches!(config.mail.target, Target::Folder(_)), "MAIL_URL is a folder: nobody receives mail");
    find(
        config.mail.target.is_open_to_readers(),
        "MAIL_URL has no TLS, and the mails hold tokens: smtps://, or smtp://…?tls=required",
    );
    find(
        config.transport.metrics.is_some_and(|metrics| !is_near(metrics.ip())),
        "METRICS_ADDR can be reached from outside, and nobody is asked there who they are: choose loopback or a private network",
    );
    find(config.security_contact.is_none(), "SECURITY_CONTACT is not set: nobody can report a weakness");
    let untold = config.production && config.alarms.nobody();
    find(untold, "neither ALERT_WEBHOOK_URL nor ALERT_EMAIL is set: nobody hears of an attack");
    find(config.database.url.is_none(), "DATABASE_URL is not set: the data is in the development server");
    findings
}

/// This machine, or a network that is not routed on the Internet.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

fn keys(config: &Config) -> Vec<String> {
    let keys = match jwt::list(&config.jwt, givens().now()) {
        Ok(keys) if keys.is_empty() => {
            return vec!["there is no signing key yet: run `drawbridge keys new`".to_owned()];
        }
        Ok(keys) => keys,
        Err(error) => return vec![format!("the signing keys cannot be read: {error:#}")],
    };
    let open_to_others = |kid: &str| {
        let file = config.jwt.keys_dir.join(format!("{kid}.pem"));
        // The group may read: a secret that an orchestrator mounts reaches a service that is not root that way.
        std::fs::metadata(file).is_ok_and(|file| file.mode() & 0o027 != 0)
    };
    let open = keys.iter().filter(|key| open_to_others(&key.kid));
    open.map(|key| format!("the signing key {} can be read by others: chmod 600", key.kid)).collect()
}

fn data_key_file(config: &Config) -> Option<String> {
    let path = config.data_keys.file()?;
    let named = path.display();
    match std::fs::metadata(path) {
        Ok(file) if file.mode() & 0o027 != 0 => Some(format!("{named} can be read by others: chmod 600")),
        Ok(_) => None,
        Err(_) => {
            Some(format!("{named}, the key of what is sealed, is not there; in development the first start makes it"))
        }
    }
}

/// Nothing is posted: an alarm that is none makes the next one cheaper.
async fn reach_receiver(config: &Config) -> Option<String> {
    let trouble = config.alarms.webhook.as_ref()?.trouble().await?;
    Some(format!("alarms would not arrive: {trouble}"))
}

async fn reach_database(config: &Config) -> Vec<String> {
    let looked = async {
        let located = locate(config, Purpose::Command).await?;
        let pool = database::pool(located.service.clone(), 2);
        database::judge(&pool, config.production).await?;
        sealed(config, &pool).await
    };
    looked.await.unwrap_or_else(|error| vec![format!("the database: {error:#}")])
}

/// Which keys are still needed, so that one can be put away, and whether one was put away too soon.
async fn sealed(config: &Config, pool: &PgPool) -> anyhow::Result<Vec<String>> {
    let used: Vec<(String, i64)> = sqlx::query_as(
        r"
        select convert_from(substr(sealed, 2, get_byte(sealed, 0)), 'UTF8'), count(*)
        from totp_secrets
        group by 1
        order by 1
        ",
    )
    .fetch_all(pool)
    .await?;
    if used.is_empty() {
        return Ok(Vec::new());
    }
    let keys = DataKeys::open(&config.data_keys, &givens())?;
    let told = used.iter().filter_map(|(id, count)| match keys.ids().position(|known| known == id) {
        Some(0) => None,
        Some(_) => Some(format!("{count} TOTP secrets are still sealed under the older key {id}: keep it")),
        None => Some(format!(
            "{count} TOTP secrets are sealed under the key {id}, which DATA_ENCRYPTION_KEYS does not have"
        )),
    });
    Ok(told.collect())
}

async fn reach_redis(config: &Config) -> Option<String> {
    // Nobody's budget is charged, so any key will do.
    let limits = Limits::new(config.rate_limit.clone(), &Secret::new(Vec::new()), &givens());
    limits.connect().await;
    (!limits.ready().await).then(|| "REDIS_URL: no Redis there takes writes and runs scripts".to_owned())
}
