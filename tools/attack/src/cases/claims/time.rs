//! When a token counts.

use serde_json::{Value, json};

use super::{FORM, believed_by_nobody, each, moved};
use crate::case::Case;

const EXPIRY: Case = Case { pillar: Some("jwt-expiry"), asvs: &["9.2.1"], ..FORM };

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-expired",
        title: "A genuine token that has expired",
        teaching: "Tokens end up in logs, crash reports, browser histories and backups. What makes that bearable is \
                   that they die: minutes after it was issued, a found token is waste paper. Whoever decodes without \
                   verifying, or switched the check off \"for the tests\", keeps every token of the past alive. RFC \
                   7519 section 4.1.4: refused on and after `exp`.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: it was good once", |jwt| {
                [3600_i64, 86_400, 31_536_000]
                    .iter()
                    .map(|s| (format!("issued {s} s earlier"), moved(&jwt, -s)))
                    .collect()
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-expired-just-now",
        title: "A token that expired a few seconds ago",
        teaching: "Clocks differ, so libraries allow some leeway, often a minute without being asked, and with `exp` \
                   a minute off a token of five minutes lives a fifth longer; a logout that waits for expiry takes as \
                   much longer. Here the leeway must not exceed a few seconds: the token ended eight seconds ago.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: no more than five seconds of leeway", |jwt| {
                let life = jwt.number("exp") - jwt.number("iat");
                vec![("ended 8 s ago".to_owned(), moved(&jwt, -(life + 8)))]
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-expiry-missing",
        title: "A token that never expires",
        teaching: "A missing `exp` means \"for ever\" to libraries that check it only if it is there, and most do: \
                   jsonwebtoken, PyJWT and jose4j all have an option to demand it. Null, zero, a negative number and \
                   text are ways of leaving it out. RFC 9068 section 2.2 makes it mandatory, and a strict type makes \
                   it a number.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: no end is no token", |jwt| {
                each(&jwt, "exp", &[json!(null), json!(0), json!(-1), json!(""), json!(false), json!([]), json!({})])
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-expiry-far",
        title: "A token with an end further away than any that is issued",
        teaching: "A stolen key, or an issuer of another system that uses it, makes tokens for a hundred years: one \
                   night of access becomes access for good. The service knows how long its own tokens live, so it can \
                   refuse all that claim more. Then even a thief of the key must come back, and a rotated key ends \
                   it.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: nothing that is issued here lives so long", |jwt| {
                let iat = jwt.number("iat");
                each(
                    &jwt,
                    "exp",
                    &[json!(iat + 86_400), json!(iat + 315_360_000), json!(9_999_999_999_i64), json!(i64::MAX)],
                )
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-expiry-not-a-number",
        title: "An end that is text, a fraction or more than a number holds",
        teaching: "`exp` as text is compared letter by letter in some languages (\"9\" is later than \"1790000000\"), \
                   as a float it becomes infinity or NaN, and nothing is later than NaN. Integer overflow turns a far \
                   future into the past, or the other way round. A whole number of a fixed width, parsed strictly, \
                   has no such corners.",
        asvs: &["9.2.1", "2.2.1"],
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401, never a 500", |jwt| {
                let exp = jwt.number("exp");
                let odd: Vec<Value> = vec![
                    json!(exp.to_string()),
                    json!("9"),
                    json!("NaN"),
                    json!(1e300),
                    json!(u64::MAX),
                    json!([exp]),
                    json!({"exp": exp}),
                    json!("2099-01-01T00:00:00Z"),
                    json!(-9_223_372_036_854_775_808_i64),
                ];
                each(&jwt, "exp", &odd)
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-not-yet-valid",
        title: "A token whose time has not come",
        teaching: "`nbf` says from when a token counts: a contractor's first day, a booking's hour. Ignored, it gives \
                   rights early; and a token that is dated ahead outlives its revocation if the list of revoked ones \
                   is emptied by age. RFC 7519 section 4.1.5: not before means not before, with a few seconds of \
                   leeway at most.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let now = jwt.number("iat");
                each(&jwt, "nbf", &[json!(now + 300), json!(now + 86_400), json!("soon"), json!(i64::MAX), json!([])])
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-issued-in-the-future",
        title: "A token that was issued tomorrow",
        teaching: "No honest clock issues a token in the future. Where `iat` decides whether a token is older than \
                   the last change of a password, a token dated ahead survives every change to come; where the life \
                   is measured from `iat`, it lives longer. It must be there, be a number, and lie in the past.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let now = jwt.number("iat");
                let ahead = moved(&jwt, 500).claim("nbf", now).claim("auth_time", now);
                let mut changes = vec![("issued 500 s from now".to_owned(), ahead)];
                changes.extend(each(&jwt, "iat", &[json!(now + 3600), json!(null), json!("now"), json!(0), json!(-1)]));
                changes
            }))
        },
        ..EXPIRY
    },
    Case {
        id: "jwt-auth-time-in-the-future",
        title: "A token whose owner signed in after it was issued",
        teaching: "Sensitive acts ask how long ago the password was given (`auth_time`, RFC 9470). A time in the \
                   future is always recent: whoever can influence it has passed every step-up to come. It cannot lie \
                   after `iat`, for a token is issued by a sign-in that has taken place; what contradicts itself is \
                   refused.",
        pillar: None,
        asvs: &["9.2.1", "7.5.3"],
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: it contradicts itself", |jwt| {
                let now = jwt.number("iat");
                each(&jwt, "auth_time", &[json!(now + 3600), json!(i64::MAX), json!("now"), json!(null), json!([])])
            }))
        },
        ..FORM
    },
];
