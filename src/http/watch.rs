//! What the watch for anomalies is shown, and what becomes of what it sees: an event about whom it concerns.
//!
//! Every request passes here once, when it is over; every sign-in that failed, beside its own event; every change of a
//! role.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header::HOST},
};
use uuid::Uuid;

use crate::{
    error::Problem,
    http::context::RequestContext,
    security::{
        access::Role,
        anomaly::{self, Anomaly, Asked, Crowd, Refused, Sign},
        audit::{Event, Origin},
    },
    state::App,
    types::Email,
};

/// What the watch needs to remember of a request until it is over.
pub struct Watching {
    asked: Asked,
    foreign: bool,
    tool: Option<&'static str>,
}

impl Watching {
    pub fn begin(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        Self {
            asked: app.watch.asked(request.method(), request.uri().path()),
            foreign: app.settings.cors.is_foreign(headers, host(request.uri(), headers), &app.settings.public_url),
            tool: anomaly::tool_of(headers),
        }
    }

    /// Of every request, also one whose client has gone before the answer: else a flood would only have to hang up.
    pub fn tell(&self, app: &App, context: &RequestContext, problem: Option<Problem>) {
        let origin = || if problem.is_some() { context.refusal(None) } else { context.origin() };
        let address = context.client_address();
        self.tell_signs(app, context, &origin);
        let refused = problem.and_then(|problem| refused(context, problem)).map(|refused| (self.asked, refused));
        let seen = anomaly::Seen { address, principal: context.principal(), refused };
        for anomaly in app.watch.request(app.givens.now(), seen) {
            app.audit.note(&about(anomaly, origin()), event(anomaly));
        }
    }

    /// Once a minute an address: who sends them with every request would fill the trail with them.
    fn tell_signs(&self, app: &App, context: &RequestContext, origin: &impl Fn() -> Origin) {
        let is_news = |sign| app.watch.is_news(app.givens.now(), context.client_address(), sign);
        if self.foreign && is_news(Sign::ForeignOrigin) {
            app.audit.note(&origin(), Event::ForeignOrigin { route: context.route_path() });
        }
        if let Some(tool) = self.tool.filter(|_| is_news(Sign::AttackTool)) {
            app.audit.note(&origin(), Event::AttackTool { tool });
        }
    }
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a [u8]> {
    headers.get(HOST).map(HeaderValue::as_bytes).or(uri.authority().map(|authority| authority.as_str().as_bytes()))
}

/// A thing that is not there on a route that is, or a door that is closed.
fn refused(context: &RequestContext, problem: Problem) -> Option<Refused> {
    match problem.status {
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN if context.names_a_thing() => Some(Refused::Thing),
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => Some(Refused::Door),
        _ => None,
    }
}

/// Whom an anomaly concerns, of what is known of the request that was one too many. Neighbours behind one address are not
/// told of each other's traffic, and nobody is named for that of all.
fn about(anomaly: Anomaly, origin: Origin) -> Origin {
    match anomaly {
        Anomaly::TrafficSpike { of: Crowd::Service, .. } => Origin::default(),
        Anomaly::TrafficSpike { of: Crowd::Address, .. } | Anomaly::CredentialStuffing { .. } => {
            Origin { user_id: None, ..origin }
        }
        _ => origin,
    }
}

fn event(anomaly: Anomaly) -> Event {
    match anomaly {
        Anomaly::TrafficSpike { of, requests, usual } => Event::TrafficSpike { of: of.name(), requests, usual },
        Anomaly::EndpointScan { refused } => Event::EndpointScan { refused },
        Anomaly::CredentialStuffing { accounts } => Event::CredentialStuffing { accounts },
        Anomaly::PasswordSpraying { networks } => Event::PasswordSpraying { networks },
    }
}

/// A password or a code was wrong, or not even looked at because the account's tries are spent. `user`: whose account it
/// is, where there is one.
pub fn login_failed(app: &App, context: &RequestContext, account: &Email, user: Option<Uuid>) {
    for anomaly in app.watch.login_failed(app.givens.now(), context.client_address(), account) {
        app.audit.note(&about(anomaly, context.refusal(user)), event(anomaly));
    }
}

/// The event to commit with a change of rights, if nobody is at work who would make one.
pub fn role_changed(app: &App, role: Role) -> Option<Event> {
    let unusual = app.watch.is_after_hours(app.givens.now());
    unusual.then(|| Event::PrivilegeChange { role: role.name() })
}
