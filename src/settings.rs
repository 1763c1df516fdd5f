//! Reads settings one by one and remembers everything that is wrong with them, so that a start is refused once, with the
//! whole list, and not once per mistake. Each pillar reads its own with this; `config` collects them.

use std::{collections::BTreeMap, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD};
use time::Duration;

use crate::security::secret::Secret;

/// The variables a service was started with, and what has been found wrong with them so far.
pub struct Env {
    values: BTreeMap<String, String>,
    pub production: bool,
    asked: Vec<&'static str>,
    mistakes: Vec<String>,
}

impl Env {
    pub fn new(values: BTreeMap<String, String>) -> Self {
        let mut env = Self { values, production: false, asked: Vec::new(), mistakes: Vec::new() };
        env.production = env.read("APP_ENV", "development", |text| match text {
            "development" => Ok(false),
            "production" => Ok(true),
            _ => Err("is `development` or `production`"),
        });
        env
    }

    /// A setting with a default. What does not parse is noted, by name and never by value, and the default stands in
    /// for it until the start is refused.
    pub fn read<T>(&mut self, name: &'static str, default: &str, parse: impl Fn(&str) -> Result<T, &'static str>) -> T {
        let chosen = self.optional(name, &parse);
        chosen.unwrap_or_else(|| parse(default).expect("a default that its own rule admits"))
    }

    /// A setting that may be absent.
    pub fn optional<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, &'static str>) -> Option<T> {
        self.asked.push(name);
        let text = self.values.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(rule) => {
                self.mistakes.push(format!("{name} {rule}"));
                None
            }
        }
    }

    /// A setting whose default is good enough for development only.
    pub fn production_must_choose<T>(
        &mut self,
        name: &'static str,
        development: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> T {
        if self.production && !self.is_set(name) {
            self.refuse(name, "must be set in production");
        }
        self.read(name, development, parse)
    }

    pub fn switch(&mut self, name: &'static str, default: bool) -> bool {
        self.read(name, if default { "1" } else { "0" }, |text| match text {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err("is `1` or `0`"),
        })
    }

    pub fn secret(&mut self, name: &'static str) -> Option<Secret<String>> {
        self.optional(name, |text| Ok(Secret::new(text.to_owned())))
    }

    /// For rules that look at more than one setting.
    pub fn refuse(&mut self, name: &'static str, rule: &str) {
        self.mistakes.push(format!("{name} {rule}"));
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|text| !text.trim().is_empty())
    }

    /// Every name that was asked for: `.env.example` must list the same.
    pub fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    pub fn mistakes(self) -> Vec<String> {
        self.mistakes
    }
}

/// `10m`, `10s`, `500ms`, `30d`; within bounds.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const RULE: &str = "is a duration such as `10s`, `10m`, `12h` or `30d`";
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(RULE)?;
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().map_err(|_| RULE)?;
    let seconds_a_unit = match unit {
        "ms" => return Ok(Duration::milliseconds(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(RULE),
    };
    number.checked_mul(seconds_a_unit).map(Duration::seconds).ok_or(RULE)
}

/// A duration that must lie within bounds; `rule` says which.
pub fn duration_within(
    bounds: RangeInclusive<Duration>,
    rule: &'static str,
) -> impl Fn(&str) -> Result<Duration, &'static str> {
    move |text| duration(text).and_then(|life| if bounds.contains(&life) { Ok(life) } else { Err(rule) })
}

/// A whole number within bounds; `rule` says which.
pub fn number_within(bounds: RangeInclusive<u32>, rule: &'static str) -> impl Fn(&str) -> Result<u32, &'static str> {
    move |text| text.parse().ok().filter(|number| bounds.contains(number)).ok_or(rule)
}

/// Whether a host is this machine, so that what is said to it crosses no network.
pub fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&host)
}

/// A key, and the name by which what was made with it calls it.
pub struct NamedKey {
    pub name: String,
    pub key: Secret<Vec<u8>>,
}

/// `NAME:BASE64,…`: the first is the one to use, the others are still known. `rule` says what a good one is; `twice`, that a
/// name stands for one key.
pub fn named_keys(
    text: &str,
    is_good: impl Fn(&NamedKey) -> bool,
    rule: &'static str,
    twice: &'static str,
) -> Result<Vec<NamedKey>, &'static str> {
    let read = |entry: &str| {
        let (name, key) = entry.trim().split_once(':')?;
        let named = NamedKey { name: name.to_owned(), key: Secret::new(STANDARD.decode(key).ok()?) };
        is_good(&named).then_some(named)
    };
    let keys: Vec<_> = text.split(',').map(read).collect::<Option<_>>().ok_or(rule)?;
    let is_twice = |at: usize| keys[..at].iter().any(|other| other.name == keys[at].name);
    if (0..keys.len()).any(is_twice) { Err(twice) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_mistake_is_listed_by_name_and_none_by_value() {
        let mut env = env(&[("APP_ENV", "prod-secret"), ("A", "ten-secret"), ("B", "2-secret")]);
        assert_eq!(env.read("A", "10m", duration), Duration::minutes(10), "the default stands in");
        assert!(!env.switch("B", false));
        let mistakes = env.mistakes();
        assert_eq!(mistakes.len(), 3);
        assert!(!mistakes.concat().contains("secret"), "{mistakes:?}");
    }

    #[test]
    fn production_refuses_a_default_that_is_for_development() {
        let mut env = env(&[("APP_ENV", "production")]);
        env.production_must_choose("ISSUER", "http://localhost", |text| Ok(text.to_owned()));
        assert_eq!(env.mistakes(), ["ISSUER must be set in production"]);
    }

    #[test]
    fn durations_are_written_with_their_unit() {
        assert_eq!(duration("30d"), Ok(Duration::days(30)));
        assert_eq!(duration("500ms"), Ok(Duration::milliseconds(500)));
        for wrong in ["10", "m", "-1s", "1.5h", "10 s", "99999999999999999999s", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
