//! Threat: a caller uses a function, or reaches an object, that is not theirs (OWASP API1, API5; ASVS 8.2.1, 8.3.1).
//! Every route declares one of the policies below and its handler must ask for the same one, or it does not compile
//! (`http::routes`). What is not granted here is denied: there is no policy that means "not decided yet".
//!
//! It does not cover whose row a caller may touch: that stands in each query's `where` clause, so that a stranger's
//! row is not found rather than found and refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use crate::{
    error::{Error, Problem, problems},
    types::Timestamp,
};

/// How recent a sign-in must be for what can take an account over (ASVS 7.5.1).
pub const FRESH: Duration = Duration::minutes(10);

/// What a user may do. Only the command line makes an `admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    User,
    Editor,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::User, Self::Editor, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What a session of this role may do without narrowing. Today every role has every scope; roles differ in routes.
    pub const fn scopes(self) -> &'static [Scope] {
        &Scope::ALL
    }
}

macro_rules! scopes {
    ($($name:ident = $text:literal;)*) => {
        /// A part of what a role may do, for credentials that are given away (RFC 6749 section 3.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum Scope {
            $(#[serde(rename = $text)] $name,)*
        }

        impl Scope {
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$name),*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// RFC 6750 section 3.1: the answer names the scope that was missing.
            const fn missing(self) -> Problem {
                let problem = Problem { code: "INSUFFICIENT_SCOPE", ..problems::FORBIDDEN };
                problem.with_challenge(match self {
                    $(Self::$name => concat!(r#"Bearer error="insufficient_scope", scope=""#, $text, "\""),)*
                })
            }
        }
    };
}

scopes! {
    ProfileRead = "profile:read";
    ProfileWrite = "profile:write";
    ArticlesRead = "articles:read";
    ArticlesWrite = "articles:write";
}

impl Scope {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who a good credential says is calling, as things are now, not as they were when it was issued.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user_id: Uuid,
    pub role: Role,
    pub scopes: Vec<Scope>,
    pub credential: Credential,
}

/// By what the caller was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of the user's own sign-in. `auth_time`: when the user last proved who they are.
    Session { session_id: Uuid, auth_time: Timestamp },
    /// A key that the user gave to a program. No person proved anything with it, so it is never fresh.
    ApiKey { id: Uuid },
}

/// What a route asks of its caller, as a value: for the table, the OpenAPI document, the log and the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anyone.
    Public,
    /// A user's own session.
    Session,
    /// A user's own session, signed in within [`FRESH`].
    Fresh,
    /// A session of a user who has one of these roles now.
    Role(&'static [Role]),
    /// Any credential that holds the scope.
    Scope(Scope),
}

impl Policy {
    // ANCHOR: role-allowlist
    pub fn admits(self, who: &Identity, now: Timestamp) -> Result<(), Error> {
        let signed_in = match who.credential {
            Credential::Session { auth_time, .. } => Some(auth_time),
            Credential::ApiKey { .. } => None,
        };
        if self.wants_session() && signed_in.is_none() {
            return Err(problems::FORBIDDEN.because("an API key where a session is wanted"));
        }
        match self {
            Self::Public | Self::Session => Ok(()),
            // ANCHOR: step-up
            Self::Fresh if signed_in.is_some_and(|at| now - at <= FRESH) => Ok(()),
            Self::Fresh => Err(problems::REAUTHENTICATION_REQUIRED.into()),
            // ANCHOR_END: step-up
            Self::Role(roles) if roles.contains(&who.role) => Ok(()),
            Self::Role(_) => Err(problems::FORBIDDEN.into()),
            Self::Scope(scope) if who.scopes.contains(&scope) => Ok(()),
            Self::Scope(scope) => Err(scope.missing().into()),
        }
    }
    // ANCHOR_END: role-allowlist

    // ANCHOR: api-key-scope
    /// What is given away is for routes with a scope, and for no others: a policy that is added later wants a session
    /// until someone says otherwise here.
    pub const fn wants_session(self) -> bool {
        !matches!(self, Self::Public | Self::Scope(_))
    }
    // ANCHOR_END: api-key-scope

    /// One of these; empty where any role will do.
    pub fn roles(self) -> Vec<&'static str> {
        match self {
            Self::Role(roles) => roles.iter().map(|role| role.name()).collect(),
            Self::Public | Self::Session | Self::Fresh | Self::Scope(_) => Vec::new(),
        }
    }

    /// What it can answer to a caller whom it does not admit.
    pub const fn refusal(self) -> Option<Problem> {
        match self {
            Self::Public | Self::Session => None,
            Self::Fresh => Some(problems::REAUTHENTICATION_REQUIRED),
            Self::Role(_) => Some(problems::FORBIDDEN),
            Self::Scope(scope) => Some(scope.missing()),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Session => f.write_str("session"),
            Self::Fresh => f.write_str("session, fresh"),
            Self::Role(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
                write!(f, "session, {}", names.join(" or "))
            }
            Self::Scope(scope) => write!(f, "scope {scope}"),
        }
    }
}

