//! `drawbridge user`: accounts made and changed by whoever runs the service.

use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use drawbridge::{
    config::Config,
    error::Error,
    security::{
        access::Role,
        audit::{self, Event, Origin},
        input::{EMAIL, NAME, normalise_name},
        password::{Hasher, NewPassword},
        secret::Secret,
    },
    types::{Email, Givens},
};
use sqlx::PgPool;

use super::{givens, open, reset_mfa::reset_mfa, say};

pub const EXAMPLES: &str = "\
Examples:
  drawbridge user create --email ada@example.com --name 'Ada Lovelace' --role admin --generate-password
  pass show ada | drawbridge user create --email ada@example.com --name Ada --role user --password-stdin
  drawbridge user set-role --email ada@example.com --role editor
  drawbridge user list | grep -w admin

They go to the database that the settings name, whether or not a service runs.";

#[derive(Subcommand)]
pub enum User {
    /// Make a verified account
    Create(Create),
    /// List all accounts
    List,
    /// Change what an account may do; its access tokens end at once
    SetRole {
        /// Whose account, whatever its capitals
        #[arg(long)]
        email: String,
        /// user, editor or admin
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Turn the second factor off for somebody who has lost phone and recovery codes; ends every session
    ResetMfa {
        /// Whose account; make sure who is asking
        #[arg(long)]
        email: String,
    },
}

#[derive(Args)]
pub struct Create {
    /// Counts as verified: you vouch for it
    #[arg(long)]
    email: String,
    /// 1 to 100 characters, as others will read it
    #[arg(long)]
    name: String,
    /// user, editor or admin
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    password: PasswordFrom,
}

/// Never an argument: arguments stand in the shell's history and in the process list.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct PasswordFrom {
    /// Read the password from standard input, to the end of the first line
    #[arg(long)]
    password_stdin: bool,
    /// Make a password and show it once
    #[arg(long)]
    generate_password: bool,
}

fn role(name: &str) -> Result<Role, String> {
    Role::named(name).ok_or_else(|| "user, editor or admin".to_owned())
}

impl User {
    pub async fn run(self) -> anyhow::Result<()> {
        let config = Config::load()?;
        let (_located, pool) = open(&config).await?;
        match self {
            Self::Create(create) => create.run(&config, &pool).await,
            Self::List => list(&pool).await,
            Self::SetRole { email, role } => set_role(&pool, &email, role).await,
            Self::ResetMfa { email } => reset_mfa(&pool, &email).await,
        }
    }
}

impl Create {
    async fn run(self, config: &Config, pool: &PgPool) -> anyhow::Result<()> {
        let givens = givens();
        let password = if self.password.generate_password { generate(&givens) } else { from_stdin()? };
        let hasher = Hasher::start(&config.password, givens.clone());
        insert(pool, &givens, &hasher, &self.email, &self.name, self.role, &password).await?;
        say(&format!("Made {} ({}).", self.email.trim(), self.role.name()))?;
        if self.password.generate_password {
            say(&format!("Its password, shown this once: {}", password.expose()))?;
        }
        Ok(())
    }
}

/// 192 random bits: 32 characters.
pub fn generate(givens: &Givens) -> Secret<String> {
    Secret::new(URL_SAFE_NO_PAD.encode(givens.random::<24>()))
}

fn from_stdin() -> anyhow::Result<Secret<String>> {
    let mut text = String::new();
    let input = std::io::stdin();
    if input.is_terminal() {
        bail!("--password-stdin reads a pipe, so that the password is not shown: `… --password-stdin < FILE`");
    }
    input.take(4096).read_to_string(&mut text).context("read the password from standard input")?;
    Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// The same rules as for a registration, and the address counts as verified: an operator vouches for it.
pub async fn insert(
    pool: &PgPool,
    givens: &Givens,
    hasher: &Hasher,
    email: &str,
    name: &str,
    role: Role,
    password: &Secret<String>,
) -> anyhow::Result<()> {
    if !EMAIL.is_match(email) || email.len() > 254 {
        bail!("this is no e-mail address that the service takes");
    }
    if !NAME.is_match(name) || name.chars().count() > 100 {
        bail!("a name has 1 to 100 characters, among them a letter or a digit");
    }
    let (email, name, password) = (Email::trimmed(email), normalise_name(name), NewPassword::new(password));
    if let Err(Error::Invalid(weak)) = password.check("password", &email, &name) {
        let why: Vec<_> = weak.iter().map(|rule| rule.message).collect();
        bail!("a better password is needed: this one {}", why.join(", and "));
    }
    let hash = hasher.hash(&password).await.map_err(|_| anyhow::anyhow!("the hashing threads are busy"))?;
    let (id, now) = (givens.new_id(), givens.now());
    let mut tx = pool.begin().await.context("reach the database")?;
    let made = sqlx::query(
        r"
        insert into users (id, email, name, role, password_hash, email_verified_at, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $6, $6)
        on conflict (lower(email)) do nothing
        ",
    )
    .bind(id)
    .bind(email.as_str())
    .bind(&name)
    .bind(role.name())
    .bind(hash.as_str())
    .bind(now.0)
    .execute(&mut *tx)
    .await
    .context("make the account")?;
    if made.rows_affected() == 0 {
        bail!("there is an account with this e-mail already; `user set-role` changes its role");
    }
    let origin = Origin { user_id: Some(id), ..Origin::default() };
    audit::record(&mut tx, givens, &origin, Event::UserCreated).await.context("record the event")?;
    tx.commit().await.context("make the account")
}

async fn list(pool: &PgPool) -> anyhow::Result<()> {
    let users: Vec<(String, String, String, String, bool)> = sqlx::query_as(
        "select id::text, email, role, status, email_verified_at is not null from users order by created_at, id",
    )
    .fetch_all(pool)
    .await
    .context("read the accounts")?;
    for (id, email, role, status, verified) in users {
        let verified = if verified { "verified" } else { "unverified" };
        say(&format!("{id}  {role:6}  {status:9}  {verified:10}  {email}"))?;
    }
    Ok(())
}

/// Raising the generation ends the access tokens that bear the old role; the sessions stay, and a refresh brings the new.
async fn set_role(pool: &PgPool, email: &str, role: Role) -> anyhow::Result<()> {
    let (givens, email) = (givens(), Email::trimmed(email));
    let mut tx = pool.begin().await.context("reach the database")?;
    let user: Option<uuid::Uuid> =
        sqlx::query_scalar("update users set role = $2, updated_at = $3 where lower(email) = $1 returning id")
            .bind(email.folded())
            .bind(role.name())
            .bind(givens.now().0)
            .fetch_optional(&mut *tx)
            .await
            .context("change the role")?;
    let user = user.context("there is no account with this e-mail")?;
    sqlx::query("update sessions set generation = generation + 1 where user_id = $1 and ended_at is null")
        .bind(user)
        .execute(&mut *tx)
        .await
        .context("end the access tokens")?;
    let origin = Origin { user_id: Some(user), ..Origin::default() };
    audit::record(&mut tx, &givens, &origin, Event::RoleChanged { to: role.name() }).await?;
    tx.commit().await.context("change the role")?;
    say(&format!("{} is {} now.", email.as_str(), role.name()))
}
