//! Requests that make services fall over.

use serde_json::{Value, json};

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{each, operations},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "error-500-walk",
        title: "Every operation, with every member of its body replaced by something odd",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["16.5.3", "2.2.1"],
        teaching: "A 500 is a door that was not quite shut: something happened that nobody foresaw, and the next try may make \
                   it happen usefully. Fuzzers that read the OpenAPI document, as Schemathesis and Microsoft's RESTler do, \
                   find such answers in nearly every service that they are shown. Here the members of each body become a \
                   dozen oddities in turn; a 5xx is a hole, whatever caused it.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "error-500-headers",
        title: "Headers that are odd in every way that HTTP allows",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["16.5.3"],
        teaching: "Bodies have schemas; headers are parsed by hand, in a dozen places, by code that takes them for text. In 2011 \
                   a Range header with a thousand overlapping pieces stopped half of the web's Apache servers \
                   (CVE-2011-3192). Bytes above 127, empty values, lists of thousands, dates of the year 275760: each must \
                   end in an answer below 500, and soon.",
        needs: &[Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(headers(attempt)),
        ..PLAIN
    },
    Case {
        id: "error-500-queries",
        title: "Queries that are odd in every way that a URL allows",
        pillar: None,
        owasp: &["API8:2023", "API4:2023"],
        asvs: &["16.5.3", "2.2.1"],
        teaching: "Dates that there are not, ranges that end before they begin, a year of six digits, half an escape: what a \
                   query's text becomes on its way to the database is a chain of conversions, and each can fail in its own \
                   way. Those of administrators are tested least of all, since administrators are trusted; whoever has \
                   taken an account of theirs is not.",
        needs: &[Need::Document, Need::Admin, Need::User, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(queries(attempt)),
        ..PLAIN
    },
];

fn stands(answer: &Answer) -> Verdict {
    Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()))
}

async fn walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer below 500 to each");
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: nothing odd");
    honest.send().await?.must_work("nothing odd")?;
    let oddities = [
        json!(null),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!({}),
        json!([[]]),
        json!(""),
        json!("\u{0}"),
        json!("\u{feff}\u{202e}"),
        json!("%n%s{{x}}'\"\\"),
        json!("9999-99-99T99:99:99Z"),
        json!("+275760-09-13T00:00:00Z"),
        json!("a".repeat(9000)),
    ];
    let mut tries = Vec::new();
    let (mut signed, mut writer) = (0, person);
    for operation in operations(&attempt.target) {
        let Some(Value::Object(example)) = operation.example(&attempt.target) else { continue };
        let by_somebody = operation.wants_somebody() && !operation.is_administrative();
        if by_somebody {
            signed += 1;
            // An account may write sixty times a minute.
            if signed % 4 == 0 {
                writer = attempt.fresh_user().await?;
            }
        }
        for (turn, oddity) in oddities.iter().enumerate() {
            // One member is odd and the others are right, or the first odd one would hide the rest.
            let mut body = example.clone();
            if let Some(value) = body.values_mut().nth(turn % example.len().max(1)) {
                *value = oddity.clone();
            }
            let request = attempt.request(&operation.method, &operation.at(&writer.id)).json(&body.into()).elsewhere();
            tries.push(if by_somebody { request.by(&writer).header("if-match", "*") } else { request }.limits_count());
        }
    }
    each(tries, stands).await
}

async fn headers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer below 500 to each");
    // Two, for one may not read so much at once.
    let (person, other) = (attempt.user().await?, attempt.other_user().await?);
    let path = "/v1/users/me";
    attempt.get(path).by(&person).note("Control: nothing odd").send().await?.must_work("nothing odd")?;
    let names = [
        "accept",
        "accept-encoding",
        "accept-language",
        "content-type",
        "cookie",
        "forwarded",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "idempotency-key",
        "last-event-id",
        "origin",
        "range",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-api-key",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    ];
    let long = ["bytes=0-", &",0-1".repeat(1300)].concat();
    let values: [&[u8]; 6] = [b"", b"\xff\xfe\x80", b",,,;;;==\"\"\"", b"\"", "🦀\u{202e}".as_bytes(), long.as_bytes()];
    let mut tries = Vec::new();
    for (turn, name) in names.into_iter().enumerate() {
        let person = if turn % 2 == 0 { &person } else { &other };
        for value in values {
            tries.push(attempt.get(path).by(person).header(name, value));
        }
        tries.push(attempt.get(path).by(person).header(name, "a").header(name, "b"));
    }
    let many = (0..90).fold(attempt.get(path).by(&person), |request, i| request.header(&format!("x-{i}"), "x"));
    tries.push(many);
    each(tries, stands).await
}

async fn queries(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer below 500 to each");
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    attempt
        .get("/v1/articles?limit=1")
        .by(&user)
        .note("Control: nothing odd")
        .send()
        .await?
        .must_work("nothing odd")?;
    let values = [
        "",
        "%00",
        "%ff",
        "%",
        "%zz",
        "-1",
        "9999-99-99T99:99:99Z",
        "0000-01-01T00:00:00Z",
        "%2b275760-09-13T00:00:00Z",
        "[]",
        "1e999",
    ];
    let mut tries = Vec::new();
    for operation in
        operations(&attempt.target).into_iter().filter(|one| one.method == "GET" && !one.path.contains("stream"))
    {
        let parameters = operation.about["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|one| attempt.target.behind(one)).filter(|one| one["in"] == "query");
        for name in parameters.filter_map(|parameter| parameter["name"].as_str()) {
            // Three of them each, in turn: administrators share one budget.
            for value in values.iter().cycle().skip(tries.len()).take(3) {
                let request = attempt.get(&format!("{}?{name}={value}", operation.at(&user.id)));
                tries.push(if operation.is_administrative() { request.by(&admin) } else { request.by(&user) });
            }
        }
    }
    for query in ["?", "&", "=", "&&=&", "a=b=c", "%3d=%26", "limit", "limit=1&limit", "limit=1;cursor=x", "?limit=1"] {
        tries.push(attempt.get(&format!("/v1/articles?{query}")).by(&user));
    }
    each(tries, stands).await
}
