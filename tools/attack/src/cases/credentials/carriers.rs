//! A genuine credential where none is read.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    attempt::{Attempt, Door},
    case::{Case, Need, PLAIN, Trouble, Verdict},
    wire::Request,
};

const FORM: Case = Case { owasp: &["API2:2023"], asvs: &["7.2.1"], needs: &[Need::Door], ..PLAIN };

pub const CASES: &[Case] = &[
    Case {
        id: "credential-in-query",
        title: "A genuine token in the address",
        asvs: &["14.2.1"],
        teaching: "Addresses stand in access logs, in browser histories, in Referer headers and on screens that are \
                   shared. RFC 6750 once allowed a token there, RFC 9700 section 4.3.2 forbids it. A service that \
                   reads one there invites clients to send it there; refusing means that nobody starts.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let names =
                    ["access_token", "token", "jwt", "authorization", "Authorization", "bearer", "auth", "api_key"];
                let request = |name: &str| attempt.get(&with_query(&door.path, &format!("{name}={}", door.token)));
                names.iter().map(|name| request(name).note(format!("?{name}=…"))).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-in-cookie",
        title: "A genuine token in a cookie",
        asvs: &["7.2.1", "3.5.1"],
        teaching: "Browsers send cookies by themselves, also with requests that a stranger's page makes: whoever \
                   reads a credential from a cookie must defend against cross-site request forgery. An API that reads \
                   the Authorization header alone needs no such defence, since no page can make a browser set it; so \
                   the cookie must not be a second way in.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let names = ["access_token", "token", "jwt", "session", "sid", "Authorization", "auth", "id_token"];
                let request = |name: &str| attempt.get(&door.path).header("cookie", format!("{name}={}", door.token));
                names.iter().map(|name| request(name).note(format!("Cookie: {name}=…"))).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-in-body",
        title: "A genuine token in the body",
        teaching: "RFC 6750 section 2.2 had a third way: `access_token` in a form. A form needs no script and no \
                   preflight, so any page can send one, and bodies are kept where headers are not. Tokens in a body \
                   that is also parsed for its content mix who asks with what is asked. Nothing in a body says who \
                   somebody is.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let form = format!("access_token={}", door.token);
                let json = format!("{{\"access_token\":\"{}\"}}", door.token);
                let mut requests = Vec::new();
                for method in ["GET", "POST", "PATCH"] {
                    let request = |kind: &str, body: &str| {
                        let request = attempt.request(method, &door.path).header("content-type", kind).body(body);
                        request.note(format!("{method} with {kind}"))
                    };
                    requests.push(request("application/x-www-form-urlencoded", &form));
                    requests.push(request("application/json", &json));
                }
                requests
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-in-other-headers",
        title: "A genuine token in a header of another name",
        teaching: "Frameworks and their plugins read X-Access-Token, X-Auth-Token, Proxy-Authorization and more, each \
                   added for one client. A proxy that removes or logs the Authorization header does not know them, so \
                   each is a way around it. One place for a credential is enough; a second is an interface that \
                   nobody watches.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let names = [
                    "x-access-token",
                    "x-auth-token",
                    "x-authorization",
                    "proxy-authorization",
                    "x-original-authorization",
                    "x-forwarded-authorization",
                    "x-jwt-assertion",
                    "x-amzn-oidc-data",
                    "x-api-key",
                    "cf-access-jwt-assertion",
                ];
                let plain = names.iter().map(|name| attempt.get(&door.path).header(name, &door.token).note(*name));
                let bearer = |name: &&str| attempt.get(&door.path).header(name, format!("Bearer {}", door.token));
                plain.chain(names.iter().map(|name| bearer(name).note(format!("{name} with Bearer")))).collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-trusted-headers",
        title: "A header that says who one is",
        asvs: &["4.1.3"],
        teaching: "Behind some gateways the service is told in a header who has been signed in: X-Remote-User, \
                   X-User-Id, X-Forwarded-User. Reached directly, past the gateway, it believes anybody. Identity \
                   comes from a proof in the request itself, or over a channel that a stranger cannot write to.",
        run: |attempt| {
            Box::pin(each_refused(attempt, |door| {
                let names = [
                    "x-remote-user",
                    "remote-user",
                    "x-forwarded-user",
                    "x-user",
                    "x-user-id",
                    "x-username",
                    "x-email",
                    "x-authenticated-user",
                    "x-webauth-user",
                    "x-ssl-client-s-dn",
                    "x-forwarded-client-cert",
                    "x-internal",
                    "x-admin",
                ];
                let request =
                    |name: &&str| attempt.get(&door.path).header(name, "admin").note(format!("{name}: admin"));
                let mut requests: Vec<_> = names.iter().map(request).collect();
                requests.push(
                    attempt
                        .get(&door.path)
                        .header("x-forwarded-for", "127.0.0.1")
                        .header("x-real-ip", "127.0.0.1")
                        .note("from 127.0.0.1, it says"),
                );
                requests
            }))
        },
        ..FORM
    },
    Case {
        id: "credential-basic",
        title: "A name and a password instead of a token",
        asvs: &["6.3.1"],
        teaching: "A framework's Basic authentication is often still switched on beside the tokens, and has no limit \
                   of tries, no second factor and no end of a session: whoever guesses passwords goes there. \
                   Microsoft turned it off in Exchange Online in 2022 for this reason. The password opens the login \
                   and nothing else.",
        needs: &[Need::User],
        run: |attempt| Box::pin(basic(attempt)),
        ..FORM
    },
    Case {
        id: "credential-refusals-alike",
        title: "Why a credential was refused, read off the answer",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["16.5.1"],
        pillar: Some("error-detail"),
        teaching: "\"Signature invalid\", \"token expired\", \"unknown key\": each tells a forger which part is right \
                   already. Padding oracles and user enumeration are the same mistake. A client needs to know that it \
                   must sign in, nothing more; the reason belongs into the log, under a reference that support can \
                   look up.",
        needs: &[Need::JwtDoor],
        run: |attempt| Box::pin(alike(attempt)),
        ..FORM
    },
];

