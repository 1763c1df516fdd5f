//! The trail of events proves itself: what was changed or taken away shows, whoever did it.

use drawbridge::{
    database::{self, ONE_MOMENT},
    security::{
        access::Role,
        audit::{
            self, Event, Origin,
            chain::{self, Finding, Head, Report},
        },
    },
};
use sqlx::PgPool;
use time::Duration;
use uuid::Uuid;

use crate::support::{TestApp, until};

/// Some events of a person's, of which one is to be tampered with.
async fn a_trail(app: &TestApp) -> (Uuid, Uuid) {
    let person = app.person(Role::User).await;
    for name in ["Ada", "Grace", "Hedy"] {
        person.client.patch("/v1/users/me", &serde_json::json!({ "name": name })).send().await.assert(200);
    }
    let second = "select event_id
                  from security_event_chain chain
                  join security_events event on event.id = event_id
                  where user_id = $1 and type = 'user_updated'
                  order by position
                  offset 1";
    let second = sqlx::query_scalar(second).bind(person.id).fetch_optional(&app.owner).await.unwrap().unwrap();
    (person.id, second)
}

async fn verify(app: &TestApp, kept: &[Head]) -> Report {
    let mut tx = app.app.database.begin_with(ONE_MOMENT).await.unwrap();
    chain::verify(&mut tx, kept).await.unwrap()
}

async fn as_owner(app: &TestApp, statement: &'static str, event: Uuid) {
    let changed = sqlx::query(statement).bind(event).execute(&app.owner).await.unwrap();
    assert_eq!(changed.rows_affected(), 1, "{statement}");
}

async fn position(app: &TestApp, event: Uuid) -> i64 {
    let position = sqlx::query_scalar("select position from security_event_chain where event_id = $1");
    position.bind(event).fetch_one(&app.owner).await.unwrap()
}

#[tokio::test]
async fn a_trail_that_nobody_touched_is_sound_to_its_end() {
    let app = TestApp::start().await;
    a_trail(&app).await;
    let report = verify(&app, &[]).await;
    assert!(report.is_sound(), "{:?}", report.findings);
    let rows: i64 = sqlx::query_scalar("select count(*) from security_events").fetch_one(&app.owner).await.unwrap();
    assert_eq!((report.sound, report.from), (u64::try_from(rows).unwrap(), Some(1)));
    assert_eq!(report.head, chain::head(&app.app.database).await.unwrap());
}

#[tokio::test]
async fn a_changed_event_shows_whatever_was_changed() {
    let app = TestApp::start().await;
    let (_, event) = a_trail(&app).await;
    let position = position(&app, event).await;
    let changes = [
        "update security_events set type = 'sys_startup' where id = $1",
        "update security_events set user_id = gen_random_uuid() where id = $1",
        "update security_events set client_address = '198.51.100.1' where id = $1",
        "update security_events set request_id = null where id = $1",
        "update security_events set reference = 'err-2026-03-000000000000' where id = $1",
        r#"update security_events set details = '{"by": null}' where id = $1"#,
    ];
    for change in changes {
        let mut tx = app.owner.begin().await.unwrap();
        sqlx::query(change).bind(event).execute(&mut *tx).await.unwrap();
        let report = chain::verify(&mut tx, &[]).await.unwrap();
        assert_eq!(report.findings, [Finding::Changed { position, event }], "{change}");
    }
    // The time stands in the chain too, so that an event is not even found at another.
    as_owner(&app, "update security_events set at = at + interval '1 microsecond' where id = $1", event).await;
    assert_eq!(verify(&app, &[]).await.findings, [Finding::Missing { position, event }]);
}

#[tokio::test]
async fn an_event_that_was_taken_away_shows_with_its_place_in_the_chain_or_without() {
    let app = TestApp::start().await;
    let (_, event) = a_trail(&app).await;
    let position = position(&app, event).await;
    as_owner(&app, "delete from security_events where id = $1", event).await;
    assert_eq!(verify(&app, &[]).await.findings, [Finding::Missing { position, event }]);

    as_owner(&app, "delete from security_event_chain where event_id = $1", event).await;
    let findings = verify(&app, &[]).await.findings;
    assert_eq!(findings[0], Finding::Gap { after: position - 1, before: position + 1 });
    assert!(matches!(findings[1], Finding::Changed { position: next, .. } if next == position + 1), "{findings:?}");
}

#[tokio::test]
async fn an_event_that_was_slipped_in_past_the_chain_shows() {
    let app = TestApp::start().await;
    a_trail(&app).await;
    let event = app.app.givens.new_id();
    let mut tx = app.owner.begin().await.unwrap();
    sqlx::raw_sql("alter table security_events disable trigger security_events_chain").execute(&mut *tx).await.unwrap();
    sqlx::query("insert into security_events (id, at, type) values ($1, $2, 'user_created')")
        .bind(event)
        .bind(app.app.givens.now().0)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(verify(&app, &[]).await.findings, [Finding::Unchained { event }]);
}

/// What only the owner of the database can do, and what nothing inside it can show.
#[tokio::test]
async fn a_chain_that_was_cut_short_or_written_anew_does_not_agree_with_a_hash_that_was_kept() {
    let app = TestApp::start().await;
    let (_, event) = a_trail(&app).await;
    let kept = chain::head(&app.app.database).await.unwrap().unwrap();
    assert_eq!(Head::parse(&kept.to_string()), Some(kept));
    a_trail(&app).await;
    assert!(verify(&app, &[kept]).await.is_sound());

    cut(&app.owner, kept.position).await;
    assert!(verify(&app, &[]).await.is_sound(), "the chain by itself cannot tell");
    assert_eq!(verify(&app, &[kept]).await.findings, [Finding::Rewritten { position: kept.position }]);

    // Written anew to beyond that position, by the database's own function.
    as_owner(&app, "delete from security_events where id = $1", event).await;
    rewrite(&app.owner).await;
    a_trail(&app).await;
    assert!(verify(&app, &[]).await.is_sound(), "{:?}", verify(&app, &[]).await.findings);
    assert_eq!(verify(&app, &[kept]).await.findings, [Finding::Rewritten { position: kept.position }]);
}

