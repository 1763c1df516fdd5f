//! How often each route may be asked, and whose budget a request is taken from.
//!
//! Every class has a limit that no other class has, so that an answer tells which one was charged.

use drawbridge::{
    features,
    security::{
        access::{Policy, Role, Scope},
        rate_limit::{ChargedTo, Class},
    },
};
use serde_json::json;
use time::Duration;

use super::{Visitor, visitors};
use crate::support::{Answer, Client, Request, TestApp};

/// The flood guard's stays as it is by default: its clock cannot be moved.
const FLOOD: u32 = 200;

fn limit(class: Class) -> u32 {
    match class {
        Class::Flood => FLOOD,
        other => (2..).zip(&Class::ALL[1..]).find(|(_, class)| **class == other).unwrap().0,
    }
}

async fn start() -> TestApp {
    let strategies = ["fixed-window", "sliding-window", "token-bucket"].into_iter().cycle();
    let setting = |(class, strategy): (&Class, &str)| {
        (format!("RATE_LIMIT_{}", class.name().to_uppercase()), format!("{strategy} {}/1m", limit(*class)))
    };
    let settings: Vec<_> = Class::ALL.iter().skip(1).zip(strategies).map(setting).collect();
    let mut settings: Vec<_> = settings.iter().map(|(name, rule)| (name.as_str(), rule.as_str())).collect();
    settings.push(("RATE_LIMIT_IETF_HEADERS", "1"));
    TestApp::start_with(&settings, features::routes()).await
}

/// Routes that have no limit but the flood guard's are walked by a test of their own.
async fn limited(app: &TestApp) -> Vec<Visitor> {
    let mut visitors = visitors(app).await;
    visitors.retain(|visitor| visitor.route.limit != Class::Flood);
    visitors
}

impl Visitor {
    /// A request that is charged to a caller, and to nothing that it holds: only where the budget is a token's must the
    /// body be a good one.
    fn knocks(&self, app: &TestApp, client: &Client) -> Request {
        if self.route.takes_body && self.route.limit.charged_to() != ChargedTo::SessionOrClient {
            return client.request(self.route.method.clone(), &self.path).json(&json!({}));
        }
        self.asks(app, client)
    }

    /// Whether the budget is the user's, or that of whoever sits at an address.
    fn is_known(&self) -> bool {
        self.route.limit.charged_to() == ChargedTo::Principal && self.route.policy != Policy::Public
    }

    /// The caller once more, as far as the budget goes, and otherwise as different as can be.
    async fn again(&self, app: &TestApp) -> Client {
        if self.is_known() { self.elsewhere(app).await } else { self.client.clone() }
    }

    /// Asks until no more is left, and is refused.
    async fn exhausts(&self, app: &TestApp) -> Answer {
        let limit = limit(self.route.limit);
        for left in (0..limit).rev() {
            let answer = self.knocks(app, &self.again(app).await).send().await;
            assert_ne!(answer.status, 429, "{}: {}", self.route, answer.text());
            assert_eq!(told(&answer), (limit, left), "{}", self.route);
            let policy = format!("\"{}\";q={limit};", self.route.limit.name());
            assert!(answer.header("ratelimit-policy").starts_with(&policy), "{}: {policy}", self.route);
        }
        let refused = self.knocks(app, &self.again(app).await).send().await;
        assert_eq!(refused.refusal(), (429, "RATE_LIMITED".to_owned()), "{}", self.route);
        assert_eq!(told(&refused), (limit, 0), "{}", self.route);
        refused
    }
}

/// The limit that an answer tells of, and what is left of it.
fn told(answer: &Answer) -> (u32, u32) {
    let number = |name| answer.header(name).parse().unwrap();
    (number("x-ratelimit-limit"), number("x-ratelimit-remaining"))
}

fn wait(app: &TestApp, refused: &Answer) {
    app.clock.forward(Duration::seconds(refused.header("retry-after").parse().unwrap()));
}

#[tokio::test]
async fn every_route_is_charged_as_its_line_says_and_opens_again_when_it_was_promised() {
    let app = start().await;
    for visitor in limited(&app).await {
        let refused = visitor.exhausts(&app).await;
        let reset: i64 = refused.header("x-ratelimit-reset").parse().unwrap();
        wait(&app, &refused);
        assert_eq!(app.app.givens.now().0.unix_timestamp(), reset, "{}", visitor.route);
        let again = visitor.knocks(&app, &visitor.again(&app).await).send().await;
        assert_ne!(again.status, 429, "{}", visitor.route);
    }
}

#[tokio::test]
async fn every_budget_is_one_persons_wherever_they_are_and_no_neighbours() {
    let app = start().await;
    for visitor in limited(&app).await.iter().filter(|visitor| visitor.is_known()) {
        let stranger = Visitor::to(&app, visitor.route.clone()).await;
        visitor.exhausts(&app).await;
        let neighbour = visitor.knocks(&app, &stranger.client.beside(&visitor.client)).send().await;
        assert_ne!(neighbour.status, 429, "{}", visitor.route);
        if let Policy::Scope(_) = visitor.route.policy {
            // A key is its owner's: else ten keys would be ten budgets.
            let program = app.program(visitor.user, &Scope::ALL).await;
            visitor.knocks(&app, &program).send().await.assert_refused(429, "RATE_LIMITED");
        }
    }
}

