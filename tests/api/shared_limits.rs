//! Limits that replicas share on Redis; and what they are worth when it is lost.

use std::net::SocketAddr;

use drawbridge::security::access::Role;
use serde_json::json;

use tokio::task::JoinSet;

use crate::{
    program::Service,
    redis_server::RedisServer,
    support::{Answer, PASSWORD, TestApp, until},
};

async fn sharing(redis: &RedisServer) -> TestApp {
    TestApp::start_with(&[("REDIS_URL", &redis.url())], drawbridge::features::routes()).await
}

/// Tries this account with a wrong password, from a new address each time.
async fn guess(app: &TestApp, email: &str, times: usize) {
    for _ in 0..times {
        app.client().login(email, "a guess").await.assert_refused(401, "INVALID_CREDENTIALS");
    }
}

async fn refused(app: &TestApp, email: &str) {
    app.client().login(email, "a guess").await.assert_refused(429, "RATE_LIMITED");
}

async fn wait_for_readiness(app: &TestApp, status: u16) {
    let somebody = app.client();
    until("readiness", async || (somebody.get("/health/ready").send().await.status == status).then_some(())).await;
}

async fn events(app: &TestApp, name: &str) -> i64 {
    let query = sqlx::query_scalar("select count(*) from security_events where type = $1").bind(name);
    query.fetch_one(&app.owner).await.unwrap()
}

async fn wait_for_event(app: &TestApp, name: &str, count: i64) {
    until(name, async || (events(app, name).await == count).then_some(())).await;
}

#[tokio::test]
async fn two_replicas_count_as_one_and_a_sign_in_at_either_gives_the_tries_back() {
    let redis = RedisServer::start();
    let one = sharing(&redis).await;
    let two = one.replica_with(&[("REDIS_URL", &redis.url())]).await;
    let (_, email) = one.account(Role::User).await;
    guess(&one, &email, 5).await;
    guess(&two, &email, 4).await;
    one.client().login(&email, PASSWORD).await.assert(200);
    guess(&two, &email, 6).await;
    guess(&one, &email, 4).await;
    refused(&one, &email).await;
    refused(&two, &email).await;
}

#[tokio::test]
async fn a_lost_redis_drops_no_limit_and_is_used_again_when_it_is_back() {
    let mut redis = RedisServer::start();
    let app = sharing(&redis).await;
    let (_, spent) = app.account(Role::User).await;
    let (_, fresh) = app.account(Role::User).await;
    guess(&app, &spent, 10).await;

    redis.kill();
    refused(&app, &spent).await;
    guess(&app, &fresh, 10).await;
    refused(&app, &fresh).await;
    wait_for_readiness(&app, 503).await;
    wait_for_event(&app, "sys_monitor_disabled", 1).await;

    redis.start_again();
    wait_for_readiness(&app, 200).await;
    wait_for_event(&app, "sys_monitor_enabled", 1).await;
    wait_for_event(&app, "sys_monitor_disabled", 1).await;
    // The new one is empty: so it is its word that counts again.
    guess(&app, &spent, 10).await;
    refused(&app, &spent).await;
}

#[tokio::test]
async fn a_redis_that_is_frozen_stops_nobody() {
    let redis = RedisServer::start();
    let app = sharing(&redis).await;
    let ada = app.person(Role::User).await;
    redis.freeze();
    for _ in 0..20 {
        ada.client.me().await.assert(200);
    }
    guess(&app, "nobody@example.com", 10).await;
    refused(&app, "nobody@example.com").await;
    wait_for_readiness(&app, 503).await;
    redis.thaw();
    wait_for_readiness(&app, 200).await;
    ada.client.me().await.assert(200);
}

#[tokio::test]
async fn a_service_that_finds_no_redis_starts_says_so_and_counts_for_itself() {
    let mut redis = RedisServer::start();
    redis.kill();
    let app = sharing(&redis).await;
    guess(&app, "nobody@example.com", 10).await;
    refused(&app, "nobody@example.com").await;
    app.client().get("/health/ready").send().await.assert_refused(503, "SERVICE_UNAVAILABLE");
    app.client().get("/health/live").send().await.assert(200);
    wait_for_event(&app, "sys_monitor_disabled", 1).await;
    redis.start_again();
    wait_for_readiness(&app, 200).await;
    wait_for_event(&app, "sys_monitor_enabled", 1).await;
}

