//! The mails of a development service: for whoever sits at the machine, and for nobody else.

use crate::support::{Answer, Client, PASSWORD, TestApp};

const PATHS: [&str; 3] = ["/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox.css"];

/// A service with these settings has none, beside one of the same folder and keys that may have.
async fn without(settings: &[(&str, &str)]) {
    let app = TestApp::start().await.replica_with(settings).await;
    app.client().register("ada@example.com", "Ada", PASSWORD).await.assert(202);
    for path in PATHS {
        nothing(&app.client().direct(), path).await;
    }
}

/// The same answer as for a path that nobody ever thought of.
async fn nothing(client: &Client, path: &str) {
    let answers = [client.get(path).send().await, client.get("/dev/nothing").send().await];
    let told = |answer: &Answer| {
        answer.assert_refused(404, "NOT_FOUND");
        answer.text().replace(&answer.reference(), "")
    };
    assert_eq!(told(&answers[0]), told(&answers[1]), "{path}");
}

#[tokio::test]
async fn no_document_of_the_service_knows_the_mailbox() {
    let app = TestApp::start().await;
    assert!(drawbridge::app::table().iter().all(|route| !route.path.starts_with("/dev")));
    let served = app.client().get("/openapi.json").send().await.text();
    assert!(!served.contains("/dev/") && !served.contains("mailbox"));
}

#[tokio::test]
async fn production_has_no_mailbox_although_its_mail_goes_to_a_folder() {
    without(&[
        ("APP_ENV", "production"),
        ("PUBLIC_URL", "https://api.example.com"),
        ("JWT_ISSUER", "https://api.example.com"),
        ("JWT_AUDIENCE", "api"),
        ("DATABASE_URL", "postgres://service@localhost/unused"),
        ("MAIL_FROM", "Service <no-reply@example.com>"),
    ])
    .await;
}

#[tokio::test]
async fn where_mail_goes_to_a_server_there_is_no_mailbox() {
    without(&[("MAIL_URL", "smtp://127.0.0.1:1")]).await;
}

#[cfg(not(feature = "dev-mailbox"))]
#[tokio::test]
async fn a_build_for_production_has_no_mailbox_even_in_development() {
    without(&[]).await;
}

#[cfg(feature = "dev-mailbox")]
mod here {
    use axum::http::Method;
    use serde_json::{Value, json};

    use super::{Client, PASSWORD, PATHS, TestApp, nothing};
    use crate::support::until;

    async fn items(client: &Client) -> Vec<Value> {
        client.get("/dev/mailbox.json").send().await.assert(200).json()["items"].as_array().unwrap().clone()
    }

    /// Until there are so many.
    async fn mails(client: &Client, count: usize) -> Vec<Value> {
        until("the mails are sent", async || Some(items(client).await).filter(|items| items.len() == count)).await
    }

    #[tokio::test]
    async fn whoever_sits_at_the_machine_goes_through_a_flow_without_a_mail_account() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        assert_eq!(items(&me).await, [Value::Null; 0]);
        me.register("ada@example.com", "Ada", PASSWORD).await.assert(202);
        mails(&me, 1).await;
        app.clock.forward(time::Duration::minutes(1));
        me.register("bob@example.com", "Bob", PASSWORD).await.assert(202);

