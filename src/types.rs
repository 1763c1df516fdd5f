//! Words that every floor uses: time, chance, ids, an e-mail address, a page of personal data that prints masked.

use std::{fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Where the time comes from. Tests pass a clock that they move; nothing else in the crate asks the system.
pub trait Clock: Send + Sync + 'static {
    /// The present, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// Where chance comes from. A trait, so that a weak source can exist in a test and nowhere in this crate.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer from a cryptographically secure generator (ASVS 11.5.1).
    fn fill(&self, buffer: &mut [u8]);
}

/// The clock and the chance of the machine.
pub struct System;

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) {
        // It fails only where the operating system has no generator; there is no safe way on from there.
        aws_lc_rs::rand::fill(buffer).expect("the system's random generator works");
    }
}

/// Time and chance together, as state hands them out.
#[derive(Clone)]
pub struct Givens {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Givens {
    pub fn new(clock: impl Clock, entropy: impl Entropy) -> Self {
        Self { clock: Arc::new(clock), entropy: Arc::new(entropy) }
    }

    /// The present in whole microseconds: Postgres keeps no more, so a value reads back as it was written.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp(now.replace_microsecond(now.microsecond()).unwrap_or(now))
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A `UUIDv7` (RFC 9562): sorts by the time it was made, so that a list can be paged by its key.
    pub fn new_id(&self) -> Uuid {
        let millis = self.now().0.unix_timestamp_nanos() / 1_000_000;
        let millis = u64::try_from(millis).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random()).into_uuid()
    }
}

/// A point in time, UTC. In JSON: RFC 3339 with a `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(pub OffsetDateTime);

impl Timestamp {
    /// Seconds since 1970, as JWTs count them (`NumericDate`, RFC 7519 section 2).
    pub fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, life: Duration) -> Self {
        Self(self.0 + life)
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, life: Duration) -> Self {
        Self(self.0 - life)
    }
}

impl std::ops::Sub for Timestamp {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        time::serde::rfc3339::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// RFC 3339 with any offset, in UTC and whole microseconds from here on. Whatever the format `date-time` admits is
    /// read, for a schema must not promise more than its type takes: a leap second, which this calendar does not have, is
    /// the second before it, and a time that UTC counts to the year 10000 is the last moment before that.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        if text.get(16..19) == Some(":60") {
            text.replace_range(16..19, ":59");
        }
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| D::Error::custom("not an RFC 3339 time"))?;
        let time = time.checked_to_offset(UtcOffset::UTC).unwrap_or(PrimitiveDateTime::MAX.assume_utc());
        Ok(Self(time.replace_microsecond(time.microsecond()).unwrap_or(time)))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "maxLength": 40, "examples": ["2026-03-01T09:30:00Z"] })
    }
    fn inline_schema() -> bool {
        true
    }
}

/// An e-mail address, as its owner wrote it. Two that differ in case alone name one account.
///
/// It prints masked (`a***@example.com`): a log line may say which account without saying whose.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema, sqlx::Type)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "email", "examples" = ["ada@example.com"]))]
#[sqlx(transparent)]
pub struct Email(String);

impl Email {
    /// For text that a request type has already found to have an address's shape.
    pub fn trimmed(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`: no password may hold it.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }

    /// The form by which addresses are compared. The allowed shape is ASCII, so no locale has a say in it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = local.chars().take(1).collect();
        write!(f, "{first}***@{domain}")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn read(text: &str) -> serde_json::Result<Timestamp> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn every_spelling_of_a_moment_is_the_same_moment() {
        let moment = Timestamp(datetime!(2026-03-01 09:30:00.123456 UTC));
        for text in [
            "2026-03-01T09:30:00.123456Z",
            "2026-03-01t09:30:00.123456z",
            "2026-03-01T10:30:00.123456+01:00",
            "2026-02-28T23:00:00.123456789-10:30",
        ] {
            assert_eq!(read(text).unwrap(), moment, "{text}");
            assert_eq!(read(text).unwrap().to_string(), "2026-03-01T09:30:00.123456Z", "{text}");
        }
    }

    #[test]
    fn a_time_that_the_schema_admits_is_read() {
        let schema = jsonschema::options()
            .should_validate_formats(true)
            .build(schemars::schema_for!(Timestamp).as_value())
            .unwrap();
        for text in [
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2026-06-30T23:59:60Z",
            "2026-03-01T23:59:60Z",
            "2026-03-02T00:59:60.5+01:00",
            "2024-02-29T00:00:00.0000000000000001Z",
        ] {
            assert!(schema.is_valid(&text.into()), "{text}");
            assert!(read(text).is_ok(), "{text}");
        }
        for text in
            ["", "tomorrow", "2026-03-01", "2026-03-01T09:30:00", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z"]
        {
            assert!(!schema.is_valid(&text.into()), "{text}");
            assert!(read(text).is_err(), "{text}");
        }
    }
}
