//! Every route of the table in turn, whatever it is for: what a new route must have is tested without another line.

mod cors;
mod headers;
mod limits;
mod redaction;

use std::sync::Arc;

use axum::http::Method;
use drawbridge::{
    app,
    http::{openapi::Form, route::Route},
    security::access::{Policy, Role, Scope},
};
use uuid::Uuid;

use crate::support::{Client, Request, TestApp, role_for};

/// A route, and all that is needed to ask it for anything.
struct Visitor {
    route: Arc<Route>,
    /// Whom the route admits.
    user: Uuid,
    role: Role,
    client: Client,
    path: String,
    methods: Vec<Method>,
}

/// One request, and the status that it is answered with.
struct Visit {
    what: &'static str,
    request: Request,
    status: u16,
}

/// One to each route, everyone a user of their own at an address of their own.
async fn visitors(app: &TestApp) -> Vec<Visitor> {
    let mut visitors = Vec::new();
    for route in app::table() {
        visitors.push(Visitor::to(app, route).await);
    }
    visitors
}

/// Every method that this path has.
fn methods(path: &str) -> Vec<Method> {
    app::table().iter().filter(|route| route.path == path).map(|route| route.method.clone()).collect()
}

impl Visitor {
    async fn to(app: &TestApp, route: Arc<Route>) -> Self {
        let role = role_for(route.policy);
        let (user, _) = app.account(role).await;
        let client = Self::signed_in(app, &route, user, role).await;
        // What administrators act upon is somebody else's.
        let owner = if role == Role::Admin { app.account(Role::User).await.0 } else { user };
        let path = app.path(&route, owner).await;
        Self { user, role, client, path, methods: methods(route.path), route }
    }

    async fn signed_in(app: &TestApp, route: &Route, user: Uuid, role: Role) -> Client {
        if route.policy == Policy::Public { app.client() } else { app.session(user, role).await }
    }

    /// The same user once more: another session, another address.
    async fn elsewhere(&self, app: &TestApp) -> Client {
        Self::signed_in(app, &self.route, self.user, self.role).await
    }

    /// A request as the route wants it, with the body that the document shows.
    fn asks(&self, app: &TestApp, client: &Client) -> Request {
        self.asks_for(app, client, &self.path)
    }

    fn asks_for(&self, app: &TestApp, client: &Client, path: &str) -> Request {
        let request = client.request(self.route.method.clone(), path);
        match app.contract.example(&self.route) {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// Every way to be refused that needs nothing but the route itself.
    async fn refusals(&self, app: &TestApp) -> Vec<Visit> {
        let (Self { route, client, path, .. }, visit) = (self, |what, request, status| Visit { what, request, status });
        let asks = |path: &str| self.asks_for(app, client, path);
        let plain = || client.request(route.method.clone(), path);
        let mut visits = vec![
            visit("another path", asks(&format!("{path}/")), 404),
            visit("another method", client.request(self.foreign_method(), path), 405),
            visit("a body of another type", plain().body("text").header("content-type", "text/plain"), 415),
            visit("a large body", plain().body("x".repeat(65 * 1024)).header("content-type", "application/json"), 413),
            visit("a long path", asks(&format!("{path}?{}", "q".repeat(8 * 1024))), 414),
            visit("large headers", asks(path).header("x-large", &"h".repeat(33 * 1024)), 431),
            visit("an unknown parameter", asks(&format!("{path}?surely_unknown=1")), 400),
        ];
        if route.form != Form::File {
            visits.push(visit("another type wanted", asks(path).header("accept", "text/html"), 406));
        }
        if route.takes_body {
            let refused = plain().body("{}").header("content-type", "application/json");
            visits.push(visit("an empty body", refused, 400));
        }
        if let Some((before, after)) = route.path.split_once("{id}") {
            let id = &path[before.len()..path.len() - after.len()];
            let of = |id: &str| asks(&format!("{before}{id}{after}"));
            visits.push(visit("no id", of("7"), 400));
            visits.push(visit("an id in another spelling", of(&id.replace('-', "")), 400));
            visits.push(visit("an id of nothing", of(&Uuid::from_u128(7).to_string()), 404));
        }
        if route.policy != Policy::Public {
            visits.extend(self.refusals_of_callers(app).await);
        }
        visits
    }

    /// Of those whom the route does not admit.
    async fn refusals_of_callers(&self, app: &TestApp) -> Vec<Visit> {
        let program = self.useless_program(app).await;
        let visit = |what, client: &Client, status| Visit { what, request: self.asks(app, client), status };
        vec![
            visit("nobody", &app.client(), 401),
            visit("a broken token", &app.client().with_token("broken"), 401),
            visit("a key that is no use here", &program, 403),
        ]
    }

    /// A key of the user's with every scope but the one that would help.
    async fn useless_program(&self, app: &TestApp) -> Client {
        let useless = |scope: &Scope| self.route.policy != Policy::Scope(*scope);
        let scopes: Vec<_> = Scope::ALL.into_iter().filter(useless).collect();
        app.program(self.user, &scopes).await
    }

    fn foreign_method(&self) -> Method {
        let all = [Method::PUT, Method::DELETE, Method::PATCH, Method::POST, Method::TRACE];
        all.into_iter().find(|method| !self.methods.contains(method)).unwrap()
    }
}
