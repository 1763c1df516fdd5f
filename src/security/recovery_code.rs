//! Threat: the phone is lost, and with it the account; or what was meant for that day is a second, weaker door (ASVS 6.5.1
//! to 6.5.4, "lookup secrets"; NIST SP 800-63B-4 section 3.1.2). Here a recovery code is 120 bits of chance, so nobody
//! guesses it and a plain SHA-256 of it may be kept (ASVS 6.5.2 draws that line at 112 bits); it works once.
//!
//! It does not cover where people keep them. Each use is told to the owner by mail.
//!
//! Shorter codes, which are nicer to type, were set aside: below 112 bits each needs a slow hash with a salt, and a try
//! would then cost ten of them, or the codes would have to name themselves and be no shorter.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroize;

use crate::{security::secret::Secret, types::Givens};

/// So many at a time.
pub const COUNT: usize = 10;

const LENGTH: usize = 24;
const GROUP: usize = 6;

/// A code as its owner holds it: `k3x9m2-…`, four groups of six letters and digits.
pub struct RecoveryCode(Secret<String>);

/// A code as the database holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryHash([u8; 32]);

impl RecoveryCode {
    pub fn generate(givens: &Givens) -> Self {
        let chance = Secret::new(givens.random::<15>());
        let letters = Secret::new(BASE32_NOPAD.encode(chance.expose()).to_ascii_lowercase());
        let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (place, letter) in letters.expose().char_indices() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        Self(Secret::new(text))
    }

    pub fn hash(&self) -> RecoveryHash {
        RecoveryHash::presented(self.0.expose()).expect("a code of our own has a code's form")
    }

    /// For the one answer that carries it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl RecoveryHash {
    /// Of a code as somebody typed it from paper: in any case, with or without its dashes. `None`: no code of ours was ever
    /// written like this.
    pub fn presented(text: &str) -> Option<Self> {
        let mut letters = String::with_capacity(text.len());
        letters.extend(text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_lowercase()));
        let is_formed = letters.len() == LENGTH && letters.bytes().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7'));
        let hash = digest(&SHA256, letters.as_bytes());
        letters.zeroize();
        is_formed.then(|| Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes")))
    }

    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::types::System;

    fn generate() -> RecoveryCode {
        RecoveryCode::generate(&Givens::new(System, System))
    }

    #[test]
    fn a_code_is_120_bits_in_letters_that_can_be_read_out() {
        let form = Regex::new("^([a-z2-7]{6}-){3}[a-z2-7]{6}$").unwrap();
        for _ in 0..100 {
            assert!(form.is_match(generate().expose()), "{}", generate().expose());
        }
        let letters = generate().expose().replace('-', "").to_uppercase();
        assert_eq!(BASE32_NOPAD.decode(letters.as_bytes()).unwrap().len() * 8, 120);
        assert_ne!(generate().expose(), generate().expose());
    }

    #[test]
    fn every_way_of_typing_it_is_the_same_code() {
        let code = generate();
        let text = code.expose();
        for typed in [text.to_uppercase(), text.replace('-', ""), text.replace('-', " "), format!(" {text} ")] {
            assert!(RecoveryHash::presented(&typed) == Some(code.hash()), "{typed}");
        }
    }

    #[test]
    fn another_letter_is_another_code_and_another_form_is_none() {
        let code = generate();
        let text = code.expose();
        for place in (0..text.len()).filter(|place| text.as_bytes()[*place] != b'-') {
            let other = if text.as_bytes()[place] == b'a' { "b" } else { "a" };
            let mut changed = text.to_owned();
            changed.replace_range(place..=place, other);
            assert!(RecoveryHash::presented(&changed).unwrap() != code.hash(), "{place}");
        }
        for wrong in
            ["", "123456", &text[1..], &format!("{text}a"), &text.replace('-', "_"), &"0".repeat(24), &"é".repeat(12)]
        {
            assert!(RecoveryHash::presented(wrong).is_none(), "{wrong}");
        }
    }
}
