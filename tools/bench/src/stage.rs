//! The database, the people and the settings: the same for all that is measured.

use std::{collections::BTreeMap, fs::Permissions, num::NonZero, os::unix::fs::PermissionsExt, path::Path};

use anyhow::Context;
use dev_postgres::{Cluster, SUPERUSER};
use drawbridge::{
    config::Config,
    database,
    security::{
        jwt::{self, Algorithm},
        password::{Hasher, NewPassword},
        secret::Secret,
    },
    types::{Givens, System, Timestamp},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

pub const PASSWORD: &str = "a long walk over seven wooden bridges";
/// As many as sign in at once in the storm.
pub const PEOPLE: usize = 200;
/// What a reader of the numbers has to know about them.
pub const CONDITIONS: &str = "the servers in processes of their own, the load and PostgreSQL beside them on the same \
    cores;\nproduction settings, limits raised; one JSON line a request by the log's own writer, into a file; plain \
    HTTP/1.1";

const OWNER: &str = "drawbridge_owner";
const DATABASE: &str = "drawbridge";
/// Counted on every request as in production, and never reached: the highest that the settings admit.
const LIMITS: [(&str, &str); 3] = [
    ("RATE_LIMIT_FLOOD", "token-bucket 10000/1s burst 100000"),
    ("RATE_LIMIT_READ", "token-bucket 10000/1s burst 100000"),
    ("RATE_LIMIT_LOGIN", "sliding-window 1000/1s"),
];

pub struct Stage {
    /// What a server is started with.
    pub settings: BTreeMap<String, String>,
    pub config: Config,
    pub givens: Givens,
    pub people: Vec<Person>,
    /// Keys, logs and mails; also where the children stand, so that they find no `.env`.
    pub folder: TempDir,
    // The server before its folder: fields are dropped in this order.
    _postgres: Cluster,
    _postgres_folder: TempDir,
}

/// Somebody with a verified account.
pub struct Person {
    pub id: Uuid,
    pub email: String,
}

impl Stage {
    pub async fn set(changes: &[String]) -> anyhow::Result<Self> {
        let postgres_folder = postgres_folder()?;
        let postgres = Cluster::start(postgres_folder.path()).map_err(anyhow::Error::msg)?;
        create_database(&postgres).await.context("create the bench's database")?;
        database::migrate(&postgres.url(OWNER, DATABASE).parse()?).await?;

        let (folder, givens) = (tempfile::tempdir()?, Givens::new(System, System));
        let mut settings = settings(&postgres, folder.path());
        for change in changes {
            let (name, value) = change.split_once('=').context("an argument is a setting, NAME=value")?;
            settings.insert(name.to_owned(), value.to_owned());
        }
        let (config, _) = Config::parse(settings.clone())?;
        jwt::new(&config.jwt.keys_dir, Algorithm::default(), givens.now())?;
        let people = invite(&postgres, &config, &givens).await.context("make the accounts")?;
        Ok(Self { settings, config, givens, people, folder, _postgres: postgres, _postgres_folder: postgres_folder })
    }
}

/// A server as production has it, durable and by TCP, and not the tests' `throwaway`, which never writes to disk: a
/// login waits for its commit. Beside `.data/pgsql`, where downloaded programs lie.
fn postgres_folder() -> anyhow::Result<TempDir> {
    let data = dev_postgres::data_dir(Path::new(".data")).map_err(anyhow::Error::msg)?;
    std::fs::create_dir_all(&data)?;
    // Passable, since root's server runs as another user; what is in it has modes of its own.
    let passable = Permissions::from_mode(0o755);
    Ok(tempfile::Builder::new().prefix("bench-").permissions(passable).tempdir_in(data)?)
}

async fn create_database(postgres: &Cluster) -> anyhow::Result<()> {
    let mut superuser = database::connect(&postgres.url(SUPERUSER, "postgres").parse()?).await?;
    let password = postgres.password();
    for statement in [
        format!("create role {OWNER} login password '{password}'"),
        format!("create role {} login password '{password}'", database::SERVICE_ROLE),
        format!("create database {DATABASE} owner {OWNER}"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut superuser).await?;
    }
    Ok(superuser.close().await?)
}

fn settings(postgres: &Cluster, folder: &Path) -> BTreeMap<String, String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let chosen = [
        ("APP_ENV", "production".to_owned()),
        ("PUBLIC_URL", "https://bench.example".to_owned()),
        ("JWT_ISSUER", "https://bench.example".to_owned()),
        ("JWT_AUDIENCE", "bench".to_owned()),
        ("JWT_KEYS_DIR", path("keys")),
        ("DATA_ENCRYPTION_KEYS", "bench:YmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggMTI=".to_owned()),
        // A slow machine may take longer than ten minutes.
        ("ACCESS_TOKEN_TTL", "1h".to_owned()),
        // Clients say who they are by `X-Forwarded-For`, as a proxy would: each is an address of its own.
        ("TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        ("DATABASE_URL", postgres.url(database::SERVICE_ROLE, DATABASE)),
        ("MAIL_URL", format!("file:{}", path("mail"))),
        ("MAIL_FROM", "Bench <no-reply@bench.example>".to_owned()),
    ];
    let limits = LIMITS.map(|(name, rule)| (name, rule.to_owned()));
    chosen.into_iter().chain(limits).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One hash serves all: what a login costs does not depend on whose it is.
async fn invite(postgres: &Cluster, config: &Config, givens: &Givens) -> anyhow::Result<Vec<Person>> {
    let hasher = Hasher::start(&config.password, givens.clone());
    let hash = hasher.hash(&NewPassword::new(&Secret::new(PASSWORD.to_owned()))).await;
    let hash = hash.map_err(|_| anyhow::anyhow!("the hashing threads are busy"))?;
    let mut owner = database::connect(&postgres.url(OWNER, DATABASE).parse()?).await?;
    let mut people = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        let person = Person { id: givens.new_id(), email: format!("person-{number}@bench.example") };
        insert(&mut owner, &person, hash.as_str(), givens.now()).await?;
        people.push(person);
    }
    owner.close().await?;
    Ok(people)
}

async fn insert(owner: &mut PgConnection, person: &Person, hash: &str, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query(
        r"
        insert into users (id, email, name, role, password_hash, email_verified_at, created_at, updated_at)
        values ($1, $2, 'Some Person', 'user', $3, $4, $4, $4)
        ",
    )
    .bind(person.id)
    .bind(&person.email)
    .bind(hash)
    .bind(now.0)
    .execute(owner)
    .await?;
    Ok(())
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
