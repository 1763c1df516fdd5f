//! `GET /dev/mailbox`: the mails of a development service, as a page and as JSON, so that every flow that goes through
//! a mail can be tried without a mail account.
//!
//! Threat: these mails open accounts. So there is no mailbox in a production build (feature `dev-mailbox`), none where
//! `APP_ENV=production`, and none unless mail goes to a folder; and where there is one, it answers to nobody but the
//! machine that it runs on (`here.rs`). It is no part of the contract: neither the OpenAPI document nor the list of
//! routes knows it.
//!
//! It does not cover other users and programs of that machine: they reach it as its owner does.

mod folder;
pub(crate) mod here;
mod page;

use axum::{
    extract::State,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use self::{folder::Mail, here::FromHere};
use crate::{
    error::{Error, Result, problems},
    http::{
        answer::Asset,
        caller::Caller,
        openapi::{Operation, Output},
        routes::{About, Limit, Routes},
    },
    mail::{Settings, Target},
    security::access::Public,
    state::App,
};

/// None but those of a developer's own service.
#[rustfmt::skip]
pub fn routes(production: bool, mail: &Settings) -> Routes {
    if production || !matches!(mail.target, Target::Folder(_)) {
        return Routes::new();
    }
    Routes::new()
        .get("/dev/mailbox",      Public, Limit::Read, page,  &PAGE)
        .get("/dev/mailbox.json", Public, Limit::Read, list,  &LIST)
        .get("/dev/mailbox.css",  Public, Limit::Read, style, &STYLE)
}

/// No script at all: an address that a stranger chose stands on this page. `data:` is for an icon that is none.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const PAGE: About = About { summary: "Read the mail", description: "A page, in development.", problems: &[] };

async fn page(_: Caller<Public>, State(app): State<App>, _: FromHere) -> Result<Page> {
    Ok(Page(page::of(&newest(&app).await?)))
}

const LIST: About = About { summary: "List the mail", description: "As JSON, in development.", problems: &[] };

async fn list(_: Caller<Public>, State(app): State<App>, _: FromHere) -> Result<List> {
    newest(&app).await.map(List)
}

const STYLE: About = About { summary: "Style the mail", description: "A file of the page.", problems: &[] };

async fn style(_: Caller<Public>, _: FromHere) -> Asset {
    let bytes = include_bytes!("mailbox.css");
    Asset { media_type: "text/css; charset=utf-8", bytes, gzip: false, csp: Some(CSP) }
}

async fn newest(app: &App) -> Result<Vec<Mail>> {
    let Target::Folder(folder) = app.settings.mail.target.clone() else { return Err(problems::NOT_FOUND.into()) };
    // Files are read on a thread that may wait for a disk.
    let read = tokio::task::spawn_blocking(move || folder::newest(&folder)).await.map_err(anyhow::Error::from)?;
    read.map_err(|cause| Error::Unexpected(cause.into()))
}

/// The mails as a page.
struct Page(String);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers =
            [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, CSP)];
        (StatusCode::OK, headers, self.0).into_response()
    }
}

impl Output for Page {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_file(StatusCode::OK, "text/html");
    }
}

/// The mails as JSON, each on a line of its own: `grep` finds one without a JSON parser at hand.
struct List(Vec<Mail>);

impl IntoResponse for List {
    fn into_response(self) -> Response {
        let items = self.0.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        match items {
            Ok(items) => {
                let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
                (StatusCode::OK, headers, format!("{{\"items\":[\n{}\n]}}\n", items.join(",\n"))).into_response()
            }
            Err(cause) => Error::Unexpected(cause.into()).into_response(),
        }
    }
}

impl Output for List {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<Map<String, Value>>(StatusCode::OK, &[]);
    }
}
