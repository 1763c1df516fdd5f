//! Bodies that say they are something else, and answers that are asked for as something else.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        tokens::lure::Lure,
        walk::{each, operations},
    },
    wire::Answer,
};

const SIGNS_IN: &[Need] = &[Need::FreshUser, Need::Operation("POST", "/v1/auth/login")];

pub const CASES: &[Case] = &[
    Case {
        id: "content-type-plain",
        title: "JSON that says it is plain text, as a page of another site can send it",
        pillar: Some("content-type"),
        owasp: &["API8:2023"],
        asvs: &["3.5.2", "4.1.1"],
        teaching: "A browser sends a form or `text/plain` to any site without asking first, so a page of the attacker's can \
                   post JSON under that name; for `application/json` it must ask (CORS preflight) and is refused. A \
                   service that parses whatever comes gives that protection away. GraphQL servers had to learn it one \
                   by one. Only the type that an operation declares may reach the parser: 415.",
        needs: SIGNS_IN,
        run: |attempt| Box::pin(plain(attempt)),
        ..PLAIN
    },
    Case {
        id: "content-type-walk",
        title: "Every operation with a body, with the body as plain text",
        pillar: Some("content-type"),
        owasp: &["API8:2023"],
        asvs: &["3.5.2", "4.1.1"],
        teaching: "The check belongs to the door and not to the rooms: a handler that reads its body itself, because it needs \
                   the bytes, for a signature or an upload, has usually left the check behind. So all operations are \
                   tried. The answer must be 415 before anything is known about the caller, or the refusal tells who \
                   may do what.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "content-type-forms",
        title: "Forms in place of JSON",
        pillar: Some("content-type"),
        owasp: &["API8:2023"],
        asvs: &["3.5.2", "4.1.1", "15.3.7"],
        teaching: "Frameworks that bind JSON bind forms too, if nobody tells them not to: then every operation can be called \
                   by a form on any page in the world, with the cookies of whoever looks at it, and with members that \
                   JSON's schema never sees (`user[role]=admin`). Multipart brings files and a second parser with bugs of \
                   its own. An API of JSON takes JSON.",
        needs: SIGNS_IN,
        run: |attempt| Box::pin(forms(attempt)),
        ..PLAIN
    },
    Case {
        id: "content-type-xml",
        title: "XML with an entity of the attacker's, where JSON is expected",
        pillar: None,
        owasp: &["API8:2023", "API7:2023"],
        asvs: &["1.5.1", "4.1.1"],
        teaching: "JAX-RS, Spring and others choose the parser by the Content-Type, and many an API of JSON takes XML without \
                   its authors' knowing. XML fetches what its entities name: in 2014 Reginaldo Silva read Facebook's \
                   /etc/passwd with one, for the highest bounty of its time. Struts unpacked objects from XML, to running \
                   commands (CVE-2017-9805). A listener waits here for a visit.",
        needs: SIGNS_IN,
        run: |attempt| Box::pin(xml(attempt)),
        ..PLAIN
    },
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

fn unsupported(answer: &Answer) -> Verdict {
    answer.must_be(&[415])
}

async fn plain(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 for each, though the JSON and the password are right");
    let person = attempt.fresh_user().await?;
    let body = json!({"email": person.email, "password": person.password});
    let path = "/v1/auth/login";
    attempt.post(path, &body).note("Control: application/json").send().await?.must_work("application/json")?;
    let send = |media_type: &str| {
        attempt.request("POST", path).header("content-type", media_type).body(body.to_string()).elsewhere()
    };
    let mut tries: Vec<_> =
        ["text/plain", "text/plain;application/json", "application/octet-stream", ""].map(send).into();
    tries.push(attempt.request("POST", path).body(body.to_string()).elsewhere().note("None at all"));
    each(tries, unsupported).await
}

async fn walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 for every operation");
    let person = attempt.fresh_user().await?;
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: as JSON");
    honest.send().await?.must_work("as JSON")?;
    let mut tries = Vec::new();
    for operation in operations(&attempt.target) {
        let Some(example) = operation.example(&attempt.target) else { continue };
        let request = attempt.request(&operation.method, &operation.at(&person.id)).by(&person).elsewhere();
        tries.push(request.header("content-type", "text/plain").body(example.to_string()));
    }
    attempt.control(tries.len() > 1, "the document has operations with bodies")?;
    each(tries, unsupported).await
}

async fn forms(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 for each");
    let person = attempt.fresh_user().await?;
    let (email, password) = (&person.email, &person.password);
    let path = "/v1/auth/login";
    let body = json!({"email": email, "password": password});
    attempt.post(path, &body).note("Control: JSON").send().await?.must_work("JSON")?;
    let form = format!("email={}&password={password}", email.replace('@', "%40"));
    let part =
        |name: &str, value: &str| format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts = format!("{}{}--x--\r\n", part("email", email), part("password", password));
    let json_in_a_form = format!("{{\"email\":\"{email}\",\"password\":\"{password}\",\"x\":\"=\"}}");
    let send = |media_type: &str, body: &str| {
        attempt.request("POST", path).header("content-type", media_type).body(body).elsewhere()
    };
    let me = |media_type: &str, body: &str| {
        attempt.request("PATCH", "/v1/users/me").by(&person).header("content-type", media_type).body(body)
    };
    let urlencoded = "application/x-www-form-urlencoded";
    let tries = vec![
        send(urlencoded, &form),
        send(urlencoded, &json_in_a_form),
        send(urlencoded, &body.to_string()),
        send("multipart/form-data; boundary=x", &parts),
        send("multipart/form-data; boundary=x", &body.to_string()),
        me(urlencoded, "name=Mallory&user[role]=editor"),
        me("multipart/form-data; boundary=x", &format!("{}--x--\r\n", part("name", "Mallory"))),
    ];
    each(tries, unsupported).await
}

async fn xml(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415, and nobody comes to our listener");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/login";
    let honest = json!({"email": person.email, "password": person.password});
    attempt.post(path, &honest).note("Control: JSON").send().await?.must_work("JSON")?;
    let lure = Lure::open(attempt, "x").await?;
    let url = lure.url();
    let entity =
        format!("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e SYSTEM \"{url}\">]><login><email>&e;</email></login>");
    let outer = format!("<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM \"{url}\"><login/>");
    let laughs =
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><a>&b;</a>".to_owned();
    let mut tries = Vec::new();
    for media_type in ["application/xml", "text/xml", "application/soap+xml", "image/svg+xml", "application/json+xml"] {
        for body in [&entity, &outer, &laughs] {
            tries
                .push(attempt.request("POST", path).header("content-type", media_type).body(body.as_str()).elsewhere());
        }
    }
    tries.push(
        attempt.request("PATCH", "/v1/users/me").by(&person).header("content-type", "text/xml").body(entity.as_str()),
    );
    let verdict = each(tries, Answer::refused).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    Ok(Verdict::held_if(lure.visits() == 0, || format!("{} visits came", lure.visits())))
}

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
