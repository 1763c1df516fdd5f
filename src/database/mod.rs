//! The database: who connects to it as what, how long anything may take there, and whether a start is safe.

#[cfg(feature = "embedded-postgres")]
mod embedded;
mod feed;
mod follower;
mod housekeeping;
mod listener;
mod service_key;

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context, bail};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

pub use self::{
    feed::{Batch, Feed, newest_after},
    follower::{Followed, events_after, last_position},
    housekeeping::{housekeeping, log_head},
    listener::listen,
    service_key::service_key,
};
use crate::settings::{Env, is_this_machine, number_within};

/// The schema, inside the binary.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The role of the service: it reads and writes rows, and nothing else. The migrations grant to this name.
pub const SERVICE_ROLE: &str = "drawbridge_service";

/// Begins a transaction that sees one moment, however many questions it asks, and changes nothing.
pub const ONE_MOMENT: &str = "begin isolation level repeatable read read only";

/// How a request waits for the database at most: a connection, a lock, a statement. Together they stay below the ten
/// seconds that a handler has, so that the answer is ours (503) and not a time-out's.
const ACQUIRE: Duration = Duration::from_secs(2);
const LOCK_TIMEOUT: &str = "3s";
const STATEMENT_TIMEOUT: &str = "6s";
/// A transaction that nobody goes on with would keep its locks for ever.
const IDLE_TRANSACTION_TIMEOUT: &str = "10s";
/// How long a connection may have been idle before it is tried out. Trying every time costs 13 % of a one-query handler;
/// never trying fails the first request on each connection after the database restarts.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Settings {
    /// `None`: the development server of this checkout.
    pub url: Option<PgConnectOptions>,
    /// Who may change tables. Unset: the service does not migrate in production, and migrates as itself in development.
    pub owner_url: Option<PgConnectOptions>,
    pub pool_size: u32,
    /// Where the development server keeps its data.
    pub data_dir: PathBuf,
    pub production: bool,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        if env.production && !env.is_set("DATABASE_URL") {
            env.refuse("DATABASE_URL", "must be set in production");
        }
        let production = env.production;
        let parse = move |text: &str| connect_options(text, production);
        Self {
            url: env.optional("DATABASE_URL", parse),
            owner_url: env.optional("DATABASE_OWNER_URL", parse),
            pool_size: env.read("DATABASE_POOL_SIZE", "10", number_within(2..=500, "is between 2 and 500")),
            data_dir: env.read("APP_DATA_DIR", ".data", |text| Ok(PathBuf::from(text))),
            production,
        }
    }
}

fn connect_options(text: &str, production: bool) -> Result<PgConnectOptions, &'static str> {
    const RULE: &str = "is `postgres://user:password@host/database`";
    const TLS: &str = "needs `?sslmode=verify-full` in production, unless the database is on this machine";
    if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
        return Err(RULE);
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| RULE)?;
    let host = options.get_host();
    let local = options.get_socket().is_some() || is_this_machine(host);
    if production && !local && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        return Err(TLS);
    }
    Ok(options)
}

/// A database that has been found: how the service connects, and how its owner does.
pub struct Located {
    pub service: PgConnectOptions,
    pub owner: Option<PgConnectOptions>,
    /// The development server, while this process needs it: it stops when this is dropped.
    #[cfg(feature = "embedded-postgres")]
    _server: Option<dev_postgres::Cluster>,
}

/// Who looks for the database: a service runs the development server for itself, a command uses the one that runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Serve,
    Command,
}

/// The database that the settings name, or else the development server.
pub async fn locate(settings: &Settings, purpose: Purpose) -> anyhow::Result<Located> {
    let Some(service) = settings.url.clone() else {
        return embedded_or_refuse(settings, purpose).await;
    };
    // In development whoever gives one URL means "use this": it migrates too. Production keeps the two apart.
    let owner = settings.owner_url.clone().or_else(|| (!settings.production).then(|| service.clone()));
    Ok(Located {
        service,
        owner,
        #[cfg(feature = "embedded-postgres")]
        _server: None,
    })
}

