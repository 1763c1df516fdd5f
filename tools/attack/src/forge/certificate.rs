//! A certificate that an attacker signs for himself, as `x5c` and `x5u` carry it.

use super::{
    SigningKey,
    public::{bits, sequence, tagged},
};

/// Ed25519 (RFC 8410).
const ALGORITHM: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// In DER; of an Ed25519 key.
pub fn self_signed(key: &SigningKey) -> Vec<u8> {
    // CN, as UTF8String.
    let attribute = sequence(&[b"\x06\x03\x55\x04\x03".to_vec(), tagged(0x0c, b"localhost")]);
    let name = sequence(&[tagged(0x31, &attribute)]);
    let validity = sequence(&[tagged(0x17, b"200101000000Z"), tagged(0x17, b"491231235959Z")]);
    let body = sequence(&[
        tagged(0xa0, b"\x02\x01\x02"),
        tagged(2, &[1]),
        ALGORITHM.to_vec(),
        name.clone(),
        validity,
        name,
        key.public_der(),
    ]);
    let signature = key.sign(&body);
    sequence(&[body, ALGORITHM.to_vec(), bits(&signature)])
}
