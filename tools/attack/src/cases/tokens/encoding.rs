//! One genuine token, written in other ways; and tokens in other encodings.

use super::{Forged, all_refused, forged, none_opens};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    forge::{Jwt, encode},
};

const FORM: Case = Case { owasp: &["API2:2023"], asvs: &["9.1.1"], needs: &[Need::JwtDoor], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-base64-padding",
        title: "A genuine token with padding behind its parts",
        teaching: "RFC 7515 writes base64url without padding. A decoder that takes the equals signs as well gives one \
                   token several names, and whatever goes by the name (a list of revoked tokens, a cache, a log that \
                   is searched) knows one of them. Nothing is forged here; what is tested is that a token has one \
                   spelling.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401: one token has one spelling", |jwt| {
                let [header, claims, signature] = &jwt.parts;
                vec![
                    forged("padding behind the signature", format!("{header}.{claims}.{signature}==")),
                    forged("padding behind the claims", format!("{header}.{claims}=.{signature}")),
                    forged("padding behind the header", format!("{header}=.{claims}.{signature}")),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-base64-alphabet",
        title: "A genuine token in the other alphabet of base64",
        teaching: "Base64 has two alphabets that differ in two letters: `+/` and `-_`. Lenient decoders take both, \
                   and each letter that is exchanged doubles the number of a token's names. It is a small hole by \
                   itself; together with a list of revoked tokens that is kept by text, it brings back the one that \
                   was revoked.",
        run: |attempt| Box::pin(other_alphabet(attempt)),
        ..FORM
    },
    Case {
        id: "jwt-base64-stray-bits",
        title: "A genuine token with other bits at the very end of its signature",
        teaching: "64 bytes fill 86 letters of base64 with four bits left over. RFC 4648 section 3.5 lets a decoder \
                   refuse what is not zero there, since otherwise sixteen texts mean the same bytes. Python's and \
                   many others ignore them. A gate that keys its cache or its denylist by the text must not have such \
                   twins.",
        run: |attempt| Box::pin(none_opens(attempt, "401: one token has one spelling", stray_bits)),
        ..FORM
    },
    Case {
        id: "jwt-whitespace",
        title: "A genuine token with white space in it",
        teaching: "MIME's base64 has line ends, so many decoders skip white space, and some skip everything that they \
                   do not know. A token that was taken apart and put together again with blanks is then as good as \
                   the old one, under a new name; and what a proxy trims, the service behind it may read.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let [header, claims, signature] = &jwt.parts;
                let (start, end) = signature.split_at(signature.len() / 2);
                vec![
                    forged("a blank before the claims", format!("{header}. {claims}.{signature}")),
                    forged("a blank in the signature", format!("{header}.{claims}.{start} {end}")),
                    forged("a tab in the signature", format!("{header}.{claims}.{start}\t{end}")),
                    forged("an escaped line end in the signature", format!("{header}.{claims}.{start}%0A{end}")),
                    forged("an escaped NUL behind it", format!("{header}.{claims}.{signature}%00")),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-unicode",
        title: "A token with letters that only look right",
        teaching: "Full-width letters, a byte order mark, a dot of another script: code that normalises text before \
                   it compares, or decodes bytes as Latin-1 in one place and UTF-8 in another, makes two tokens one. \
                   A token is ASCII (RFC 7515 section 2); everything else is refused before it is taken apart.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let [header, claims, signature] = &jwt.parts;
                let marked = encode(format!("\u{feff}{}", jwt.header));
                vec![
                    forged("a byte order mark before the token", format!("\u{feff}{header}.{claims}.{signature}")),
                    forged("full-width dots", format!("{header}．{claims}．{signature}")),
                    forged("a byte order mark in the header", format!("{marked}.{claims}.{signature}")),
                    forged("a soft hyphen in the signature", format!("{header}.{claims}.\u{ad}{signature}")),
                    forged("Cyrillic letters", format!("{}.{claims}.{signature}", header.replacen('e', "е", 1))),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-two-payloads",
        title: "A token of four parts, or of six",
        teaching: "Code that splits at the dots and takes the first, the second and the last part never notices that \
                   there are more: the signature is checked over other bytes than the claims that are read. A JWS has \
                   three parts, a JWE five; count them, and let one function cut the very bytes that were verified.",
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                let [header, claims, signature] = &jwt.parts;
                let raised = encode(jwt.clone().claim("role", "admin").claims.to_string());
                vec![
                    forged("other claims before the genuine ones", format!("{header}.{raised}.{claims}.{signature}")),
                    forged("other claims behind the genuine ones", format!("{header}.{claims}.{raised}.{signature}")),
                    forged("the token twice", format!("{header}.{claims}.{signature}.{header}.{claims}.{signature}")),
                    forged("a dot before it", format!(".{header}.{claims}.{signature}")),
                    forged("a dot behind it", format!("{header}.{claims}.{signature}.")),
                ]
            }))
        },
        ..FORM
    },
];

/// Nearly every signature has one of the two letters. Where a token has none, another sign-in gives another token.
async fn other_alphabet(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: one token has one spelling");
    let (door, mut genuine) = attempt.jwt_door().await?;
    let mut tries = 0;
    while !genuine.parts[2].contains(['-', '_']) && attempt.target.token.is_none() && tries < 5 {
        let again = attempt.sign_in(&attempt.user().await?).await?;
        genuine = Jwt::read(&again.access).unwrap_or(genuine);
        tries += 1;
    }
    let [header, claims, signature] = &genuine.parts;
    let other = signature.replace('-', "+").replace('_', "/");
    if other == *signature {
        return Err(Trouble::Skipped("its token has none of the letters that differ".to_owned()));
    }
    let token = forged("+ and / in the signature", format!("{header}.{claims}.{other}"));
    all_refused(attempt, &door.path, vec![token]).await
}

fn stray_bits(jwt: &Jwt) -> Vec<Forged> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let [header, claims, signature] = &jwt.parts;
    let last = signature.bytes().last().and_then(|last| LETTERS.iter().position(|letter| *letter == last));
    // A length that divides by four leaves no bits over.
    let (Some(last), 2 | 3) = (last, signature.len() % 4) else { return Vec::new() };
    let twin = char::from(LETTERS[last | 1]);
    if last & 1 == 1 {
        return Vec::new();
    }
    let start = &signature[..signature.len() - 1];
    vec![forged("the last bit set", format!("{header}.{claims}.{start}{twin}"))]
}
