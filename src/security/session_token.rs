//! Threat: a stolen database, or a refresh token used twice. Who reads the rows must not be able to sign in with what is
//! in them; and a refresh token that two parties hold must betray the second (OWASP API2:2023; RFC 9700 section 4.14.2;
//! ASVS 7.2.3, 10.4.5, 10.4.8). Here a token is 256 bits of chance, of which the database holds a SHA-256 alone; it is
//! spent by its first use, and a second use after the grace ends the session.
//!
//! It does not cover a thief who uses a stolen token before its owner, until the owner comes; nor one who comes within
//! the grace. The tokens in verification and reset mails are of the same make and are simply spent once.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::Duration;
use zeroize::Zeroize;

use crate::{
    security::secret::Secret,
    settings::{Env, duration_within},
    types::{Givens, Timestamp},
};

/// By this, tools that look for leaked secrets know one (`dbt_` and 43 characters).
const PREFIX: &str = "dbt_";

/// What the sealing key is for, so that no other use of the same token could derive the same key.
const SEALING: &[u8] = b"drawbridge: successor of a refresh token, v1";

/// How long after its session has ended a device is still known, and hence how long a session's rows are kept.
pub const KNOWN_DEVICE: Duration = Duration::days(30);

#[derive(Clone)]
pub struct Settings {
    pub refresh_grace: Duration,
    /// A session that nobody refreshes for so long is over.
    pub idle: Duration,
    /// And any session is after so long, however busy.
    pub absolute: Duration,
}

impl Settings {
    pub fn read(env: &mut Env) -> Self {
        let grace = duration_within(Duration::ZERO..=Duration::minutes(1), "is between 0s and 60s");
        let life = || duration_within(Duration::hours(1)..=Duration::days(365), "is between 1h and 365d");
        let settings = Self {
            refresh_grace: env.read("REFRESH_GRACE", "10s", grace),
            idle: env.read("SESSION_IDLE_TTL", "30d", life()),
            absolute: env.read("SESSION_MAX_TTL", "90d", life()),
        };
        if settings.idle > settings.absolute {
            env.refuse("SESSION_IDLE_TTL", "is at most SESSION_MAX_TTL");
        }
        settings
    }

    /// When a session ends that began at one time and is refreshed at another.
    pub fn session_expiry(&self, began: Timestamp, refreshed: Timestamp) -> Timestamp {
        (refreshed + self.idle).min(began + self.absolute)
    }
}

/// A token as its owner holds it. Plain text and hash are two types, so that neither can be stored or sent for the other.
pub struct PlainToken(Secret<String>);

/// A token as the database holds it. No salt and no slow hash: nobody guesses 256 bits, and it must be found by its hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct TokenHash([u8; 32]);

impl PlainToken {
    pub fn generate(givens: &Givens) -> Self {
        let chance = Secret::new(givens.random::<32>());
        let mut text = String::with_capacity(PREFIX.len() + 43);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(chance.expose(), &mut text);
        Self(Secret::new(text))
    }

    /// Any text that a client sent. Whether it has a token's form is not asked: only what was issued has a hash that is
    /// found, and one way to be wrong tells less than two.
    pub fn presented(text: &str) -> Self {
        Self(Secret::new(text.to_owned()))
    }

    /// One of ours that was sealed, opened again.
    pub fn restored(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        std::str::from_utf8(bytes.expose()).ok().map(Self::presented)
    }

