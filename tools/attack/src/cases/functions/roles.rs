//! Becoming more than one is.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{ownership::belongings::draft, walk::refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "bfla-register-admin",
        title: "Somebody registers as an administrator",
        pillar: None,
        owasp: &["API5:2023", "API3:2023"],
        asvs: &["8.3.1", "15.3.3"],
        teaching: "The form for registration sends name and password; whoever sends a role as well may get it. The WordPress \
                   plugin Ultimate Member, on 200,000 sites, let visitors set `wp_capabilities` about themselves, and attackers \
                   came in as administrators (CVE-2023-3460). No request at all should be able to make an \
                   administrator: here only the command line on the machine itself can.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/register")],
        run: |attempt| Box::pin(register_admin(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-admin-makes-admin",
        title: "An administrator's request makes another administrator",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "8.2.3"],
        teaching: "Whoever takes an administrator's session for a minute wants to stay, and an administrator of their own is \
                   how one stays: that is what attackers did first with TeamCity in 2024 (CVE-2024-27198). If no request \
                   can give the highest role, a stolen session ends with the session. The values that a request may set \
                   are a list of their own, smaller than the list that exists.",
        needs: &[Need::Admin, Need::FreshUser, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(admin_makes_admin(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-admin-changes-admin",
        title: "An administrator changes an administrator",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "8.2.2"],
        teaching: "With one stolen session of an administrator all the others can be renamed, suspended and deleted before \
                   they notice, and the last one can lock the house from inside. What administrators do to administrators, \
                   themselves included, is rare and can wait for somebody at the machine. The check belongs into the very \
                   statement that changes the row, or a promotion meanwhile gets past it.",
        needs: &[Need::Admin, Need::Operation("PATCH", "/v1/admin/users/{id}")],
        run: |attempt| Box::pin(admin_changes_admin(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-publish",
        title: "An author publishes without an editor",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "2.3.1"],
        teaching: "A step that somebody else must take is a control of its own: four eyes, an approval, a review. The object \
                   is one's own, so ownership lets the request pass; only the function's role stops it. Such steps are \
                   often guarded by a hidden button, or by a field like `published_at` that the ordinary change accepts. \
                   Each transition needs its own operation and its own permission.",
        needs: &[Need::User, Need::Editor, Need::Operation("POST", "/v1/articles/{id}/publish")],
        run: |attempt| Box::pin(publish(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-unverified-account",
        title: "An account whose address nobody confirmed is used",
        pillar: None,
        owasp: &["API2:2023", "API5:2023"],
        asvs: &["6.3.4", "2.3.1"],
        teaching: "Whoever registers with somebody else's address and may use the account at once speaks in that person's \
                   name, and waits for them inside: researchers found such pre-hijacking at Instagram, LinkedIn and \
                   Dropbox in 2022, of 75 services 35 were open to it. Until the address is confirmed there must be no \
                   session, no token, and nothing that a later owner of the account inherits.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/register")],
        run: |attempt| Box::pin(unverified(attempt)),
        ..PLAIN
    },
];

async fn register_admin(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of each, or an account without privileges");
    let known = attempt.fresh_user().await?;
    attempt.get("/v1/users/me").by(&known).note("Control: an honest account").send().await?.must_work("an account")?;
    let guest = json!({"name": "A guest", "password": "Steep-lantern-harbour-77"});
    let extras = [
        json!({"role": "admin"}),
        json!({"role": "editor"}),
        json!({"roles": ["admin"]}),
        json!({"is_admin": true, "admin": true}),
        json!({"user": {"role": "admin"}}),
        json!({"status": "active", "email_verified": true}),
    ];
    let tries = extras.iter().enumerate().map(|(i, extra)| {
        let mut body = guest.clone();
        body["email"] = json!(known.email.replace('@', &format!("-{i}@")));
        for (name, value) in extra.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        attempt.post("/v1/auth/register", &body).elsewhere()
    });
    refuses(tries.collect()).await
}

async fn admin_makes_admin(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of each, and the user stays a user");
    let (admin, user) = (attempt.admin().await?, attempt.fresh_user().await?);
    let path = format!("/v1/admin/users/{}", user.id);
    let honest = attempt.patch(&path, &json!({"name": "A guest"})).by(&admin).note("Control: a name");
    honest.send().await?.must_work("an administrator changes a name")?;
    let mut tries = Vec::new();
    for role in [json!("admin"), json!("ADMIN"), json!(" admin"), json!("admin\u{0}"), json!(["admin"]), json!(2)] {
        tries.push(attempt.patch(&path, &json!({"role": role})).by(&admin));
    }
    let new = json!({"email": user.email.replace('@', "-new@"), "name": "A guest", "role": "admin"});
    tries.push(attempt.post("/v1/admin/users", &new).by(&admin));
    let verdict = refuses(tries).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let role = attempt.get(&path).by(&admin).note("What are they now?").send().await?.string("/role");
    Ok(verdict.and(Verdict::held_if(role == "user", || format!("the user is now {role}"))))
}

/// Only changes that change nothing: if they get through, nothing is lost.
async fn admin_changes_admin(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403, also for oneself");
    let admin = attempt.admin().await?;
    let path = format!("/v1/admin/users/{}", admin.id);
    let me = attempt.get(&path).by(&admin).note("Control: reading is allowed").send().await?.must_work("reading")?;
    let same = [json!({"name": me.string("/name")}), json!({"status": "active"})];
    refuses(same.iter().map(|change| attempt.patch(&path, change).by(&admin)).collect()).await
}

async fn publish(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for the author, and it stays a draft");
    let (author, editor) = (attempt.user().await?, attempt.editor().await?);
    let path = format!("/v1/articles/{}", draft(attempt, &author).await?);
    let publish = attempt.request("POST", &format!("{path}/publish"));
    let field = |body| attempt.patch(&path, &body).by(&author).header("if-match", "*");
    let verdict = refuses(vec![
        publish.clone().by(&author).note("The author publishes"),
        field(json!({"published_at": "2026-01-01T00:00:00Z"})),
        field(json!({"title": "Out now", "status": "published"})),
        attempt
            .post("/v1/articles", &json!({"title": "x", "body": "x", "published_at": "2026-01-01T00:00:00Z"}))
            .by(&author),
    ])
    .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let after = attempt.get(&path).by(&author).note("Is it still a draft?").send().await?.json();
    let verdict = verdict.and(Verdict::held_if(after["published_at"].is_null(), || "it is published".into()));
    publish.by(&editor).note("Control: an editor does").send().await?.must_work("an editor publishes")?;
    attempt.delete(&path).by(&author).note("And its author takes it away again").send().await?;
    Ok(verdict)
}

async fn unverified(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for the right password, without a token");
    let known = attempt.fresh_user().await?;
    attempt
        .get("/v1/users/me")
        .by(&known)
        .note("Control: a confirmed one")
        .send()
        .await?
        .must_work("a confirmed one")?;
    let email = known.email.replace('@', "-unconfirmed@");
    let password = "Steep-lantern-harbour-77";
    let guest = json!({"email": email, "name": "A guest", "password": password});
    attempt.post("/v1/auth/register", &guest).elsewhere().send().await?.must_work("an account is registered")?;
    let login = json!({"email": email, "password": password});
    let answer = attempt.post("/v1/auth/login", &login).elsewhere().note("Never confirmed").send().await?;
    let tokens = answer.text().contains("access_token") || answer.text().contains("refresh_token");
    Ok(answer.refused().and(Verdict::held_if(!tokens, || "a token stands in the refusal".into())))
}
