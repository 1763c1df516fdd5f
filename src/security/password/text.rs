//! A password as it arrives: one that is being chosen, and one that is being tried. Two types, for only the first is
//! judged: an old password that no longer meets the rules must still open its account.

use std::{borrow::Cow, fmt, ops::RangeInclusive, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use unicode_normalization::UnicodeNormalization;
use validator::{Validate, ValidationError, ValidationErrors};

use crate::security::secret::Secret;

/// Counted in code points, as NIST SP 800-63B-4 counts them.
const CHOSEN_LENGTH: RangeInclusive<usize> = 15..=128;
/// Wider than what can be chosen, so that the answer to a long try is "wrong" and no rule of ours; and yet a bound.
const TRIED_LENGTH: RangeInclusive<usize> = 1..=512;

/// A password that someone wants to have.
pub struct NewPassword(Text);

/// A password that someone says is theirs.
pub struct Password(Text);

/// NFKC makes one password of the ways in which keyboards write it: an é as one character or two, full-width digits.
struct Text {
    /// Shared with the thread that hashes it: a password is never copied.
    normalised: Arc<Secret<String>>,
    /// Kept, for the published limits speak of what was sent: minLength and maxLength know nothing of NFKC.
    raw_length: usize,
}

impl Text {
    fn new(raw: &Secret<String>) -> Self {
        let raw = raw.expose();
        // A string that grows leaves its former bytes behind, unwiped. NFKC lengthens a character elevenfold at most
        // (U+FDFA), so this one never grows.
        let mut normalised = String::with_capacity(raw.len() * 11);
        normalised.extend(raw.nfkc());
        Self { normalised: Arc::new(Secret::new(normalised)), raw_length: raw.chars().count() }
    }

    /// Before and after: what is typed must have the length, and what is hashed must be as hard to guess.
    fn is_within(&self, length: &RangeInclusive<usize>) -> bool {
        length.contains(&self.raw_length) && length.contains(&self.normalised.expose().chars().count())
    }
}

impl NewPassword {
    /// Unjudged: `validate` and `check` judge it, so that a request learns of everything at once.
    pub fn new(raw: &Secret<String>) -> Self {
        Self(Text::new(raw))
    }

    pub(super) fn text(&self) -> &Arc<Secret<String>> {
        &self.0.normalised
    }

    /// Whether it is the one that somebody has just proved to be theirs.
    pub fn is(&self, other: &Password) -> bool {
        self.text().expose() == other.text().expose()
    }

    pub(super) fn has_length(&self) -> bool {
        self.0.is_within(&CHOSEN_LENGTH)
    }
}

impl Password {
    pub fn new(raw: &Secret<String>) -> Self {
        Self(Text::new(raw))
    }

    pub(super) fn text(&self) -> &Arc<Secret<String>> {
        &self.0.normalised
    }
}

impl Validate for NewPassword {
    fn validate(&self) -> Result<(), ValidationErrors> {
        if self.has_length() { Ok(()) } else { Err(wrong_length("has 15 to 128 characters")) }
    }
}

impl Validate for Password {
    fn validate(&self) -> Result<(), ValidationErrors> {
        // After NFKC a try may be as long as it likes: it was bounded when it came in, and it is hashed, not stored.
        let admitted = TRIED_LENGTH.contains(&self.0.raw_length);
        if admitted { Ok(()) } else { Err(wrong_length("has 1 to 512 characters")) }
    }
}

/// The derived form would put the refused value into the error. The empty name says that the error is the field's own.
fn wrong_length(rule: &'static str) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    errors.add("", ValidationError::new("length").with_message(Cow::Borrowed(rule)));
    errors
}

// Both arrive in the same way and differ in their length alone. Written by hand and not derived, for serde, schemars and
// `validator` each want to see a plain `String`, and one of them would print it.
macro_rules! arrives_as_json {
    ($type:ident, $name:literal, $length:ident) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Secret::deserialize(deserializer).map(|raw| Self::new(&raw))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "format": "password",
                    "writeOnly": true,
                    "minLength": $length.start(),
                    "maxLength": $length.end(),
                    "pattern": r"^[^\x00]*$",
                    "examples": ["seven wooden bridges over a moat"],
                })
            }
            fn inline_schema() -> bool {
                true
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($name) // not even its length
            }
        }
    };
}

arrives_as_json!(NewPassword, "NewPassword", CHOSEN_LENGTH);
arrives_as_json!(Password, "Password", TRIED_LENGTH);

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> NewPassword {
        NewPassword::new(&Secret::new(text.to_owned()))
    }

    #[test]
    fn fifteen_to_128_characters_may_be_chosen_whatever_their_bytes() {
        for (count, admitted) in [(14, false), (15, true), (128, true), (129, false)] {
            assert_eq!(chosen(&"x".repeat(count)).validate().is_ok(), admitted, "{count} ASCII");
            assert_eq!(chosen(&"🦀".repeat(count)).validate().is_ok(), admitted, "{count} of four bytes each");
        }
    }

    #[test]
    fn the_length_holds_before_and_after_normalisation() {
        assert!(chosen(&"e\u{301}".repeat(8)).validate().is_err(), "16 code points that are 8 characters");
        assert!(chosen(&"\u{FDFA}".repeat(15)).validate().is_err(), "15 code points that become 270");
        assert!(chosen("ﬁne as it seems").validate().is_ok(), "15 code points that become 16");
        assert!(chosen("ﬁne as it seem").validate().is_err(), "14 code points that become 15");
    }

    #[test]
    fn a_try_may_be_short_but_not_endless() {
        for (count, admitted) in [(0, false), (1, true), (512, true), (513, false)] {
            let tried = Password::new(&Secret::new("x".repeat(count)));
            assert_eq!(tried.validate().is_ok(), admitted, "{count}");
        }
    }

    #[test]
    fn debug_and_errors_hold_nothing_of_a_password() {
        let password = chosen("hunter2hunter2");
        let error = password.validate().unwrap_err();
        for shown in [format!("{password:?}"), format!("{error:?}"), format!("{error}")] {
            assert!(!shown.contains("hunter2") && !shown.contains("14"), "{shown}");
        }
    }

    #[test]
    fn normalising_never_outgrows_the_memory_set_aside_for_it() {
        // Every character there is: a longer expansion in some later Unicode would leave a password's bytes behind.
        let longest = ('\0'..=char::MAX).map(|c| c.nfkc().map(char::len_utf8).sum::<usize>().div_ceil(c.len_utf8()));
        assert_eq!(longest.max(), Some(11));
        let longest = "\u{FDFA}".repeat(128);
        assert_eq!(chosen(&longest).text().expose().capacity(), longest.len() * 11);
    }
}
