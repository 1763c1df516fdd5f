//! What must end somebody's sessions when others decide it, or when the account goes.

use serde_json::json;

use super::{FORM, me, refreshed, soon_refused};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "session-after-suspension",
        title: "Somebody suspended goes on",
        pillar: Some("session-liveness"),
        asvs: &["7.4.2"],
        teaching: "Suspension that stops only the next sign-in leaves whoever is inside, inside. It is the measure \
                   for an account that has been taken over, so its tokens, its refresh tokens and its password must \
                   stop together, and the refusal of the password must sound like that of a wrong one.",
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(after_suspension(attempt)),
        ..FORM
    },
    Case {
        id: "session-ended-by-an-administrator",
        title: "Somebody whose sessions an administrator has ended goes on",
        pillar: Some("session-liveness"),
        asvs: &["7.4.5"],
        teaching: "When an employee's laptop is stolen on a Friday evening, somebody must be able to end that \
                   person's sessions without the person, and without suspending them. It is worth as much as its \
                   reach: access tokens, refresh tokens, each replica, and open streams.",
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("POST", "/v1/admin/users/{id}/revoke-sessions")],
        run: |attempt| Box::pin(by_an_administrator(attempt)),
        ..FORM
    },
    Case {
        id: "session-after-role-change",
        title: "A demoted editor's old token",
        pillar: Some("session-liveness"),
        asvs: &["7.4.1", "8.3.1"],
        teaching: "The role stands in the token, and the token was made before the change: until it expires the old \
                   rights go on. For a person who is being dismissed, ten minutes are enough. The token is refused \
                   from the moment of the change, and the refresh, which stays good, brings one with the new role.",
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(after_role_change(attempt)),
        ..FORM
    },
    Case {
        id: "session-after-deletion",
        title: "A token of an account that is no more",
        asvs: &["7.4.2"],
        teaching: "The account is erased, its tokens are not: they are not rows but texts, in browsers and scripts. A \
                   service that believes them goes on acting for nobody, and writes rows with an owner that does not \
                   exist. The liveness of the session answers this too, since the session goes with the account.",
        needs: &[Need::FreshUser, Need::Operation("DELETE", "/v1/users/me")],
        run: |attempt| Box::pin(after_deletion(attempt)),
        ..FORM
    },
];

async fn after_suspension(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for token, refresh token and password");
    let person = attempt.fresh_user().await?;
    me(attempt, &person, "Control: before").await?.must_work("the token before")?;
    let (admin, path) = (attempt.admin().await?, format!("/v1/admin/users/{}", person.id));
    let body = json!({"status": "suspended"});
    attempt.patch(&path, &body).by(&admin).send().await?.must_work("an administrator suspends")?;
    let access = soon_refused(attempt, &person, "The token of somebody suspended").await?;
    let refresh = refreshed(attempt, &person.refresh, "Its refresh token").await?.must_be(&[401]);
    let login = json!({"email": person.email, "password": person.password});
    let login = attempt.post("/v1/auth/login", &login).note("The right password").send().await?.must_be(&[401]);
    Ok(access.and(refresh).and(login))
}

async fn by_an_administrator(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for token and refresh token");
    let person = attempt.fresh_user().await?;
    me(attempt, &person, "Control: before").await?.must_work("the token before")?;
    let (admin, path) = (attempt.admin().await?, format!("/v1/admin/users/{}/revoke-sessions", person.id));
    attempt.request("POST", &path).by(&admin).send().await?.must_work("an administrator ends the sessions")?;
    let access = soon_refused(attempt, &person, "The token").await?;
    Ok(access.and(refreshed(attempt, &person.refresh, "The refresh token").await?.must_be(&[401])))
}

async fn after_role_change(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for the old token; the refresh brings the new role");
    let person = attempt.fresh_user().await?;
    let (admin, path) = (attempt.admin().await?, format!("/v1/admin/users/{}", person.id));
    let promoted = attempt.patch(&path, &json!({"role": "editor"})).by(&admin).note("Promoted").send().await?;
    promoted.must_work("an administrator makes an editor")?;
    let editor = attempt.sign_in(&person).await?;
    me(attempt, &editor, "Control: the editor's token").await?.must_work("the editor's token")?;
    let demoted = attempt.patch(&path, &json!({"role": "user"})).by(&admin).note("Demoted").send().await?;
    demoted.must_work("an administrator demotes the editor")?;
    let old = soon_refused(attempt, &editor, "The editor's old token").await?;
    let again = refreshed(attempt, &editor.refresh, "The refresh").await?;
    let claims = crate::forge::Jwt::read(&again.string("/access_token")).map(|jwt| jwt.text("role"));
    let role = claims.unwrap_or_default();
    Ok(old.and(Verdict::held_if(role != "editor" && role != "admin", || format!("the new token says {role}"))))
}

async fn after_deletion(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for token, refresh token and password");
    let person = attempt.fresh_user().await?;
    me(attempt, &person, "Control: before").await?.must_work("the token before")?;
    let gone = attempt.request("DELETE", "/v1/users/me").json(&json!({"password": person.password})).by(&person);
    gone.send().await?.must_work("the account is deleted")?;
    let access = soon_refused(attempt, &person, "The token of nobody").await?;
    let refresh = refreshed(attempt, &person.refresh, "Its refresh token").await?.must_be(&[401]);
    let login = json!({"email": person.email, "password": person.password});
    let login = attempt.post("/v1/auth/login", &login).note("Its password").send().await?.must_be(&[401]);
    Ok(access.and(refresh).and(login))
}
