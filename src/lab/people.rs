//! One user of each role, as a development service has them: there is somebody to attack, and somebody to attack as.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::PgPool;

use crate::{
    security::{
        access::Role,
        password::{Hasher, NewPassword},
        secret::Secret,
    },
    types::Givens,
};

/// What signs in as somebody.
pub struct Credentials {
    pub role: Role,
    pub email: String,
    pub password: Secret<String>,
}

/// Verified accounts, with passwords of this start's own.
pub async fn settle(database: &PgPool, givens: &Givens, hasher: &Hasher) -> anyhow::Result<Vec<Credentials>> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let email = format!("{}@example.com", role.name());
        let password = Secret::new(URL_SAFE_NO_PAD.encode(givens.random::<24>()));
        let hash = hasher.hash(&NewPassword::new(&password)).await.ok().context("hash a password")?;
        sqlx::query(
            "insert into users (id, email, name, role, password_hash, email_verified_at, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $6, $6)",
        )
        .bind(givens.new_id())
        .bind(&email)
        .bind(format!("Lab {}", role.name()))
        .bind(role.name())
        .bind(hash.as_str())
        .bind(givens.now().0)
        .execute(database)
        .await
        .context("make the lab's users")?;
        people.push(Credentials { role, email, password });
    }
    Ok(people)
}

/// In the form of `.data/dev-credentials.env`, for shells and for the attack program.
pub fn write(people: &[Credentials], file: &Path) -> anyhow::Result<()> {
    let mut lines = String::from("# Made at this start of the lab, for it alone.\n");
    for Credentials { role, email, password } in people {
        let prefix = role.name().to_uppercase();
        writeln!(lines, "{prefix}_EMAIL={email}\n{prefix}_PASSWORD={}", password.expose())?;
    }
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    file.and_then(|mut file| file.write_all(lines.as_bytes())).context("write the lab's credentials")
}
