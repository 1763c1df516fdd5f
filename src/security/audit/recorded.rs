//! An event as it stands on the trail, whole: these fields are the contract's, in the list, in the stream and in what is
//! posted as an alarm alike.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::types::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "SecurityEvent")]
pub struct Recorded {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub id: Uuid,
    /// In the words of OWASP's logging vocabulary.
    // A text and not one of today's kinds: the trail keeps events whose kind the service no longer has.
    #[schemars(length(max = 64), regex(pattern = "^[a-z_]+$"), example = &"authn_login_fail")]
    pub r#type: String,
    pub at: Timestamp,
    /// The account that it is about.
    #[schemars(length(max = 36), extend("examples" = ["018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5c"]))]
    pub user_id: Option<Uuid>,
    #[schemars(length(max = 45), regex(pattern = "^[0-9a-f.:]+$"), extend("examples" = ["203.0.113.7"]))]
    pub client_address: Option<String>,
    /// Of the request's line in the log.
    #[schemars(length(max = 36), extend("examples" = ["018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5d"]))]
    pub request_id: Option<Uuid>,
    /// What the client was given, where it was refused.
    #[schemars(
        length(max = 24),
        regex(pattern = "^err-\\d{4}-\\d{2}-[0-9a-z]{12}$"),
        extend("examples" = ["err-2026-03-7k2m9x4q1b8d"])
    )]
    pub reference: Option<String>,
    /// What is known beside: constants, ids of ours and counts.
    #[schemars(schema_with = "details")]
    pub details: Value,
}

fn details(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": ["string", "integer", "boolean", "null"],
            "format": "int64",
            "minimum": 0,
            "maximum": i64::MAX,
            "maxLength": 200,
            "pattern": "^[^\\x00-\\x1f]*$",
        },
        "examples": [{ "reason": "wrong password" }],
    })
}
