//! `PATCH /v1/admin/users/{id}`: an administrator changes a user's name or role, or suspends the account.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;
use validator::Validate;

use super::{GrantedRole, store};
use crate::{
    error::{Result, problems},
    http::{
        answer::Tagged,
        caller::Caller,
        etag::IfMatch,
        input::{Id, Valid, no_null},
        revocation,
        routes::About,
        user_view::{Status, UserView},
        watch,
    },
    security::{
        access::Admin,
        audit::{self, Event, Origin},
        input::{NAME, normalise_name},
    },
    state::App,
};

/// What changes: at least one of these, and nothing else can.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ChangeUser {
    #[validate(length(min = 1, max = 100), regex(path = *NAME))]
    #[schemars(transform = no_null, extend("examples" = ["Ada King"]))]
    name: Option<String>,
    #[schemars(transform = no_null)]
    role: Option<GrantedRole>,
    #[schemars(transform = no_null)]
    status: Option<Status>,
}

pub const ABOUT: About = About {
    summary: "Change a user",
    description: "A new role ends the user's access tokens, and a refresh brings it; a suspension ends the sessions. \
        Administrators cannot be changed. With `If-Match`, only if nothing changed since you read it.",
    problems: &[problems::FORBIDDEN],
};

pub async fn update(
    caller: Caller<Admin>,
    State(app): State<App>,
    Id(id): Id,
    condition: IfMatch,
    Valid(change): Valid<ChangeUser>,
) -> Result<Tagged<UserView>> {
    let mut tx = app.database.begin().await?;
    let before = store::lock(&mut tx, id).await?;
    condition.admits(&before)?;

    let after = change.applied_to(&before, &app);
    write(&mut tx, &after).await?;
    let origin = caller.context().origin_about(id);
    audit::record(&mut tx, &app.givens, &origin, Event::UserUpdated).await?;
    follow(&mut tx, &app, &origin, &before, &after).await?;
    tx.commit().await?;
    app.sessions.forget(id);
    Ok(Tagged(after))
}

impl ChangeUser {
    fn applied_to(self, before: &UserView, app: &App) -> UserView {
        let Self { name, role, status } = self;
        UserView {
            name: name.map_or_else(|| before.name.clone(), |name| normalise_name(&name)),
            role: role.map_or(before.role, Into::into),
            status: status.unwrap_or(before.status),
            updated_at: app.givens.now(),
            ..before.clone()
        }
    }
}

async fn write(tx: &mut PgConnection, user: &UserView) -> Result<()> {
    sqlx::query!(
        r#"
        update users
        set name = $2,
            role = $3,
            status = $4,
            updated_at = $5
        where id = $1
        "#,
        user.id,
        user.name,
        user.role.name(),
        user.status.name(),
        user.updated_at.0,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a change of rights means for those who are signed in.
async fn follow(tx: &mut PgConnection, app: &App, origin: &Origin, before: &UserView, after: &UserView) -> Result<()> {
    if after.role != before.role {
        // Access tokens that bear the old role stay dead, even when it is given back. The sessions go on.
        sqlx::query!(
            "update sessions set generation = generation + 1 where user_id = $1 and ended_at is null",
            after.id
        )
        .execute(&mut *tx)
        .await?;
        audit::record(tx, &app.givens, origin, Event::RoleChanged { to: after.role.name() }).await?;
        if let Some(unusual) = watch::role_changed(app, after.role) {
            audit::record(tx, &app.givens, origin, unusual).await?;
        }
    }
    if after.status != before.status {
        audit::record(tx, &app.givens, origin, Event::StatusChanged { to: after.status.name() }).await?;
        if after.status == Status::Suspended {
            // The status alone stops every token. The sessions end as well, so that one that was the reason for the
            // suspension does not come back to life with the account.
            revocation::end_sessions(tx, &app.givens, origin, after.id, None, "suspended").await?;
        }
    }
    Ok(())
}
