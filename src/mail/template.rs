//! What the mails say.

use time::{Duration, format_description::BorrowedFormatItem, macros::format_description};

use crate::types::Timestamp;

/// Every mail there is: an enum that carries what belongs to each, so that nothing is mapped by hand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    // With a token.
    VerifyEmail,
    Invitation,
    ResetPassword,
    ConfirmEmail,
    // Notices: what was done to the account, when and from where.
    AlreadyRegistered,
    NewDevice,
    PasswordChanged,
    EmailChangeRequested,
    EmailChanged,
    MfaEnabled,
    MfaDisabled,
    RecoveryCodesReplaced,
    RecoveryCodeUsed,
    ApiKeyCreated,
}

/// The single-use token in a mail: what it is for, and how long it lives.
pub(super) struct Ticket {
    pub(super) purpose: &'static str,
    pub(super) life: Duration,
}

/// What a mail is filled in with.
pub(super) struct Filling<'a> {
    pub(super) service: &'a str,
    /// Empty in mails that bear none.
    pub(super) token: &'a str,
    pub(super) at: Timestamp,
    pub(super) client_network: Option<&'a str>,
}

const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

impl Template {
    pub(super) const ALL: [Self; 14] = [
        Self::VerifyEmail,
        Self::Invitation,
        Self::ResetPassword,
        Self::ConfirmEmail,
        Self::AlreadyRegistered,
        Self::NewDevice,
        Self::PasswordChanged,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::MfaEnabled,
        Self::MfaDisabled,
        Self::RecoveryCodesReplaced,
        Self::RecoveryCodeUsed,
        Self::ApiKeyCreated,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::Invitation => "invitation",
            Self::ResetPassword => "reset_password",
            Self::ConfirmEmail => "confirm_email",
            Self::AlreadyRegistered => "already_registered",
            Self::NewDevice => "new_device",
            Self::PasswordChanged => "password_changed",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::MfaEnabled => "mfa_enabled",
            Self::MfaDisabled => "mfa_disabled",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::ApiKeyCreated => "api_key_created",
        }
    }

    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::VerifyEmail => "Confirm your e-mail address",
            Self::Invitation => "An account was made for you",
            Self::ResetPassword => "Choose a new password",
            Self::ConfirmEmail => "Confirm your new e-mail address",
            Self::AlreadyRegistered => "You already have an account",
            Self::NewDevice => "A new device signed in to your account",
            Self::PasswordChanged => "Your password was changed",
            Self::EmailChangeRequested => "Your e-mail address is about to change",
            Self::EmailChanged => "Your e-mail address was changed",
            Self::MfaEnabled => "Two-factor authentication was turned on",
            Self::MfaDisabled => "Two-factor authentication was turned off",
            Self::RecoveryCodesReplaced => "Your recovery codes were replaced",
            Self::RecoveryCodeUsed => "A recovery code was used",
            Self::ApiKeyCreated => "An API key was created",
        }
    }

    pub(super) const fn ticket(self) -> Option<Ticket> {
        match self {
            Self::VerifyEmail => Some(Ticket { purpose: "verify_email", life: Duration::hours(24) }),
            Self::Invitation => Some(Ticket { purpose: "set_password", life: Duration::days(7) }),
            Self::ResetPassword => Some(Ticket { purpose: "reset_password", life: Duration::minutes(30) }),
            Self::ConfirmEmail => Some(Ticket { purpose: "change_email", life: Duration::hours(1) }),
            _ => None,
        }
    }

    /// ASCII and short lines, so that no mail program wraps or encodes a token; nothing a stranger typed is repeated, so
    /// that nobody can make us send their words (ASVS 1.3.11).
    pub(super) fn text(self, filling: &Filling<'_>) -> String {
        let Filling { service, token, .. } = filling;
        match self {
            Self::VerifyEmail => format!(
                "Somebody, probably you, registered this address at\n{service}\n\n\
                 To confirm that it is yours, enter this token within 24 hours:\n\n{token}\n\n\
                 If it was not you, do nothing: without the token the account stays closed.\n"
            ),
            Self::Invitation => format!(
                "An administrator made an account for this address at\n{service}\n\n\
                 To choose your password, enter this token within 7 days:\n\n{token}\n\n\
                 If you do not want the account, do nothing: without a password\n\
                 nobody can sign in to it.\n"
            ),
            Self::ResetPassword => format!(
                "Somebody, probably you, forgot the password of this address at\n{service}\n\n\
                 To choose a new one, enter this token within 30 minutes:\n\n{token}\n\n\
                 If it was not you, do nothing: the old password still works.\n\
                 Give the token to nobody.\n"
            ),
            Self::ConfirmEmail => format!(
                "This is to be the new address of an account at\n{service}\n\n\
                 To confirm it, enter this token within an hour, signed in to that account:\n\n{token}\n\n\
                 If it is not your account, do nothing. Give the token to nobody.\n"
            ),
            Self::AlreadyRegistered => format!(
                "Somebody, probably you, tried to use this address for an account at\n{service}\n\n\
                 There is one with it already, and nothing was changed.\n\
                 If you forgot the password, ask for a new one there.\n\
                 If it was not you, do nothing.\n"
            ),
            notice => notice.notice(filling),
        }
    }

    /// What happened, when and from where, and what to do if it was somebody else (ASVS 6.3.7).
    fn notice(self, filling: &Filling<'_>) -> String {
        let Filling { service, at, client_network, .. } = filling;
        let subject = self.subject();
        let when = at.0.format(MINUTE).unwrap_or_default();
        let from = client_network.unwrap_or("unknown");
        let advice = match self {
            Self::EmailChangeRequested | Self::EmailChanged => {
                "sign in with your password if you can, change it,\n\
                 and look at your sessions; otherwise tell the people who run the service."
            }
            // A new password ends no key.
            Self::ApiKeyCreated => {
                "sign in and revoke the key, which outlives a new\n\
                 password; then change the password, which ends the other sessions."
            }
            _ => {
                "ask there for a new password, which ends every\n\
                 session, and look at the activity of your account."
            }
        };
        format!(
            "{subject}, at\n{service}\n\nWhen: {when}\nFrom: {from}\n\n\
             If it was you, there is nothing to do.\nIf it was not you: {advice}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// Longer lines, and others than ASCII, are encoded on the way: whoever reads the file, and some programs that show
    /// it, would find a token torn in two.
    #[test]
    fn no_mail_has_a_line_that_must_be_wrapped_or_a_letter_that_must_be_encoded() {
        for template in Template::ALL {
            let text = template.text(&Filling {
                service: "https://a-rather-long-name.of-a-service.example.com",
                token: &format!("dbt_{}", "x".repeat(43)),
                at: Timestamp(datetime!(2026-03-01 12:00 UTC)),
                client_network: Some("2001:db8:ffff::/48"),
            });
            assert!(text.is_ascii() && template.subject().is_ascii(), "{template:?}");
            for line in text.lines() {
                assert!(line.len() <= 76, "{template:?}: {line}");
            }
        }
    }
}
