//! `POST /v1/users/me/api-keys`: a user who has just proved who they are makes a key. The answer is the only place where
//! it ever stands.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::PgConnection;
use time::Duration;
use uuid::Uuid;
use validator::Validate;

use super::{MOST, view::ApiKeyView};
use crate::{
    error::{Error, Result, problems},
    http::{answer::Created, caller::Caller, input::Valid, routes::About},
    mail::Template,
    security::{
        access::{Fresh, Scope},
        api_key::{ApiKey, KeyHash},
        audit::{self, Event},
        input::{NAME, normalise_name},
    },
    state::App,
    types::{Email, Timestamp},
};

/// The longest life, as in the table's own rule.
const LONGEST: Duration = Duration::days(365);

/// A new key. It never may more than its owner.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for, so that in a year somebody knows.
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    #[schemars(example = &"Nightly backup")]
    name: String,
    #[validate(length(min = 1, max = 16))]
    #[schemars(extend("uniqueItems" = true))]
    scopes: Vec<Scope>,
    /// In the future, and at most 365 days away.
    #[schemars(extend("examples" = ["2026-09-01T00:00:00Z"]))]
    expires_at: Timestamp,
}

/// A key, whole, for the first and last time.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "CreatedApiKey")]
pub struct CreatedView {
    #[serde(serialize_with = "plain")]
    #[schemars(with = "String", length(min = 67, max = 67), regex(pattern = "^dbk_[0-9A-Za-z_-]{63}$"))]
    #[schemars(extend("examples" = ["dbk_7k2m9x4q1b8d_kX3v0n5YQ2m8r7T1c9Zb4uWfJ6sLhEaD_gPqRtNyVxI_3f9k2a"]))]
    key: ApiKey,
    #[serde(flatten)]
    about: ApiKeyView,
}

pub const ABOUT: About = About {
    summary: "Create an API key",
    description: "Makes a key with these scopes. It is shown in this answer and never again. At most 20 keys of a user \
        live at a time.",
    problems: &[problems::CONFLICT],
};

pub async fn create(
    caller: Caller<Fresh>,
    State(app): State<App>,
    Valid(input): Valid<CreateApiKey>,
) -> Result<Created<CreatedView>> {
    let now = app.givens.now();
    check_life(now, input.expires_at)?;
    let (key, key_id, hash) = ApiKey::generate(&app.givens);
    let about = ApiKeyView {
        id: app.givens.new_id(),
        key_id,
        name: normalise_name(&input.name),
        scopes: input.scopes,
        created_at: now,
        expires_at: input.expires_at,
        last_used_at: None,
    };
    let mut tx = app.database.begin().await?;
    let email = lock_owner(&mut tx, caller.id()).await?;
    check_count(&mut tx, caller.id(), now).await?;
    insert(&mut tx, caller.id(), &about, &hash).await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::KeyCreated { key: about.id }).await?;
    // A key outlives the session that made it, and a change of password: its owner should know of each.
    let (owner, client) = ((caller.id(), &email), caller.context().client_address());
    app.outbox.notify(&mut tx, &app.givens, Template::ApiKeyCreated, owner, client).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Created { location: format!("/v1/users/me/api-keys/{}", about.id), body: CreatedView { key, about } })
}

fn check_life(now: Timestamp, end: Timestamp) -> Result<()> {
    if end <= now {
        return Err(Error::field("expires_at", "minimum", "is not in the future"));
    }
    if end > now + LONGEST {
        return Err(Error::field("expires_at", "maximum", "is more than 365 days away"));
    }
    Ok(())
}

/// The user's row is locked until the commit, so that of two who make the twentieth key at once one is too late.
async fn lock_owner(tx: &mut PgConnection, user: Uuid) -> Result<Email> {
    let email =
        sqlx::query_scalar!(r#"select email as "email: Email" from users where id = $1 for no key update"#, user)
            .fetch_optional(tx)
            .await?;
    email.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))
}

async fn check_count(tx: &mut PgConnection, user: Uuid, now: Timestamp) -> Result<()> {
    let live = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from api_keys
        where user_id = $1
          and revoked_at is null
          and expires_at > $2
        "#,
        user,
        now.0,
    )
    .fetch_one(tx)
    .await?;
    if live >= MOST { Err(problems::CONFLICT.because("as many keys as a user can have")) } else { Ok(()) }
}

async fn insert(tx: &mut PgConnection, user: Uuid, about: &ApiKeyView, hash: &KeyHash) -> Result<()> {
    let scopes: Vec<_> = about.scopes.iter().map(|scope| scope.name().to_owned()).collect();
    sqlx::query!(
        r#"
        insert into api_keys (id, key_id, hash, user_id, name, scopes, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        about.id,
        about.key_id.as_str(),
        hash.as_bytes(),
        user,
        about.name,
        &scopes,
        about.created_at.0,
        about.expires_at.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The one place where a key is written out: to the user who asked for it.
fn plain<S: Serializer>(key: &ApiKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.expose())
}
