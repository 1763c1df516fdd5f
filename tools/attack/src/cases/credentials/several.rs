//! More than one credential in a request, or less than one.

use crate::{
    attempt::{Attempt, Door},
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

const FORM: Case = Case { owasp: &["API2:2023"], asvs: &["4.2.1"], needs: &[Need::Door], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "credential-doubled-header",
        title: "Two Authorization headers in one request",
        teaching: "With two Authorization headers the proxy may check the first and the service read the last, or the \
                   log name one person and the handler act for another. RFC 9110 section 5.3 allows a list only where \
                   the field is a list; this one is not. The only answer that all parts of a system agree on is a \
                   refusal.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let good = format!("Bearer {}", door.token);
                let bad = "Bearer nonsense".to_owned();
                vec![
                    ("the genuine one, then nonsense", vec![good.clone(), bad.clone()]),
                    ("nonsense, then the genuine one", vec![bad, good.clone()]),
                    ("the genuine one twice", vec![good.clone(), good]),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-list-in-one-header",
        title: "Two tokens in one Authorization header",
        teaching: "A proxy may join two headers with a comma, and some readers split at it: then a second token rides \
                   along behind the one that was checked. A bearer token has no comma, blank or semicolon in its \
                   alphabet (RFC 6750 section 2.1), so whatever holds one is no bearer token, and is refused as a \
                   whole.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let token = &door.token;
                vec![
                    ("a comma and nonsense", vec![format!("Bearer {token}, Bearer nonsense")]),
                    ("nonsense and a comma", vec![format!("Bearer nonsense, Bearer {token}")]),
                    ("a comma behind it", vec![format!("Bearer {token},")]),
                    ("a blank and a second word", vec![format!("Bearer {token} x")]),
                    ("a parameter", vec![format!("Bearer {token}; role=admin")]),
                    ("two tokens and a blank", vec![format!("Bearer {token} {token}")]),
                    ("in quotes", vec![format!("Bearer \"{token}\"")]),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-other-scheme",
        title: "A genuine token under another scheme's name",
        teaching: "The scheme says how to read what follows: Basic is a name and a password, DPoP a token that needs \
                   a proof of possession. A reader that takes the last word of the header, whatever stands before it, \
                   drops that condition; and a firewall that looks for Bearer sees nothing. One scheme, named in \
                   full, then one blank.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let token = &door.token;
                vec![
                    ("no scheme", vec![token.clone()]),
                    ("Token", vec![format!("Token {token}")]),
                    ("DPoP", vec![format!("DPoP {token}")]),
                    ("Basic", vec![format!("Basic {token}")]),
                    ("Bearer with a colon", vec![format!("Bearer: {token}")]),
                    ("Bearer without a blank", vec![format!("Bearer{token}")]),
                    ("Bearer and a tab", vec![format!("Bearer\t{token}")]),
                    ("BearerX", vec![format!("BearerX {token}")]),
                    ("Bearer twice", vec![format!("Bearer Bearer {token}")]),
                ]
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-empty",
        title: "A header that says nothing, or `null`",
        asvs: &["7.2.1"],
        teaching: "Front ends that lost their token send `Bearer null` or `Bearer undefined`, and some back ends have \
                   found a session under that name, since somebody's empty token had been stored as text. Empty input \
                   must not equal an empty field of the database (`where token = ''`); the form of a credential is \
                   checked before anything is looked up.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |_| {
                let odd = [
                    "",
                    " ",
                    "Bearer",
                    "Bearer ",
                    "Bearer null",
                    "Bearer undefined",
                    "Bearer [object Object]",
                    "Bearer 0",
                    "Bearer true",
                    "Bearer {}",
                    "Bearer %00",
                    "Bearer *",
                    "Bearer ' or '1'='1",
                    "null",
                ];
                odd.iter().map(|text| (*text, vec![(*text).to_owned()])).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-two-kinds",
        title: "A session's token and an API key in one request",
        teaching: "Two credentials are two answers to the question who this is. The limits may count for one and the \
                   rights come from the other; the trail names the harmless one. Also both of one person differ: the \
                   key is narrowed, the session is not. More than one credential is refused, whichever of them is \
                   good.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(two_kinds(attempt)),
        ..FORM
    },
];

type Values = Vec<(&'static str, Vec<String>)>;

async fn each_refused(attempt: &Attempt, values: impl FnOnce(&Door) -> Values) -> Result<Verdict, Trouble> {
    attempt.expect("401 for each");
    let door = attempt.door().await?;
    let mut verdict = Verdict::Held;
    for (what, headers) in values(&door) {
        let mut request = attempt.get(&door.path).note(format!("Authorization: {what}"));
        for value in headers {
            request = request.header("authorization", value);
        }
        let refused = request.send().await?.refused();
        verdict = verdict.and(match refused {
            Verdict::Hole(seen) => Verdict::Hole(format!("{what}: {seen}")),
            other => other,
        });
    }
    Ok(verdict)
}

async fn two_kinds(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for each mixture");
    let person = attempt.fresh_user().await?;
    let key = attempt.api_key(&person, &["profile:read"]).await?.key;
    let with = |note: &str| attempt.get("/v1/users/me").note(note);
    with("Control: the token alone").by(&person).send().await?.must_work("the token alone")?;
    with("Control: the key alone").header("x-api-key", &key).send().await?.must_work("the key alone")?;
    let mixtures = [
        with("both good").by(&person).header("x-api-key", &key),
        with("a good token, a bad key").by(&person).header("x-api-key", "nonsense"),
        with("a bad token, a good key").bearer("nonsense").header("x-api-key", &key),
        with("a good token, an empty key").by(&person).header("x-api-key", ""),
        with("the key twice").header("x-api-key", &key).header("x-api-key", &key),
    ];
    let mut verdict = Verdict::Held;
    for mixture in mixtures {
        verdict = verdict.and(mixture.send().await?.must_be(&[401]));
    }
    Ok(verdict)
}
