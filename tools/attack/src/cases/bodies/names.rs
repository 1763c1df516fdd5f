//! Names of types that are nearly right, and answers that are asked for as something else.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::each,
};

pub const CASES: &[Case] = &[
    Case {
        id: "content-type-odd",
        title: "Content types that are doubled, nearly right, or a program",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["4.1.1", "1.5.3"],
        teaching: "`application/jsonx`, `text/json`, two headers, a type behind a comma: checks by `contains(\"json\")` let them \
                   all in, and what the proxy took for the type is not what the service took. In 2017 Struts evaluated a \
                   Content-Type that it could not read, as an expression for its error message; Equifax lost 147 million \
                   people's data by it (CVE-2017-5638).",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(odd(attempt)),
        ..PLAIN
    },
    Case {
        id: "accept-refused",
        title: "An answer is asked for as a page, as XML, or as a file of the server",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["4.1.1", "3.2.1"],
        teaching: "Rails took the Accept header for the name of a template: `Accept: ../../../../etc/passwd{{` showed the file \
                   (CVE-2019-5418). Others turn any object into XML, a page or a JavaScript call if asked, and each form \
                   needs its own care about what stands in it. An API that speaks JSON says 406 to what is not JSON, and \
                   never copies what was asked into its Content-Type.",
        needs: &[Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(accept(attempt)),
        ..PLAIN
    },
];

async fn odd(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 or 400 for each, and the name stays");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let honest = attempt.patch(path, &json!({"name": "Ada King"})).by(&person).note("Control: application/json");
    honest.send().await?.must_work("application/json")?;
    let change = |media_type: &[u8]| {
        attempt.request("PATCH", path).by(&person).header("content-type", media_type).body("{\"name\":\"Mallory\"}")
    };
    let types: [&[u8]; 16] = [
        b"application/jsonx",
        b"text/json",
        b"application/x-json",
        b"application/json, text/plain",
        b"text/plain, application/json",
        b"application/json text/plain",
        b"application/json; charset=utf-7",
        b"application/json; charset=utf-8; charset=utf-16",
        b"application/merge-patch+json",
        b"application/json-patch+json",
        b"application/vnd.api+json",
        b"application/*",
        b"*/*",
        b"application/json\xff",
        b"application / json",
        b"%{(#_='multipart/form-data').(#cmd='id')}",
    ];
    let mut tries: Vec<_> = types.map(change).into();
    tries.push(change(b"application/json").header("content-type", "text/plain").note("Twice"));
    tries.push(change(b"text/plain").header("content-type", "application/json").note("Twice"));
    let verdict = each(tries, |answer| answer.must_be(&[415, 400])).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let name = attempt.get(path).by(&person).note("Is the name as it was?").send().await?.string("/name");
    Ok(Verdict::held_if(name == "Ada King", || format!("the name is now {name}")))
}

async fn accept(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("406, or JSON");
    let person = attempt.user().await?;
    let path = "/v1/users/me";
    let honest = attempt.get(path).by(&person).header("accept", "application/json").note("Control: JSON");
    honest.send().await?.must_work("JSON")?;
    let wishes = [
        "text/html",
        "application/xml",
        "text/csv",
        "application/javascript",
        "image/png",
        "../../../../etc/passwd{{",
        "application/json;q=0",
        "*/*;q=0",
        "application/x-java-serialized-object",
        "text/html;level=1, application/xml;q=0.9",
        "garbage",
    ];
    let mut tries: Vec<_> = wishes.iter().map(|wish| attempt.get(path).by(&person).header("accept", wish)).collect();
    tries.push(attempt.get(&format!("{path}?format=xml")).by(&person));
    tries.push(attempt.get(&format!("{path}?callback=alert")).by(&person).note("JSONP"));
    tries.push(attempt.get(path).by(&person).header("accept", "a,".repeat(2000)));
    each(tries, |answer| {
        let media_type = answer.header("content-type").unwrap_or("none").to_owned();
        let json = media_type.starts_with("application/json");
        let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()));
        let wrapped = !answer.text().starts_with('{');
        fell.and(Verdict::held_if(json && !wrapped, || format!("{} came as {media_type}", answer.seen())))
    })
    .await
}
