//! What the mails say.

use time::Duration;

/// Every mail there is: an enum that carries what belongs to each, so that nothing is mapped by hand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    VerifyEmail,
    AlreadyRegistered,
    Invitation,
}

/// The single-use token in a mail: what it is for, and how long it lives.
pub(super) struct Ticket {
    pub(super) purpose: &'static str,
    pub(super) life: Duration,
}

impl Template {
    pub(super) const ALL: [Self; 3] = [Self::VerifyEmail, Self::AlreadyRegistered, Self::Invitation];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AlreadyRegistered => "already_registered",
            Self::Invitation => "invitation",
        }
    }

    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::VerifyEmail => "Confirm your e-mail address",
            Self::AlreadyRegistered => "You already have an account",
            Self::Invitation => "An account was made for you",
        }
    }

    pub(super) const fn ticket(self) -> Option<Ticket> {
        match self {
            Self::VerifyEmail => Some(Ticket { purpose: "verify_email", life: Duration::hours(24) }),
            Self::AlreadyRegistered => None,
            Self::Invitation => Some(Ticket { purpose: "set_password", life: Duration::days(7) }),
        }
    }

    /// ASCII and short lines, so that no mail program wraps or encodes a token; nothing a stranger typed is repeated, so
    /// that nobody can make us send their words (ASVS 1.3.11).
    pub(super) fn text(self, service: &str, token: &str) -> String {
        match self {
            Self::VerifyEmail => format!(
                "Somebody, probably you, registered this address at\n{service}\n\n\
                 To confirm that it is yours, enter this token within 24 hours:\n\n{token}\n\n\
                 If it was not you, do nothing: without the token the account stays closed.\n"
            ),
            Self::AlreadyRegistered => format!(
                "Somebody, probably you, tried to register this address at\n{service}\n\n\
                 There is an account with it already, and nothing was changed.\n\
                 If you forgot the password, ask for a new one there.\n\
                 If it was not you, do nothing.\n"
            ),
            Self::Invitation => format!(
                "An administrator made an account for this address at\n{service}\n\n\
                 To choose your password, enter this token within 7 days:\n\n{token}\n\n\
                 If you do not want the account, do nothing: without a password nobody can sign in to it.\n"
            ),
        }
    }
}
