//! What users get to see of a security event about themselves.
//!
//! The trail is written for administrators. Here is the part that an owner can use, and nothing that is somebody else's:
//! neither why a credential was refused, nor who the administrator is that did something, nor where they sat.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{security::client_address::ClientAddress, types::Timestamp};

/// Something that happened on your account.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Activity")]
pub struct EventView {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    id: Uuid,
    /// In the words of OWASP's logging vocabulary.
    #[schemars(length(max = 64), regex(pattern = "^[a-z_]+$"), example = &"authn_login_fail")]
    r#type: String,
    at: Timestamp,
    /// The network that it came from; null where an administrator or the service itself did it.
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f.:]+/\d{1,3}$"), extend("examples" = ["203.0.113.0/24"]))]
    address: Option<String>,
    /// An administrator did it.
    by_administrator: bool,
    details: Details,
}

/// What is known beside the kind of event. Each field stands only where it means something.
// A list of what may go out, not of what may not: a detail that somebody adds to an event stays inside until it is
// added here too.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ActivityDetails")]
struct Details {
    /// The session that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    session_id: Option<Uuid>,
    /// How many sessions were ended at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    sessions: Option<u32>,
    /// The API key that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    key: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = "^[a-z_]+$"), extend("examples" = ["editor"]))]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = "^[a-z_]+$"), extend("examples" = ["active"]))]
    status: Option<String>,
    /// What a token was mailed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = "^[a-z_]+$"), extend("examples" = ["verify_email"]))]
    purpose: Option<String>,
    /// The address was changed, or confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    /// The password was set by mail, without the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<bool>,
    /// Somebody who was signed in proved once more who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    reauthenticated: Option<bool>,
    /// All your data was handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<bool>,
}

/// As the trail has it.
pub struct Row {
    pub id: Uuid,
    pub r#type: String,
    pub at: Timestamp,
    pub client_address: Option<String>,
    pub details: Value,
}

impl EventView {
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl From<Row> for EventView {
    fn from(row: Row) -> Self {
        // `by` stands there only where it was somebody else; that can be none but an administrator.
        let by_administrator = !row.details["by"].is_null();
        let address = row.client_address.filter(|_| !by_administrator).and_then(|address| address.parse().ok());
        Self {
            id: row.id,
            r#type: row.r#type,
            at: row.at,
            // The network, as among the sessions: of a stranger who failed to sign in, too, more is nobody's business.
            address: address.map(|address| ClientAddress(address).masked().to_string()),
            by_administrator,
            details: Details::of(row.details),
        }
    }
}

impl Details {
    fn of(mut details: Value) -> Self {
        Self {
            session_id: take(&mut details, "session_id"),
            sessions: take(&mut details, "sessions"),
            key: take(&mut details, "key"),
            role: take(&mut details, "role"),
            status: take(&mut details, "status"),
            purpose: take(&mut details, "purpose"),
            email: take(&mut details, "email"),
            email_verified: take(&mut details, "email_verified"),
            reset: take(&mut details, "reset"),
            reauthenticated: take(&mut details, "reauthenticated"),
            export: take(&mut details, "export"),
        }
    }
}

/// A detail of another kind than expected, as an older version may have written it, is left out: the trail cannot be
/// mended, and must not make the list fail.
fn take<T: DeserializeOwned>(details: &mut Value, name: &str) -> Option<T> {
    serde_json::from_value(details.get_mut(name)?.take()).ok()
}
