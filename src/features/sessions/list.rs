//! `GET /v1/users/me/sessions`: where users are signed in, so that they notice a session that is not theirs.

use std::net::IpAddr;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    error::Result,
    http::{
        answer::Private,
        caller::Caller,
        page::{NoFilter, Page, PageQuery},
        routes::About,
    },
    security::{access::Session, client_address::ClientAddress},
    state::App,
    types::Timestamp,
};

/// A session, as its user sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Session")]
pub struct SessionView {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    /// What the browser or program called itself when it signed in.
    #[schemars(length(max = 200), extend("examples" = ["curl/8.5.0"]))]
    device: Option<String>,
    /// The network it signed in from.
    // Not the address: whoever is in the account for a moment need not learn where its owner lives.
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f.:]+/\d{1,3}$"), extend("examples" = ["203.0.113.0/24"]))]
    address: Option<String>,
    created_at: Timestamp,
    /// When it was last refreshed, which a client that is in use does every few minutes.
    last_seen_at: Timestamp,
    /// The session that this very request belongs to.
    current: bool,
}

pub const ABOUT: About = About {
    summary: "List your sessions",
    description: "Wherever you are signed in, newest first. End those that you do not know.",
    problems: &[],
};

pub async fn list(
    caller: Caller<Session>,
    State(app): State<App>,
    query: PageQuery<NoFilter>,
) -> Result<Private<Page<SessionView>>> {
    let mut sessions = sqlx::query_as!(
        SessionView,
        r#"
        select id, user_agent as device, client_address as address, created_at as "created_at: _",
               refreshed_at as "last_seen_at: _", id = $2 as "current!"
        from sessions
        where user_id = $1
          and ended_at is null
          and expires_at > $3
          and id < $4
        order by id desc
        limit $5
        "#,
        caller.id(),
        caller.session_id()?,
        app.givens.now().0,
        query.before(),
        query.rows(),
    )
    .fetch_all(&app.database)
    .await?;
    for session in &mut sessions {
        session.address = session.address.take().and_then(|address| masked(&address));
    }
    Ok(Private(query.page(sessions, |session| session.id)))
}

fn masked(address: &str) -> Option<String> {
    let address: IpAddr = address.parse().ok()?;
    Some(ClientAddress(address).masked().to_string())
}