/// A policy as a type: what a route declares and its handler must ask for.
pub trait Access: Send + Sync + 'static {
    const POLICY: Policy;
    /// What the handler learns about its caller.
    type Who: Send + Sync + Clone;
}

macro_rules! policies {
    ($($(#[$doc:meta])* $name:ident = $policy:expr => $who:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name;
        impl Access for $name {
            const POLICY: Policy = $policy;
            type Who = $who;
        }
    )*};
}

policies! {
    /// Anyone may come in; nobody is known.
    Public = Policy::Public => ();
    /// A signed-in user. No key and no delegated token: those cannot manage credentials.
    Session = Policy::Session => Identity;
    /// A user who signed in a moment ago.
    Fresh = Policy::Fresh => Identity;
    /// An administrator's session. Not their keys nor delegated tokens: what those may do, somebody else holds.
    Admin = Policy::Role(&[Role::Admin]) => Identity;
    /// A session of somebody who looks after what others write.
    Editorial = Policy::Role(&[Role::Editor, Role::Admin]) => Identity;
    /// Any credential with `profile:read`.
    ReadProfile = Policy::Scope(Scope::ProfileRead) => Identity;
    /// Any credential with `profile:write`.
    WriteProfile = Policy::Scope(Scope::ProfileWrite) => Identity;
    /// Any credential with `articles:read`.
    ReadArticles = Policy::Scope(Scope::ArticlesRead) => Identity;
    /// Any credential with `articles:write`.
    WriteArticles = Policy::Scope(Scope::ArticlesWrite) => Identity;
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const SIGNED_IN: Timestamp = Timestamp(datetime!(2026-03-01 12:00 UTC));

    fn caller(scopes: &[Scope]) -> Identity {
        let credential = Credential::Session { session_id: Uuid::nil(), auth_time: SIGNED_IN };
        Identity { user_id: Uuid::nil(), role: Role::User, scopes: scopes.to_vec(), credential }
    }

    #[test]
    fn a_key_opens_what_its_scopes_name_and_nothing_that_wants_a_session() {
        let credential = Credential::ApiKey { id: Uuid::nil() };
        let program = Identity { role: Role::Admin, credential, ..caller(&Scope::ALL) };
        for scope in Scope::ALL {
            assert!(Policy::Scope(scope).admits(&program, SIGNED_IN).is_ok());
        }
        for policy in [Policy::Session, Policy::Fresh] {
            assert_eq!(policy.admits(&program, SIGNED_IN).unwrap_err().problem(), problems::FORBIDDEN, "{policy}");
        }
    }

    #[test]
    fn a_scope_is_written_in_json_as_it_is_called() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
    }

    #[test]
    fn a_scope_admits_only_who_holds_it_and_the_refusal_names_it() {
        let reader = caller(&[Scope::ProfileRead]);
        assert!(ReadProfile::POLICY.admits(&reader, SIGNED_IN).is_ok());
        let refused = WriteProfile::POLICY.admits(&reader, SIGNED_IN).unwrap_err().problem();
        assert_eq!(refused.code, "INSUFFICIENT_SCOPE");
        assert!(refused.challenge.unwrap().contains(r#"scope="profile:write""#));
    }

    #[test]
    fn a_role_admits_only_who_has_it_and_no_scope_makes_up_for_it() {
        for role in [Role::User, Role::Editor] {
            let refused = Admin::POLICY.admits(&Identity { role, ..caller(&Scope::ALL) }, SIGNED_IN);
            assert_eq!(refused.unwrap_err().problem(), problems::FORBIDDEN);
        }
        assert!(Admin::POLICY.admits(&Identity { role: Role::Admin, ..caller(&[]) }, SIGNED_IN).is_ok());
    }

    #[test]
    fn a_sign_in_is_fresh_for_ten_minutes_and_not_longer() {
        let user = caller(&[]);
        assert!(Fresh::POLICY.admits(&user, SIGNED_IN + FRESH).is_ok());
        let late = Fresh::POLICY.admits(&user, SIGNED_IN + FRESH + Duration::microseconds(1));
        assert_eq!(late.unwrap_err().problem(), problems::REAUTHENTICATION_REQUIRED);
    }
}
