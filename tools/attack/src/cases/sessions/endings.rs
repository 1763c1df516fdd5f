//! What must end a session, at once and everywhere.

use serde_json::json;

use super::{FORM, me, refreshed, soon_refused};
use crate::{
    attempt::Attempt,
    case::{Case, Need, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "session-after-logout",
        title: "A token after its owner has signed out",
        pillar: Some("session-liveness"),
        teaching: "A signed token is valid until it expires, whatever has happened since; \"logout\" in many services \
                   only makes the browser forget. Whoever copied the token goes on. Ask at every request whether the \
                   session still lives: one query or a short cache, against minutes or hours in which nobody can be \
                   put out.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/logout")],
        run: |attempt| Box::pin(after_logout(attempt)),
        ..FORM
    },
    Case {
        id: "session-refresh-after-logout",
        title: "A refresh token after its owner has signed out",
        teaching: "If signing out ends the access token alone, the refresh token makes a new one a moment later: the \
                   session was renamed, not ended. It lives for weeks and lies where malware looks first. Both hang \
                   on one session, and ending that ends both.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/logout")],
        run: |attempt| Box::pin(refresh_after_logout(attempt)),
        ..FORM
    },
    Case {
        id: "session-after-password-change",
        title: "A thief's session after the owner has changed the password",
        pillar: Some("session-liveness"),
        asvs: &["7.4.3"],
        teaching: "People change their password when they think that somebody else has it. If the other sessions live \
                   on, they have shut the door with the thief inside. ASVS asks to offer it; here every other session \
                   ends with the change, and so do this session's earlier access tokens.",
        needs: &[Need::FreshUser, Need::Operation("PUT", "/v1/users/me/password")],
        run: |attempt| Box::pin(after_password_change(attempt)),
        ..FORM
    },
    Case {
        id: "session-after-password-reset",
        title: "A thief's session after the owner has reset the password",
        pillar: Some("session-liveness"),
        asvs: &["7.4.3"],
        teaching: "A reset by mail is how an owner takes an account back, so it must end every session, the thief's \
                   first. It must also sign nobody in: a link in a mail would be a password, valid for half an hour, \
                   and would walk past the second factor.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/password/reset")],
        run: |attempt| Box::pin(after_reset(attempt)),
        ..FORM
    },
    Case {
        id: "session-ended-from-the-list",
        title: "A session that its owner has ended from another device",
        pillar: Some("session-liveness"),
        asvs: &["7.5.2", "7.4.1"],
        teaching: "\"Sign out of the lost phone\" is a promise, and often one to the list alone: the row disappears \
                   and the phone's token works until it expires. The button must do to that session what signing out \
                   on the phone itself would have done, within a second, on every replica.",
        needs: &[Need::FreshUser, Need::Operation("DELETE", "/v1/users/me/sessions/{id}")],
        run: |attempt| Box::pin(ended_from_the_list(attempt)),
        ..FORM
    },
    Case {
        id: "session-all-others-ended",
        title: "All other sessions, after the owner has ended them",
        pillar: Some("session-liveness"),
        asvs: &["7.5.2", "7.4.3"],
        teaching: "After a fright one wants to be the only one inside. The request must end every other session, and \
                   keep this one; an off-by-one in either direction is bad: the thief stays, or the owner is put out \
                   and the thief is asked nothing. Also a session that was opened a moment ago belongs to the others.",
        needs: &[Need::FreshUser, Need::Operation("DELETE", "/v1/users/me/sessions")],
        run: |attempt| Box::pin(all_others(attempt)),
        ..FORM
    },
];

async fn after_logout(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 within a second of signing out");
    let person = attempt.fresh_user().await?;
    me(attempt, &person, "Control: before").await?.must_work("the token before signing out")?;
    attempt.request("POST", "/v1/auth/logout").by(&person).send().await?.must_work("signing out")?;
    soon_refused(attempt, &person, "The token after signing out").await
}

