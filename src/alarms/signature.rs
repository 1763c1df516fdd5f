//! Threat: an alarm that nobody sent. Whoever knows the receiver's address could cry wolf until nobody listens, or repeat an
//! alarm of last year (CWE-345, CWE-294; ASVS 4.1.5). Each attempt is signed with the shared secret over its time and every
//! byte of its body, so that a receiver can tell ours from others' and refuse old ones.
//!
//! `X-Drawbridge-Signature: t=1772366400,v1=<hex of HMAC-SHA256(secret, "1772366400.<body>")>`. The version is in the name, so
//! that another scheme can stand beside this one for a while. It does not keep the body from being read: that is TLS's.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;

use crate::{security::secret::Secret, types::Timestamp};

pub(super) const HEADER: &str = "x-drawbridge-signature";

/// The header's value for this body at this time.
pub(super) fn sign(secret: &Secret<String>, at: Timestamp, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{}.", at.unix()).as_bytes());
    signing.update(body);
    format!("t={},v1={}", at.unix(), HEXLOWER.encode(signing.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const AT: Timestamp = Timestamp(datetime!(2026-03-01 12:00 UTC));

    fn signed(secret: &str, at: Timestamp, body: &str) -> String {
        sign(&Secret::new(secret.to_owned()), at, body.as_bytes())
    }

    /// Computed with another program: `printf '1772366400.{"id":1}' | openssl dgst -sha256 -hmac SECRET`.
    #[test]
    fn another_program_computes_the_same() {
        let expected = "t=1772366400,v1=0a1fc20b892e657ae3916ef494dfe1c3454a6a234298eb0636c1a732291b0be6";
        assert_eq!(signed("0123456789abcdef0123456789abcdef", AT, r#"{"id":1}"#), expected);
    }

    #[test]
    fn another_secret_another_time_or_another_byte_makes_another_signature() {
        let code = |signature: String| signature.split_once(",v1=").unwrap().1.to_owned();
        let right = code(signed("secret", AT, "body"));
        for wrong in [
            signed("Secret", AT, "body"),
            signed("secret", AT + Duration::SECOND, "body"),
            signed("secret", AT, "body "),
            // The border between time and body is signed too.
            signed("secret", Timestamp(datetime!(1970-01-01 00:00:17 UTC)), "72366400.body"),
        ] {
            assert_ne!(code(wrong), right);
        }
    }
}
