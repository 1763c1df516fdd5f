//! `GET /openapi.json` and `GET /docs`: the contract for machines, and as a page to try it out.
//!
//! The page is Swagger UI (Apache-2.0), of the candidates the one that works without inline scripts or styles. Every file
//! comes from the binary: a reference that loads code from a foreign host gives that host the tokens that are pasted into
//! it (ASVS 3.6.1).

use axum::extract::State;

use crate::{
    http::{
        answer::{Asset, Document},
        caller::Caller,
        routes::{About, Limit, Routes},
    },
    security::access::Public,
    state::App,
};

#[rustfmt::skip]
pub fn routes() -> Routes {
    Routes::new()
        .get("/openapi.json",              Public, Limit::Read, openapi, &OPENAPI)
        .get("/docs",                      Public, Limit::Read, page,    &PAGE)
        .get("/docs/swagger-ui.css",       Public, Limit::Read, style,   &STYLE)
        .get("/docs/swagger-ui-bundle.js", Public, Limit::Read, script,  &SCRIPT)
        .get("/docs/start.js",             Public, Limit::Read, start,   &START)
}

/// Nothing inline, nothing from elsewhere; `data:` is for the icons inside the stylesheet.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const OPENAPI: About = About {
    summary: "Read this document",
    description: "OpenAPI 3.1, generated from the table that the router itself is made of.",
    problems: &[],
};

async fn openapi(_: Caller<Public>, State(app): State<App>) -> Document {
    Document(app.openapi.clone())
}

const PAGE: About = About { summary: "Browse the reference", description: "A page to read and try it.", problems: &[] };

async fn page(_: Caller<Public>) -> Asset {
    asset("text/html; charset=utf-8", include_bytes!("page.html"), false)
}

const STYLE: About = About { summary: "Style the reference", description: "A file of the page.", problems: &[] };

async fn style(_: Caller<Public>) -> Asset {
    asset("text/css; charset=utf-8", include_bytes!("swagger-ui.css.gz"), true)
}

const SCRIPT: About = About { summary: "Run the reference", description: "A file of the page.", problems: &[] };

async fn script(_: Caller<Public>) -> Asset {
    asset("text/javascript; charset=utf-8", include_bytes!("swagger-ui-bundle.js.gz"), true)
}

const START: About = About { summary: "Start the reference", description: "A file of the page.", problems: &[] };

async fn start(_: Caller<Public>) -> Asset {
    asset("text/javascript; charset=utf-8", include_bytes!("start.js"), false)
}

fn asset(media_type: &'static str, bytes: &'static [u8], gzip: bool) -> Asset {
    Asset { media_type, bytes, gzip, csp: Some(CSP) }
}
