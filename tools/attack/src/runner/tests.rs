//! Against a server of a few lines, which is safe or careless as the test wants it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{AGAIN, once_more, run};
use crate::{
    actors::Cast,
    attempt::Attempt,
    case::{Case, Need, Outcome, PLAIN, Verdict},
    target::{Options, Target},
};

const FORM: Case = Case { id: "a-case", ..PLAIN };

/// Answers every request with what `answer` makes of its head.
async fn serve(answer: impl Fn(&str) -> &'static str + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 8192];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let status = answer(&String::from_utf8_lossy(&head[..read]));
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").as_bytes()).await;
        }
    });
    url
}

async fn outcome_of(case: &'static Case, url: &str, options: Options) -> Outcome {
    let target = Target::survey(&Options { url: url.to_owned(), ..options }).await.unwrap();
    let attempt = Attempt::new(&target, &Arc::new(Cast::new(&target)), &Arc::default());
    run(case, "a family", attempt).await
}

fn with_a_door() -> Options {
    let token = "e30.eyJzdWIiOiJhIn0.c2ln".to_owned();
    Options { token: Some(token), protected: Some("/door".to_owned()), ..Options::default() }
}

/// Tries the door with a bad token.
static KNOCK: Case = Case {
    needs: &[Need::Door],
    run: |attempt| {
        Box::pin(async {
            attempt.expect("401");
            let door = attempt.door().await?;
            Ok(attempt.get(&door.path).bearer("forged").send().await?.refused())
        })
    },
    ..FORM
};

#[tokio::test]
async fn a_target_that_refuses_the_forgery_has_held() {
    let url = serve(|head| if head.contains("Bearer e30.") { "200 OK" } else { "401 Unauthorized" }).await;
    let outcome = outcome_of(&KNOCK, &url, with_a_door()).await;
    assert_eq!((outcome.verdict, outcome.expected.as_str()), (Verdict::Held, "401"));
    assert_eq!(outcome.exchanges.len(), 3);
}

#[tokio::test]
async fn a_target_that_believes_the_forgery_has_a_hole() {
    let url = serve(|head| if head.contains("Bearer") { "200 OK" } else { "401 Unauthorized" }).await;
    let outcome = outcome_of(&KNOCK, &url, with_a_door()).await;
    assert_eq!(outcome.verdict, Verdict::Hole("GET /door was let through: 200".to_owned()));
    assert!(outcome.telling().unwrap().request.contains("forged"));
}

#[tokio::test]
async fn a_target_that_falls_over_has_a_hole() {
    let url = serve(|head| match head {
        head if head.contains("forged") => "500 Internal Server Error",
        head if head.contains("Bearer") => "200 OK",
        _ => "401 Unauthorized",
    });
    let outcome = outcome_of(&KNOCK, &url.await, with_a_door()).await;
    assert_eq!(outcome.verdict, Verdict::Hole("GET /door fell over: 500".to_owned()));
}

#[tokio::test]
async fn where_the_genuine_token_does_not_work_nothing_is_proved() {
    let url = serve(|_| "401 Unauthorized").await;
    assert!(matches!(outcome_of(&KNOCK, &url, with_a_door()).await.verdict, Verdict::Broken(_)));
}

#[tokio::test]
async fn a_door_that_is_open_to_everybody_proves_nothing() {
    let url = serve(|_| "200 OK").await;
    assert!(matches!(outcome_of(&KNOCK, &url, with_a_door()).await.verdict, Verdict::Broken(_)));
}

#[tokio::test]
async fn a_case_without_a_control_never_holds() {
    static CASE: Case = Case {
        run: |attempt| Box::pin(async { Ok(attempt.get("/").bearer("forged").send().await?.refused()) }),
        ..FORM
    };
    let url = serve(|_| "401 Unauthorized").await;
    let Verdict::Broken(why) = outcome_of(&CASE, &url, Options::default()).await.verdict else { panic!() };
    assert!(why.contains("no control"), "{why}");
}

