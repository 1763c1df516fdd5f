//! What is told of each request when it is over, also of one whose client went away before the answer: to the watch, to
//! metrics and traces, and in one line of the log.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{Method, StatusCode},
};

use super::failure::Failure;
use crate::{
    http::{context::RequestContext, watch::Watching},
    state::App,
    traces::Span,
};

/// The line of a request that is being served.
pub(super) struct Line<'a> {
    app: &'a App,
    context: RequestContext,
    watching: Watching,
    method: &'static str,
    started: Instant,
    written: bool,
}

impl<'a> Line<'a> {
    pub(super) fn begin(app: &'a App, context: RequestContext, request: &Request) -> Self {
        app.meters.requests.begin();
        let (watching, method) = (Watching::begin(app, request), known(request.method()));
        Self { app, context, watching, method, started: Instant::now(), written: false }
    }

    pub(super) fn end(mut self, status: StatusCode, failure: Option<&Failure>) {
        self.written = true;
        self.write(status.as_u16(), failure);
    }

    fn write(&self, status: u16, failure: Option<&Failure>) {
        let (context, took) = (&self.context, self.started.elapsed());
        self.watching.tell(self.app, context, failure.map(|failure| failure.problem));
        self.app.meters.requests.end(self.method, context.route_path(), status, took);
        self.app.traces.keep(Span {
            request_id: context.id(),
            method: self.method,
            route: context.route().map(|route| route.path),
            status,
            code: failure.map(|failure| failure.problem.code),
            took,
        });
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_id = %context.id(),
                    method = self.method,
                    route = context.route_path(),
                    status,
                    duration_ms = took.as_secs_f64() * 1000.0,
                    client_address = %context.client_address(),
                    principal_id = context.principal().map(tracing::field::display),
                    reference = failure.map(|_| context.reference()),
                    code = failure.map(|failure| failure.problem.code),
                    cause = failure.map(Failure::cause),
                    "request"
                )
            };
        }
        match failure {
            None => line!(info),
            Some(failure) if failure.problem.status.is_server_error() => line!(error),
            Some(_) => line!(warn),
        }
    }
}

impl Drop for Line<'_> {
    /// The server drops a request whose client has gone. What was begun may have been done, so it must not be missing
    /// from the log; 499 is what nginx made customary for it.
    fn drop(&mut self) {
        if !self.written {
            self.write(499, None);
        }
    }
}

/// A method can be any token; only the usual ones are worth a place in the log and in the metrics.
fn known(method: &Method) -> &'static str {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    USUAL.into_iter().find(|usual| *usual == method.as_str()).unwrap_or("other")
}
