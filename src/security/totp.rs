//! Threat: a password that somebody else knows is enough to come in (OWASP API2:2023; ASVS 6.3.3, 6.5.1, 6.5.5, 6.5.8; NIST
//! SP 800-63B-4 section 3.1.4). Here a code comes with it that a phone computes from a shared secret and the time (RFC
//! 6238): six digits, SHA-1, a new one each half-minute. The code of the half-minute before and after is taken too, since
//! clocks differ; which of them it was is told, so that the caller can see to it that none works twice.
//!
//! It does not cover a page that looks like ours and passes the code on while it is good: only a key that is bound to the
//! origin (a passkey) does. Nor guessing, which takes a million tries by three: that is for whoever counts the tries.
//!
//! The algorithm is a dozen lines over the HMAC that the house has; a crate for it brings a second HMAC, SHA-1, source of
//! chance and URL. SHA-1 is what authenticator apps know, and what is broken in it (collisions) an HMAC does not need.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key},
};
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use time::Duration;
use zeroize::Zeroize;

use crate::{
    security::secret::Secret,
    types::{Givens, Timestamp},
};

const STEP_SECONDS: i64 = 30;
/// How many steps a phone's clock may be off, either way. RFC 6238 section 5.2 recommends one.
const SKEW: i64 = 1;

/// How long a secret waits to be confirmed.
pub const PENDING: Duration = Duration::minutes(30);
/// How long a wrong code counts against whoever may send only so many.
pub const GUESSES_COUNT_FOR: Duration = Duration::days(1);

/// What the phone and the service share: 160 bits, as long as the hash's output (RFC 4226 section 4, R6).
pub struct TotpSecret(Secret<[u8; 20]>);

/// Six digits that somebody sent.
pub struct TotpCode([u8; 6]);

/// The half-minute that a time lies in, counted from 1970.
pub fn step_at(now: Timestamp) -> i64 {
    now.unix().div_euclid(STEP_SECONDS)
}

impl TotpSecret {
    pub fn generate(givens: &Givens) -> Self {
        Self(Secret::new(givens.random()))
    }

    /// What was sealed, opened again.
    pub fn restored(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        bytes.expose().as_slice().try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    /// As a person types it: in any case, with or without spaces.
    pub fn typed(text: &str) -> Option<Self> {
        let mut letters: String = text.chars().filter(|c| *c != ' ').collect();
        let bytes = BASE32_NOPAD_NOCASE.decode(letters.as_bytes()).ok().map(Secret::new);
        letters.zeroize();
        Self::restored(&bytes?)
    }

    /// To be sealed, and for nothing else.
    pub fn as_bytes(&self) -> &[u8; 20] {
        self.0.expose()
    }

    /// Base32 (RFC 4648), for those who cannot scan.
    pub fn base32(&self) -> Secret<String> {
        Secret::new(BASE32_NOPAD.encode(self.0.expose()))
    }

    /// What the QR code says: the `otpauth` form that authenticator apps agreed on. The issuer stands in it twice, for older
    /// apps read it before the colon.
    pub fn uri(&self, issuer: &str, account: &str) -> Secret<String> {
        let (issuer, account, secret) = (escaped(issuer), escaped(account), self.base32());
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_SECONDS}",
            secret.expose()
        ))
    }

    /// The code of a step (RFC 4226 section 5.3): four bytes of the HMAC, from the place that its last half-byte names.
    pub fn code(&self, step: i64) -> Secret<String> {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let place = usize::from(tag.as_ref()[19] & 0xf);
        let four = tag.as_ref()[place..place + 4].try_into().expect("15 + 4 is within an HMAC-SHA-1");
        Secret::new(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
    }

    /// The step whose code this is, of those that are good now. Each is compared, in constant time: how long it takes tells
    /// neither which digits were right nor how far the phone's clock is off.
    pub fn step_of(&self, code: &TotpCode, now: Timestamp) -> Option<i64> {
        let now = step_at(now);
        let same = |step| verify_slices_are_equal(self.code(step).expose().as_bytes(), &code.0).is_ok();
        (now - SKEW..=now + SKEW).fold(None, |found, step| if same(step) { Some(step) } else { found })
    }
}

