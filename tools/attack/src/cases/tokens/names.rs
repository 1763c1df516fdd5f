//! Tokens that name a key which is none.

use serde_json::{Value, json};

use super::{Forged, forged, keys::FORM, none_opens};
use crate::{
    case::Case,
    forge::{Jwt, SigningKey},
};

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-kid-path",
        title: "A key name that is a path to a file whose content is known",
        teaching: "Where keys are files named by `kid`, `../../../dev/null` names an empty one: sign with HMAC under \
                   nothing, and the service reads nothing and agrees. `/proc/sys/kernel/randomize_va_space` holds a \
                   `2`. `kid` must be looked up among the names that are known, never joined to a path, and the key's \
                   own algorithm decides.",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["9.1.3", "5.3.2"],
        pillar: Some("jwt-signature"),
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                named_keys(
                    jwt,
                    &[
                        ("../../../../../../dev/null", b""),
                        ("/dev/null", b""),
                        ("/proc/sys/kernel/randomize_va_space", b"2\n"),
                        ("/proc/sys/net/ipv4/ip_default_ttl", b"64\n"),
                        ("....//....//....//dev/null", b""),
                        ("file:///dev/null", b""),
                    ],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-kid-sql",
        title: "A key name that is a piece of SQL",
        teaching: "Where keys stand in a table and the query is put together from text, `kid` can make the query \
                   return a key of the attacker's choice: `x' union select 'secret'`. The token is then signed with \
                   `secret`. It has been shown in many a contest and some products. Parameters instead of text, and \
                   an allowlist of names, end it.",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["1.2.4"],
        pillar: Some("jwt-signature"),
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                named_keys(
                    jwt,
                    &[
                        ("x' union select 'secret' -- ", b"secret"),
                        ("x\" union select \"secret\" -- ", b"secret"),
                        ("' or '1'='1", b"secret"),
                        ("x'; select pg_sleep(5) -- ", b"secret"),
                    ],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-kid-command",
        title: "A key name that is a command",
        teaching: "`kid` has ended in a shell (`open` in Ruby runs what begins with a bar), in an LDAP filter, in a \
                   URL. Whatever looks a key up is an interpreter of some kind, and the header is written by \
                   strangers. Compare it with the names of the keys that exist: a map from name to key has no syntax \
                   to break out of.",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["1.2.5"],
        pillar: Some("jwt-signature"),
        run: |attempt| {
            Box::pin(none_opens(attempt, "401", |jwt| {
                named_keys(
                    jwt,
                    &[
                        ("|/bin/echo secret", b"secret"),
                        ("$(echo secret)", b"secret"),
                        ("`echo secret`", b"secret"),
                        ("*)(uid=*", b"secret"),
                        ("{{7*7}}", b"49"),
                        ("${jndi:ldap://127.0.0.1:1/a}", b"secret"),
                    ],
                )
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-kid-unknown",
        title: "A token without a key name, or with one that nobody knows",
        pillar: Some("jwt-signature"),
        teaching: "What happens when the lookup finds nothing? A default key, the first of the list, an empty secret, \
                   or an exception that a generous handler takes for \"no authentication configured\" have all been \
                   seen. A name that is not known is a refusal, in the same words as every other, so that nobody can \
                   ask which names exist.",
        run: |attempt| Box::pin(none_opens(attempt, "401", unknown_names)),
        ..FORM
    },
    Case {
        id: "jwt-kid-not-a-string",
        title: "A key name that is a list, a number or a novel",
        pillar: Some("jwt-signature"),
        teaching: "Loosely typed lookups turn a list into its first element, an object into `[object Object]`, and a \
                   `kid` of `__proto__` or `constructor` into something that every map has. A strict type refuses \
                   what is no string; a bound on the token's length refuses the novel, before anybody decodes it.",
        asvs: &["9.1.3", "2.2.1"],
        run: |attempt| Box::pin(none_opens(attempt, "401", odd_names)),
        ..FORM
    },
];

fn named_keys(jwt: &Jwt, names: &[(&str, &[u8])]) -> Vec<Forged> {
    let key = SigningKey::make("EdDSA");
    let mut tokens = Vec::new();
    for (name, secret) in names {
        let token = jwt.clone().header("kid", *name);
        tokens.push(forged(format!("kid {name:?}, HS256"), token.clone().header("alg", "HS256").mac(secret)));
        tokens.push(forged(format!("kid {name:?}, EdDSA"), token.header("alg", "EdDSA").signed_by(&key)));
    }
    tokens
}

fn unknown_names(jwt: &Jwt) -> Vec<Forged> {
    let key = SigningKey::make("EdDSA");
    let mut tokens = Vec::new();
    for (what, name) in [
        ("no kid", Value::Null),
        ("an empty kid", json!("")),
        ("kid \"unknown\"", json!("unknown")),
        ("kid \"0\"", json!("0")),
    ] {
        let token = jwt.clone().header("kid", name);
        tokens.push(forged(format!("{what}, our own key"), token.clone().header("alg", "EdDSA").signed_by(&key)));
        tokens.push(forged(format!("{what}, HS256 under nothing"), token.clone().header("alg", "HS256").mac(b"")));
        tokens.push(forged(format!("{what}, no signature"), token.unsigned()));
    }
    tokens
}

fn odd_names(jwt: &Jwt) -> Vec<Forged> {
    let key = SigningKey::make("EdDSA");
    let genuine = jwt.header["kid"].clone();
    let odd = [
        json!([genuine]),
        json!({"": genuine}),
        json!(0),
        json!(true),
        json!("__proto__"),
        json!("constructor"),
        json!("x".repeat(3000)),
        json!(format!("{}\u{0}", genuine.as_str().unwrap_or_default())),
    ];
    let forge = |name: Value| {
        let what: String = format!("kid {name}").chars().take(60).collect();
        forged(what, jwt.clone().header("kid", name).header("alg", "EdDSA").signed_by(&key))
    };
    odd.into_iter().map(forge).collect()
}
