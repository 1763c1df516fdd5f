//! Threat: a client that writes its own cursors. A position that a client may choose is one more input, with types and
//! columns of its own, and sooner or later somebody puts it into a query as it came; and a cursor that works with other
//! filters than those it was made for answers questions that nobody asked (OWASP API1, API8; CWE-565; ASVS 2.2.2). Here
//! a cursor is a position with an HMAC (RFC 2104) over the position and over the list it belongs to: which route, whose,
//! with which filters. Any other is refused.
//!
//! It does not cover which rows a caller may see: that is the `where` clause's work, with any cursor. So the key may lie
//! in the database, where all replicas and all restarts find the same one: whoever reads it there can forge cursors into
//! rows that lie beside it. A key in the settings would be one more secret to hand out and to rotate, for nothing.

use std::sync::LazyLock;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use regex::Regex;
use uuid::Uuid;

use crate::security::secret::Secret;

/// 16 bytes of position and 32 of HMAC. Their number divides by three, so no two spellings mean the same bytes.
pub static CURSOR: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[A-Za-z0-9_-]{64}$").expect("the tests compile it"));

/// Makes cursors, and knows its own again.
#[derive(Clone)]
pub struct CursorKey(Key);

impl CursorKey {
    /// `secret` is the same for all replicas, and outlives a restart (`database::service_key`).
    pub fn new(secret: &Secret<Vec<u8>>) -> Self {
        Self(Key::new(HMAC_SHA256, secret.expose()))
    }

    /// The cursor that goes on after this position. `list` is whatever tells one list from another.
    pub fn seal(&self, list: &[u8], position: Uuid) -> String {
        let tag = hmac::sign(&self.0, &signed(list, position));
        URL_SAFE_NO_PAD.encode([position.as_bytes(), tag.as_ref()].concat())
    }

    /// The position, if this key made the cursor for this list.
    pub fn open(&self, list: &[u8], cursor: &str) -> Option<Uuid> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, tag) = bytes.split_at_checked(16)?;
        let position = Uuid::from_slice(position).ok()?;
        // In constant time: a comparison that stops early would tell a forger how far he has come.
        hmac::verify(&self.0, &signed(list, position), tag).ok().map(|()| position)
    }
}

/// The position has one length and comes first, so no other pair of list and position reads the same.
fn signed(list: &[u8], position: Uuid) -> Vec<u8> {
    [position.as_bytes(), list].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = br#"["/v1/things",{"role":"user"}]"#;
    const POSITION: Uuid = Uuid::from_u128(7);

    fn key(byte: u8) -> CursorKey {
        CursorKey(Key::new(HMAC_SHA256, &[byte; 32]))
    }

    #[test]
    fn a_cursor_leads_back_to_its_position_and_has_the_published_form() {
        let cursor = key(1).seal(LIST, POSITION);
        assert!(CURSOR.is_match(&cursor), "{cursor}");
        assert_eq!(key(1).open(LIST, &cursor), Some(POSITION));
    }

    #[test]
    fn a_cursor_of_another_list_or_of_another_key_leads_nowhere() {
        let cursor = key(1).seal(LIST, POSITION);
        assert_eq!(key(2).open(LIST, &cursor), None);
        for other in [&b""[..], br#"["/v1/things",{"role":"admin"}]"#, &LIST[1..], &LIST[..LIST.len() - 1]] {
            assert_eq!(key(1).open(other, &cursor), None, "{other:?}");
        }
    }

    #[test]
    fn a_cursor_that_was_touched_in_any_character_leads_nowhere() {
        let cursor = key(1).seal(LIST, POSITION);
        for place in 0..cursor.len() {
            let mut touched = cursor.clone().into_bytes();
            touched[place] = if touched[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(key(1).open(LIST, std::str::from_utf8(&touched).unwrap()), None, "character {place}");
            assert_eq!(key(1).open(LIST, &cursor[..place]), None, "cut at {place}");
        }
        assert_eq!(key(1).open(LIST, &URL_SAFE_NO_PAD.encode(POSITION.as_bytes())), None, "a position alone");
    }
}
