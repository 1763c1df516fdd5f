//! `POST /v1/admin/users`: an administrator makes an account for somebody, who is invited to set a password.
//!
//! The administrator neither chooses nor learns one: until the invitation is taken up there is none, and nobody can sign
//! in.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use validator::Validate;

use super::GrantedRole;
use crate::{
    error::{OnConstraint, Result, problems},
    http::{
        answer::Created,
        caller::Caller,
        input::Valid,
        routes::About,
        user_view::{Status, UserView},
        watch,
    },
    mail::Template,
    security::{
        access::{Admin, Role},
        audit::{self, Event},
        input::{EMAIL, NAME, normalise_name},
    },
    state::App,
    types::Email,
};

/// A new user.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    #[validate(length(max = 254), regex(path = *EMAIL))]
    #[schemars(extend("format" = "email", "examples" = ["ada@example.com"]))]
    email: String,
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    #[schemars(example = &"Ada Lovelace")]
    name: String,
    #[serde(default)]
    role: GrantedRole,
}

pub const ABOUT: About = About {
    summary: "Create a user",
    description: "Makes an account and mails its owner an invitation to set a password, good for 7 days.",
    problems: &[problems::CONFLICT],
};

pub async fn create(
    caller: Caller<Admin>,
    State(app): State<App>,
    Valid(input): Valid<CreateUser>,
) -> Result<Created<UserView>> {
    let (email, name) = (Email::trimmed(&input.email), normalise_name(&input.name));
    let mut tx = app.database.begin().await?;
    let user = insert(&mut tx, &app, &email, &name, input.role.into()).await?;
    app.outbox.put(&mut tx, &app.givens, Template::Invitation, &user.email, Some(user.id)).await?;
    let origin = caller.context().origin_about(user.id);
    audit::record(&mut tx, &app.givens, &origin, Event::UserCreated).await?;
    if user.role != Role::User
        && let Some(unusual) = watch::role_changed(&app, user.role)
    {
        audit::record(&mut tx, &app.givens, &origin, unusual).await?;
    }
    tx.commit().await?;
    app.outbox.wake();
    Ok(Created { location: format!("/v1/admin/users/{}", user.id), body: user })
}

/// Whether the address is free is for its index to say: between a look and an insert another insert fits. An
/// administrator may be told that it is taken; at the registration nobody is.
async fn insert(tx: &mut PgConnection, app: &App, email: &Email, name: &str, role: Role) -> Result<UserView> {
    sqlx::query_as!(
        UserView,
        r#"
        insert into users (id, email, name, role, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        returning id, email as "email: _", name, role as "role: Role", status as "status: Status",
                  email_verified_at is not null as "email_verified!", mfa_enabled_at is not null as "mfa_enabled!",
                  created_at as "created_at: _", updated_at as "updated_at: _"
        "#,
        app.givens.new_id(),
        email.as_str(),
        name,
        role.name(),
        app.givens.now().0,
    )
    .fetch_one(tx)
    .await
    .on_constraint("users_email_key", problems::CONFLICT)
}
