//! When our own certificate ends, so that somebody hears of it before its clients do.
//!
//! rustls checks the times of others' certificates and shows none of its own. A crate for X.509 would be ten crates for
//! one date; this reads the one place where it stands (RFC 5280 section 4.1), in what our own file holds.

use rustls::pki_types::CertificateDer;
use simple_asn1::ASN1Block::{self, Explicit, GeneralizedTime, Sequence, UTCTime};

/// In Unix seconds. `None`: it does not have the form that it should have.
pub(super) fn expires(certificate: &CertificateDer<'_>) -> Option<i64> {
    let blocks = simple_asn1::from_der(certificate).ok()?;
    let mut parts = inside(inside(blocks.first()?)?.first()?)?.iter().peekable();
    // The version is written only where it is not the first; then come serial number, algorithm and issuer.
    parts.next_if(|part| matches!(part, Explicit(..)));
    match inside(parts.nth(3)?)? {
        [_, UTCTime(_, at) | GeneralizedTime(_, at)] => Some(at.assume_utc().unix_timestamp()),
        _ => None,
    }
}

fn inside(block: &ASN1Block) -> Option<&[ASN1Block]> {
    match block {
        Sequence(_, parts) => Some(parts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::{OffsetDateTime, macros::datetime};

    use super::*;

    fn ends(at: OffsetDateTime) -> Option<i64> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = at;
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        expires(made.der())
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_of_its_forms() {
        // Until 2049 it is written with two digits of the year, from then on with four.
        for at in [datetime!(2026-12-24 23:59:59 UTC), datetime!(2049-12-31 0:00 UTC), datetime!(2050-01-01 0:00 UTC)] {
            assert_eq!(ends(at), Some(at.unix_timestamp()), "{at}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for der in [&b""[..], b"not DER", b"\x30\x03\x02\x01\x01", b"\x30\x05\x30\x03\x02\x01\x01"] {
            assert_eq!(expires(&CertificateDer::from(der)), None, "{der:?}");
        }
    }
}
