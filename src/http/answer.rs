//! The successes: a status, a body's type, and what caches may do with it. Each says what it is in the OpenAPI document.

use axum::{
    Json,
    body::Bytes,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION},
    },
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error::Result,
    http::{
        etag,
        openapi::{Operation, Output},
    },
};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// 200 with a body that is somebody's: no cache may keep it (ASVS 14.3.2).
pub struct Private<T>(pub T);

/// 200 with somebody's resource, and the `ETag` that a later change can name (RFC 9110 section 8.8.3).
pub struct Tagged<T>(pub T);

/// 200 with a body that is the same for everyone, for so many seconds.
pub struct Shared<T>(pub T, pub u32);

/// 201 with a resource that is somebody's, and where it is found from now on.
pub struct Created<T> {
    pub location: String,
    pub body: T,
}

/// 200 with a body that is somebody's, as a file for them to keep. A browser saves it and never shows it.
pub struct Download<T> {
    /// ASCII, and without quotes.
    pub name: String,
    pub body: T,
}

/// 202: heard, and nothing more is said.
pub struct Accepted<T>(pub T);

/// 204.
pub struct NoContent;

/// A sentence for a person.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Message {
    #[schemars(length(max = 200), example = &"If the address can be registered, a mail is on its way.")]
    pub message: &'static str,
}

impl<T: Serialize> IntoResponse for Private<T> {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, NO_STORE)], Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = etag::of(&self.0);
        ([(CACHE_CONTROL, NO_STORE), (ETAG, tag)], Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Shared<T> {
    fn into_response(self) -> Response {
        let life = format!("public, max-age={}", self.1);
        ([(CACHE_CONTROL, life)], Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let tag = etag::of(&self.body);
        let headers = [(CACHE_CONTROL, NO_STORE), (ETAG, tag)];
        (StatusCode::CREATED, headers, [(LOCATION, self.location)], Json(self.body)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Download<T> {
    fn into_response(self) -> Response {
        let disposition = format!("attachment; filename=\"{}\"", self.name);
        let headers = [(CACHE_CONTROL, "no-store".to_owned()), (CONTENT_DISPOSITION, disposition)];
        (headers, Json(self.body)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, [(CACHE_CONTROL, NO_STORE)], Json(self.0)).into_response()
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        (StatusCode::NO_CONTENT, [(CACHE_CONTROL, NO_STORE)]).into_response()
    }
}

/// A file from the binary: a page or what a page needs.
pub struct Asset {
    pub media_type: &'static str,
    pub bytes: &'static [u8],
    pub gzip: bool,
    /// The page's own policy where the one for JSON is too narrow.
    pub csp: Option<&'static str>,
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        if self.gzip {
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
        }
        if let Some(csp) = self.csp {
            headers.insert("content-security-policy", HeaderValue::from_static(csp));
        }
        response
    }
}

/// JSON that was made once, at the start.
pub struct Document(pub Bytes);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=60")], self.0).into_response()
    }
}

impl Output for Document {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<serde_json::Map<String, serde_json::Value>>(StatusCode::OK, &[]);
    }
}

impl<T: JsonSchema> Output for Private<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::OK, &[]);
    }
}

impl<T: JsonSchema> Output for Tagged<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::OK, &["ETag"]);
    }
}

impl<T: JsonSchema> Output for Shared<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::OK, &[]);
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::CREATED, &["ETag", "Location"]);
    }
}

impl<T: JsonSchema> Output for Download<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::OK, &["Content-Disposition"]);
    }
}

impl<T: JsonSchema> Output for Accepted<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(StatusCode::ACCEPTED, &[]);
    }
}

impl Output for NoContent {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_nothing(StatusCode::NO_CONTENT);
    }
}

impl Output for Asset {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_file(StatusCode::OK, "*/*");
    }
}

impl<T: Output> Output for Result<T> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}
