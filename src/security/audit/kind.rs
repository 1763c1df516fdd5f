//! The kinds of security event, by the names of OWASP's Logging Vocabulary, and how grave each is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Severity {
    /// What is usual.
    Info,
    /// Refused, or worth a look when there are many.
    Warning,
    /// Somebody should look now: it is posted and mailed to whoever is on duty.
    Alarm,
}

macro_rules! kinds {
    ($($kind:ident = $name:literal $severity:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(inline)]
        pub enum Kind {
            $(#[serde(rename = $name)] $kind,)*
        }

        impl Kind {
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$kind),*];

            /// As it stands in the log, the table and the metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$kind => Severity::$severity,)*
                }
            }
        }
    };
}

kinds! {
    LoginSuccess          = "authn_login_success" Info;
    LoginFail             = "authn_login_fail" Warning;
    LoginLock             = "authn_login_lock" Warning;
    TokenCreated          = "authn_token_created" Info;
    TokenReuse            = "authn_token_reuse" Alarm;
    TokenRevoked          = "authn_token_revoked" Info;
    PasswordChange        = "authn_password_change" Info;
    MfaEnabled            = "authn_mfa_enabled" Info;
    MfaDisabled           = "authn_mfa_disabled" Info;
    MfaSuccess            = "authn_mfa_success" Info;
    MfaFail               = "authn_mfa_fail" Warning;
    RecoveryCodeUsed      = "authn_mfa_recovery_code_used" Info;
    RecoveryCodesReplaced = "authn_mfa_recovery_codes_replaced" Info;
    KeyCreated            = "authn_key_created" Info;
    KeyRevoked            = "authn_key_revoked" Info;
    AccessRefused         = "authz_fail" Warning;
    RoleChanged           = "authz_change" Info;
    UserCreated           = "user_created" Info;
    UserUpdated           = "user_updated" Info;
    UserDeleted           = "user_deleted" Info;
    SensitiveRead         = "sensitive_read" Info;
    RateLimitExceeded     = "excess_rate_limit_exceeded" Warning;
    InputRefused          = "input_validation_fail" Warning;
    UnknownFields         = "malicious_extraneous" Warning;
    ForeignOrigin         = "malicious_cors" Warning;
    AttackTool            = "malicious_attack_tool" Warning;
    TrafficSpike          = "anomaly_traffic_spike" Alarm;
    EndpointScan          = "anomaly_endpoint_scan" Alarm;
    CredentialStuffing    = "anomaly_credential_stuffing" Alarm;
    PasswordSpraying      = "anomaly_password_spraying" Alarm;
    PrivilegeChange       = "anomaly_privilege_change" Alarm;
    Startup               = "sys_startup" Info;
    Shutdown              = "sys_shutdown" Info;
    MonitorDisabled       = "sys_monitor_disabled" Warning;
    MonitorEnabled        = "sys_monitor_enabled" Info;
}

impl Kind {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn is_alarm(self) -> bool {
        self.severity() == Severity::Alarm
    }
}