async fn cut(owner: &PgPool, from: i64) {
    let events = "delete from security_events event
                  using security_event_chain chain
                  where chain.event_id = event.id and chain.position >= $1";
    for statement in [events, "delete from security_event_chain where position >= $1"] {
        sqlx::query(statement).bind(from).execute(owner).await.unwrap();
    }
}

async fn rewrite(owner: &PgPool) {
    let statements = "create temporary table kept as select * from security_events;
                      delete from security_events;
                      delete from security_event_chain;
                      insert into security_events select * from kept order by at, id";
    let mut tx = owner.begin().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_service_itself_cannot_write_past_the_chain() {
    let app = TestApp::start().await;
    a_trail(&app).await;
    for forbidden in [
        "insert into security_events (id, at, type) values (gen_random_uuid(), now(), 'user_created')",
        "update security_events set type = 'x'",
        "delete from security_events",
        "truncate security_events",
        "insert into security_event_chain values (0, '2026-03-01', gen_random_uuid(), now(), '')",
        "update security_event_chain set hash = ''",
        "delete from security_event_chain",
        "select chain_security_event()",
        "alter table security_events disable trigger all",
        "set session_replication_role = replica",
    ] {
        let refused = sqlx::raw_sql(forbidden).execute(&app.app.database).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.to_string()));
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {refused}");
    }
}

#[tokio::test]
async fn changes_at_the_same_moment_on_two_replicas_stand_in_one_chain_without_a_gap() {
    let app = TestApp::start().await;
    let other = app.replica_with(&[]).await;
    let mut changes = tokio::task::JoinSet::new();
    for number in 0..40 {
        let pool = [&app, &other][number % 2].app.database.clone();
        let givens = app.app.givens.clone();
        changes.spawn(async move {
            let mut tx = pool.begin().await.unwrap();
            audit::record(&mut tx, &givens, &Origin::default(), Event::UserUpdated).await.unwrap();
            // Every fourth changes its mind: it leaves no event, and no place for one.
            if number % 4 == 0 { tx.rollback().await.unwrap() } else { tx.commit().await.unwrap() }
        });
    }
    changes.join_all().await;
    until("the two starts are written too", async || {
        let report = verify(&app, &[]).await;
        assert!(report.is_sound(), "{:?}", report.findings);
        (report.sound == 32).then_some(())
    })
    .await;
    let last = database::last_position(&app.app.database).await.unwrap();
    assert_eq!(last, 32);
    let positions: Vec<_> = followed(&app, 0).await;
    assert_eq!(positions, (1..=32).collect::<Vec<_>>());
    assert_eq!(followed(&app, 30).await, [31, 32]);
}

async fn followed(app: &TestApp, after: i64) -> Vec<i64> {
    let events = database::events_after(&app.app.database, after, 100).await.unwrap();
    events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn each_month_has_a_partition_and_a_chain_of_its_own_so_that_an_old_one_can_be_dropped() {
    let app = TestApp::start().await;
    a_trail(&app).await;
    app.clock.forward(Duration::days(100));
    let (user, _) = a_trail(&app).await;
    let months = "select distinct tableoid::regclass::text from security_events order by 1";
    let months: Vec<String> = sqlx::query_scalar(months).fetch_all(&app.owner).await.unwrap();
    assert_eq!(months, ["security_events_2026_03", "security_events_2026_06"]);
    assert!(verify(&app, &[]).await.is_sound());

    let drop = "drop table security_events_2026_03; delete from security_event_chain where month = '2026-03-01'";
    sqlx::raw_sql(drop).execute(&app.owner).await.unwrap();
    let report = verify(&app, &[]).await;
    assert!(report.is_sound() && report.from > Some(1), "{:?}", report.findings);
    assert_eq!(app.events(user, "user_updated").await, 3);
}

/// Each of them finds no partition and makes it, and all but one find that somebody else was first.
#[tokio::test]
async fn the_first_events_of_a_month_may_come_all_at_once() {
    let app = TestApp::start().await;
    app.clock.forward(Duration::days(400));
    let mut changes = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (pool, givens) = (app.app.database.clone(), app.app.givens.clone());
        changes.spawn(async move {
            let mut tx = pool.begin().await.unwrap();
            audit::record(&mut tx, &givens, &Origin::default(), Event::UserUpdated).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    changes.join_all().await;
    let report = verify(&app, &[]).await;
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[tokio::test]
async fn what_is_noted_while_the_database_is_away_is_written_when_it_is_back() {
    let app = TestApp::start().await;
    let stranger = app.account(Role::User).await.0;
    app.lose_database().await;
    let origin = Origin { user_id: Some(stranger), ..Origin::default() };
    app.app.audit.note(&origin, Event::LoginFail { reason: "wrong password" });
    app.app.audit.note(&origin, Event::CredentialStuffing { accounts: 9 });
    app.restore_database().await;
    for name in ["authn_login_fail", "anomaly_credential_stuffing"] {
        until(name, async || (app.events(stranger, name).await == 1).then_some(())).await;
    }
}
