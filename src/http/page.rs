//! Lists, by page: `?limit=&cursor=` beside the list's own filters, newest first, each page beginning where the last one
//! ended. Not by number: while rows come and go, page two of a numbered list shows some rows twice and others never, and
//! the database counts through all that it skips.
//!
//! ```text
//! query: PageQuery<Filter>,                        // the handler's argument
//! where id < $1 … order by id desc limit $2        // query.before(), query.rows()
//! Ok(Private(query.page(users, |user| user.id)))
//! ```

use axum::{extract::FromRequestParts, http::request::Parts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;
use validator::Validate;

use crate::{
    error::{Error, Result},
    http::{
        context::RequestContext,
        input::{ValidQuery, no_null},
        openapi::{Input, Operation},
    },
    security::page_cursor::{CURSOR, CursorKey},
    state::App,
};

/// What a list can be narrowed by. Serialised, it says for which list a cursor was made.
pub trait Filter: DeserializeOwned + Serialize + Validate + JsonSchema + Send + 'static {}
impl<F: DeserializeOwned + Serialize + Validate + JsonSchema + Send + 'static> Filter for F {}

/// Of a list that cannot be narrowed.
#[derive(Deserialize, Serialize, Validate, JsonSchema)]
pub struct NoFilter {}

/// The query string. No `deny_unknown_fields`, which serde does not have beside `flatten`; the schema refuses them.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(bound = "F: DeserializeOwned")]
struct Query<F: Validate> {
    /// How many at most.
    #[serde(default = "usual")]
    #[validate(range(min = 1, max = 100))]
    limit: i64,
    /// The `next_cursor` of the page before, of the same list with the same filters.
    #[validate(length(equal = 64), regex(path = *CURSOR))]
    #[schemars(transform = no_null)]
    cursor: Option<String>,
    #[serde(flatten)]
    #[validate(nested)]
    filter: F,
}

const fn usual() -> i64 {
    20
}

/// A page that was asked for.
pub struct PageQuery<F> {
    pub filter: F,
    before: Uuid,
    limit: i64,
    list: Vec<u8>,
    cursors: CursorKey,
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "{T}Page")]
pub struct Page<T> {
    #[schemars(length(max = 100))]
    items: Vec<T>,
    /// Leads to the next page; null on the last one.
    #[schemars(length(max = 64), regex(pattern = "^[0-9A-Za-z_-]*$"), extend("examples" = [null]))]
    next_cursor: Option<String>,
}

impl<F: Filter> FromRequestParts<App> for PageQuery<F> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let ValidQuery(query) = ValidQuery::<Query<F>>::from_request_parts(parts, app).await?;
        let context = RequestContext::of(&parts.extensions)?;
        // The limit is no part of it: a client may go on in larger steps.
        let list = serde_json::to_vec(&(context.route_path(), context.principal(), &query.filter));
        let list = list.map_err(anyhow::Error::from)?;
        let before = match query.cursor {
            // Above every id that is ever made, so that one comparison, which an index answers, serves all pages.
            None => Uuid::max(),
            Some(cursor) => app
                .cursors
                .open(&list, &cursor)
                .ok_or_else(|| Error::field("cursor", "cursor", "is not a cursor of this list"))?,
        };
        Ok(Self { filter: query.filter, before, limit: query.limit, list, cursors: app.cursors.clone() })
    }
}

impl<F> PageQuery<F> {
    /// Rows of this page have smaller ids.
    pub const fn before(&self) -> Uuid {
        self.before
    }

    /// How many rows to fetch: one more than is shown, which tells whether there is a next page.
    pub const fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// The page that these rows make, given what each row's place in the list is.
    pub fn page<T>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or_default();
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| goes_on).map(|last| self.cursors.seal(&self.list, id(last)));
        Page { items: rows, next_cursor }
    }
}

impl<F: Filter> Input for PageQuery<F> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_query::<Query<F>>();
    }
}
