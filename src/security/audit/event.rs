//! What there is to tell of each event. Nothing that a client sent stands in it: constants, ids of ours and counts.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Kind;

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    LoginSuccess,
    LoginFail {
        reason: &'static str,
    },
    /// An e-mail's budget of attempts is spent; other devices of its owner have theirs.
    LoginLock,
    TokenCreated,
    TokenReuse {
        session_id: Uuid,
    },
    TokenRevoked {
        session_id: Uuid,
    },
    /// Many sessions of a user at once.
    SessionsRevoked {
        count: u64,
    },
    KeyCreated {
        key: Uuid,
    },
    KeyRevoked {
        key: Uuid,
    },
    AccessRefused {
        route: &'static str,
        code: &'static str,
    },
    RoleChanged {
        to: &'static str,
    },
    UserCreated,
    UserUpdated,
    StatusChanged {
        to: &'static str,
    },
    UserDeleted,
    /// Somebody registered an address that has an account.
    AddressTaken,
    EmailVerified,
    VerificationRequested,
    /// By somebody who knew the old one.
    PasswordChanged,
    ResetRequested,
    /// By somebody who holds the mailbox.
    PasswordReset,
    EmailChangeRequested,
    EmailChanged,
    /// A signed-in user proved again who they are.
    Reauthenticated,
    MfaEnabled,
    MfaDisabled,
    MfaSuccess,
    MfaFail {
        reason: &'static str,
    },
    RecoveryCodeUsed,
    RecoveryCodesReplaced,
    /// All that is held about a user was handed out to them.
    DataExported,
    RateLimitExceeded {
        class: &'static str,
    },
    InputRefused {
        route: &'static str,
        code: &'static str,
    },
    /// Fields that no schema has: how mass assignment is tried.
    UnknownFields {
        route: &'static str,
    },
    /// A stranger's page asked in a browser.
    ForeignOrigin {
        route: &'static str,
    },
    /// A client that calls itself by the name of a scanner.
    AttackTool {
        tool: &'static str,
    },
    /// Many more requests than usual, `of` one address, one principal or the whole service.
    TrafficSpike {
        of: &'static str,
        requests: u32,
        usual: u32,
    },
    EndpointScan {
        refused: u32,
    },
    CredentialStuffing {
        accounts: u32,
    },
    PasswordSpraying {
        networks: u32,
    },
    /// A role was changed when nobody should be at work.
    PrivilegeChange {
        role: &'static str,
    },
    /// Redis is lost: each replica counts for itself.
    SharedLimitsLost,
    SharedLimitsBack,
    /// More events than could be written: so many stand in the log alone.
    EventsSampled {
        count: u64,
    },
    Startup,
    Shutdown,
}

impl Event {
    /// The event's kind, and whatever else is worth knowing.
    pub(super) fn told(self) -> (Kind, Value) {
        match self {
            Self::LoginSuccess => (Kind::LoginSuccess, json!({})),
            Self::LoginFail { reason } => (Kind::LoginFail, json!({ "reason": reason })),
            Self::LoginLock => (Kind::LoginLock, json!({})),
            Self::TokenCreated => (Kind::TokenCreated, json!({})),
            Self::TokenReuse { session_id } => (Kind::TokenReuse, json!({ "session_id": session_id })),
            Self::TokenRevoked { session_id } => (Kind::TokenRevoked, json!({ "session_id": session_id })),
            Self::SessionsRevoked { count } => (Kind::TokenRevoked, json!({ "sessions": count })),
            Self::KeyCreated { key } => (Kind::KeyCreated, json!({ "key": key })),
            Self::KeyRevoked { key } => (Kind::KeyRevoked, json!({ "key": key })),
            Self::AccessRefused { route, code } => (Kind::AccessRefused, json!({ "route": route, "code": code })),
            Self::RoleChanged { to } => (Kind::RoleChanged, json!({ "role": to })),
            Self::UserCreated => (Kind::UserCreated, json!({})),
            Self::UserUpdated => (Kind::UserUpdated, json!({})),
            Self::StatusChanged { to } => (Kind::UserUpdated, json!({ "status": to })),
            Self::UserDeleted => (Kind::UserDeleted, json!({})),
            Self::AddressTaken => (Kind::InputRefused, json!({ "reason": "address taken" })),
            Self::EmailVerified => (Kind::UserUpdated, json!({ "email_verified": true })),
            Self::VerificationRequested => (Kind::TokenCreated, json!({ "purpose": "verify_email" })),
            Self::PasswordChanged => (Kind::PasswordChange, json!({})),
            Self::ResetRequested => (Kind::TokenCreated, json!({ "purpose": "reset_password" })),
            Self::PasswordReset => (Kind::PasswordChange, json!({ "reset": true })),
            Self::EmailChangeRequested => (Kind::TokenCreated, json!({ "purpose": "change_email" })),
            Self::EmailChanged => (Kind::UserUpdated, json!({ "email": true })),
            Self::Reauthenticated => (Kind::LoginSuccess, json!({ "reauthenticated": true })),
            Self::MfaEnabled => (Kind::MfaEnabled, json!({})),
            Self::MfaDisabled => (Kind::MfaDisabled, json!({})),
            Self::MfaSuccess => (Kind::MfaSuccess, json!({})),
            Self::MfaFail { reason } => (Kind::MfaFail, json!({ "reason": reason })),
            Self::RecoveryCodeUsed => (Kind::RecoveryCodeUsed, json!({})),
            Self::RecoveryCodesReplaced => (Kind::RecoveryCodesReplaced, json!({})),
            Self::DataExported => (Kind::SensitiveRead, json!({ "export": true })),
            Self::RateLimitExceeded { class } => (Kind::RateLimitExceeded, json!({ "class": class })),
            Self::InputRefused { route, code } => (Kind::InputRefused, json!({ "route": route, "code": code })),
            Self::UnknownFields { route } => (Kind::UnknownFields, json!({ "route": route })),
            Self::ForeignOrigin { route } => (Kind::ForeignOrigin, json!({ "route": route })),
            Self::AttackTool { tool } => (Kind::AttackTool, json!({ "tool": tool })),
            Self::TrafficSpike { of, requests, usual } => {
                (Kind::TrafficSpike, json!({ "of": of, "requests": requests, "usual": usual }))
            }
            Self::EndpointScan { refused } => (Kind::EndpointScan, json!({ "refused": refused })),
            Self::CredentialStuffing { accounts } => (Kind::CredentialStuffing, json!({ "accounts": accounts })),
            Self::PasswordSpraying { networks } => (Kind::PasswordSpraying, json!({ "networks": networks })),
            Self::PrivilegeChange { role } => (Kind::PrivilegeChange, json!({ "role": role })),
            Self::SharedLimitsLost => (Kind::MonitorDisabled, json!({ "monitor": "shared rate limits" })),
            Self::SharedLimitsBack => (Kind::MonitorEnabled, json!({ "monitor": "shared rate limits" })),
            Self::EventsSampled { count } => {
                (Kind::MonitorDisabled, json!({ "monitor": "security events", "count": count }))
            }
            Self::Startup => (Kind::Startup, json!({})),
            Self::Shutdown => (Kind::Shutdown, json!({})),
        }
    }
}
