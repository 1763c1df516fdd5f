//! `GET /v1/admin/security-summary`: the last hours in numbers, for charts, and who was refused most.

use std::collections::BTreeMap;

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use validator::Validate;

use super::period::first_id;
use crate::{
    error::Result,
    http::{answer::Private, caller::Caller, input::ValidQuery, routes::About},
    security::{
        access::Admin,
        audit::{Kind, Severity},
    },
    state::App,
    types::Timestamp,
};

/// Steps of each count. As many minutes long as there are hours to tell of, whatever their number.
const STEPS: usize = 60;

#[derive(Deserialize, Validate, JsonSchema)]
pub struct Span {
    /// How far back.
    #[serde(default = "a_day")]
    #[validate(range(min = 1, max = 168))]
    hours: i64,
}

const fn a_day() -> i64 {
    24
}

/// The last hours in numbers.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "SecuritySummary")]
pub struct SummaryView {
    /// When the first step begins.
    since: Timestamp,
    until: Timestamp,
    #[schemars(range(min = 60, max = 10080))]
    step_seconds: i64,
    /// How often what happened, by type; types that did not are left out.
    #[schemars(length(max = 64))]
    types: Vec<TypeCount>,
    by_severity: SeverityCounts,
    /// From where most was refused.
    #[schemars(length(max = 10))]
    addresses: Vec<AddressCount>,
    /// About whom most was refused.
    #[schemars(length(max = 10))]
    users: Vec<UserCount>,
    /// Sessions that are open now.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    open_sessions: i64,
    /// Events that stand in the log alone, because more came than could be written.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    sampled: i64,
}

/// How often a type of event happened.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TypeCount {
    #[schemars(length(max = 64), regex(pattern = "^[a-z_]+$"), example = &"authn_login_fail")]
    r#type: String,
    severity: Severity,
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    total: i64,
    /// Step by step, the oldest first.
    /// Step by step, the oldest first.
    #[schemars(length(min = 60, max = 60), inner(range(min = 0, max = 1_000_000_000_000_i64)), example = vec![0; STEPS])]
    steps: Vec<i64>,
}

#[derive(Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SeverityCounts {
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    info: i64,
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    warning: i64,
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    alarm: i64,
}

/// Warnings and alarms from one address.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AddressCount {
    #[schemars(length(max = 45), regex(pattern = "^[0-9a-f.:]+$"), example = &"203.0.113.7")]
    client_address: String,
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    count: i64,
    last_at: Timestamp,
}

/// Warnings and alarms about one account.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UserCount {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5c")]
    user_id: Uuid,
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    count: i64,
    last_at: Timestamp,
}

pub const ABOUT: About = About {
    summary: "Summarise security events",
    description: "How often each type happened, in sixty steps that end now, and from where and about whom most was \
        refused.",
    problems: &[],
};

pub async fn summarise(
    _: Caller<Admin>,
    State(app): State<App>,
    ValidQuery(Span { hours }): ValidQuery<Span>,
) -> Result<Private<SummaryView>> {
    let (now, step) = (app.givens.now(), Duration::minutes(hours));
    let since = first_step(now, step);
    let (types, sampled) = counts(&app, since, step).await?;
    let (addresses, users) = offenders(&app, since).await?;
    let mut by_severity = SeverityCounts::default();
    for count in &types {
        *by_severity.of(count.severity) += count.total;
    }
    let step_seconds = step.whole_seconds();
    let open_sessions = open_sessions(&app, now).await?;
    let (since, until) = (since, now);
    Ok(Private(SummaryView {
        since,
        until,
        step_seconds,
        types,
        by_severity,
        addresses,
        users,
        open_sessions,
        sampled,
    }))
}

/// Steps begin at whole multiples of their length, so that a count that was read a minute ago is not another now.
fn first_step(now: Timestamp, step: Duration) -> Timestamp {
    let current = now.unix().div_euclid(step.whole_seconds()) * step.whole_seconds();
    let current = OffsetDateTime::from_unix_timestamp(current).unwrap_or(now.0);
    Timestamp(current - step * i32::try_from(STEPS - 1).unwrap_or_default())
}

async fn counts(app: &App, since: Timestamp, step: Duration) -> Result<(Vec<TypeCount>, i64)> {
    let rows = sqlx::query!(
        r#"
        select type, (extract(epoch from at - $1)::bigint / $3)::int as "step!", count(*) as "count!",
               coalesce(sum((details->>'count')::bigint) filter (where type = $4), 0)::bigint as "sampled!"
        from security_events
        where at >= $1
          and id >= $2
        group by 1, 2
        "#,
        since.0,
        first_id(Some(since)),
        step.whole_seconds(),
        Kind::MonitorDisabled.name(),
    )
    .fetch_all(&app.database)
    .await?;
    let (mut types, mut sampled) = (BTreeMap::<String, TypeCount>::new(), 0);
    for row in rows {
        let count = types.entry(row.r#type.clone()).or_insert_with(|| TypeCount::none(row.r#type));
        // One that another replica, whose clock is ahead, has written belongs to the last step.
        let step = usize::try_from(row.step).unwrap_or_default().min(STEPS - 1);
        count.steps[step] += row.count;
        count.total += row.count;
        sampled += row.sampled;
    }
    Ok((types.into_values().collect(), sampled))
}

impl TypeCount {
    fn none(r#type: String) -> Self {
        let severity = Kind::named(&r#type).map_or(Severity::Info, Kind::severity);
        Self { r#type, severity, total: 0, steps: vec![0; STEPS] }
    }
}

impl SeverityCounts {
    fn of(&mut self, severity: Severity) -> &mut i64 {
        match severity {
            Severity::Info => &mut self.info,
            Severity::Warning => &mut self.warning,
            Severity::Alarm => &mut self.alarm,
        }
    }
}

/// The first ten of each, in one reading of the events.
async fn offenders(app: &App, since: Timestamp) -> Result<(Vec<AddressCount>, Vec<UserCount>)> {
    let grave = Kind::ALL.into_iter().filter(|kind| kind.severity() != Severity::Info);
    let grave: Vec<_> = grave.map(|kind| kind.name().to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select client_address, user_id, count as "count!", last_at as "last_at!: Timestamp"
        from (
            select client_address, user_id, count(*) as count, max(at) as last_at,
                   row_number() over (partition by grouping(user_id) order by count(*) desc, max(at) desc) as place
            from security_events
            where at >= $1
              and id >= $2
              and type = any($3)
            group by grouping sets ((client_address), (user_id))
            having coalesce(client_address, user_id::text) is not null
        ) ranked
        where place <= 10
        order by place
        "#,
        since.0,
        first_id(Some(since)),
        &grave,
    )
    .fetch_all(&app.database)
    .await?;
    let (mut addresses, mut users) = (Vec::new(), Vec::new());
    for row in rows {
        let (count, last_at) = (row.count, row.last_at);
        match (row.client_address, row.user_id) {
            (Some(client_address), _) => addresses.push(AddressCount { client_address, count, last_at }),
            (None, Some(user_id)) => users.push(UserCount { user_id, count, last_at }),
            (None, None) => {}
        }
    }
    Ok((addresses, users))
}

async fn open_sessions(app: &App, now: Timestamp) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sessions where ended_at is null and expires_at > $1"#,
        now.0,
    );
    Ok(count.fetch_one(&app.database).await?)
}
