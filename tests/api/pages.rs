//! Lists by page: nothing twice, nothing left out, and no cursor but those that were given out.

use std::collections::BTreeSet;

use drawbridge::{
    error::Result,
    features,
    http::{
        answer::Private,
        caller::Caller,
        page::{NoFilter, Page, PageQuery},
        routes::{About, Limit},
    },
    security::access::{Role, Session},
};
use serde_json::json;
use time::Duration;

use crate::support::{Answer, Client, Person, TestApp};

fn ids(page: &serde_json::Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn list(client: &Client, query: &str) -> Answer {
    client.get(&format!("/v1/admin/users?{query}")).send().await
}

/// The cursor of the first page of this query.
async fn cursor(client: &Client, query: &str) -> String {
    list(client, query).await.assert(200).json()["next_cursor"].as_str().unwrap().to_owned()
}

async fn forty_five_users(app: &TestApp) -> (Person, Vec<String>) {
    let admin = app.person(Role::Admin).await;
    let mut made = vec![admin.id.to_string()];
    for _ in 0..44 {
        app.clock.forward(Duration::milliseconds(1));
        made.push(app.account(Role::User).await.0.to_string());
    }
    made.reverse();
    (admin, made)
}

fn refused(answer: &Answer) {
    answer.assert_refused(400, "VALIDATION_FAILED");
    assert!(answer.fields().iter().all(|(field, _)| field == "cursor"), "{}", answer.text());
}

#[tokio::test]
async fn forty_five_users_come_in_pages_of_twenty_newest_first_each_once() {
    let app = TestApp::start().await;
    let (admin, made) = forty_five_users(&app).await;
    let (mut seen, mut sizes, mut query) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = list(&admin.client, &query).await.assert(200).json();
        sizes.push(ids(&page).len());
        seen.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("cursor={next}");
    }
    assert_eq!((sizes, seen), (vec![20, 20, 5], made));
}