    pub fn hash(&self) -> TokenHash {
        let digest = digest(&SHA256, self.0.expose().as_bytes());
        TokenHash(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// For the answer or the mail that carries it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TokenHash {
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// What is known about a refresh token that was presented and found.
pub struct Found {
    pub spent_at: Option<Timestamp>,
    pub session_ended: bool,
    pub session_expires_at: Timestamp,
}

/// What a refresh token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A successor is made, and this one is spent.
    Rotate,
    /// Spent a moment ago: by another tab, or the answer was lost. It gets the very same successor, unsealed.
    Repeat,
    /// Spent long ago: two parties hold it, and nobody can say which is the thief. The session is revoked and an alarm
    /// raised.
    Reuse,
    /// Its session is over; there is nothing left to protect and nothing to raise an alarm about.
    Dead,
}

impl Found {
    // ANCHOR: refresh-reuse
    /// The decision, without side effects. The caller holds the token's row locked, so that of many who ask at once one
    /// rotates and all the others, on any replica, find it spent.
    ///
    /// Grace is for honest clients, who have the successor's plain text on their way; giving out another successor
    /// instead would let one stolen token found a second line that nobody would ever see. A grace of zero is strict.
    pub fn judge(&self, now: Timestamp, grace: Duration) -> Verdict {
        if self.session_ended || self.session_expires_at <= now {
            return Verdict::Dead;
        }
        match self.spent_at {
            None => Verdict::Rotate,
            Some(spent_at) if grace.is_positive() && now < spent_at + grace => Verdict::Repeat,
            Some(_) => Verdict::Reuse,
        }
    }
    // ANCHOR_END: refresh-reuse
}

/// Seals a successor in such a way that only the spent token opens it, to stand in the spent token's row: who has the
/// database alone has that token's hash, from which the key cannot be derived.
///
/// A key that seals once could do with a fixed nonce. This one may seal twice: a rotation whose transaction is rolled
/// back is tried again with another successor, and the first attempt may linger in the database's files.
pub fn seal(spent: &PlainToken, successor: &PlainToken, givens: &Givens) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = givens.random();
    // Encrypted where it lies, and the cipher text copied: a buffer that grew would leave plain text behind.
    let mut text = successor.expose().as_bytes().to_vec();
    let tag = sealing_key(spent.expose().as_bytes())
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .expect("a token is far shorter than what AES-GCM can seal");
    [&nonce, &text[..], tag.as_ref()].concat()
}

/// The successor, if this is the token that it was sealed for.
pub fn unseal(spent: &PlainToken, sealed: &[u8]) -> Option<PlainToken> {
    open(&sealing_key(spent.expose().as_bytes()), sealed)
}

fn open(key: &LessSafeKey, sealed: &[u8]) -> Option<PlainToken> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
    let plain = std::str::from_utf8(plain).ok().map(PlainToken::presented);
    text.zeroize();
    plain
}

