//! Has this target what a case wants? If not, the reason stands in the report.

use crate::{case::Need, forge::Jwt, target::Target};

impl Need {
    /// Why the case is skipped; nothing if the target has it.
    pub(crate) fn missing(self, target: &Target) -> Option<String> {
        let accounts = target.makes_accounts();
        let signs_in = target.operation("POST", "/v1/auth/login").is_some();
        let user = accounts || (signs_in && target.credentials.user.is_some());
        let (held, reason) = match self {
            Self::Operation(method, path) => (target.operation(method, path).is_some(), no_operation(method, path)),
            Self::Document => (target.document.is_some(), say("it publishes no OpenAPI document")),
            Self::Door => (door(target).is_some() || user, say(NO_DOOR)),
            Self::JwtDoor => (is_jwt(target) || user, say("no JWT to start from; give --token and --protected")),
            Self::SigningKey => {
                (!target.keys.is_empty(), say("its signing key is not known; give --keys-dir or --jwt-secret"))
            }
            Self::User => (user, say("nobody to sign in as; give --credentials")),
            Self::TwoUsers => (accounts, say("no second account: no registration whose mail can be read")),
            Self::FreshUser => (accounts, say("no new account: no registration whose mail can be read")),
            Self::Editor => (signs_in && target.credentials.editor.is_some(), say("no editor to sign in as")),
            Self::Admin => (signs_in && target.credentials.admin.is_some(), say("no administrator to sign in as")),
            Self::Tls => (target.base.tls, say("it is reached without TLS")),
            Self::PlainHttp => (!target.base.tls, say("it is reached over TLS")),
            Self::Addresses => (target.base.has_many_addresses(), say("we have one address alone to call it from")),
        };
        (!held).then_some(reason)
    }
}

const NO_DOOR: &str = "nothing that a token opens is known; give --token and --protected";

fn say(text: &str) -> String {
    text.to_owned()
}

fn no_operation(method: &str, path: &str) -> String {
    format!("its OpenAPI document has no {method} {path}")
}

fn door(target: &Target) -> Option<(&str, &str)> {
    Some((target.protected.as_deref()?, target.token.as_deref()?))
}

fn is_jwt(target: &Target) -> bool {
    door(target).is_some_and(|(_, token)| Jwt::read(token).is_some())
}
