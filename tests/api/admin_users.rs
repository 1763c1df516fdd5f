//! What administrators do with the accounts of others, and what nobody can.

use drawbridge::security::access::Role;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Answer, Client, PASSWORD, Person, TestApp, until};

const USERS: &str = "/v1/admin/users";

fn at(id: impl std::fmt::Display) -> String {
    format!("{USERS}/{id}")
}

async fn read(admin: &Person, id: Uuid) -> Answer {
    admin.client.get(&at(id)).send().await
}

async fn change(admin: &Person, id: Uuid, change: &Value) -> Answer {
    admin.client.patch(&at(id), change).send().await
}

async fn stops(client: &Client) {
    until("the token stops working", async || (client.me().await.status == 401).then_some(())).await;
}

async fn refreshed(app: &TestApp, person: &Person) -> Client {
    let tokens = app.client().refresh(&person.refresh_token).await.assert(200).json();
    app.client().with_token(tokens["access_token"].as_str().unwrap())
}

/// Each administrative request, on this account.
async fn every_request(client: &Client, id: Uuid) -> [Answer; 6] {
    let body = json!({ "email": "made@example.com", "name": "Made" });
    [
        client.get(USERS).send().await,
        client.post(USERS, &body).send().await,
        client.get(&at(id)).send().await,
        client.patch(&at(id), &json!({ "role": "editor" })).send().await,
        client.post(&format!("{}/revoke-sessions", at(id)), &json!({})).send().await,
        client.delete(&at(id), &json!({})).send().await,
    ]
}

#[tokio::test]
async fn an_administrator_makes_reads_changes_and_deletes_a_user() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let body = json!({ "email": "Grace@Example.com", "name": "Grace Hopper", "role": "editor" });
    let made = admin.client.post(USERS, &body).send().await;
    let user = made.assert(201).json();
    let id: Uuid = user["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(made.header("location"), at(id));
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(
        (&user["email"], &user["role"], &user["status"], &user["email_verified"]),
        (&json!("Grace@Example.com"), &json!("editor"), &json!("active"), &json!(false))
    );

    let found = read(&admin, id).await;
    assert_eq!(found.assert(200).json(), user);
    let changed =
        change(&admin, id, &json!({ "name": "Rear Admiral Hopper", "role": "user" })).await.assert(200).json();
    assert_eq!((&changed["name"], &changed["role"]), (&json!("Rear Admiral Hopper"), &json!("user")));
    assert_eq!(read(&admin, id).await.json(), changed);

    admin.client.delete(&at(id), &json!({})).send().await.assert(204);
    read(&admin, id).await.assert_refused(404, "NOT_FOUND");
    for (event, count) in [("user_created", 1), ("user_updated", 1), ("authz_change", 1), ("user_deleted", 1)] {
        assert_eq!(app.events(id, event).await, count, "{event}");
    }
    let by: Vec<String> =
        sqlx::query_scalar("select distinct details ->> 'by' from security_events where user_id = $1")
            .bind(id)
            .fetch_all(&app.owner)
            .await
            .unwrap();
    assert_eq!(by, [admin.id.to_string()], "the trail says who did it");
}

#[tokio::test]
async fn a_role_that_is_not_given_is_user() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let body = json!({ "email": "plain@example.com", "name": "Plain" });
    assert_eq!(admin.client.post(USERS, &body).send().await.assert(201).json()["role"], "user");
}

#[tokio::test]
async fn who_is_invited_gets_a_token_and_cannot_sign_in_before_it_is_used() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let body = json!({ "email": "invited@example.com", "name": "Invited", "role": "editor" });
    let user = admin.client.post(USERS, &body).send().await.assert(201).json();
    let mail = app.mail_to("invited@example.com").await;
    assert!(mail.contains("within 7 days") && !mail.contains("Invited"), "{mail}");
    let token = app.token_mailed_to("invited@example.com").await;
    let kept: (String, f64, bool) = sqlx::query_as(
        "select purpose, extract(epoch from expires_at - created_at)::float8, hash = sha256(convert_to($1, 'UTF8')) from one_time_tokens",
    )
    .bind(&token)
    .fetch_one(&app.owner)
    .await
    .unwrap();
    assert_eq!(kept, ("set_password".to_owned(), 7.0 * 86400.0, true));

    for password in ["", "null", PASSWORD, &token] {
        let answer = app.client().login("invited@example.com", password).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{}", answer.text());
    }
    // It is no proof of an address, and so opens nothing but what it is for.
    app.client()
        .post("/v1/auth/verify-email", &json!({ "token": token }))
        .send()
        .await
        .assert_refused(400, "INVALID_TOKEN");
    assert_eq!(read(&admin, user["id"].as_str().unwrap().parse().unwrap()).await.json()["email_verified"], false);
}

