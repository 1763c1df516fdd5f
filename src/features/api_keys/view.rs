//! What a user gets to see of a key once it is made: its name, never its secret.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    security::{access::Scope, api_key::KeyId},
    types::Timestamp,
};

/// An API key, without its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ApiKey")]
pub struct ApiKeyView {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub id: Uuid,
    /// The beginning of the key, by which it is told from others. It opens nothing.
    pub key_id: KeyId,
    #[schemars(length(max = 400), example = &"Nightly backup")]
    pub name: String,
    #[schemars(length(max = 16))]
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    #[schemars(extend("examples" = ["2026-09-01T00:00:00Z"]))]
    pub expires_at: Timestamp,
    /// To the minute; null until it is used.
    #[schemars(extend("examples" = [null]))]
    pub last_used_at: Option<Timestamp>,
}

/// As the database has it. A scope that the service has since given up is left out.
pub struct Row {
    pub id: Uuid,
    pub key_id: KeyId,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl From<Row> for ApiKeyView {
    fn from(row: Row) -> Self {
        let Row { id, key_id, name, scopes, created_at, expires_at, last_used_at } = row;
        let scopes = scopes.iter().filter_map(|name| Scope::named(name)).collect();
        Self { id, key_id, name, scopes, created_at, expires_at, last_used_at }
    }
}
