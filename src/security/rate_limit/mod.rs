//! Threat: someone asks too often. Passwords and codes are guessed, mail is sent at our cost, one client's loop starves
//! everyone else (OWASP API4:2023 and API6:2023; ASVS 2.4.1, 6.3.1). Every route belongs to a class, every class has a
//! rule, and a rule counts by client address, by principal or by the e-mail tried, so that neither many addresses
//! against one account nor one address against many accounts is free.
//!
//! It does not cover a flood that fills the line before it reaches us, nor a botnet that stays under every rule:
//! that is what `anomaly` alarms are for. With `REDIS_URL` all replicas share their counts, but for the flood guard's:
//! that one has to cost nothing, also when somebody sends ten thousand requests a second, and its rule is no promise
//! about a number of guesses.
//!
//! Reading order: `rule` (what is allowed) → `strategies` (how it is counted) → `key` (whose count it is) →
//! `memory` (how much all of them may take) → `decision` (what the client is told) → `shared` (the same on Redis) →
//! `replicas` (which of the two decides) → `flood` (the guard before everything).

use crate::settings::Env;

mod decision;
mod flood;
mod key;
mod memory;
mod replicas;
mod rule;
#[cfg(feature = "redis")]
mod shared;
#[cfg(not(feature = "redis"))]
#[path = "unshared.rs"]
mod shared;
mod strategies;
mod tally;

pub use self::{
    decision::{Decision, nearest},
    flood::{ClientNetwork, FloodGuard},
    key::Key,
    memory::Limiter,
    replicas::{Change, Limits},
    rule::{Rule, Strategy},
    tally::Tally,
};

/// What a request is charged as. Everything that belongs to a class stands in its row of `facts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    Flood,
    Read,
    Write,
    Login,
    Register,
    Recovery,
    Token,
    Expensive,
}

/// Whose budget a request of a class is taken from, and hence where in the request it can be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargedTo {
    /// The client address, before authentication.
    Address,
    /// The client address before authentication; then the handler charges the e-mail or challenge that it reads in
    /// the body. One of the two alone would leave either a botnet or a list of accounts unchecked.
    AddressAndSubject,
    /// The principal, after authentication; on a route that is open to all, the client address.
    Principal,
    /// The session or client that the handler finds behind the token; where there is none, the client address.
    SessionOrClient,
}

struct Facts {
    name: &'static str,
    setting: &'static str,
    default: &'static str,
    charged_to: ChargedTo,
}

impl Class {
    pub const ALL: [Self; 8] = [
        Self::Flood,
        Self::Read,
        Self::Write,
        Self::Login,
        Self::Register,
        Self::Recovery,
        Self::Token,
        Self::Expensive,
    ];

    #[rustfmt::skip]
    const fn facts(self) -> Facts {
        use ChargedTo::{Address, AddressAndSubject, Principal, SessionOrClient};
        let (name, setting, default, charged_to) = match self {
            Self::Flood =>     ("flood",     "RATE_LIMIT_FLOOD",     "token-bucket 100/1s burst 200", Address),
            Self::Read =>      ("read",      "RATE_LIMIT_READ",      "token-bucket 300/1m burst 100", Principal),
            Self::Write =>     ("write",     "RATE_LIMIT_WRITE",     "sliding-window 60/1m",          Principal),
            Self::Login =>     ("login",     "RATE_LIMIT_LOGIN",     "sliding-window 10/15m",         AddressAndSubject),
            Self::Register =>  ("register",  "RATE_LIMIT_REGISTER",  "fixed-window 10/1h",            Address),
            Self::Recovery =>  ("recovery",  "RATE_LIMIT_RECOVERY",  "sliding-window 5/15m",          AddressAndSubject),
            Self::Token =>     ("token",     "RATE_LIMIT_TOKEN",     "token-bucket 30/1m",            SessionOrClient),
            Self::Expensive => ("expensive", "RATE_LIMIT_EXPENSIVE", "fixed-window 10/1h",            Principal),
        };
        Facts { name, setting, default, charged_to }
    }

    /// The policy's name in the `RateLimit` fields, in metrics and in the log.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    pub const fn charged_to(self) -> ChargedTo {
        self.facts().charged_to
    }

    /// The flood guard's engine knows one strategy alone. Better to refuse the others at the start than to count
    /// otherwise than the setting says.
    const fn admits(self, rule: &Rule) -> Result<(), &'static str> {
        match (self, rule.strategy) {
            (Self::Flood, Strategy::FixedWindow | Strategy::SlidingWindow) => Err("is a `token-bucket` for this class"),
            _ => Ok(()),
        }
    }
}

impl ChargedTo {
    /// Whether the route charges the client address before it looks at any credential.
    pub const fn before_authentication(self) -> bool {
        matches!(self, Self::Address | Self::AddressAndSubject)
    }
}

/// One rule a class.
#[derive(Clone)]
pub struct Settings {
    rules: [Rule; Class::ALL.len()],
    /// Where all replicas count together; unset, each counts for itself.
    redis: Option<shared::Settings>,
    /// Also send the `RateLimit` fields of the IETF draft; off by default, since a draft may still change its meaning.
    pub ietf_headers: bool,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let rules = Class::ALL.map(|class| {
            let Facts { setting, default, .. } = class.facts();
            env.read(setting, default, |text| {
                let rule = Rule::parse(text)?;
                class.admits(&rule).map(|()| rule)
            })
        });
        Self { rules, redis: shared::Settings::read(env), ietf_headers: env.switch("RATE_LIMIT_IETF_HEADERS", false) }
    }

    pub const fn rule(&self, class: Class) -> &Rule {
        &self.rules[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut env =
            Env::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>());
        let settings = Settings::read(&mut env);
        (settings, env.mistakes())
    }

    #[test]
    fn every_class_has_its_own_rule_and_the_promised_default() {
        let (settings, mistakes) = read(&[("RATE_LIMIT_LOGIN", "fixed-window 3/10s")]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        for class in Class::ALL {
            let expected = if class == Class::Login { "fixed-window 3/10s" } else { class.facts().default };
            assert_eq!(*settings.rule(class), Rule::parse(expected).unwrap(), "{class:?}");
            assert_eq!(class.facts().setting, format!("RATE_LIMIT_{}", class.name().to_uppercase()));
        }
    }

    #[test]
    fn nonsense_is_refused_by_the_settings_name_and_never_by_value() {
        let (_, mistakes) = read(&[("RATE_LIMIT_READ", "leaky-secret 1/1s"), ("RATE_LIMIT_IETF_HEADERS", "secret")]);
        assert_eq!(mistakes.len(), 2);
        assert!(mistakes[0].starts_with("RATE_LIMIT_READ is"), "{mistakes:?}");
        assert!(!mistakes.concat().contains("secret"), "{mistakes:?}");
    }

    #[test]
    fn the_flood_guard_takes_no_strategy_that_its_engine_cannot_keep() {
        let (_, mistakes) = read(&[("RATE_LIMIT_FLOOD", "fixed-window 100/1s")]);
        assert_eq!(mistakes, ["RATE_LIMIT_FLOOD is a `token-bucket` for this class"]);
    }
}