/// A registration replaces one that nobody confirmed. If it replaced an invitation, a stranger would choose the password
/// of an account that is an editor's already.
#[tokio::test]
async fn nobody_registers_over_an_invitation() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let body = json!({ "email": "invited@example.com", "name": "Invited", "role": "editor" });
    let user = admin.client.post(USERS, &body).send().await.assert(201).json();
    app.client().register("Invited@example.com", "Thief", PASSWORD).await.assert(202);
    assert!(app.mail_to("Invited@example.com").await.contains("already"));
    let id = user["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(read(&admin, id).await.json(), user, "nothing was changed");
    app.client().login("invited@example.com", PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn nobody_but_an_administrator_does_any_of_it() {
    let app = TestApp::start().await;
    let (user, editor, victim) =
        (app.person(Role::User).await, app.person(Role::Editor).await, app.person(Role::User).await);
    for caller in [&user, &editor] {
        // Not even with their own account, and not told whether another exists.
        for target in [victim.id, caller.id, Uuid::max()] {
            for answer in every_request(&caller.client, target).await {
                answer.assert_refused(403, "FORBIDDEN");
            }
        }
        until("the refusals are on record", async || (app.events(caller.id, "authz_fail").await == 18).then_some(()))
            .await;
    }
    for answer in every_request(&app.client(), victim.id).await {
        answer.assert_refused(401, "UNAUTHENTICATED");
    }
    victim.client.me().await.assert(200);
    let rows: i64 = sqlx::query_scalar("select count(*) from users").fetch_one(&app.owner).await.unwrap();
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn who_may_not_come_in_learns_nothing_about_body_or_query() {
    let app = TestApp::start().await;
    let user = app.person(Role::User).await;
    user.client.post(USERS, &json!({ "role": "admin" })).send().await.assert_refused(403, "FORBIDDEN");
    user.client.get(&format!("{USERS}?limit=0&cursor=x")).send().await.assert_refused(403, "FORBIDDEN");
    user.client.patch(&at("no-id"), &json!({})).send().await.assert_refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn no_request_makes_an_administrator() {
    let app = TestApp::start().await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    for role in [json!("admin"), json!("Admin"), json!("superuser"), json!(null), json!(["user"]), json!(2), json!({})]
    {
        let made =
            admin.client.post(USERS, &json!({ "email": "x@example.com", "name": "X", "role": role })).send().await;
        for answer in [made, change(&admin, user.id, &json!({ "role": role })).await] {
            answer.assert_refused(400, "VALIDATION_FAILED");
            assert_eq!(answer.fields()[0].0, "role");
        }
    }
    let admins: i64 =
        sqlx::query_scalar("select count(*) from users where role = 'admin'").fetch_one(&app.owner).await.unwrap();
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn fields_that_are_not_the_administrators_to_set_are_refused() {
    let app = TestApp::start().await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    let unknown = ["id", "password", "password_hash", "email_verified", "email_verified_at", "is_admin", "created_at"];
    for name in unknown.iter().chain(&["updated_at", "mfa_enabled", "scopes", "__proto__", "Role"]) {
        let mut body = json!({ "email": "x@example.com", "name": "X" });
        body[name] = json!("user");
        let made = admin.client.post(USERS, &body).send().await;
        let changed = change(&admin, user.id, &json!({ "name": "X", *name: "user" })).await;
        for answer in [made, changed] {
            answer.assert_refused(400, "VALIDATION_FAILED");
            assert_eq!(answer.fields(), [((*name).to_owned(), "unknown".to_owned())]);
        }
    }
    let with_status = json!({ "email": "x@example.com", "name": "X", "status": "active" });
    admin.client.post(USERS, &with_status).send().await.assert_refused(400, "VALIDATION_FAILED");
    change(&admin, user.id, &json!({ "email": "new@example.com" })).await.assert_refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn what_the_schema_of_a_user_does_not_admit_is_refused_field_by_field() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let long = format!("{}@example.com", "a".repeat(243));
    for (body, field, rule) in [
        (json!({ "name": "X" }), "email", "required"),
        (json!({ "email": "x@example.com" }), "name", "required"),
        (json!({ "email": "x", "name": "X" }), "email", "email"),
        (json!({ "email": long, "name": "X" }), "email", "email"),
        (json!({ "email": "x@example.com", "name": "" }), "name", "min_length"),
        (json!({ "email": "x@example.com", "name": "x".repeat(101) }), "name", "max_length"),
        (json!({ "email": "x@example.com", "name": null }), "name", "type"),
        (json!({ "email": "x@example.com", "name": "X\0" }), "name", "pattern"),
    ] {
        let answer = admin.client.post(USERS, &body).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert!(answer.fields().contains(&(field.to_owned(), rule.to_owned())), "{body}: {}", answer.text());
    }
    let user = app.person(Role::User).await;
    for (body, field, rule) in [
        (json!({}), "", "min_properties"),
        (json!({ "name": null }), "name", "type"),
        (json!({ "status": null }), "status", "type"),
        (json!({ "status": "deleted" }), "status", "enum"),
        (json!([]), "", "type"),
    ] {
        let answer = change(&admin, user.id, &body).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields(), [(field.to_owned(), rule.to_owned())], "{body}");
    }
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_in_any_case_and_changes_nothing() {
    let app = TestApp::start().await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    let before = read(&admin, user.id).await.json();
    for email in [user.email.clone(), user.email.to_uppercase()] {
        let body = json!({ "email": email, "name": "Other", "role": "editor" });
        admin.client.post(USERS, &body).send().await.assert_refused(409, "CONFLICT");
    }
    assert_eq!(read(&admin, user.id).await.json(), before);
    let mails: i64 = sqlx::query_scalar("select count(*) from mail_outbox").fetch_one(&app.owner).await.unwrap();
    assert_eq!(mails, 0, "nobody is invited");
}

#[tokio::test]
async fn of_twenty_creations_of_one_address_at_once_one_succeeds() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let email = if number % 2 == 0 { "race@example.com" } else { "RACE@example.com" };
        racers.spawn(admin.client.post(USERS, &json!({ "email": email, "name": format!("Racer {number}") })).send());
    }
    let mut statuses: Vec<_> = racers.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[201][..], &[409; 19]].concat());
}

#[tokio::test]
async fn administrators_are_out_of_reach_of_each_other_and_of_themselves() {
    let app = TestApp::start().await;
    let (admin, other) = (app.person(Role::Admin).await, app.person(Role::Admin).await);
    for target in [other.id, admin.id] {
        for body in [json!({ "role": "user" }), json!({ "status": "suspended" }), json!({ "name": "Fool" })] {
            change(&admin, target, &body).await.assert_refused(403, "FORBIDDEN");
        }
        admin.client.delete(&at(target), &json!({})).send().await.assert_refused(403, "FORBIDDEN");
        let revoke = format!("{}/revoke-sessions", at(target));
        admin.client.post(&revoke, &json!({})).send().await.assert_refused(403, "FORBIDDEN");
        assert_eq!(read(&admin, target).await.assert(200).json()["name"], "Some Person", "though they can be seen");
    }
    other.client.me().await.assert(200);
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_not_found() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    let [_, _, read, change, revoke, delete] = every_request(&admin.client, Uuid::max()).await;
    for answer in [read, change, revoke, delete] {
        answer.assert_refused(404, "NOT_FOUND");
    }
    admin.client.get(&at("1")).send().await.assert_refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_new_role_works_on_the_very_next_request_here_and_on_another_replica() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    let elsewhere = user.client.at(replica.address);
    user.client.me().await.assert(200);
    elsewhere.me().await.assert(200);

    change(&admin, user.id, &json!({ "role": "editor" })).await.assert(200);
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    stops(&elsewhere).await;
    let editor = refreshed(&app, &user).await;
    assert_eq!(editor.me().await.assert(200).json()["role"], "editor");

    // Given back, the old role does not bring the old tokens back.
    change(&admin, user.id, &json!({ "role": "user" })).await.assert(200);
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    editor.me().await.assert_refused(401, "UNAUTHENTICATED");
    assert_eq!(app.events(user.id, "authz_change").await, 2);
}

#[tokio::test]
async fn what_changes_no_rights_leaves_the_tokens_alone() {
    let app = TestApp::start().await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    change(&admin, user.id, &json!({ "name": "New Name", "role": "user", "status": "active" })).await.assert(200);
    assert_eq!(user.client.me().await.assert(200).json()["name"], "New Name");
    assert_eq!(app.events(user.id, "authz_change").await, 0);
}

#[tokio::test]
async fn a_suspension_works_on_the_very_next_request_here_and_on_another_replica() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    let elsewhere = user.client.at(replica.address);
    elsewhere.me().await.assert(200);

    let suspended = change(&admin, user.id, &json!({ "status": "suspended" })).await;
    assert_eq!(suspended.assert(200).json()["status"], "suspended");
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    stops(&elsewhere).await;
    app.client().refresh(&user.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.client().login(&user.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");

    // Back again they can sign in, and what was ended stays ended.
    change(&admin, user.id, &json!({ "status": "active" })).await.assert(200);
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    app.client().refresh(&user.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.sign_in(user.id, user.email.clone()).await.client.me().await.assert(200);
}

#[tokio::test]
async fn revoked_sessions_end_everywhere_and_the_user_can_sign_in_again() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let (admin, user, bystander) =
        (app.person(Role::Admin).await, app.person(Role::User).await, app.person(Role::User).await);
    let elsewhere = user.client.at(replica.address);
    elsewhere.me().await.assert(200);
    admin.client.post(&format!("{}/revoke-sessions", at(user.id)), &json!({})).send().await.assert(204);
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    stops(&elsewhere).await;
    app.client().refresh(&user.refresh_token).await.assert_refused(401, "INVALID_CREDENTIALS");
    app.sign_in(user.id, user.email.clone()).await.client.me().await.assert(200);
    bystander.client.me().await.assert(200);
    admin.client.me().await.assert(200);
    assert_eq!(app.events(user.id, "authn_token_revoked").await, 1);
}

/// Announcements are for the other replicas. Without any, whoever is answered finds it done where it was done.
#[tokio::test]
async fn the_replica_that_makes_a_change_does_not_wait_for_its_own_announcement() {
    let app = TestApp::start().await;
    app.silence_announcements().await;
    let admin = app.person(Role::Admin).await;
    let revoke = |id: Uuid| admin.client.post(&format!("{}/revoke-sessions", at(id)), &json!({}));
    let requests: [&dyn Fn(Uuid) -> crate::support::Request; 4] = [
        &|id| admin.client.patch(&at(id), &json!({ "role": "editor" })),
        &|id| admin.client.patch(&at(id), &json!({ "status": "suspended" })),
        &revoke,
        &|id| admin.client.delete(&at(id), &json!({})),
    ];
    for (number, request) in requests.iter().enumerate() {
        let user = app.person(Role::User).await;
        // A list that would be empty, and not refused, for a session that is believed to live after its user is gone.
        let own = || user.client.get("/v1/users/me/sessions").send();
        own().await.assert(200);
        assert!(request(user.id).send().await.status.is_success());
        assert_eq!(own().await.refusal(), (401, "UNAUTHENTICATED".to_owned()), "request {number}");
    }
}

#[tokio::test]
async fn a_deleted_user_is_gone_at_once_here_and_on_another_replica() {
    let app = TestApp::start().await;
    let replica = app.replica_with(&[]).await;
    let (admin, user) = (app.person(Role::Admin).await, app.person(Role::User).await);
    let elsewhere = user.client.at(replica.address);
    elsewhere.me().await.assert(200);
    admin.client.delete(&at(user.id), &json!({})).send().await.assert(204);
    user.client.me().await.assert_refused(401, "UNAUTHENTICATED");
    stops(&elsewhere).await;
    app.client().login(&user.email, PASSWORD).await.assert_refused(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn an_administrator_who_is_one_no_longer_is_refused_with_the_next_token() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    sqlx::query("update users set role = 'user' where id = $1").bind(admin.id).execute(&app.owner).await.unwrap();
    stops(&admin.client).await;
    let demoted = refreshed(&app, &admin).await;
    demoted.get(USERS).send().await.assert_refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn of_two_administrators_with_the_same_version_in_hand_one_changes_it() {
    let app = TestApp::start().await;
    let (one, two, user) = (app.person(Role::Admin).await, app.person(Role::Admin).await, app.person(Role::User).await);
    let tag = read(&one, user.id).await.header("etag").to_owned();
    let change =
        |admin: &Person, body: Value, tag: &str| admin.client.patch(&at(user.id), &body).header("if-match", tag).send();
    let changed = change(&one, json!({ "status": "suspended" }), &tag).await;
    assert_eq!(changed.assert(200).header("etag"), read(&two, user.id).await.header("etag"));
    change(&two, json!({ "role": "editor" }), &tag).await.assert_refused(412, "PRECONDITION_FAILED");
    assert_eq!(read(&two, user.id).await.json()["role"], "user");

    let tag = changed.header("etag").to_owned();
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let admin = if number % 2 == 0 { &one } else { &two };
        racers.spawn(change(admin, json!({ "name": format!("Racer {number}") }), &tag));
    }
    let mut statuses: Vec<_> = racers.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[412; 7]].concat());
}

#[tokio::test]
async fn the_list_is_narrowed_by_role_status_and_the_exact_address() {
    let app = TestApp::start().await;
    let (admin, editor, user) =
        (app.person(Role::Admin).await, app.person(Role::Editor).await, app.person(Role::User).await);
    change(&admin, user.id, &json!({ "status": "suspended" })).await.assert(200);
    app.clock.forward(Duration::SECOND);
    let (second, _) = app.account(Role::User).await;
    let found = async |query: &str| {
        let page = admin.client.get(&format!("{USERS}?{query}")).send().await.assert(200).json();
        let ids = page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().parse().unwrap());
        ids.collect::<Vec<Uuid>>()
    };
    let (name, domain) = user.email.split_once('@').unwrap();
    assert_eq!(found("role=admin").await, [admin.id]);
    assert_eq!(found("role=editor").await, [editor.id]);
    assert_eq!(found("role=user").await, [second, user.id]);
    assert_eq!(found("role=user&status=active").await, [second]);
    assert_eq!(found("status=suspended").await, [user.id]);
    assert_eq!(found(&format!("email={}", user.email)).await, [user.id]);
    assert_eq!(found(&format!("email={}", user.email.to_uppercase())).await, [user.id]);
    assert_eq!(found(&format!("email={}&role=editor", user.email)).await, Vec::<Uuid>::new());
    for near in [&name[1..], &name[..name.len() - 1], &format!("{name}x"), "%25", "_"] {
        assert_eq!(found(&format!("email={near}@{domain}")).await, Vec::<Uuid>::new(), "{near}");
    }
    for (query, field) in [
        ("role=root", "role"),
        ("status=", "status"),
        ("email=%25", "email"),
        ("email=%00", "email"),
        ("name=Some", "name"),
    ] {
        let answer = admin.client.get(&format!("{USERS}?{query}")).send().await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields()[0].0, field);
    }
}

#[tokio::test]
async fn users_read_themselves_by_id_and_administrators_anyone() {
    let app = TestApp::start().await;
    let (admin, editor, user) =
        (app.person(Role::Admin).await, app.person(Role::Editor).await, app.person(Role::User).await);
    let read = async |reader: &Person, id: Uuid| reader.client.get(&format!("/v1/users/{id}")).send().await;
    let own = read(&user, user.id).await;
    assert_eq!(own.assert(200).json(), user.client.me().await.json());
    assert_eq!(own.header("etag"), user.client.me().await.header("etag"));
    assert_eq!(read(&admin, user.id).await.assert(200).json()["email"], user.email);

    for stranger in [&editor, &user] {
        let (others, nobodys) = (read(stranger, admin.id).await, read(stranger, Uuid::max()).await);
        others.assert_refused(404, "NOT_FOUND");
        let without_reference = |answer: &Answer| answer.text().replace(&answer.reference(), "");
        assert_eq!(without_reference(&others), without_reference(&nobodys));
    }
    read(&admin, Uuid::max()).await.assert_refused(404, "NOT_FOUND");
    app.client().get(&format!("/v1/users/{}", user.id)).send().await.assert_refused(401, "UNAUTHENTICATED");
}