#[tokio::test]
async fn every_budget_before_authentication_is_an_addresss_whoever_sits_there() {
    let app = start().await;
    for visitor in limited(&app).await.iter().filter(|visitor| !visitor.is_known()) {
        visitor.exhausts(&app).await;
        let known = app.session(visitor.user, Role::User).await;
        let beside = visitor.knocks(&app, &known.beside(&visitor.client)).send().await;
        assert_eq!(beside.refusal(), (429, "RATE_LIMITED".to_owned()), "{}", visitor.route);
        for elsewhere in [known, app.client()] {
            let answer = visitor.knocks(&app, &elsewhere).send().await;
            assert_ne!(answer.status, 429, "{}", visitor.route);
        }
    }
}

/// One address against many accounts is the one test; many addresses against one account is this one.
#[tokio::test]
async fn every_route_that_is_charged_to_an_e_mail_counts_it_wherever_it_is_tried() {
    let app = start().await;
    let mut walked = 0;
    for visitor in limited(&app).await {
        let Some(mut body) = app.contract.example(&visitor.route) else { continue };
        if visitor.route.limit.charged_to() != ChargedTo::AddressAndSubject || body["email"].is_null() {
            continue;
        }
        let asks = |client: Client, body: &serde_json::Value| client.post(&visitor.path, body).send();
        walked += 1;
        body["email"] = json!(format!("tried-{walked}@example.com"));
        for _ in 0..limit(visitor.route.limit) {
            assert_ne!(asks(app.client(), &body).await.status, 429, "{}", visitor.route);
        }
        body["email"] = json!(format!("Tried-{walked}@Example.com"));
        let refused = asks(app.client(), &body).await;
        assert_eq!(refused.refusal(), (429, "RATE_LIMITED".to_owned()), "{}", visitor.route);
        let mut other = body.clone();
        other["email"] = json!(format!("not-tried-{walked}@example.com"));
        assert_ne!(asks(app.client(), &other).await.status, 429, "{}", visitor.route);
        wait(&app, &refused);
        assert_ne!(asks(app.client(), &body).await.status, 429, "{}", visitor.route);
    }
    assert!(walked >= 2, "a login and a mail at least");
}

/// Who asks without end for what they may not have is stopped like anyone else; and nobody spends what is another's.
#[tokio::test]
async fn every_route_charges_whom_it_knows_and_does_not_admit_and_nobody_whom_it_does_not_know() {
    let app = start().await;
    for visitor in limited(&app).await.iter().filter(|visitor| visitor.route.policy != Policy::Public) {
        for visit in visitor.refusals_of_callers(&app).await {
            let nobody = visit.status == 401 && visitor.is_known();
            let limit = if nobody { FLOOD } else { limit(visitor.route.limit) };
            let answer = visit.request.send().await;
            assert_eq!((answer.status.as_u16(), told(&answer).0), (visit.status, limit), "{}", visitor.route);
        }
        let program = visitor.useless_program(&app).await;
        // Where the user pays, one of them has been paid for already, by another of the user's programs.
        for _ in u32::from(visitor.is_known())..limit(visitor.route.limit) {
            visitor.knocks(&app, &program).send().await.assert(403);
        }
        visitor.knocks(&app, &program).send().await.assert_refused(429, "RATE_LIMITED");
    }
}

#[tokio::test]
async fn a_session_refreshes_so_often_and_no_oftener_wherever_from() {
    let app = start().await;
    let ada = app.person(Role::User).await;
    let other = app.sign_in(ada.id, ada.email.clone()).await;
    let mut token = ada.refresh_token;
    for _ in 0..limit(Class::Token) {
        let tokens = app.client().refresh(&token).await.assert(200).json();
        token = tokens["refresh_token"].as_str().unwrap().to_owned();
    }
    let refused = app.client().refresh(&token).await;
    refused.assert_refused(429, "RATE_LIMITED");
    app.client().refresh(&other.refresh_token).await.assert(200);
    wait(&app, &refused);
    app.client().refresh(&token).await.assert(200);
}

#[tokio::test]
async fn every_route_is_behind_the_flood_guard() {
    let app = TestApp::start_with(&[("RATE_LIMIT_FLOOD", "token-bucket 2/1d")], features::routes()).await;
    for visitor in visitors(&app).await {
        let asks = || visitor.knocks(&app, &visitor.client).send();
        assert_eq!(told(&visitor.client.get("/nowhere").send().await), (2, 1));
        let answer = asks().await;
        assert_ne!(answer.status, 429, "{}", visitor.route);
        // Of two limits the one that is nearest to running out is told.
        assert_eq!(told(&answer), (2, 0), "{}", visitor.route);
        assert_eq!(asks().await.refusal(), (429, "RATE_LIMITED".to_owned()), "{}", visitor.route);
    }
}