/// It answers, and does not do what it is asked to.
#[tokio::test]
async fn a_redis_that_takes_no_writes_is_none() {
    let redis = RedisServer::start();
    let mut inside = redis.connection();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut inside).unwrap();
    let app = sharing(&redis).await;
    app.client().get("/health/ready").send().await.assert_refused(503, "SERVICE_UNAVAILABLE");
    guess(&app, "nobody@example.com", 10).await;
    refused(&app, "nobody@example.com").await;
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut inside).unwrap();
    wait_for_readiness(&app, 200).await;
}

#[tokio::test]
async fn redis_knows_nobody_and_forgets_by_itself() {
    let redis = RedisServer::start();
    let app = sharing(&redis).await;
    let ada = app.person(Role::User).await;
    ada.client.me().await.assert(200);
    ada.client.refresh(&ada.refresh_token).await.assert(200);
    let change = json!({ "name": "Ada King" });
    ada.client.patch("/v1/users/me", &change).send().await.assert(200);
    app.client().login(&ada.email, "a guess").await.assert(401);
    app.client().register("bob@example.com", "Bob", PASSWORD).await.assert(202);
    app.client().post("/v1/auth/verify-email/resend", &json!({ "email": ada.email })).send().await.assert(202);

    let mut inside = redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut inside).unwrap();
    for class in ["read", "write", "login", "register", "recovery", "token"] {
        assert!(keys.iter().any(|key| key.starts_with(&format!("drawbridge:rl:{class}:"))), "{class}: {keys:?}");
    }
    for key in keys {
        let ends_in: i64 = redis::cmd("TTL").arg(&key).query(&mut inside).unwrap();
        assert!(ends_in > 0, "{key} stays for ever");
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut inside).unwrap();
        let dump = String::from_utf8_lossy(&dump);
        let id = ada.id.to_string();
        for secret in [ada.email.as_str(), "bob@example.com", "example", "127.", &id, &id.replace('-', "")] {
            assert!(!key.contains(secret) && !dump.contains(secret), "{key} tells {secret}");
        }
    }
}

/// A replica that is a process of its own.
fn process(app: &TestApp, redis: &RedisServer) -> (Service, SocketAddr) {
    let keys = app.folder.path().join("keys").display().to_string();
    let [database, owner] = app.database_settings();
    let settings = [
        database,
        owner,
        ("REDIS_URL", redis.url()),
        ("JWT_KEYS_DIR", keys),
        ("TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let service = Service::start_with(app.folder.path(), &settings);
    let address = service.base.strip_prefix("http://").unwrap().parse().unwrap();
    (service, address)
}

/// How many of so many requests at once are not told 429.
async fn let_through<F>(count: usize, request: impl Fn(usize) -> F) -> usize
where
    F: Future<Output = Answer> + Send + 'static,
{
    let requests: JoinSet<_> = (0..count).map(request).collect();
    requests.join_all().await.iter().filter(|answer| answer.status != 429).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_let_through_exactly_as_many_at_once_as_one_would() {
    let redis = RedisServer::start();
    let app = sharing(&redis).await;
    let replicas = [process(&app, &redis), process(&app, &redis)];
    let address = |number: usize| replicas[number % 2].1;
    // A machine that stands still for so long that Redis is given up has proven nothing; then once more.
    for _ in 0..5 {
        let lost = events(&app, "sys_monitor_disabled").await;
        let (_, target) = app.account(Role::User).await;
        let guesses = let_through(40, |number| {
            let (client, email) = (app.client().at(address(number)), target.clone());
            async move { client.login(&email, "a guess").await }
        });
        let guesses = guesses.await;

        let (_, email) = app.account(Role::User).await;
        let tokens = app.client().at(address(0)).login(&email, PASSWORD).await.assert(200).json();
        let client = app.client().with_token(tokens["access_token"].as_str().unwrap());
        let writes = let_through(120, |number| {
            let client = client.at(address(number));
            async move { client.patch("/v1/users/me", &json!({ "name": format!("Ada {number}") })).send().await }
        });
        let writes = writes.await;
        if events(&app, "sys_monitor_disabled").await == lost {
            assert_eq!((guesses, writes), (10, 60));
            return;
        }
    }
    panic!("Redis was given up every time");
}