impl TotpCode {
    /// `None`: no phone shows this. Many show a space in the middle.
    pub fn read(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
        let code: [u8; 6] = digits.try_into().ok()?;
        code.iter().all(u8::is_ascii_digit).then_some(Self(code))
    }
}

impl Drop for TotpCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Percent-encoding (RFC 3986): everything but the unreserved characters, so that no name can add a parameter.
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::types::System;

    /// The secret of RFC 4226 and RFC 6238: `12345678901234567890`.
    fn known() -> TotpSecret {
        TotpSecret(Secret::new(*b"12345678901234567890"))
    }

    fn at(unix: i64) -> Timestamp {
        Timestamp(OffsetDateTime::from_unix_timestamp(unix).unwrap())
    }

    fn code(text: &str) -> TotpCode {
        TotpCode::read(text).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1, cut to six digits as RFC 4226 cuts them.
        for (unix, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(known().code(step_at(at(unix))).expose(), expected, "{unix}");
        }
        // RFC 4226, appendix D.
        let counted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, expected) in (0..).zip(counted) {
            assert_eq!(known().code(step).expose(), expected, "{step}");
        }
    }

    #[test]
    fn a_code_is_good_in_its_own_half_minute_and_the_one_on_each_side_and_no_longer() {
        let (secret, moment) = (known(), at(1_800_000_000));
        let step = step_at(moment);
        for offset in -3..=3 {
            let sent = secret.code(step + offset);
            let expected = (-1..=1).contains(&offset).then_some(step + offset);
            assert_eq!(secret.step_of(&code(sent.expose()), moment), expected, "{offset}");
        }
        let last_moment = moment + Duration::seconds(30) - Duration::microseconds(1);
        assert_eq!(step_at(last_moment), step);
        assert_eq!(step_at(last_moment + Duration::microseconds(1)), step + 1);
    }

    #[test]
    fn a_code_with_any_one_digit_changed_is_wrong_and_so_is_anyone_elses() {
        let (secret, moment) = (known(), at(1_800_000_000));
        let right = secret.code(step_at(moment));
        for place in 0..6 {
            for digit in b'0'..=b'9' {
                let mut changed = right.expose().clone().into_bytes();
                changed[place] = digit;
                let same = changed == right.expose().as_bytes();
                let near = [-1, 1].map(|offset| secret.code(step_at(moment) + offset));
                let near = near.iter().any(|code| code.expose().as_bytes() == changed);
                let accepted = secret.step_of(&code(std::str::from_utf8(&changed).unwrap()), moment);
                assert_eq!(accepted.is_some(), same || near);
            }
        }
        let other = TotpSecret::generate(&Givens::new(System, System));
        assert_ne!(other.base32().expose(), TotpSecret::generate(&Givens::new(System, System)).base32().expose());
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for right in ["123456", "123 456", " 123456 ", "000000"] {
            assert!(TotpCode::read(right).is_some(), "{right}");
        }
        for wrong in
            ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", "+12345", "123-456", "123456\n", "٠١٢٣٤٥"]
        {
            assert!(TotpCode::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_read_as_people_type_it() {
        let text = known().base32();
        assert_eq!(text.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for typed in [text.expose().to_lowercase(), format!(" {} {}", &text.expose()[..4], &text.expose()[4..])] {
            assert_eq!(TotpSecret::typed(&typed).unwrap().as_bytes(), known().as_bytes());
        }
        for wrong in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", &format!("{}AA", text.expose())] {
            assert!(TotpSecret::typed(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn no_name_can_add_a_parameter_to_the_uri() {
        let uri = known().uri("a:b & c", "eve@example.com?secret=AAAA&x=");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/a%3Ab%20%26%20c:eve%40example.com%3Fsecret%3DAAAA%26x%3D\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=a%3Ab%20%26%20c&algorithm=SHA1&digits=6&period=30"
        );
    }
}
