//! One line of the attack surface, as facts: what the table, the gate, the caller, the log and the documents share.

use std::fmt;

use axum::http::Method;

use crate::{
    error::Problem,
    http::openapi::{Form, Operation},
    security::{access::Policy, rate_limit::Class},
};

/// What an endpoint says about itself beyond its types: a title, a sentence or two, and its own ways to refuse.
pub struct About {
    pub summary: &'static str,
    pub description: &'static str,
    pub problems: &'static [Problem],
}

/// One line of the attack surface.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub policy: Policy,
    pub limit: Class,
    pub about: &'static About,
    pub describe: fn(&mut Operation<'_>),
    pub takes_body: bool,
    pub takes_query: bool,
    pub form: Form,
}

/// A line of `drawbridge routes` and of the golden file.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, policy) = (self.method.as_str(), self.policy.to_string());
        write!(f, "{method:<7} {:<38} {policy:<20} {}", self.path, self.limit.name())
    }
}
