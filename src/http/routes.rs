//! The only way to add a route: one line that says who may come in and how often, and a handler that asks for the same.
//!
//! From this table come the router, the OpenAPI document, the methods that CORS grants, the limits, `drawbridge routes`,
//! the golden file of the attack surface, and the test that walks every route as every kind of caller.

#![expect(clippy::disallowed_types, reason = "this is where routes become a router")]

use std::{collections::BTreeMap, future::Future, sync::Arc};

use axum::{
    Router,
    handler::Handler,
    http::{HeaderMap, Method, StatusCode, header::ALLOW},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on, options},
};

use crate::{
    error::problems,
    http::{
        caller::Caller,
        gate,
        openapi::{Input, Operation, Output},
    },
    security::{access::Access, cors},
    state::App,
};

pub use crate::http::route::{About, Route};
/// How often: the word of the table for a class of rate limit.
pub use crate::security::rate_limit::Class as Limit;

/// A handler whose first argument is the caller that its route declares, and whose other arguments and answer can say
/// what they are in the OpenAPI document.
///
/// ```compile_fail
/// use drawbridge::{http::{answer::NoContent, caller::Caller, routes::*}, security::access::*, error::Result};
/// const ABOUT: About = About { summary: "", description: "", problems: &[] };
/// async fn anyone(_: Caller<Public>) -> Result<NoContent> { Ok(NoContent) }
/// Routes::new().get("/v1/users", Session, Limit::Read, anyone, &ABOUT); // declared for sessions, written for anyone
/// ```
/// ```
/// use drawbridge::{http::{answer::NoContent, caller::Caller, routes::*}, security::access::*, error::Result};
/// const ABOUT: About = About { summary: "", description: "", problems: &[] };
/// async fn members(_: Caller<Session>) -> Result<NoContent> { Ok(NoContent) }
/// Routes::new().get("/v1/users", Session, Limit::Read, members, &ABOUT);
/// ```
#[diagnostic::on_unimplemented(
    message = "this handler does not ask for the caller that its route declares",
    label = "the first argument of this handler must be `Caller<{A}>`",
    note = "the route table says who may come in, the handler's first argument says whom it expects: they must agree",
    note = "its other arguments must implement `openapi::Input` and its answer `openapi::Output`"
)]
pub trait Endpoint<A, T>: Handler<T, App> {
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! endpoints {
    ($($argument:ident)*) => {
        impl<F, Pending, M, A, $($argument),*> Endpoint<A, (M, Caller<A>, $($argument,)*)> for F
        where
            A: Access,
            F: Handler<(M, Caller<A>, $($argument,)*), App> + Fn(Caller<A>, $($argument),*) -> Pending,
            Pending: Future<Output: Output>,
            $($argument: Input,)*
        {
            fn describe(operation: &mut Operation<'_>) {
                operation.policy(A::POLICY);
                $($argument::describe(operation);)*
                <Pending::Output as Output>::describe(operation);
            }
        }
    };
}
endpoints!();
endpoints!(T1);
endpoints!(T1 T2);
endpoints!(T1 T2 T3);
endpoints!(T1 T2 T3 T4);

/// A list of routes. Each room has one; `features::routes` merges them.
#[derive(Default)]
pub struct Routes {
    lines: Vec<(Arc<Route>, MethodRouter<App>)>,
}

macro_rules! methods {
    ($($name:ident $method:ident)*) => {$(
        pub fn $name<A, H, T>(self, path: &'static str, who: A, limit: Limit, handler: H, about: &'static About) -> Self
        where
            A: Access,
            H: Endpoint<A, T>,
            T: 'static,
        {
            self.add(Method::$method, path, who, limit, handler, about)
        }
    )*};
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    methods! { get GET post POST put PUT patch PATCH delete DELETE }

    fn add<A, H, T>(
        mut self,
        method: Method,
        path: &'static str,
        _who: A,
        limit: Limit,
        handler: H,
        about: &'static About,
    ) -> Self
    where
        A: Access,
        H: Endpoint<A, T>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that axum routes");
        let facts = Operation::facts(H::describe);
        let route = Route {
            method,
            path,
            policy: A::POLICY,
            limit,
            about,
            describe: H::describe,
            takes_body: facts.takes_body,
            takes_query: facts.takes_query,
            form: facts.form,
        };
        self.lines.push((Arc::new(route), on(filter, handler)));
        self
    }

    pub fn merge(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self
    }

    /// The lab's way past the rule of this file: another handler behind a line that goes on promising what it promised.
    #[cfg(feature = "insecure-lab")]
    pub fn with_handler(mut self, method: &Method, path: &str, handler: MethodRouter<App>) -> Self {
        let line = self.lines.iter_mut().find(|(route, _)| route.method == *method && route.path == path);
        line.expect("a line of the table").1 = handler;
        self
    }

    /// The attack surface, in the order in which it was written down.
    pub fn table(&self) -> Vec<Arc<Route>> {
        self.lines.iter().map(|(route, _)| route.clone()).collect()
    }

    /// The router: every route behind its gate, every path with its own answer to `OPTIONS`.
    pub fn mount(self, app: &App) -> Router<App> {
        let methods = methods_by_path(&self.lines);
        let router = self.lines.into_iter().fold(Router::new(), |router, (route, handler)| {
            let gate = from_fn_with_state((app.clone(), route.clone()), gate::gate);
            router.route(route.path, handler.route_layer(gate))
        });
        let router = methods.into_iter().fold(router, |router, (path, methods)| {
            let app = app.clone();
            router.route(path, options(async move |headers: HeaderMap| about_methods(&app, &headers, &methods)))
        });
        router.fallback(async || problems::NOT_FOUND)
    }
}

fn methods_by_path(lines: &[(Arc<Route>, MethodRouter<App>)]) -> BTreeMap<&'static str, Vec<Method>> {
    let mut methods = BTreeMap::<_, Vec<Method>>::new();
    for (route, _) in lines {
        methods.entry(route.path).or_default().push(route.method.clone());
    }
    methods
}

/// `OPTIONS`: to a browser on another origin its preflight answer, to anyone else the methods of the path.
fn about_methods(app: &App, headers: &HeaderMap, methods: &[Method]) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if cors::is_preflight(&Method::OPTIONS, headers) {
        app.settings.cors.preflight(headers, methods, response.headers_mut());
    }
    let mut allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        allowed.push("HEAD");
    }
    allowed.push("OPTIONS");
    response.headers_mut().insert(ALLOW, allowed.join(", ").parse().expect("names of methods"));
    response
}