#[tokio::test]
async fn users_that_come_and_go_meanwhile_put_nobody_in_twice_and_leave_nobody_out() {
    let app = TestApp::start().await;
    let (admin, made) = forty_five_users(&app).await;
    let (mut seen, mut gone, mut query) = (Vec::new(), BTreeSet::new(), "limit=20".to_owned());
    loop {
        let page = list(&admin.client, &query).await.assert(200).json();
        seen.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        query = format!("limit=20&cursor={next}");

        app.clock.forward(Duration::milliseconds(1));
        app.account(Role::User).await;
        // The last one seen, whose place the cursor remembers; one seen long ago; and one that is still to come.
        let still = made.iter().filter(|id| !gone.contains(*id) && !seen.contains(id)).nth(1).unwrap().clone();
        for id in [seen.last().unwrap().clone(), seen[gone.len()].clone(), still] {
            sqlx::query("delete from users where id = $1::uuid").bind(&id).execute(&app.owner).await.unwrap();
            gone.insert(id);
        }
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nobody twice");
    let stayed: BTreeSet<_> = made.iter().filter(|id| !gone.contains(*id)).collect();
    assert!(stayed.iter().all(|id| seen.contains(id)), "nobody left out");
}

#[tokio::test]
async fn a_list_that_ends_with_its_page_has_no_next_one() {
    let app = TestApp::start().await;
    let (admin, made) = forty_five_users(&app).await;
    for (query, size, goes_on) in [("limit=45", 45, false), ("limit=44", 44, true), ("limit=100", 45, false)] {
        let page = list(&admin.client, query).await.assert(200).json();
        assert_eq!((ids(&page), page["next_cursor"].is_string()), (made[..size].to_vec(), goes_on), "{query}");
    }
}

#[tokio::test]
async fn a_cursor_that_was_altered_or_made_up_is_refused() {
    let app = TestApp::start().await;
    let (admin, _) = forty_five_users(&app).await;
    let good = cursor(&admin.client, "").await;
    let flip = |place: usize| {
        let other = if good[place..].starts_with('A') { "B" } else { "A" };
        format!("{}{other}{}", &good[..place], &good[place + 1..])
    };
    let forged = ["A".repeat(64), "_".repeat(64), flip(0), flip(20), flip(21), flip(40), flip(63)];
    let misshapen = [String::new(), good[..63].to_owned(), format!("{good}A"), format!("{good}%3D"), "1".to_owned()];
    for cursor in forged.iter().chain(&misshapen).chain(&["%27%20or%20true--".to_owned(), "%00".repeat(64)]) {
        refused(&list(&admin.client, &format!("cursor={cursor}")).await);
    }
    list(&admin.client, &format!("cursor={good}")).await.assert(200);
}

#[tokio::test]
async fn a_cursor_is_of_one_list_with_one_set_of_filters_and_of_one_reader() {
    let app = TestApp::start().await;
    let (admin, _) = forty_five_users(&app).await;
    let (all, users) = (cursor(&admin.client, "").await, cursor(&admin.client, "role=user").await);
    for query in [
        format!("role=user&cursor={all}"),
        format!("cursor={users}"),
        format!("role=user&status=active&cursor={users}"),
        format!("role=editor&cursor={users}"),
        format!("email=a@example.com&cursor={all}"),
    ] {
        refused(&list(&admin.client, &query).await);
    }
    refused(&admin.client.get(&format!("/v1/users/me/sessions?cursor={all}")).send().await);
    let other = app.person(Role::Admin).await;
    refused(&list(&other.client, &format!("cursor={all}")).await);

    // A larger step is no other list.
    list(&admin.client, &format!("limit=100&role=user&cursor={users}")).await.assert(200);
}

/// Two lists that cannot be narrowed look alike but for their routes.
#[tokio::test]
async fn a_cursor_of_one_route_is_refused_on_another() {
    async fn other(_: Caller<Session>, query: PageQuery<NoFilter>) -> Result<Private<Page<bool>>> {
        Ok(Private(query.page(Vec::new(), |_| query.before())))
    }
    const ABOUT: About = About { summary: "Another list", description: "A route of the tests.", problems: &[] };
    let routes = features::routes().get("/other", Session, Limit::Read, other, &ABOUT);
    let app = TestApp::start_with(&[], routes).await;
    let ada = app.person(Role::User).await;
    app.sign_in(ada.id, ada.email.clone()).await;
    let page = ada.client.get("/v1/users/me/sessions?limit=1").send().await.assert(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    ada.client.get(&format!("/v1/users/me/sessions?cursor={cursor}")).send().await.assert(200);
    refused(&ada.client.get(&format!("/other?cursor={cursor}")).send().await);
}

#[tokio::test]
async fn a_cursor_works_on_every_replica_and_after_a_restart() {
    let app = TestApp::start().await;
    let (admin, made) = forty_five_users(&app).await;
    let good = cursor(&admin.client, "").await;
    let replica = app.replica_with(&[]).await;
    let page = list(&admin.client.at(replica.address), &format!("cursor={good}")).await.assert(200).json();
    assert_eq!(ids(&page), made[20..40]);
    let count = sqlx::query_scalar("select count(*) from service_keys where purpose = 'page_cursor'");
    let keys: i64 = count.fetch_one(&app.owner).await.unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_page_has_one_to_a_hundred_rows_and_no_parameter_twice() {
    let app = TestApp::start().await;
    let admin = app.person(Role::Admin).await;
    for (query, field, rule) in [
        ("limit=0", "limit", "minimum"),
        ("limit=101", "limit", "maximum"),
        ("limit=-1", "limit", "minimum"),
        ("limit=9223372036854775807", "limit", "maximum"),
        ("limit=9223372036854775808", "limit", "type"),
        ("limit=ten", "limit", "type"),
        ("limit=1&limit=2", "limit", "repeated"),
        ("offset=5", "offset", "unknown"),
        ("page=2", "page", "unknown"),
        ("sort=password_hash", "sort", "unknown"),
    ] {
        let answer = list(&admin.client, query).await;
        answer.assert_refused(400, "VALIDATION_FAILED");
        assert_eq!(answer.fields(), [(field.to_owned(), rule.to_owned())], "{query}");
    }
    let one = list(&admin.client, "limit=1").await.assert(200).json();
    assert_eq!((ids(&one).len(), &one["next_cursor"]), (1, &json!(null)));
}
