//! Tokens whose signature is wrong, missing or somebody else's.

use serde_json::json;

use super::{Forged, all_refused, forged, none_opens};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::{Jwt, SigningKey, decode, encode},
};

const FORM: Case =
    Case { pillar: Some("jwt-signature"), owasp: &["API2:2023"], asvs: &["9.1.1"], needs: &[Need::JwtDoor], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-signature-stripped",
        title: "A token whose signature was cut off",
        teaching: "The simplest forgery: leave the third part out, or leave it empty. It works where the code decodes \
                   a token instead of verifying it: nearly every library has both functions side by side, and \
                   `decode` is the shorter name; gateways that \"have checked already\" teach services to use it. The \
                   only function that yields claims must be the one that has verified them.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let [header, claims, _] = &jwt.parts;
                vec![
                    forged("nothing behind the last dot", format!("{header}.{claims}.")),
                    forged("no last dot either", format!("{header}.{claims}")),
                    forged("the claims alone", format!(".{claims}.")),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-flipped",
        title: "A token with one bit of its signature changed",
        teaching: "If a single flipped bit goes through, the signature is not looked at at all, or only a part of it \
                   is: comparisons that stop early, compare a prefix or compare lengths have all been found in \
                   production. It is the cheapest check of a token gate, and the first one that a new middleware \
                   fails.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| altered(jwt, &[0, 31, 63], |bytes, at| bytes[at] ^= 1)))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-truncated",
        title: "A token with a part of its signature, or more than all of it",
        teaching: "A verifier that compares as many bytes as it was given accepts a signature of one byte after 256 \
                   tries, or an empty one at once (ServiceStack before 5.9.2, CVE-2020-28042). Bytes behind a genuine \
                   signature make a second name of the same token. A signature has one length, and any other is \
                   refused before it is compared.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let whole = decode(&jwt.parts[2]).unwrap_or_default();
                let cut = |length: usize| encode(&whole[..length.min(whole.len())]);
                let long = encode([&whole[..], &[0]].concat());
                let twice = encode([&whole[..], &whole].concat());
                let with = |signature: &str| format!("{}.{}.{signature}", jwt.parts[0], jwt.parts[1]);
                vec![
                    forged("one byte of it", with(&cut(1))),
                    forged("half of it", with(&cut(whole.len() / 2))),
                    forged("all but its last byte", with(&cut(whole.len().saturating_sub(1)))),
                    forged("a zero behind it", with(&long)),
                    forged("twice", with(&twice)),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-zero",
        title: "A signature of zeros",
        teaching: "Psychic signatures (CVE-2022-21449): Java 15 to 18 forgot to check that the two numbers of an \
                   ECDSA signature are not zero, and (0, 0) then fits every message under every key. Neil Madden \
                   found it in 2022, years after it was written. A verifier must refuse numbers out of range; \
                   libraries do this, those that were tested with it.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let es256 = jwt.clone().header("alg", "ES256");
                // As DER: SEQUENCE { INTEGER 0, INTEGER 0 }.
                let der = [0x30, 6, 2, 1, 0, 2, 1, 0];
                vec![
                    forged("64 zeros", jwt.with_signature(&[0; 64])),
                    forged("64 zeros under ES256", es256.with_signature(&[0; 64])),
                    forged("two zeros in DER under ES256", es256.with_signature(&der)),
                    forged("256 zeros", jwt.with_signature(&[0; 256])),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-malleable",
        title: "A second signature, computed from the first without the key",
        teaching: "An Ed25519 signature holds a number that counts modulo the group's order L; adding L gives other \
                   bytes that a lax verifier accepts as well. RFC 8032 section 5.1.7 demands the small one. Where it \
                   is not checked, a revoked token has a twin that no list knows; Bitcoin transactions were given \
                   second names in this way, with ECDSA, in 2014.",
        run: |attempt| Box::pin(none_opens(attempt, "401: one token, one signature", malleable)),
        ..FORM
    },
    Case {
        id: "jwt-payload-swapped",
        title: "Other claims under a genuine signature",
        teaching: "The header and the signature are genuine, the claims in between are the attacker's: another \
                   subject, a higher role, a later end. It goes through where claims are read before, or apart from, \
                   the verification: a gateway that checks and a service behind it that decodes. Claims may only come \
                   out of the function that verified these very bytes.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let genuine = jwt.clone();
                let later = genuine.number("exp").saturating_add(60);
                vec![
                    forged(
                        "another subject",
                        genuine.clone().claim("sub", "00000000-0000-7000-8000-000000000001").with_old_signature(),
                    ),
                    forged("role admin", genuine.clone().claim("role", "admin").with_old_signature()),
                    forged("a minute longer", genuine.clone().claim("exp", later).with_old_signature()),
                    forged("a new member", genuine.claim("x", 1).with_old_signature()),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-of-another-key",
        title: "A token signed by the attacker under the name of the real key",
        teaching: "All is in order with this token, only another key signed it: `kid` is a name, and anybody can \
                   write it. A verifier that checks only that some key of some list fits, or that fetches keys by the \
                   token's own issuer, ends here. The key that `kid` names must come from the service's own folder or \
                   from a JWKS at a fixed address.",
        asvs: &["9.1.1", "9.1.3"],
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let forge = |alg: &&str| {
                    let token = jwt.clone().header("alg", *alg);
                    forged(format!("{alg} by a key of the attacker's"), token.signed_by(&SigningKey::make(alg)))
                };
                ["EdDSA", "ES256", "RS256"].iter().map(forge).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-signature-of-another-token",
        title: "One person's claims under another person's signature",
        teaching: "Two genuine tokens, their parts exchanged: every part was made by the service. What the signature \
                   covers is the first two parts together, byte for byte; code that caches by signature, or that \
                   checks the parts singly, believes a mixture. A cache of verified tokens must be keyed by the whole \
                   token.",
        run: |attempt| Box::pin(mixed(attempt)),
        ..FORM
    },
    Case {
        id: "jwt-cache-poisoned",
        title: "A forged token right after the genuine one, and the other way round",
        teaching: "Verifying costs, so gates remember what they have verified. If the key of that memory is less than \
                   the whole token (the `jti`, the signature, a prefix), a forgery that shares it is believed because \
                   the genuine one was just here; if refusals are remembered by it, the genuine one is shut out. Both \
                   orders are tried here.",
        run: |attempt| Box::pin(after_the_genuine(attempt)),
        ..FORM
    },
];

fn altered(jwt: &Jwt, places: &[usize], alter: impl Fn(&mut [u8], usize)) -> Vec<Forged> {
    let whole = decode(&jwt.parts[2]).unwrap_or_default();
    let forge = |at: &usize| {
        let mut bytes = whole.clone();
        alter(&mut bytes, *at);
        forged(format!("byte {at} changed"), format!("{}.{}.{}", jwt.parts[0], jwt.parts[1], encode(bytes)))
    };
    places.iter().filter(|at| **at < whole.len()).map(forge).collect()
}

/// The order of Ed25519's group, in little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn malleable(jwt: &Jwt) -> Vec<Forged> {
    let mut signature = decode(&jwt.parts[2]).unwrap_or_default();
    if jwt.header["alg"] != "EdDSA" || signature.len() != 64 {
        return Vec::new();
    }
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    vec![forged("S + L", format!("{}.{}.{}", jwt.parts[0], jwt.parts[1], encode(signature)))]
}

async fn mixed(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401");
    let (door, mine) = attempt.jwt_door().await?;
    let other = match &attempt.target.other_token {
        Some(token) => token.clone(),
        None => attempt.other_user().await?.access,
    };
    attempt
        .get(&door.path)
        .bearer(&other)
        .note("Control: the other's token")
        .send()
        .await?
        .must_work("the other's token")?;
    let Some(other) = Jwt::read(&other) else { return Err(Trouble::Skipped("its tokens are no JWTs".to_owned())) };
    let (a, b) = (&mine.parts, &other.parts);
    let tokens = vec![
        forged("the other's claims, my signature", format!("{}.{}.{}", a[0], b[1], a[2])),
        forged("my claims, the other's signature", format!("{}.{}.{}", a[0], a[1], b[2])),
    ];
    all_refused(attempt, &door.path, tokens).await
}

async fn after_the_genuine(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the forgery always 401, the genuine token always served");
    let (door, genuine) = attempt.jwt_door().await?;
    let forgery = genuine.clone().claim("x", json!(1)).with_old_signature();
    let mut verdict = Verdict::Held;
    for _ in 0..3 {
        let answer = attempt.get(&door.path).bearer(&forgery).note("The forgery").send().await?;
        verdict = verdict.and(answer.refused());
        let answer = attempt.get(&door.path).bearer(&door.token).note("The genuine one again").send().await?;
        let served = answer.is_success();
        verdict = verdict.and(Verdict::held_if(served, || format!("the genuine token then got {}", answer.seen())));
    }
    Ok(verdict)
}