/// HKDF (RFC 5869), and not the token's SHA-256: that is what the database holds.
fn sealing_key(spent: &[u8]) -> LessSafeKey {
    let secret = Salt::new(HKDF_SHA256, &[]).extract(spent);
    let key = secret.expand(&[SEALING], &AES_256_GCM).expect("32 bytes are within what HKDF gives");
    LessSafeKey::new(UnboundKey::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::System;
    use time::macros::datetime;

    const NOW: Timestamp = Timestamp(datetime!(2026-11-22 03:45:00 UTC));
    const GRACE: Duration = Duration::seconds(10);

    fn givens() -> Givens {
        Givens::new(System, System)
    }

    #[test]
    fn a_token_is_256_bits_that_say_what_they_are() {
        let token = PlainToken::generate(&givens());
        let chance = token.expose().strip_prefix("dbt_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(chance).unwrap().len(), 32);
        assert_ne!(token.expose(), PlainToken::generate(&givens()).expose());
    }

    #[test]
    fn a_token_is_found_again_by_its_hash_and_by_no_other_spelling() {
        let token = PlainToken::generate(&givens());
        assert_eq!(PlainToken::presented(token.expose()).hash(), token.hash());
        for other in [format!("{} ", token.expose()), token.expose().to_lowercase(), String::new()] {
            assert_ne!(PlainToken::presented(&other).hash(), token.hash());
        }
        let abc = [0xba, 0x78, 0x16, 0xbf];
        assert_eq!(PlainToken::presented("abc").hash().as_bytes()[..4], abc, "FIPS 180-4's own example");
    }

    #[test]
    fn neither_form_can_be_printed() {
        let token = PlainToken::generate(&givens());
        assert_eq!(format!("{token:?} {:?}", token.hash()), "PlainToken TokenHash");
    }

    #[test]
    fn only_the_spent_token_opens_its_successor() {
        let [spent, successor, other] = [(); 3].map(|()| PlainToken::generate(&givens()));
        let sealed = seal(&spent, &successor, &givens());
        assert_eq!(unseal(&spent, &sealed).unwrap().expose(), successor.expose());
        assert!(unseal(&other, &sealed).is_none());
        // A reader of the database has the hash to try.
        let hash = spent.hash();
        let spelled = URL_SAFE_NO_PAD.encode(hash.as_bytes());
        let as_it_is = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, hash.as_bytes()).unwrap());
        for key in [sealing_key(hash.as_bytes()), sealing_key(spelled.as_bytes()), as_it_is] {
            assert!(open(&key, &sealed).is_none());
        }
        let visible = sealed.windows(6).any(|part| successor.expose().as_bytes().windows(6).any(|text| text == part));
        assert!(!visible, "no part of it stands there in plain");
        assert_ne!(seal(&spent, &successor, &givens()), sealed, "and the same is not sealed the same");
    }

    #[test]
    fn a_seal_that_was_touched_opens_nothing() {
        let [spent, successor] = [(); 2].map(|()| PlainToken::generate(&givens()));
        let sealed = seal(&spent, &successor, &givens());
        for place in 0..sealed.len() {
            let mut touched = sealed.clone();
            touched[place] ^= 1;
            assert!(unseal(&spent, &touched).is_none(), "byte {place}");
            assert!(unseal(&spent, &sealed[..place]).is_none(), "cut at {place}");
        }
    }

    #[test]
    fn a_refresh_token_gets_what_its_past_deserves() {
        let (before, after) = (NOW - Duration::MICROSECOND, NOW + Duration::MICROSECOND);
        let judge = |spent_at, session_ended, session_expires_at, grace| {
            Found { spent_at, session_ended, session_expires_at }.judge(NOW, grace)
        };
        for grace in [Duration::ZERO, GRACE] {
            assert_eq!(judge(None, false, after, grace), Verdict::Rotate);
            for spent_at in [None, Some(NOW), Some(NOW - GRACE), Some(NOW - GRACE * 2)] {
                assert_eq!(judge(spent_at, true, after, grace), Verdict::Dead);
                assert_eq!(judge(spent_at, true, before, grace), Verdict::Dead);
                assert_eq!(judge(spent_at, false, NOW, grace), Verdict::Dead, "over on its last moment");
                assert_eq!(judge(spent_at, false, before, grace), Verdict::Dead);
            }
        }
        for (spent_at, with_grace, without) in [
            // Another replica's clock may be a moment ahead.
            (after, Verdict::Repeat, Verdict::Reuse),
            (NOW, Verdict::Repeat, Verdict::Reuse),
            (before, Verdict::Repeat, Verdict::Reuse),
            (after - GRACE, Verdict::Repeat, Verdict::Reuse),
            (NOW - GRACE, Verdict::Reuse, Verdict::Reuse),
            (before - GRACE, Verdict::Reuse, Verdict::Reuse),
            (NOW - Duration::days(29), Verdict::Reuse, Verdict::Reuse),
        ] {
            assert_eq!(judge(Some(spent_at), false, after, GRACE), with_grace, "{spent_at}");
            assert_eq!(judge(Some(spent_at), false, after, Duration::ZERO), without, "{spent_at}");
        }
    }

    fn settings(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut env = Env::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        (Settings::read(&mut env), env.mistakes())
    }

    #[test]
    fn a_session_lives_from_its_last_refresh_but_never_for_ever() {
        let (settings, mistakes) = settings(&[]);
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(settings.session_expiry(NOW, NOW), NOW + Duration::days(30));
        assert_eq!(settings.session_expiry(NOW, NOW + Duration::days(59)), NOW + Duration::days(89));
        assert_eq!(settings.session_expiry(NOW, NOW + Duration::days(89)), NOW + Duration::days(90));
    }

    #[test]
    fn weak_settings_are_refused() {
        for wrong in [
            ("REFRESH_GRACE", "61s"),
            ("SESSION_IDLE_TTL", "59m"),
            ("SESSION_IDLE_TTL", "91d"),
            ("SESSION_MAX_TTL", "366d"),
            ("SESSION_MAX_TTL", "29d"),
        ] {
            assert_eq!(settings(&[wrong]).1.len(), 1, "{wrong:?}");
        }
        assert_eq!(settings(&[("REFRESH_GRACE", "0s")]).0.refresh_grace, Duration::ZERO);
        assert_eq!(settings(&[("SESSION_IDLE_TTL", "1h"), ("SESSION_MAX_TTL", "1h")]).1, [""; 0]);
    }
}