async fn refresh_after_logout(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401");
    let (person, control) = (attempt.fresh_user().await?, attempt.fresh_user().await?);
    refreshed(attempt, &control.refresh, "Control: a live session").await?.must_work("a live session's refresh")?;
    attempt.request("POST", "/v1/auth/logout").by(&person).send().await?.must_work("signing out")?;
    Ok(refreshed(attempt, &person.refresh, "After signing out").await?.must_be(&[401]))
}

async fn after_password_change(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for the other session's token and refresh token");
    let owner = attempt.fresh_user().await?;
    let thief = attempt.sign_in(&owner).await?;
    me(attempt, &thief, "Control: the thief is inside").await?.must_work("the second session")?;
    let change = json!({"current_password": owner.password, "new_password": "Brisk-harbour-19-violin"});
    attempt.put("/v1/users/me/password", &change).by(&owner).send().await?.must_work("the password is changed")?;
    let access = soon_refused(attempt, &thief, "The thief's token").await?;
    let refresh = refreshed(attempt, &thief.refresh, "The thief's refresh token").await?.must_be(&[401]);
    Ok(access.and(refresh))
}

async fn after_reset(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for every session, and no token in the answer to the reset");
    let owner = attempt.fresh_user().await?;
    me(attempt, &owner, "Control: before").await?.must_work("the token before the reset")?;
    let asked = attempt.post("/v1/auth/password/forgot", &json!({"email": owner.email})).send().await?;
    asked.must_work("a reset is asked for")?;
    let token = attempt.mailed_token(&owner.email, "password").await?;
    let body = json!({"token": token, "new_password": "Brisk-harbour-19-violin"});
    let reset = attempt.post("/v1/auth/password/reset", &body).send().await?.must_work("the reset")?;
    let quiet = Verdict::held_if(!reset.text().contains("token"), || "the reset hands out tokens".to_owned());
    let access = soon_refused(attempt, &owner, "The old token").await?;
    let refresh = refreshed(attempt, &owner.refresh, "The old refresh token").await?.must_be(&[401]);
    Ok(access.and(refresh).and(quiet))
}

async fn ended_from_the_list(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for the ended session, 200 for the other");
    let owner = attempt.fresh_user().await?;
    let phone = attempt.sign_in(&owner).await?;
    me(attempt, &phone, "Control: the phone").await?.must_work("the phone before")?;
    let sessions = attempt.get("/v1/users/me/sessions").by(&owner).send().await?.must_work("the list")?.json();
    let other = sessions["items"].as_array().into_iter().flatten().find(|session| session["current"] == false);
    let id = other.and_then(|session| session["id"].as_str()).unwrap_or_default().to_owned();
    attempt.control(!id.is_empty(), "the list does not show the phone")?;
    let path = format!("/v1/users/me/sessions/{id}");
    attempt.delete(&path).by(&owner).send().await?.must_work("the phone's session is ended")?;
    let ended = soon_refused(attempt, &phone, "The phone after").await?;
    let refresh = refreshed(attempt, &phone.refresh, "Its refresh token").await?.must_be(&[401]);
    Ok(ended.and(refresh).and(me(attempt, &owner, "The owner").await?.must_be(&[200])))
}

async fn all_others(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for all others, 200 for this one");
    let owner = attempt.fresh_user().await?;
    let (first, second) = (attempt.sign_in(&owner).await?, attempt.sign_in(&owner).await?);
    me(attempt, &second, "Control: another session").await?.must_work("another session before")?;
    attempt.delete("/v1/users/me/sessions").by(&owner).send().await?.must_work("all others are ended")?;
    let ended = soon_refused(attempt, &first, "The first of the others").await?;
    let ended = ended.and(soon_refused(attempt, &second, "The second of the others").await?);
    let refresh = refreshed(attempt, &second.refresh, "Its refresh token").await?.must_be(&[401]);
    Ok(ended.and(refresh).and(me(attempt, &owner, "The owner").await?.must_be(&[200])))
}
