//! A database of its own for each test: a clone of one that was migrated once for the whole run.

use std::sync::{Arc, Mutex, OnceLock};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

const OWNER: &str = "drawbridge_owner";
const SERVICE: &str = drawbridge::database::SERVICE_ROLE;

/// Databases of tests that are over. The next test drops them: by then their connections are gone, and the last few go
/// with the server.
static FINISHED: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub struct Database(Arc<Named>);

struct Named(String);

impl Database {
    pub async fn create() -> Self {
        let mut superuser = superuser().await;
        let name = format!(
            "t_{}",
            drawbridge::types::Givens::new(drawbridge::types::System, drawbridge::types::System).new_id().simple()
        );
        let template = template_name();
        execute(&mut superuser, format!("create database {name} template {template} owner {OWNER} strategy file_copy"))
            .await;
        let finished = std::mem::take(&mut *FINISHED.lock().unwrap());
        for old in finished {
            execute(&mut superuser, format!("drop database if exists {old} with (force)")).await;
        }
        superuser.close().await.unwrap();
        Self(Arc::new(Named(name)))
    }

    pub fn shared(&self) -> Self {
        Self(self.0.clone())
    }

    pub fn as_service(&self) -> PgConnectOptions {
        server().clone().username(SERVICE).database(&self.0.0)
    }

    pub fn as_owner(&self) -> PgPool {
        let options = server().clone().username(OWNER).database(&self.0.0).disable_statement_logging();
        PgPoolOptions::new().max_connections(2).connect_lazy_with(options)
    }

    pub async fn cut(&self) {
        let name = &self.0.0;
        let cut = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and usename = '{SERVICE}'"
        );
        execute(&mut superuser().await, cut).await;
    }

    pub async fn shut(&self) {
        execute(&mut superuser().await, format!("alter database {} allow_connections false", self.0.0)).await;
        self.cut().await;
    }

    pub async fn open(&self) {
        execute(&mut superuser().await, format!("alter database {} allow_connections true", self.0.0)).await;
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        FINISHED.lock().unwrap().push(std::mem::take(&mut self.0));
    }
}

async fn superuser() -> PgConnection {
    let options = tokio::task::spawn_blocking(|| server().clone()).await.unwrap();
    PgConnection::connect_with(&options.disable_statement_logging()).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// The server of this run: `TEST_DATABASE_URL` (a superuser's), or one made from the programs on this machine.
fn server() -> &'static PgConnectOptions {
    static SERVER: OnceLock<PgConnectOptions> = OnceLock::new();
    SERVER.get_or_init(|| {
        // A thread of its own: preparing needs a runtime, and this may run inside one.
        #[expect(clippy::disallowed_methods, reason = "not a setting of the service")]
        let started = std::thread::spawn(|| match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => prepare(&url).map(|()| url),
            Err(_) => dev_postgres::throwaway("drawbridge-test", prepare).map_err(|error| error.to_string()),
        });
        let url = started.join().unwrap().unwrap_or_else(|why| panic!("{why}"));
        url.parse().unwrap()
    })
}

/// One template for each state of the migrations, so that a server that outlives a run is not out of date.
fn template_name() -> String {
    let sums = drawbridge::database::MIGRATIONS.iter().flat_map(|migration| migration.checksum.iter().take(4));
    format!("template_{:x}", sums.fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte))))
}

fn prepare(url: &str) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(migrate_template(url)).map_err(|error| format!("prepare the template database: {error:#}"))
}

async fn migrate_template(url: &str) -> anyhow::Result<()> {
    let options: PgConnectOptions = url.parse()?;
    let mut superuser = PgConnection::connect_with(&options.clone().disable_statement_logging()).await?;
    let template = template_name();
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&template)
        .fetch_one(&mut superuser)
        .await?;
    if known {
        return Ok(());
    }
    for role in [OWNER, SERVICE] {
        let create = format!("do $$ begin create role {role} login; exception when duplicate_object then null; end $$");
        sqlx::query(AssertSqlSafe(create)).execute(&mut superuser).await?;
    }
    sqlx::query(AssertSqlSafe(format!("create database {template}_new owner {OWNER}"))).execute(&mut superuser).await?;
    drawbridge::database::migrate(&options.username(OWNER).database(&format!("{template}_new"))).await?;
    let rename = format!("alter database {template}_new rename to {template}");
    sqlx::query(AssertSqlSafe(rename)).execute(&mut superuser).await?;
    Ok(())
}