        let mails = mails(&me, 2).await;
        assert_eq!((&mails[0]["to"], &mails[1]["to"]), (&json!("bob@example.com"), &json!("ada@example.com")));
        let newest = &mails[0];
        assert_eq!(
            (&newest["subject"], &newest["at"]),
            (&json!("Confirm your e-mail address"), &json!("2026-03-01T12:01:00Z"))
        );
        let token = newest["token"].as_str().unwrap();
        assert!(newest["text"].as_str().unwrap().contains(token));
        me.post("/v1/auth/verify-email", &json!({ "token": token })).send().await.assert(204);
        me.login("bob@example.com", PASSWORD).await.assert(200);
    }

    #[tokio::test]
    async fn each_mail_is_one_line_so_that_grep_and_sed_find_its_token() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        for name in ["ada", "bob"] {
            me.register(&format!("{name}@example.com"), name, PASSWORD).await.assert(202);
        }
        let found = mails(&me, 2).await;
        let text = me.get("/dev/mailbox.json").send().await.text();
        for mail in found {
            let (to, token) = (mail["to"].as_str().unwrap(), mail["token"].as_str().unwrap());
            let lines: Vec<_> = text.lines().filter(|line| line.contains(to)).collect();
            assert_eq!((lines.len(), lines[0].matches("\"to\":").count()), (1, 1), "{text}");
            assert!(lines[0].contains(&format!("\"token\":\"{token}\"")));
        }
    }

    #[tokio::test]
    async fn the_page_shows_the_same_and_its_policy_admits_no_script() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        assert!(me.get("/dev/mailbox").send().await.text().contains("No mail yet"));
        me.register("ada@example.com", "Ada", PASSWORD).await.assert(202);
        let token = mails(&me, 1).await[0]["token"].as_str().unwrap().to_owned();
        let page = me.get("/dev/mailbox").send().await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.text().contains(&token) && page.text().contains("<dd>ada@example.com</dd>"), "{}", page.text());
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self';")
                && !policy.contains("script")
                && !policy.contains("unsafe")
        );
        assert!(!page.text().contains("<script") && !page.text().contains(" style="));
        assert_eq!(me.get("/dev/mailbox.css").send().await.header("content-type"), "text/css; charset=utf-8");
    }

    #[tokio::test]
    async fn whatever_somebody_made_an_address_of_stays_text_on_the_page() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        let hostile = "<img src=x onerror=alert(1)>";
        me.register(hostile, "Eve", PASSWORD).await.assert_refused(400, "VALIDATION_FAILED");
        me.register("eve@example.com", hostile, PASSWORD).await.assert(202);
        mails(&me, 1).await;
        // No such address passes the front door; should one ever, the page must not depend on that.
        let id = app.app.givens.new_id();
        let mail =
            format!("To: \"{hostile}\"@example.com\r\nSubject: {hostile}\r\n\r\ndbt_{hostile}\r\n</pre>{hostile}\r\n");
        std::fs::write(app.folder.path().join(format!("mail/{id}.eml")), mail).unwrap();
        let page = me.get("/dev/mailbox").send().await.assert(200).text();
        assert!(!page.contains("<img") && page.matches("&lt;img src=x").count() == 5, "{page}");
        assert_eq!(page.matches("</pre>").count(), 2, "{page}");
    }

    #[tokio::test]
    async fn nobody_else_learns_that_there_is_a_mailbox() {
        let app = TestApp::start().await;
        let (me, stranger) = (app.client().direct(), app.client());
        me.register("ada@example.com", "Ada", PASSWORD).await.assert(202);
        mails(&me, 1).await;
        for path in PATHS {
            nothing(&stranger, path).await;
            for (name, value) in [
                ("x-forwarded-for", "127.0.0.1"),
                ("x-forwarded-for", "198.51.100.7"),
                ("x-forwarded-for", ""),
                ("forwarded", "for=127.0.0.1"),
                ("x-real-ip", "127.0.0.1"),
                ("host", "evil.example"),
                ("host", "localhost.evil.example:3000"),
            ] {
                let answer = me.get(path).header(name, value).send().await;
                answer.assert_refused(404, "NOT_FOUND");
                assert!(!answer.text().contains("dbt_"));
            }
            me.get(path).header("host", "localhost:3000").send().await.assert(200);
        }
    }

    #[tokio::test]
    async fn no_path_and_no_parameter_leads_out_of_the_folder() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        std::fs::write(app.folder.path().join("secret.eml"), "To: canary\r\n\r\ncanary").unwrap();
        for path in [
            "/dev/mailbox/",
            "/dev/mailbox/../secret.eml",
            "/dev/mailbox/..%2fsecret.eml",
            "/dev/mailbox%2f..%2fsecret.eml",
            "/dev/mailbox/secret.eml",
            "/dev//mailbox",
            "/dev/mailbox.json/0",
            "/dev/mailbox.eml",
        ] {
            let answer = me.get(path).send().await;
            answer.assert_refused(404, "NOT_FOUND");
        }
        for query in ["?file=../secret.eml", "?id=1", "?limit=1000000"] {
            me.get(&format!("/dev/mailbox.json{query}")).send().await.assert_refused(400, "VALIDATION_FAILED");
        }
        assert!(!me.get("/dev/mailbox.json").send().await.assert(200).text().contains("canary"));
    }

    #[tokio::test]
    async fn the_mailbox_keeps_to_the_rules_of_every_other_route() {
        let app = TestApp::start().await;
        let me = app.client().direct();
        let answer = me.get("/dev/mailbox.json").send().await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.header("x-ratelimit-limit").is_empty() && !answer.header("x-request-id").is_empty());
        me.get("/dev/mailbox.json").header("accept", "text/html").send().await.assert_refused(406, "NOT_ACCEPTABLE");
        let head = me.request(Method::HEAD, "/dev/mailbox").send().await;
        assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
        let wrong = me.post("/dev/mailbox", &json!({})).send().await;
        wrong.assert_refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(wrong.header("allow"), "GET,HEAD,OPTIONS");
        let page = me.get("/dev/mailbox").header("origin", "https://evil.example").send().await;
        assert!(page.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    }
}
