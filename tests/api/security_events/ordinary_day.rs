//! A Monday on which nothing happens: people, an office behind one address, programs and probes, and all their mistakes.

use drawbridge::{features, security::access::Role};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{told, until_told};
use crate::support::{Client, PASSWORD, TestApp};

struct Colleague {
    client: Client,
    refresh_token: String,
}

impl Colleague {
    /// In the morning, at the second try.
    async fn arrives(app: &TestApp, at: &Client) -> Self {
        let (_, email) = app.account(Role::User).await;
        at.login(&email, "a long walk over seven wooden bridge").await.assert(401);
        let tokens = at.login(&email, PASSWORD).await.assert(200).json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Self { client: at.with_token(&text("access_token")), refresh_token: text("refresh_token") }
    }

    async fn returns(&mut self) {
        let tokens = self.client.refresh(&self.refresh_token).await.assert(200).json();
        self.client = self.client.with_token(tokens["access_token"].as_str().unwrap());
        tokens["refresh_token"].as_str().unwrap().clone_into(&mut self.refresh_token);
    }

    /// Twenty requests at once, as a page makes them; and what a browser asks for by itself.
    async fn opens_the_page(&self) {
        let paths = ["/v1/users/me", "/v1/users/me/activity", "/.well-known/jwks.json", "/v1/users/me/sessions"];
        let requests = (0..20).map(|number| self.client.get(paths[number % 4]).send());
        for answer in requests.collect::<JoinSet<_>>().join_all().await {
            answer.assert(200);
        }
        for path in ["/favicon.ico", "/apple-touch-icon.png", "/robots.txt"] {
            self.client.get(path).send().await.assert(404);
        }
    }

    /// A list that is old: somebody has cleared away what it names.
    async fn opens_what_is_gone(&self, gone: &[Uuid]) {
        for id in gone {
            self.client.get(&format!("/v1/users/{id}")).send().await.assert(404);
        }
    }

    /// Mistakes in a form.
    async fn saves(&self) {
        self.client.patch("/v1/users/me", &json!({ "name": "" })).send().await.assert(400);
        self.client.patch("/v1/users/me", &json!({ "name": "Ada" })).send().await.assert(200);
    }
}

/// A program of the house that looks for one thing, which is gone, and a probe that asks whether we live.
async fn programs(poller: &Client, probe: &Client, gone: Uuid) {
    for _ in 0..6 {
        poller.get(&format!("/v1/users/{gone}")).send().await.assert(404);
        probe.get("/health/ready").send().await.assert(200);
    }
}

#[tokio::test]
async fn an_ordinary_day_fires_nothing() {
    // The flood guard goes by the machine's clock, for which the day is over in seconds.
    let settings = [("BUSINESS_HOURS", "mon-fri 07:00-19:00"), ("RATE_LIMIT_FLOOD", "token-bucket 10000/1s")];
    let app = TestApp::start_with(&settings, features::routes()).await;
    // To Monday morning.
    app.clock.forward(Duration::hours(20));
    let (office, probe) = (app.client(), app.client());
    let mut people = Vec::new();
    for place in [&office, &office, &office, &office, &app.client(), &app.client()] {
        people.push(Colleague::arrives(&app, place).await);
    }
    let robot = app.account(Role::User).await.0;
    let poller = app.program(robot, &drawbridge::security::access::Scope::ALL).await;
    let gone: Vec<_> = (0..25).map(|_| app.app.givens.new_id()).collect();

    for hour in 0..6 {
        for colleague in &mut people {
            if hour > 0 {
                colleague.returns().await;
            }
            colleague.opens_the_page().await;
            colleague.saves().await;
            app.clock.forward(Duration::seconds(20));
        }
        app.clock.forward(Duration::MINUTE);
        // Everybody in the office at once.
        for colleague in &people[..4] {
            colleague.opens_the_page().await;
        }
        app.clock.forward(Duration::MINUTE);
        people[hour].opens_what_is_gone(&gone).await;
        programs(&poller, &probe, gone[0]).await;
        if hour == 4 {
            let (user, admin) = (app.account(Role::User).await.0, app.person(Role::Admin).await.client);
            admin.patch(&format!("/v1/admin/users/{user}"), &json!({ "role": "editor" })).send().await.assert(200);
        }
        app.clock.forward(Duration::minutes(56));
    }

    until_told(&app, "authn_login_fail", 6).await;
    assert!(told(&app, "authz_fail").await.len() > 150, "the day was on the trail");
    let fired = "select distinct type from security_events where type like 'anomaly%' or type like 'malicious%'";
    let fired: Vec<String> = sqlx::query_scalar(fired).fetch_all(&app.owner).await.unwrap();
    assert!(fired.is_empty(), "{fired:?}");
}
