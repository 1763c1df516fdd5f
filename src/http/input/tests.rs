//! Requests against a router of one route, judged by the `Error` that the response carries.

#![expect(clippy::disallowed_types, reason = "a router of these tests alone")]

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::HttpBody,
    extract::DefaultBodyLimit,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use hyper::body::Frame;
use schemars::Schema;
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;
use tower_http::timeout::RequestBodyDeadlineLayer;

use super::*;
use crate::security::{
    input::{EMAIL, EMAIL_MAX_LENGTH, NAME, NAME_MAX_LENGTH},
    password::NewPassword,
};

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    #[validate(regex(path = *EMAIL), length(max = EMAIL_MAX_LENGTH))]
    email: String,
    #[validate(regex(path = *NAME), length(min = 1, max = NAME_MAX_LENGTH))]
    name: String,
    #[validate(nested)]
    password: NewPassword,
}

#[derive(Deserialize, JsonSchema, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Editor,
}

/// `deny_unknown_fields` is forgotten, and so is any rule for the text.
#[derive(Deserialize, Validate, JsonSchema)]
struct Careless {
    #[validate(nested)]
    #[schemars(length(max = 3))] // `validator` would have the items be `Serialize`; the schema is enough
    items: Vec<Item>,
    #[expect(dead_code, reason = "it only comes in")]
    role: Option<Role>,
    #[expect(dead_code, reason = "it only comes in")]
    note: Option<String>,
    #[validate(range(min = 0, max = 9))]
    count: Option<u32>,
    #[expect(dead_code, reason = "it only comes in")]
    place: Option<Place>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
#[expect(dead_code, reason = "it only comes in")]
enum Place {
    Named(String),
    Point { x: f64, y: f64 },
}

#[derive(Deserialize, Validate, JsonSchema)]
struct Item {
    #[validate(custom(function = odd_things))]
    title: String,
}

fn odd_things(title: &str) -> Result<(), validator::ValidationError> {
    let mut error = validator::ValidationError::new("custom_rule");
    error.add_param("value".into(), &title);
    if title == "secret" { Err(error.with_message(format!("{title} is odd").into())) } else { Ok(()) }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[validate(range(min = 1, max = 100))]
    limit: Option<u32>,
    role: Option<Role>,
    user_id: Option<Uuid>,
    active: Option<bool>,
    #[validate(length(max = 20))]
    email: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
struct Page {
    #[validate(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// serde has no `deny_unknown_fields` beside `flatten`; the schema refuses them all the same.
#[derive(Deserialize, Validate, JsonSchema)]
struct Paged {
    #[serde(flatten)]
    #[validate(nested)]
    page: Page,
    active: Option<bool>,
}

fn service() -> Router {
    Router::new()
        .route("/register", post(async |Valid(input): Valid<Register>| input.email))
        .route("/careless", post(async |Valid(input): Valid<Careless>| input.items.len().to_string()))
        .route(
            "/list",
            get(async |ValidQuery(f): ValidQuery<Filter>| {
                format!("{:?} {:?} {:?} {:?} {:?}", f.limit, f.role, f.user_id, f.active, f.email)
            }),
        )
        .route("/paged", get(async |ValidQuery(f): ValidQuery<Paged>| format!("{:?} {:?}", f.page.limit, f.active)))
        .route("/things/{id}", get(async |Id(id): Id| id.to_string()))
        .route("/no-id/{other}", get(async |Id(id): Id| id.to_string()))
        .layer(DefaultBodyLimit::max(64 * 1024))
}

async fn send(request: Request) -> Response {
    service().oneshot(request).await.unwrap()
}

async fn post_to(path: &str, body: impl Into<Body>) -> Response {
    send(Request::post(path).body(body.into()).unwrap()).await
}

async fn get_from(path: &str) -> Response {
    send(Request::get(path).body(Body::empty()).unwrap()).await
}

fn error(response: &Response) -> &Error {
    response.extensions().get::<Arc<Error>>().expect("it was refused")
}

/// `field:rule` of every refusal, and proof that nothing else came along.
fn refusals(response: &Response) -> Vec<String> {
    match error(response) {
        Error::Invalid(fields) => fields.iter().map(|field| format!("{}:{}", field.field, field.rule)).collect(),
        other => panic!("{other:?}"),
    }
}

async fn text(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK, "{:?}", response.extensions().get::<Arc<Error>>());
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_body_that_the_schema_admits_reaches_the_handler() {
    let body = json!({"email": " ada@example.com ", "name": "Ada", "password": "a quiet harbour"});
    assert_eq!(text(post_to("/register", body.to_string()).await).await, " ada@example.com ");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let body = r#"{"email":5,"password":"short","role":"admin"}"#;
    let response = post_to("/register", body).await;
    assert_eq!(refusals(&response), ["email:type", "name:required", "password:min_length", "role:unknown"]);
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_rule_has_its_name() {
    let good = json!({"email": "ada@example.com", "name": "Ada", "password": "a quiet harbour"});
    let long_address = format!("{}a@b.co", " ".repeat(249));
    let long_mailbox = format!("{}@b.co", "a".repeat(65));
    for (field, value, expected) in [
        ("email", json!("a..b@x.com"), vec!["email:email"]),
        ("email", json!(long_mailbox), vec!["email:email"]),
        ("email", json!(long_address), vec!["email:max_length"]),
        ("email", json!(null), vec!["email:type"]),
        ("name", json!(""), vec!["name:min_length", "name:pattern"]),
        ("name", json!("A\u{202e}da"), vec!["name:pattern"]),
        ("name", json!("A\u{3164}da"), vec!["name:pattern"]),
        ("name", json!("A\0"), vec!["name:pattern"]),
        ("name", json!("a".repeat(101)), vec!["name:max_length"]),
        ("password", json!("a quiet harb\0ur"), vec!["password:pattern"]),
        ("password", json!("x".repeat(129)), vec!["password:max_length"]),
        ("password", json!("e\u{301}".repeat(8)), vec!["password:length"]),
        ("password", json!(["a quiet harbour"]), vec!["password:type"]),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let response = post_to("/register", body.to_string()).await;
        assert_eq!(refusals(&response), expected, "{body}");
    }
}

#[tokio::test]
async fn what_is_no_json_is_malformed_and_what_is_no_object_is_invalid() {
    for malformed in ["", "{", "{}{}", r#"{"name":"a","name":"b"}"#, "\u{feff}{}", &"[".repeat(10_000)] {
        let response = post_to("/register", malformed.to_owned()).await;
        assert!(matches!(error(&response), Error::Problem(problems::MALFORMED_JSON)), "{malformed}");
    }
    for (body, expected) in [("null", ":type"), ("[]", ":type"), ("\"text\"", ":type"), ("7", ":type")] {
        assert_eq!(refusals(&post_to("/register", body).await), [expected], "{body}");
    }
}

#[tokio::test]
async fn unknown_fields_come_back_cut_and_no_more_than_twenty() {
    let name = "n".repeat(500);
    let response = post_to("/register", format!(r#"{{"{name}":1}}"#)).await;
    assert_eq!(refusals(&response)[2], format!("{}:unknown", "n".repeat(64)));
    let many: serde_json::Map<_, _> = (0..3000).map(|number| (format!("field-{number}"), Value::Null)).collect();
    assert_eq!(refusals(&post_to("/register", Value::Object(many).to_string()).await).len(), 20);
}

#[tokio::test]
async fn a_type_without_care_is_guarded_nevertheless() {
    let body = json!({"items": [], "is_admin": true, "note": "a\0b", "no\0te": 1}).to_string();
    let response = post_to("/careless", body).await;
    assert_eq!(refusals(&response), ["is_admin:unknown", "no\0te:unknown", "note:pattern"]);
}

#[tokio::test]
async fn places_within_are_named_by_their_path() {
    let response = post_to("/careless", r#"{"items":[{"title":"a"},{"title":7},{}],"role":"admin","count":10}"#).await;
    assert_eq!(refusals(&response), ["count:maximum", "items.1.title:type", "items.2.title:required", "role:enum"]);
    let response = post_to("/careless", r#"{"items":[7,7,7,7],"role":5,"count":1.5}"#).await;
    let items = ["items:max_items", "items.0:type", "items.1:type", "items.2:type", "items.3:type"];
    assert_eq!(refusals(&response), [&["count:type"], &items[..], &["role:type"]].concat());
}

#[tokio::test]
async fn of_several_forms_the_one_that_was_meant_is_judged() {
    let response = post_to("/careless", r#"{"items":[],"place":{"x":"0","z":0}}"#).await;
    assert_eq!(refusals(&response), ["place.x:type", "place.y:required", "place.z:unknown"]);
    let response = post_to("/careless", r#"{"items":[],"place":[0,0]}"#).await;
    assert_eq!(refusals(&response), ["place:type"]);
    assert_eq!(text(post_to("/careless", r#"{"items":[],"place":{"x":0,"y":0.5}}"#).await).await, "0");
}

#[tokio::test]
async fn a_rule_that_only_code_knows_is_told_without_the_value() {
    let response = post_to("/careless", r#"{"items":[{"title":"secret"}]}"#).await;
    assert_eq!(refusals(&response), ["items.0.title:custom_rule"]);
    assert!(!format!("{:?}", error(&response)).contains("secret"));
}

#[tokio::test]
async fn a_whole_number_is_an_integer_to_schema_and_type_alike() {
    assert_eq!(text(post_to("/careless", r#"{"items":[],"count":1e0,"role":null}"#).await).await, "0");
}

#[tokio::test]
async fn no_refused_value_stands_in_an_error() {
    let body = r#"{"email":"canary","name":"canary\u0000","password":"canary"}"#;
    let response = post_to("/register", body).await;
    assert_eq!(refusals(&response).len(), 3);
    assert!(!format!("{:?}", error(&response)).contains("canary"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let response = post_to("/register", vec![b' '; 64 * 1024 + 1]).await;
    assert!(matches!(error(&response), Error::Problem(problems::PAYLOAD_TOO_LARGE)));
}

/// A body of which nothing comes, or an end before its time.
struct CutShort {
    is_gone: bool,
}

impl HttpBody for CutShort {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if self.is_gone { Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))) } else { Poll::Pending }
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_a_timeout() {
    let service = service().layer(RequestBodyDeadlineLayer::new(Duration::ZERO));
    let request = Request::post("/register").body(Body::new(CutShort { is_gone: false })).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert!(matches!(error(&response), Error::Problem(problems::REQUEST_TIMEOUT)));
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_alarm() {
    let response = post_to("/register", Body::new(CutShort { is_gone: true })).await;
    assert!(matches!(error(&response), Error::Problem(problems::MALFORMED_JSON)));
}

#[tokio::test]
async fn a_query_is_read_by_the_types_of_its_schema() {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let path = format!("/list?limit=20&role=editor&user_id={id}&active=true&email=a%2Bb+%C3%A9");
    let expected = format!(r#"Some(20) Some(Editor) Some({id}) Some(true) Some("a+b é")"#);
    assert_eq!(text(get_from(&path).await).await, expected);
    assert_eq!(text(get_from("/list").await).await, "None None None None None");
    assert_eq!(text(get_from("/list?email=5").await).await, r#"None None None None Some("5")"#, "text stays text");
}

#[tokio::test]
async fn a_query_that_the_schema_does_not_admit_is_refused() {
    for (query, expected) in [
        ("limit=0", vec!["limit:minimum"]),
        ("limit=101", vec!["limit:maximum"]),
        ("limit=99999999999999999999", vec!["limit:type"]),
        ("limit=+5", vec!["limit:type"]),
        ("limit=05", vec!["limit:type"]),
        ("limit=5.0", vec!["limit:type"]),
        ("limit=", vec!["limit:type"]),
        ("limit", vec!["limit:type"]),
        ("limit=5&limit=6", vec!["limit:repeated"]),
        ("limit=5&l%69mit=5", vec!["limit:repeated"]),
        ("active=1", vec!["active:type"]),
        ("role=admin", vec!["role:enum"]),
        ("user_id=7", vec!["user_id:uuid"]),
        ("user_id=0190163d8694739baea5966c26f8ad91", vec!["user_id:uuid"]),
        ("email=%ff", vec!["email:encoding"]),
        ("email=%zz", vec!["email:encoding"]),
        ("email=%4", vec!["email:encoding"]),
        ("email=a%00", vec!["email:pattern"]),
        ("email=aaaaaaaaaaaaaaaaaaaaa", vec!["email:max_length"]),
        ("%ff=1", vec![":encoding"]),
        ("Limit=5&debug=1&role=x", vec!["Limit:unknown", "debug:unknown", "role:enum"]),
    ] {
        assert_eq!(refusals(&get_from(&format!("/list?{query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn a_part_that_several_queries_share_is_read_and_judged_as_if_it_were_their_own() {
    assert_eq!(text(get_from("/paged?limit=20&active=false").await).await, "Some(20) Some(false)");
    let response = get_from("/paged?limit=0&active=x&debug=1").await;
    assert_eq!(refusals(&response), ["active:type", "debug:unknown", "limit:minimum"]);
}

#[tokio::test]
async fn an_id_has_one_spelling() {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    assert_eq!(text(get_from(&format!("/things/{id}")).await).await, id);
    for other in ["7", "0190163d8694739baea5966c26f8ad91", "%7B0190163d-8694-739b-aea5-966c26f8ad91%7D", "%ff", "%00"] {
        assert_eq!(refusals(&get_from(&format!("/things/{other}")).await), ["id:uuid"], "{other}");
    }
}

#[tokio::test]
async fn an_id_on_a_path_without_one_is_our_mistake() {
    let response = get_from("/no-id/0190163d-8694-739b-aea5-966c26f8ad91").await;
    assert!(matches!(error(&response), Error::Unexpected(_)));
}

#[test]
fn what_is_published_is_what_is_enforced() {
    let email = &schema_of::<Register>().as_value()["properties"]["email"];
    assert_eq!(email["pattern"], EMAIL.as_str());
    assert_eq!(email["maxLength"], 254);
    assert_eq!(email["allOf"][0]["pattern"], "^ *[^ @]{1,64}@");
    let password = &schema_of::<Register>().as_value()["properties"]["password"];
    assert_eq!((&password["minLength"], &password["maxLength"]), (&json!(15), &json!(128)));
    assert_eq!((&password["format"], &password["writeOnly"]), (&json!("password"), &json!(true)));
    assert_eq!(schema_of::<Register>().as_value()["additionalProperties"], false);
    assert_eq!(schema_of::<Careless>().as_value()["unevaluatedProperties"], false);
    assert_eq!(schema_of::<Careless>().as_value()["properties"]["note"]["pattern"], r"^[^\x00]*$");
    assert!(std::ptr::eq::<Schema>(schema_of::<Register>(), schema_of::<Register>()), "made once");
}
