//! `GET /lab`: a page on which a student chooses a pillar, runs an attack, and sees side by side what comes of it with
//! the pillar and without.
//!
//! Threat: a page that starts services with holes and attacks them must not be led by anybody but the student. So it is
//! for the machine that it runs on alone, as the mailbox is (`features::mailbox::here`), it runs nothing for a page of
//! another origin (CSRF, ASVS 3.5.1; `visitor`), and it attacks nothing but services that it has made itself, by a case
//! that is named: no address and no text of a client's goes into a run. It stands in front of the service and behind all
//! of its layers, so that it loses nothing with the pillar that the service lacks.
//!
//! It does not cover other users and programs of that machine.
//!
//! In reading order: this table, `visitor` (who may), `lessons` (what there is to learn), `desk` (one run at a time),
//! `comparison` (a run).

mod comparison;
mod desk;
mod lessons;
mod visitor;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header::{CACHE_CONTROL, HeaderValue},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;
use validator::Validate;

use self::{
    desk::{Desk, Run},
    lessons::{CHAPTERS, Lesson},
    visitor::{OwnPage, Student},
};
use super::{Lab, pillar::Finished};
use crate::{
    app::{self, Service},
    error::{Error, Problem, Result, problems},
    features::mailbox::here::FromHere,
    http::{
        answer::{Accepted, Asset, Private},
        caller::Caller,
        input::Valid,
        openapi::{Operation, Output},
        routes::{About, Limit, Routes},
    },
    security::access::Public,
};

/// Puts the page before a service. Its routes are lines like all others, with a table of their own: what the service
/// promises to the world does not name them.
pub fn in_front(mut service: Service, lab: Arc<Lab>) -> Service {
    let desk = Arc::new(Desk::new(lab));
    let page = app::router(&service.app, routes()).layer(axum::Extension(desk));
    service.router = service.router.layer(from_fn_with_state(page, page_first));
    service
}

async fn page_first(State(page): State<Finished>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/lab" && !path.starts_with("/lab/") {
        return next.run(request).await;
    }
    page.oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// A line a file: its path, its type, and what stands in it.
macro_rules! files {
    ($($path:literal $media:ident $text:expr;)*) => {
        fn files() -> Routes {
            Routes::new()$(.get(
                $path,
                Public,
                Limit::Read,
                async |_: Caller<Public>, _: FromHere| Fresh(Asset {
                    media_type: $media, bytes: $text.as_bytes(), gzip: false, csp: Some(CSP),
                }),
                const { &About { summary: $path, description: "A file of the lab's page.", problems: &[] } },
            ))*
        }
    };
}

#[rustfmt::skip]
files! {
    "/lab"             HTML include_str!("page.html");
    "/lab/page.css"    CSS  include_str!("page.css");
    "/lab/start.js"    JS   include_str!("start.js");
    "/lab/list.js"     JS   include_str!("list.js");
    "/lab/lesson.js"   JS   include_str!("lesson.js");
    "/lab/run.js"      JS   include_str!("run.js");
    "/lab/sides.js"    JS   include_str!("sides.js");
    "/lab/words.js"    JS   include_str!("words.js");
}

#[rustfmt::skip]
fn routes() -> Routes {
    CHAPTERS.iter().fold(files(), |routes, chapter| routes.get(chapter.path, Public, Limit::Read, chapter.read, &CHAPTER))
        .get("/lab/pillars.json", Public, Limit::Read,  pillars, &PILLARS_ABOUT)
        .get("/lab/run",          Public, Limit::Read,  look,    &LOOK)
        .post("/lab/run",         Public, Limit::Write, begin,   &BEGIN)
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Nothing inline, nothing from elsewhere, and nowhere to send anything but here. `data:` is for an icon that is none.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PILLARS_ABOUT: About = About { summary: "List the pillars", description: "Of the lab.", problems: &[] };

async fn pillars(_: Caller<Public>, _: FromHere) -> Private<Vec<Lesson>> {
    Private(lessons::all())
}

const LOOK: About = About {
    summary: "Look at the run",
    description: "Answers when it is over, after a second at the latest.",
    problems: &[],
};

async fn look(_: Caller<Public>, Student(desk): Student) -> Private<Run> {
    Private(desk.look().await)
}

/// What to run.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The id of an attack that proves a pillar.
    #[validate(length(min = 1, max = 100))]
    case: String,
}

/// What was begun.
#[derive(Serialize, JsonSchema)]
struct Begun {
    number: u32,
}

const BUSY: Problem =
    Problem::new(axum::http::StatusCode::CONFLICT, "RUN_GOING_ON", "One attack at a time: the last one still runs");
const BEGIN: About = About {
    summary: "Run an attack",
    description: "Against the whole service, and against one without the pillar. Both are made for it and end with it.",
    problems: &[problems::FORBIDDEN, BUSY],
};

async fn begin(
    _: Caller<Public>,
    Student(desk): Student,
    _: OwnPage,
    Valid(wanted): Valid<Wanted>,
) -> Result<Accepted<Begun>> {
    let (case, pillar) = lessons::case(&wanted.case)
        .ok_or_else(|| Error::field("case", "known", "is no attack that the lab can run"))?;
    let number = desk.begin(case, pillar).ok_or(BUSY)?;
    Ok(Accepted(Begun { number }))
}

const CHAPTER: About = About { summary: "Read a chapter", description: "Of the book, as text.", problems: &[] };

/// A file of the page that is asked for each time: whoever builds another lab sees its page, and not that of an hour ago.
struct Fresh(Asset);

impl IntoResponse for Fresh {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Output for Fresh {
    fn describe(operation: &mut Operation<'_>) {
        Asset::describe(operation);
    }
}
