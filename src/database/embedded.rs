//! The development server: a private PostgreSQL of this checkout, with the same two roles as production.

use std::path::Path;

use anyhow::Context;
use dev_postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

use super::{Purpose, SERVICE_ROLE, connect};

const OWNER_ROLE: &str = "drawbridge_owner";
const DATABASE: &str = "drawbridge";

/// The running server, and how its owner and the service connect.
pub async fn start(data_dir: &Path, purpose: Purpose) -> anyhow::Result<(Cluster, PgConnectOptions, PgConnectOptions)> {
    let folder = data_dir.join("postgres");
    let server = tokio::task::spawn_blocking(move || match purpose {
        Purpose::Serve => Cluster::start(&folder),
        Purpose::Command => Cluster::join_or_start(&folder),
    })
    .await
    .context("start the development database")??;
    let mut superuser = connect(&options(&server, dev_postgres::SUPERUSER, "postgres")?).await?;
    create_roles(&mut superuser, server.password()).await.context("create the database's roles")?;
    create_database(&mut superuser).await.context("create the database")?;
    superuser.close().await.context("close the superuser's connection")?;
    let owner = options(&server, OWNER_ROLE, DATABASE)?;
    let service = options(&server, SERVICE_ROLE, DATABASE)?;
    Ok((server, owner, service))
}

fn options(server: &Cluster, role: &str, database: &str) -> anyhow::Result<PgConnectOptions> {
    server.url(role, database).parse().context("the development server's address")
}

/// initdb's user is a superuser, whom no grant and no row security holds. Nobody but this function connects as that.
async fn create_roles(superuser: &mut PgConnection, password: &str) -> sqlx::Result<()> {
    for role in [OWNER_ROLE, SERVICE_ROLE] {
        let known: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *superuser)
            .await?;
        if !known {
            // Both are ours: the name a constant, the password hexadecimal from this server's own file.
            let create = format!("create role {role} login nosuperuser nobypassrls password '{password}'");
            sqlx::query(AssertSqlSafe(create)).execute(&mut *superuser).await?;
        }
    }
    Ok(())
}

async fn create_database(superuser: &mut PgConnection) -> sqlx::Result<()> {
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(DATABASE)
        .fetch_one(&mut *superuser)
        .await?;
    if !known {
        let create = format!("create database {DATABASE} owner {OWNER_ROLE}");
        sqlx::query(AssertSqlSafe(create)).execute(&mut *superuser).await?;
    }
    Ok(())
}