#[tokio::test]
async fn a_case_that_panics_is_broken_and_the_others_go_on() {
    static CASE: Case = Case { run: |_| Box::pin(async { panic!("on purpose") }), ..FORM };
    let url = serve(|_| "200 OK").await;
    assert!(matches!(outcome_of(&CASE, &url, Options::default()).await.verdict, Verdict::Broken(_)));
}

#[tokio::test]
async fn what_a_target_has_not_is_skipped_with_the_reason() {
    static CASE: Case = Case { needs: &[Need::Operation("GET", "/v1/users/me")], ..FORM };
    let url = serve(|_| "404 Not Found").await;
    let outcome = outcome_of(&CASE, &url, Options::default()).await;
    let reason = "its OpenAPI document has no GET /v1/users/me";
    assert_eq!(outcome.verdict, Verdict::Skipped(reason.to_owned()));
}

#[tokio::test]
async fn a_limit_that_is_the_addresss_is_left_behind_with_the_address() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    static CASE: Case = Case {
        run: |attempt| Box::pin(async { Ok(attempt.get("/limited").send().await?.must_work("it")?.must_be(&[200])) }),
        ..FORM
    };
    let url = serve(|head| match head {
        head if !head.contains("/limited") || TRIES.fetch_add(1, Ordering::Relaxed) > 0 => "200 OK",
        _ => "429 Too Many Requests\r\nretry-after: 600",
    });
    let outcome = outcome_of(&CASE, &url.await, Options::default()).await;
    assert_eq!((outcome.verdict, outcome.exchanges.len()), (Verdict::Held, 2));
}

#[tokio::test]
async fn a_target_that_is_not_this_machine_is_refused_before_a_byte_is_sent() {
    for url in ["http://192.0.2.1:9", "https://[2001:db8::1]:9", "http://0.0.0.0:9"] {
        let refused = Target::survey(&Options { url: url.to_owned(), ..Options::default() }).await;
        let why = refused.err().unwrap().to_string();
        assert!(why.contains("--i-own-this-target"), "{url}: {why}");
    }
}

#[tokio::test]
async fn a_target_that_is_not_there_is_said_in_one_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (url, word) in
        [(url.as_str(), "nothing answers"), ("ftp://127.0.0.1", "neither http"), ("not a url", "not a URL")]
    {
        let refused = Target::survey(&Options { url: url.to_owned(), ..Options::default() }).await;
        let why = refused.err().unwrap().to_string();
        assert!(why.contains(word) && !why.contains('\n'), "{url}: {why}");
    }
}

/// Broken the first time, held from then on.
static TWICE: Case = Case {
    run: |attempt| {
        Box::pin(async {
            static TRIES: AtomicUsize = AtomicUsize::new(0);
            attempt.control(TRIES.fetch_add(1, Ordering::Relaxed) > 0, "it is not the first time")?;
            Ok(Verdict::Held)
        })
    },
    ..FORM
};

#[tokio::test]
async fn what_was_broken_is_tried_once_more_unless_nearly_everything_is() {
    let url = serve(|_| "200 OK").await;
    let target = Target::survey(&Options { url: url.clone(), ..Options::default() }).await.unwrap();
    let (people, lane) = (Arc::new(Cast::new(&target)), Arc::default());
    let broken = outcome_of(&TWICE, &url, Options::default()).await;
    assert!(matches!(broken.verdict, Verdict::Broken(_)), "{:?}", broken.verdict);

    let mut many = vec![Some(broken.clone()); AGAIN + 1];
    once_more(&target, &people, &lane, &mut many).await;
    assert!(many.iter().flatten().all(|outcome| matches!(outcome.verdict, Verdict::Broken(_))));

    let mut one = [None, Some(broken)];
    once_more(&target, &people, &lane, &mut one).await;
    assert_eq!(one[1].as_ref().unwrap().verdict, Verdict::Held);
}
