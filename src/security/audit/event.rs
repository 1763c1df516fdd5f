//! Every security event there is, by the names of OWASP's Logging Vocabulary.

use serde_json::json;
use uuid::Uuid;

/// What happened. The names are OWASP's.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    LoginSuccess,
    LoginFail {
        reason: &'static str,
    },
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
    /// Redis is lost: each replica counts for itself.
    SharedLimitsLost,
    SharedLimitsBack,
    Startup,
    Shutdown,
}

impl Event {
    /// The event's name and whatever else is worth knowing. Nothing a client sent stands in it.
    pub(super) fn told(self) -> (&'static str, serde_json::Value) {
        match self {
            Self::LoginSuccess => ("authn_login_success", json!({})),
            Self::LoginFail { reason } => ("authn_login_fail", json!({ "reason": reason })),
            Self::TokenCreated => ("authn_token_created", json!({})),
            Self::TokenReuse { session_id } => ("authn_token_reuse", json!({ "session_id": session_id })),
            Self::TokenRevoked { session_id } => ("authn_token_revoked", json!({ "session_id": session_id })),
            Self::SessionsRevoked { count } => ("authn_token_revoked", json!({ "sessions": count })),
            Self::KeyCreated { key } => ("authn_key_created", json!({ "key": key })),
            Self::KeyRevoked { key } => ("authn_key_revoked", json!({ "key": key })),
            Self::AccessRefused { route, code } => ("authz_fail", json!({ "route": route, "code": code })),
            Self::RoleChanged { to } => ("authz_change", json!({ "role": to })),
            Self::UserCreated => ("user_created", json!({})),
            Self::UserUpdated => ("user_updated", json!({})),
            Self::StatusChanged { to } => ("user_updated", json!({ "status": to })),
            Self::UserDeleted => ("user_deleted", json!({})),
            Self::AddressTaken => ("input_validation_fail", json!({ "reason": "address taken" })),
            Self::VerificationRequested => ("authn_token_created", json!({ "purpose": "verify_email" })),
            Self::PasswordChanged => ("authn_password_change", json!({})),
            Self::ResetRequested => ("authn_token_created", json!({ "purpose": "reset_password" })),
            Self::PasswordReset => ("authn_password_change", json!({ "reset": true })),
            Self::EmailChangeRequested => ("authn_token_created", json!({ "purpose": "change_email" })),
            Self::EmailChanged => ("user_updated", json!({ "email": true })),
            Self::Reauthenticated => ("authn_login_success", json!({ "reauthenticated": true })),
            Self::MfaEnabled => ("authn_mfa_enabled", json!({})),
            Self::MfaDisabled => ("authn_mfa_disabled", json!({})),
            Self::MfaSuccess => ("authn_mfa_success", json!({})),
            Self::MfaFail { reason } => ("authn_mfa_fail", json!({ "reason": reason })),
            Self::RecoveryCodeUsed => ("authn_mfa_recovery_code_used", json!({})),
            Self::RecoveryCodesReplaced => ("authn_mfa_recovery_codes_replaced", json!({})),
            Self::EmailVerified => ("user_updated", json!({ "email_verified": true })),
            Self::DataExported => ("sensitive_read", json!({ "export": true })),
            Self::RateLimitExceeded { class } => ("excess_rate_limit_exceeded", json!({ "class": class })),
            Self::InputRefused { route, code } => ("input_validation_fail", json!({ "route": route, "code": code })),
            Self::SharedLimitsLost => ("sys_monitor_disabled", json!({ "monitor": "shared rate limits" })),
            Self::SharedLimitsBack => ("sys_monitor_enabled", json!({ "monitor": "shared rate limits" })),
            Self::Startup => ("sys_startup", json!({})),
            Self::Shutdown => ("sys_shutdown", json!({})),
        }
    }
}