#[cfg(feature = "embedded-postgres")]
async fn embedded_or_refuse(settings: &Settings, purpose: Purpose) -> anyhow::Result<Located> {
    let (server, owner, service) = embedded::start(&settings.data_dir, purpose).await?;
    Ok(Located { service, owner: Some(owner), _server: Some(server) })
}

#[cfg(not(feature = "embedded-postgres"))]
#[expect(clippy::unused_async, reason = "the same signature with and without the feature")]
async fn embedded_or_refuse(_: &Settings, _: Purpose) -> anyhow::Result<Located> {
    bail!("DATABASE_URL is not set, and this build has no development server: set it, or build with default features")
}

/// The service's own connections.
pub fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    let options = options
        .application_name("drawbridge")
        .options([
            ("lock_timeout", LOCK_TIMEOUT),
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT),
            ("timezone", "UTC"),
        ])
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}

/// Brings the schema up to date, as its owner.
pub async fn migrate(owner: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = connect(owner).await?;
    MIGRATIONS.run(&mut connection).await.context("migrate the database")?;
    connection.close().await.context("close the owner's connection")
}

/// One connection for set-up; a failure is one sentence without the password.
pub async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    PgConnection::connect_with(&options.clone().disable_statement_logging()).await.with_context(|| {
        let (host, port) = (options.get_host(), options.get_port());
        format!("cannot connect to the database at {host}:{port}: is it running, and are user and password right?")
    })
}

/// What keeps a start from being safe: a schema that is not current, a role that may do more than it needs.
pub async fn judge(pool: &PgPool, production: bool) -> anyhow::Result<()> {
    let current: Option<i64> = sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(pool)
        .await
        .map_err(|cause| anyhow::anyhow!(crate::error::describe(&cause)))
        .context("the schema cannot be looked at (has `drawbridge migrate` been run?)")?;
    let wanted = MIGRATIONS.iter().map(|migration| migration.version).max();
    if current < wanted {
        bail!("the database is older than this program: run `drawbridge migrate`, or set DATABASE_OWNER_URL");
    }
    match too_mighty(pool).await? {
        Some(why) if production => {
            bail!("the role in DATABASE_URL {why}: connect as {SERVICE_ROLE}, or a member of it")
        }
        Some(why) => tracing::warn!("the role in DATABASE_URL {why}; production would refuse this"),
        None => {}
    }
    Ok(())
}

/// Why the role that the service connects as may do more than a service needs; `None` when all is well.
async fn too_mighty(pool: &PgPool) -> anyhow::Result<Option<&'static str>> {
    let role = sqlx::query!(
        r#"
        select rolsuper or rolbypassrls or rolcreaterole as "mighty!",
               has_schema_privilege('public', 'create') as "creates!",
               has_table_privilege('security_events', 'insert, update, delete, truncate') as "rewrites!"
        from pg_roles
        where rolname = current_user
        "#
    )
    .fetch_one(pool)
    .await
    .context("look at the rights of the service's role")?;
    Ok(match role {
        role if role.mighty => Some("is a superuser, or may create roles or pass row security"),
        role if role.creates => Some("may create tables"),
        role if role.rewrites => Some("may write the security events past the function that chains them"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_reaches_a_database_elsewhere_over_tls_that_knows_its_name_alone() {
        let elsewhere = "postgres://service:hunter2@db.example.com/drawbridge";
        for mode in ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"] {
            let refused = connect_options(&format!("{elsewhere}{mode}"), true).unwrap_err();
            assert!(refused.contains("verify-full") && !refused.contains("hunter2"), "{mode}: {refused}");
            assert!(connect_options(&format!("{elsewhere}{mode}"), false).is_ok(), "{mode}");
        }
        for good in [
            &format!("{elsewhere}?sslmode=verify-full"),
            "postgres://service@127.0.0.1/drawbridge",
            "postgresql://service@localhost:5433/drawbridge",
        ] {
            assert!(connect_options(good, true).is_ok(), "{good}");
        }
    }
}
