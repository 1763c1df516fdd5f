//! One operation, described by the types of its handler.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    error::{Problem, problems},
    http::input::{self, Id, Valid, ValidQuery},
    security::{access::Policy, limits},
};

/// What one argument of a handler says.
pub trait Input {
    fn describe(operation: &mut Operation<'_>);
}

/// What the answer of a handler says.
pub trait Output {
    fn describe(operation: &mut Operation<'_>);
}

impl<S> Input for State<S> {
    fn describe(_: &mut Operation<'_>) {}
}

/// For what a handler only records, such as the browser's name: nothing that a client has to know of.
impl Input for HeaderMap {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T: input::Input> Input for Valid<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>();
    }
}

impl<T: input::Input> Input for ValidQuery<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_query::<T>();
    }
}

impl Input for Id {
    fn describe(operation: &mut Operation<'_>) {
        operation.path_parameter("id", &json!({ "type": "string", "format": "uuid", "maxLength": 36 }));
        operation.refuses(problems::NOT_FOUND);
    }
}

/// An operation as it is being described.
pub struct Operation<'a> {
    schemas: &'a mut SchemaGenerator,
    pub(super) security: Vec<Value>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: BTreeMap<u16, Value>,
    pub(super) refusals: Vec<Problem>,
    takes_query: bool,
    form: Form,
}

/// In what form an operation answers when it succeeds. Errors are JSON always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    /// Of one type, which a browser takes for what it is whatever it asked for.
    File,
    /// `text/event-stream`: it goes on for as long as there are events to tell.
    Events,
}

impl Form {
    /// What a client is told that wants another.
    pub fn refusal(self, headers: &HeaderMap) -> Option<Problem> {
        match self {
            Self::Json if !limits::accepts_json(headers) => Some(problems::NOT_ACCEPTABLE),
            Self::Events if !limits::accepts(headers, "text", "event-stream") => Some(NOT_EVENTS),
            _ => None,
        }
    }
}

const NOT_EVENTS: Problem = Problem { error: "Answers here are text/event-stream", ..problems::NOT_ACCEPTABLE };

/// What the gate has to know of it.
pub struct Facts {
    pub takes_body: bool,
    pub takes_query: bool,
    pub form: Form,
}

impl<'a> Operation<'a> {
    pub(super) fn new(schemas: &'a mut SchemaGenerator) -> Self {
        Self {
            schemas,
            security: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            // What any route can answer.
            refusals: vec![
                problems::VALIDATION_FAILED,
                problems::URI_TOO_LONG,
                problems::HEADERS_TOO_LARGE,
                problems::RATE_LIMITED,
                problems::INTERNAL_ERROR,
                problems::SERVICE_UNAVAILABLE,
            ],
            takes_query: false,
            form: Form::Json,
        }
    }

    pub fn facts(describe: fn(&mut Operation<'_>)) -> Facts {
        let mut schemas = SchemaGenerator::default();
        let mut operation = Operation::new(&mut schemas);
        describe(&mut operation);
        let Operation { takes_query, form, .. } = operation;
        Facts { takes_body: operation.body.is_some(), takes_query, form }
    }

    pub fn policy(&mut self, policy: Policy) {
        if policy == Policy::Public {
            return;
        }
        // The list of a scheme that is not OAuth names the roles that are wanted (OpenAPI 3.1, Security Requirement Object).
        self.security.push(json!({ "access_token": policy.roles() }));
        if policy.wants_session() {
            self.refuses(problems::FORBIDDEN);
        } else {
            self.security.push(json!({ "api_key": [] }));
        }
        self.refuses(problems::UNAUTHENTICATED);
        if let Some(refusal) = policy.refusal() {
            self.refuses(refusal);
        }
    }

    pub fn refuses(&mut self, problem: Problem) {
        if !self.refusals.iter().any(|known| known.code == problem.code) {
            self.refusals.push(problem);
        }
    }

    /// A body whose published schema is the very object that refuses bodies.
    pub fn takes<T: JsonSchema + 'static>(&mut self) {
        let name = T::schema_name();
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.schemas.definitions_mut().insert(name.into(), input::schema_of::<T>().as_value().clone());
        self.body = Some(json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        }));
        for problem in [
            problems::MALFORMED_JSON,
            problems::REQUEST_TIMEOUT,
            problems::PAYLOAD_TOO_LARGE,
            problems::UNSUPPORTED_MEDIA_TYPE,
        ] {
            self.refuses(problem);
        }
    }

    /// Query parameters, one for each property of `T`.
    pub fn takes_query<T: JsonSchema + 'static>(&mut self) {
        self.takes_query = true;
        let schema = input::schema_of::<T>().as_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.iter().any(|field| field == name);
            self.parameters.push(json!({ "in": "query", "name": name, "required": required, "schema": property }));
        }
    }

    pub fn path_parameter(&mut self, name: &str, schema: &Value) {
        self.parameters.push(json!({ "in": "path", "name": name, "required": true, "schema": schema }));
    }

    pub fn header_parameter(&mut self, name: &str, description: &str, pattern: &str) {
        let schema = json!({ "type": "string", "maxLength": 200, "pattern": pattern });
        self.parameters.push(
            json!({ "in": "header", "name": name, "required": false, "description": description, "schema": schema }),
        );
    }

    pub fn answers<T: JsonSchema>(&mut self, status: StatusCode, headers: &[&str]) {
        let schema = self.schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.refuses(problems::NOT_ACCEPTABLE);
        self.answer(status, headers, Some(content));
    }

    pub fn answers_nothing(&mut self, status: StatusCode) {
        self.refuses(problems::NOT_ACCEPTABLE);
        self.answer(status, &[], None);
    }

    pub fn answers_file(&mut self, status: StatusCode, media_type: &str) {
        self.form = Form::File;
        self.answer(
            status,
            &[],
            Some(json!({ media_type: { "schema": { "type": "string", "maxLength": 4_000_000 } } })),
        );
    }

    /// Events as they happen, each with data of the type `T`.
    pub fn answers_events<T: JsonSchema>(&mut self) {
        self.form = Form::Events;
        self.refuses(NOT_EVENTS);
        // OpenAPI 3.1 has no word for what stands in a stream; the description has, and this the form of its data.
        let data = self.schemas.subschema_for::<T>();
        let content = json!({ "text/event-stream": { "schema": { "type": "string", "contentSchema": data } } });
        self.answer(StatusCode::OK, &[], Some(content));
    }

    fn answer(&mut self, status: StatusCode, own: &[&str], content: Option<Value>) {
        let mut headers = usual_headers();
        for name in own {
            headers[*name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
        let mut answer = json!({
            "description": status.canonical_reason().unwrap_or("Done"),
            "headers": headers,
        });
        if let Some(content) = content {
            answer["content"] = content;
        }
        self.answers.insert(status.as_u16(), answer);
    }
}

/// What stands on every answer.
pub(super) fn usual_headers() -> Value {
    let names = [
        "Access-Control-Allow-Origin",
        "X-Request-Id",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ];
    names.iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}
