//! Databases of the lab's own: one that is migrated and peopled once, and a copy of it for each service.

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

use crate::{
    database::{self, SERVICE_ROLE},
    types::{Givens, System},
};

const OWNER_ROLE: &str = "drawbridge_owner";

/// A server, and the name that all databases of this lab on it begin with.
pub struct Databases {
    superuser: PgConnectOptions,
    name: String,
}

impl Databases {
    /// On a server whose roles have this password. Databases of an earlier start of the same name are gone after this.
    pub async fn prepare(superuser: PgConnectOptions, name: &str, password: Option<&str>) -> anyhow::Result<Self> {
        let databases = Self { superuser, name: name.to_owned() };
        let mut connection = database::connect(&databases.superuser).await?;
        for role in [OWNER_ROLE, SERVICE_ROLE] {
            let password = password.map(|password| format!(" password '{password}'")).unwrap_or_default();
            let create = format!("create role {role} login nosuperuser nobypassrls{password}");
            let create =
                format!("do $$ begin {create}; exception when duplicate_object or unique_violation then null; end $$");
            execute(&mut connection, create).await.context("make the roles")?;
        }
        let old: Vec<String> = sqlx::query_scalar("select datname from pg_database where starts_with(datname, $1)")
            .bind(format!("{name}_"))
            .fetch_all(&mut connection)
            .await
            .context("look for earlier databases")?;
        for old in old {
            execute(&mut connection, format!("drop database {old} with (force)")).await?;
        }
        let template = databases.template();
        execute(&mut connection, format!("create database {template} owner {OWNER_ROLE}")).await?;
        connection.close().await.context("close the superuser's connection")?;
        database::migrate(&databases.options(OWNER_ROLE, &template)).await?;
        Ok(databases)
    }

    /// The one that all others are copies of. To be written to before the first copy is made.
    pub fn original(&self) -> PgConnectOptions {
        self.options(SERVICE_ROLE, &self.template())
    }

    /// A copy, as the service connects to it, and its name.
    pub async fn copy(&self) -> anyhow::Result<(PgConnectOptions, String)> {
        let name = format!("{}_{}", self.name, Givens::new(System, System).new_id().simple());
        let mut connection = database::connect(&self.superuser).await?;
        let create = format!("create database {name} template {} owner {OWNER_ROLE}", self.template());
        execute(&mut connection, create).await.context("make a database for the lab")?;
        connection.close().await.context("close the superuser's connection")?;
        Ok((self.options(SERVICE_ROLE, &name), name))
    }

    /// A copy that nobody needs any more.
    pub async fn drop(&self, name: &str) -> anyhow::Result<()> {
        let mut connection = database::connect(&self.superuser).await?;
        execute(&mut connection, format!("drop database if exists {name} with (force)")).await?;
        connection.close().await.context("close the superuser's connection")
    }

    fn template(&self) -> String {
        format!("{}_original", self.name)
    }

    fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        self.superuser.clone().username(role).database(database)
    }
}

/// Names are this file's own; the password is hexadecimal, from the server's own file.
async fn execute(connection: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
