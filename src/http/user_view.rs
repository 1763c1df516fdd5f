//! What anyone gets to see of a user: these fields and no others. No row is ever serialised (OWASP API3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    security::access::Role,
    types::{Email, Timestamp},
};

/// A user.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "User")]
pub struct UserView {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub id: Uuid,
    #[schemars(length(max = 254))]
    pub email: Email,
    #[schemars(length(max = 400), example = &"Ada Lovelace")]
    pub name: String,
    pub role: Role,
    pub status: Status,
    pub email_verified: bool,
    pub mfa_enabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    Active,
    Suspended,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}
