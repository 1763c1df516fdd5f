//! What the database keeps of a password.

use std::fmt;

use argon2::{
    ARGON2ID_IDENT, Params, Version,
    password_hash::phc::{self, Output},
};

use super::{MOST_ITERATIONS, MOST_MEMORY_KIB, Peppers, worker::Recipe};

/// More lanes than this has no hash of ours, nor any that one would import.
const MOST_LANES: u32 = 16;

/// A password's hash: a PHC string, which names its own parameters.
///
/// It is written and read by sqlx and judged by `Hasher`, and there is no other way to see what is in it: a hash that
/// is shown is cracked at leisure, elsewhere.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
pub struct PasswordHash(String);

/// The same, taken apart. The length of the output is one of the parameters, so a hash of another length is outdated.
pub(super) struct Stored {
    pub(super) recipe: Recipe,
    pub(super) output: Output,
}

impl PasswordHash {
    /// For the database, and for nothing else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn written(recipe: &Recipe, output: Output) -> Self {
        let hash = phc::PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: (&recipe.params).try_into().expect("three numbers and a name fit into a PHC string"),
            salt: Some(recipe.salt),
            hash: Some(output),
        };
        Self(hash.to_string())
    }

    /// A hash that cannot be read is the service's fault and not the user's, who is told what anyone is told.
    pub(super) fn read(&self, peppers: &Peppers) -> Option<Stored> {
        let Some(mut stored) = self.parse() else {
            tracing::error!("a stored password hash is damaged: nobody can sign in with it");
            return None;
        };
        let name = stored.recipe.params.keyid();
        if !name.is_empty() {
            stored.recipe.pepper = peppers.named(name);
            if stored.recipe.pepper.is_none() {
                tracing::error!("a stored password hash names a pepper that PASSWORD_PEPPERS no longer has");
                return None;
            }
        }
        Some(stored)
    }

    fn parse(&self) -> Option<Stored> {
        let hash = phc::PasswordHash::new(&self.0).ok()?;
        let params = Params::try_from(&hash).ok()?;
        // argon2d and argon2i, and version 16, have known weaknesses; no release of this service has written them.
        let is_ours = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
        // Whoever can write a row must not thereby make the service allocate terabytes or hash for a day.
        let is_affordable =
            params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_ITERATIONS && params.p_cost() <= MOST_LANES;
        let recipe = Recipe { params, salt: hash.salt?, pepper: None };
        let stored = Stored { recipe, output: hash.hash? };
        (is_ours && is_affordable).then_some(stored)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
impl PasswordHash {
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2E$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn a_hash_reads_back_as_it_was_written() {
        let Stored { recipe, output } = PasswordHash::from_text(GOOD).read(&Peppers::NONE).unwrap();
        assert_eq!(PasswordHash::written(&recipe, output).text(), GOOD);
    }

    #[test]
    fn what_is_no_affordable_argon2id_hash_is_not_read_and_nothing_panics() {
        for (part, other) in [
            ("argon2id", "argon2d"),
            ("argon2id", "bcrypt"),
            ("v=19", "v=16"),
            ("$v=19", ""),
            ("m=19456", "m=4294967295"),
            ("m=19456", "m=1048577"),
            ("m=19456", "m=7"),
            ("m=19456", "m=-1"),
            ("t=2", "t=0"),
            ("t=2", "t=4294967295"),
            ("p=1", "p=17"),
            ("p=1", "x=1"),
            ("$c29tZXNhbHRzb21lc2E", ""),
            ("$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", ""),
            (GOOD, ""),
            (GOOD, "\u{0}$$$$$"),
        ] {
            let damaged = GOOD.replace(part, other);
            assert!(PasswordHash::from_text(&damaged).read(&Peppers::NONE).is_none(), "{damaged}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_text(GOOD)), "PasswordHash");
    }
}
