//! OTLP 1.x in JSON (`ExportTraceServiceRequest`), with the names of OpenTelemetry's conventions for HTTP servers. As its
//! mapping wants it, ids are hexadecimal and whole numbers of 64 bits are texts.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{Settings, export::Waiting};

const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// Whose spans they are; the same in every batch.
pub(super) fn resource(settings: &Settings, production: bool) -> Value {
    let environment = if production { "production" } else { "development" };
    json!({ "attributes": [
        text("service.name", &settings.service),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("deployment.environment.name", environment),
    ] })
}

pub(super) fn batch(resource: &Value, spans: &[Waiting]) -> Vec<u8> {
    let spans: Vec<_> = spans.iter().map(span).collect();
    let scope = json!({ "scope": { "name": "drawbridge" }, "spans": spans });
    json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [scope] }] }).to_string().into_bytes()
}

fn span(Waiting { span, id, ended }: &Waiting) -> Value {
    let ended = ended.0.unix_timestamp_nanos();
    let began = ended - i128::try_from(span.took.as_nanos()).unwrap_or_default();
    let method = if span.method == "other" { "_OTHER" } else { span.method };
    let mut attributes = vec![
        text("http.request.method", method),
        json!({ "key": "http.response.status_code", "value": { "intValue": span.status.to_string() } }),
    ];
    attributes.extend(span.route.map(|route| text("http.route", route)));
    attributes.extend(span.code.map(|code| text("error.type", code)));
    // A client's mistake is no error of the server's.
    let status = if span.status >= 500 { json!({ "code": ERROR }) } else { json!({}) };
    json!({
        "traceId": span.request_id.simple().to_string(),
        "spanId": HEXLOWER.encode(id),
        "name": span.route.map_or_else(|| name(method).to_owned(), |route| format!("{} {route}", name(method))),
        "kind": SERVER,
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": attributes,
        "status": status,
    })
}

/// In a span's name the conventions want another word for a method that is none of the usual.
fn name(method: &'static str) -> &'static str {
    if method == "_OTHER" { "HTTP" } else { method }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}
