//! `GET /v1/admin/security-events`: the trail, newest first, by what, whom, where from and when.

use std::sync::LazyLock;

use axum::extract::State;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use validator::Validate;

use super::period::{end_id, first_id};
use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        input::no_null,
        page::{Page, PageQuery},
        routes::About,
    },
    security::{
        access::Admin,
        audit::{Kind, Recorded, Severity},
    },
    state::App,
    types::Timestamp,
};

/// What the list can be narrowed by.
#[derive(Deserialize, Serialize, Validate, JsonSchema)]
pub struct Filter {
    #[schemars(transform = no_null)]
    r#type: Option<Kind>,
    #[schemars(transform = no_null)]
    severity: Option<Severity>,
    /// The account that it is about.
    #[schemars(transform = no_null, length(max = 36))]
    user_id: Option<Uuid>,
    /// The whole address, as events show it.
    #[validate(length(max = 45), regex(path = *ADDRESS))]
    #[schemars(transform = no_null)]
    client_address: Option<String>,
    /// From this moment on.
    #[schemars(transform = no_null)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[schemars(transform = no_null)]
    until: Option<Timestamp>,
}

/// As an address is written by `IpAddr`.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[0-9a-f.:]+$").expect("a pattern that compiles"));

impl Filter {
    /// The kinds to look for, where not for all of them.
    fn kinds(&self) -> Option<Vec<String>> {
        let Self { r#type, severity, .. } = *self;
        if r#type.is_none() && severity.is_none() {
            return None;
        }
        let sought = |kind: &Kind| {
            r#type.is_none_or(|wanted| wanted == *kind) && severity.is_none_or(|wanted| wanted == kind.severity())
        };
        Some(Kind::ALL.into_iter().filter(sought).map(|kind| kind.name().to_owned()).collect())
    }
}

pub const ABOUT: About = About {
    summary: "List security events",
    description: "Newest first, by type, severity, account, address and time. Addresses have no index: name a `since` \
        beside one where the trail is long.",
    problems: &[],
};

pub async fn list(
    _: Caller<Admin>,
    State(app): State<App>,
    query: PageQuery<Filter>,
) -> Result<Private<Page<Recorded>>> {
    let filter = &query.filter;
    let kinds = filter.kinds();
    let mut tx = app.database.begin().await?;
    // Planned anew each time, for the filters that are there. One plan for all of them could use no index but the id's,
    // and would read the whole trail for the few events of one account.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *tx).await?;
    let events = sqlx::query_as!(
        Recorded,
        r#"
        select id, type, at as "at: _", user_id, client_address, request_id, reference, details
        from security_events
        where id < $1
          and id >= $3
          and ($4::timestamptz is null or at >= $4)
          and ($5::timestamptz is null or at < $5)
          and ($6::text[] is null or type = any($6))
          and ($7::uuid is null or user_id = $7)
          and ($8::text is null or client_address = $8)
        order by id desc
        limit $2
        "#,
        query.before().min(end_id(filter.until)),
        query.rows(),
        first_id(filter.since),
        filter.since.map(|since| since.0),
        filter.until.map(|until| until.0),
        kinds.as_deref(),
        filter.user_id,
        filter.client_address.as_deref(),
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Private(query.page(events, |event| event.id)))
}