fn with_query(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

async fn each_refused(attempt: &Attempt, requests: impl FnOnce(&Door) -> Vec<Request>) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, as without any credential");
    let door = attempt.door().await?;
    let mut verdict = Verdict::Held;
    for request in requests(&door) {
        verdict = verdict.and(request.send().await?.refused());
    }
    Ok(verdict)
}

async fn basic(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: a password opens the login alone");
    let (door, person) = (attempt.door().await?, attempt.user().await?);
    let pairs = [(&person.email, &person.password), (&person.email, &door.token), (&door.token, &String::new())];
    let mut verdict = Verdict::Held;
    for (name, password) in pairs {
        let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        verdict = verdict.and(attempt.get(&door.path).header("authorization", value).send().await?.refused());
    }
    Ok(verdict)
}

async fn alike(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("one and the same words for every kind of bad token");
    let (door, genuine) = attempt.jwt_door().await?;
    let bad = [
        "nonsense".to_owned(),
        genuine.clone().header("alg", "none").unsigned(),
        genuine.clone().header("kid", "unknown").with_old_signature(),
        genuine.clone().claim("exp", 1).with_old_signature(),
        genuine.with_signature(&[0; 64]),
    ];
    let mut seen: Vec<(u16, String, Option<String>)> = Vec::new();
    let mut believed = Verdict::Held;
    for token in &bad {
        let answer = attempt.get(&door.path).bearer(token).send().await?;
        believed = believed.and(answer.refused());
        let mut body = answer.json();
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, _| {
                !["reference", "timestamp", "requestId", "request_id", "traceId"].contains(&name.as_str())
            });
        }
        let words = if body.is_null() { answer.text() } else { body.to_string() };
        let found = (answer.status, words, answer.header("www-authenticate").map(str::to_owned));
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    let words: Vec<_> = seen.iter().map(|(status, words, _)| format!("{status} {words}")).collect();
    let alike =
        Verdict::held_if(seen.len() == 1, || format!("{} different answers: {}", seen.len(), words.join(" / ")));
    Ok(believed.and(alike))
}
