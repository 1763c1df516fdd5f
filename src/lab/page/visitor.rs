//! Who may use the page: whoever sits at the machine; and who may run an attack: that person, by this page.
//!
//! A page of any site can send a POST here from the student's browser. It cannot make it JSON without being asked for
//! leave (the gate of every route wants JSON), and it cannot hide where it comes from: browsers write `Origin` on every
//! POST and `Sec-Fetch-Site` on every request (RFC 6454 section 7.3, Fetch Metadata). A name that was made to point
//! here (DNS rebinding) would be its own origin, and `FromHere` has refused it before.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header::ORIGIN, request::Parts},
};

use super::desk::Desk;
use crate::{
    error::{Error, Result, problems},
    features::mailbox::here::{FromHere, asked_for},
    http::openapi::{Input, Operation},
    state::App,
};

/// Somebody at this machine, and the desk that they work at.
pub struct Student(pub Arc<Desk>);

impl FromRequestParts<App> for Student {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        FromHere::from_request_parts(parts, app).await?;
        let desk = parts.extensions.get::<Arc<Desk>>();
        desk.cloned().map(Self).ok_or_else(|| anyhow::anyhow!("the lab's page has no desk").into())
    }
}

impl Input for Student {
    fn describe(operation: &mut Operation<'_>) {
        FromHere::describe(operation);
    }
}

/// Proof that a request comes from the page itself, or from somebody who says so by hand.
pub struct OwnPage;

impl FromRequestParts<App> for OwnPage {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        if is_own(parts) {
            return Ok(Self);
        }
        Err(problems::FORBIDDEN.because("not sent by the lab's own page"))
    }
}

impl Input for OwnPage {
    fn describe(operation: &mut Operation<'_>) {
        operation.refuses(problems::FORBIDDEN);
    }
}

fn is_own(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let origins: Vec<_> = parts.headers.get_all(ORIGIN).iter().collect();
    let ([origin], Some(host)) = (&origins[..], asked_for(parts)) else { return false };
    let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
    // One port speaks one of the two.
    ["http://", "https://"]
        .iter()
        .any(|scheme| origin.strip_prefix(scheme) == Some(&host.as_str().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, header::HOST};

    use super::*;

    fn own(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/lab/run").header(HOST, "localhost:3000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_own(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_page_itself_may_run_an_attack() {
        for origin in ["http://localhost:3000", "https://localhost:3000", "http://LOCALHOST:3000"] {
            assert!(own(&[("origin", origin), ("sec-fetch-site", "same-origin")]), "{origin}");
            assert!(own(&[("origin", origin)]), "{origin}, of a browser that does not say more");
        }
    }

    #[test]
    fn no_other_page_may_whatever_it_is_near_to() {
        for origin in [
            "https://evil.example",
            "null",
            "",
            "http://localhost",
            "http://localhost:3001",
            "http://127.0.0.1:3000",
            "http://localhost:3000.evil.example",
            "http://evil.localhost:3000",
            "ftp://localhost:3000",
            "localhost:3000",
        ] {
            assert!(!own(&[("origin", origin)]), "{origin}");
            assert!(!own(&[("origin", "http://localhost:3000"), ("origin", origin)]), "{origin}, as a second");
        }
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!own(&[("origin", "http://localhost:3000"), ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!own(&[]) && !own(&[("sec-fetch-site", "same-origin")]), "who does not say where from");
    }
}
