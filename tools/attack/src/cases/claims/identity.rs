//! Who a token speaks for, and with what rights.

use serde_json::json;

use super::{FORM, believed_by_nobody, each};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
    cases::tokens::all_refused,
    forge::Jwt,
};

pub const CASES: &[Case] = &[
    Case {
        id: "jwt-subject-of-another",
        title: "Another person's id in a token of one's own session",
        pillar: Some("session-liveness"),
        asvs: &["9.2.2", "7.2.1"],
        teaching: "The signature is right, the session is alive, only `sub` is somebody else: a mistake in an issuer, \
                   or a personalised claim, is enough to make one. The session's row says whose it is; a token whose \
                   subject and session do not belong together is refused, and nothing is looked up under `sub` alone.",
        needs: &[Need::JwtDoor, Need::SigningKey, Need::TwoUsers],
        run: |attempt| Box::pin(of_another(attempt, "sub")),
        ..FORM
    },
    Case {
        id: "jwt-session-of-another",
        title: "Another person's session in a token of one's own",
        pillar: Some("session-liveness"),
        asvs: &["9.2.2", "7.2.1"],
        teaching: "The other half of the same mix: one's own `sub`, and the session of somebody else. Where only the \
                   liveness of the session is asked, one's own token lives on for as long as the other person is \
                   signed in, through one's own logout and suspension. Subject and session are asked together, in one \
                   query.",
        needs: &[Need::JwtDoor, Need::SigningKey, Need::TwoUsers],
        run: |attempt| Box::pin(of_another(attempt, "sid")),
        ..FORM
    },
    Case {
        id: "jwt-session-unknown",
        title: "A token of a session that never was",
        pillar: Some("session-liveness"),
        asvs: &["7.2.1", "7.4.1"],
        teaching: "A stateless token is believed because it is signed; that somebody ever signed in for it is taken \
                   on trust. With the key in the wrong hands, tokens for everybody follow, and nothing in the \
                   database shows it. A session that must exist, live and belong to the subject makes the key alone \
                   worthless.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401", |jwt| {
                let odd = [
                    "00000000-0000-0000-0000-000000000000",
                    "ffffffff-ffff-ffff-ffff-ffffffffffff",
                    "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b",
                ];
                each(&jwt, "sid", &odd.map(|id| json!(id)))
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-claims-missing",
        title: "A token that leaves a claim out",
        pillar: None,
        asvs: &["9.2.2", "2.2.1"],
        teaching: "Each claim that is optional in the code is a switch in the hand of whoever makes tokens: without \
                   `sid` no liveness, without `jti` no denylist, without `scope` perhaps all scopes. RFC 9068 section \
                   2.2 lists what an access token must have. A struct without a single `Option` turns each absence \
                   into a 401.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401 for each that is missing", |jwt| {
                ["sub", "sid", "jti", "client_id", "scope", "role", "nbf", "amr"]
                    .iter()
                    .flat_map(|claim| each(&jwt, claim, &[json!(null)]))
                    .collect()
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-claims-of-the-wrong-kind",
        title: "Claims that are lists, objects or SQL",
        pillar: None,
        asvs: &["9.2.2", "2.2.1", "1.2.4"],
        teaching: "A signed claim is still input: `sub` goes into a query, `sid` into another, and an issuer that \
                   copies user names into claims copies quotes with them. In loosely typed code a list or an object \
                   becomes an operator of the database (`{\"$ne\": null}`). Ids are parsed as ids, in the one \
                   spelling that the service writes.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401, never a 500", |jwt| {
                let id = jwt.text("sub");
                let odd = [
                    json!([id]),
                    json!({"$ne": null}),
                    json!(0),
                    json!(""),
                    json!("' or '1'='1"),
                    json!(id.to_uppercase()),
                    json!(format!("{{{id}}}")),
                    json!(format!("urn:uuid:{id}")),
                    json!(format!("{id}\u{0}")),
                    json!(format!("{id} ")),
                ];
                let mut changes = each(&jwt, "sub", &odd);
                changes.extend(each(
                    &jwt,
                    "sid",
                    &[json!([jwt.text("sid")]), json!({"$gt": ""}), json!("' or '1'='1")],
                ));
                changes.extend(each(&jwt, "scope", &[json!(["profile:read"]), json!({}), json!(1)]));
                changes
            }))
        },
        ..FORM
    },
    Case {
        id: "jwt-role-raised",
        title: "A user's token that says admin",
        pillar: Some("session-liveness"),
        owasp: &["API2:2023", "API5:2023"],
        asvs: &["8.2.1", "8.3.1"],
        teaching: "A role in a token is what the role was when the token was made, or what whoever made the token \
                   wanted. If it alone decides, a demoted administrator stays one until expiry, and a leaked key \
                   makes administrators of anybody. The service keeps the role with the account, compares, and \
                   refuses a token that disagrees.",
        needs: &[Need::User, Need::SigningKey, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(role_raised(attempt)),
        ..FORM
    },
    Case {
        id: "jwt-generation-raised",
        title: "A token that claims to be newer than the last change of the password",
        pillar: Some("session-liveness"),
        asvs: &["7.4.1", "7.4.3"],
        teaching: "To end all tokens at once, services count generations: a token of an earlier one is dead. The \
                   count stands in the token, so it must be equal to the one in the database, not at least as high: \
                   else a token with a large number survives every change to come. It is also input: negative, padded \
                   or huge, it must not be read as something else.",
        run: |attempt| {
            Box::pin(believed_by_nobody(attempt, "401: equal, not at least", |jwt| {
                let jti = jwt.text("jti");
                let nonce = jti.split_once('.').map_or(jti.as_str(), |(_, nonce)| nonce).to_owned();
                let odd = ["2147483647", "0", "-1", "+1", "01", " 1", "99999999999999999999", "1e0", ""];
                let mut changes: Vec<_> =
                    odd.iter().flat_map(|number| each(&jwt, "jti", &[json!(format!("{number}.{nonce}"))])).collect();
                changes.extend(each(&jwt, "jti", &[json!(nonce), json!(""), json!(7), json!(["1.x"])]));
                changes
            }))
        },
        ..FORM
    },
];

async fn of_another(attempt: &Attempt, claim: &'static str) -> Result<Verdict, Trouble> {
    let other = attempt.other_user().await?;
    let genuine = attempt.get("/v1/users/me").by(&other).note("Control: the other person's own token").send().await?;
    genuine.must_work("the other person's own token")?;
    let theirs = Jwt::read(&other.access).map(|jwt| jwt.text(claim)).unwrap_or_default();
    believed_by_nobody(attempt, "401: subject and session belong together", |jwt| each(&jwt, claim, &[json!(theirs)]))
        .await
}

async fn role_raised(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: the account has another role");
    let person = attempt.user().await?;
    let jwt = Jwt::read(&person.access).ok_or_else(|| Trouble::Skipped("its tokens are no JWTs".to_owned()))?;
    let key = attempt.signing_key(&jwt)?;
    let own = attempt.get("/v1/users/me").bearer(&jwt.signed_by(key)).note("Control: the same claims, signed by us");
    own.send().await?.must_work("the same claims signed by us")?;
    let roles = [json!("admin"), json!("Admin"), json!("editor"), json!(["admin"]), json!("user admin"), json!("root")];
    let tokens = each(&jwt, "role", &roles).into_iter().map(|(what, jwt)| (what, jwt.signed_by(key))).collect();
    all_refused(attempt, "/v1/admin/users", tokens).await
}
