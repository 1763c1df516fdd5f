//! What is nearly JSON, and numbers that are nearly numbers.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "json-dialects",
        title: "Comments, trailing commas, single quotes, two values: nearly JSON",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.5.3", "2.2.1"],
        teaching: "A gateway that reads strictly and a service that reads kindly see two bodies: a comment hides a member from \
                   one of them, a second value behind the first is read by the other alone. JSON has one grammar (RFC \
                   8259), and what is outside it must be refused by each program on the way. Kindness between parsers is \
                   called a parser differential, and it is a class of its own.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(dialects(attempt)),
        ..PLAIN
    },
    Case {
        id: "json-encodings",
        title: "JSON in UTF-16, UTF-32 or with a byte order mark",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.5.3", "4.1.1"],
        teaching: "Filters look for words, and a word in another encoding is other bytes: Soroush Dalili showed in 2017 how \
                   `charset=ibm037` or UTF-16 carries anything past a web application firewall, since the server behind it \
                   decodes what the filter could not read. JSON between systems is UTF-8 and nothing else (RFC 8259 \
                   section 8.1), also when the Content-Type promises another one.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(encodings(attempt)),
        ..PLAIN
    },
    Case {
        id: "numbers-odd",
        title: "Numbers that are negative, huge, broken, or texts",
        pillar: None,
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["1.4.2", "2.2.1", "15.3.5"],
        teaching: "`limit=1000000` is a denial of service by politeness, -1 is \"no limit\" in more databases than one thinks, and \
                   a number that no type holds wraps around or becomes infinite: in 2010 somebody made 184 billion bitcoins \
                   with a sum that overflowed (CVE-2010-5139). Every number has a range in the schema, and what is outside \
                   is 400, not the nearest that fits.",
        needs: &[Need::User, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(numbers(attempt)),
        ..PLAIN
    },
    Case {
        id: "cursor-tampering",
        title: "A cursor that was changed, cut, or taken from another list",
        pillar: None,
        owasp: &["API1:2023", "API8:2023"],
        asvs: &["2.2.1", "8.2.2"],
        teaching: "Cursors are called opaque, and are mostly base64 of a position, a filter, sometimes a statement or a \
                   serialised object: whoever decodes one finds what else could be in it. Deserialising what a client kept \
                   for you is how Java servers fell by the hundred in 2015. A cursor is input: of one shape, with a check \
                   that it is ours, good for the list that it came from.",
        needs: &[Need::Admin, Need::User, Need::Operation("GET", "/v1/articles")],
        run: |attempt| Box::pin(cursors(attempt)),
        ..PLAIN
    },
];

async fn bodies(attempt: &Attempt, media_type: &str, bodies: Vec<Vec<u8>>) -> Result<Verdict, Trouble> {
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let honest = attempt.patch(path, &json!({"name": "Ada King"})).by(&person).note("Control: JSON");
    honest.send().await?.must_work("JSON")?;
    let request = |body| attempt.request("PATCH", path).header("content-type", media_type).body(body).by(&person);
    let verdict = refuses(bodies.into_iter().map(request).collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let name = attempt.get(path).by(&person).note("Is the name as it was?").send().await?.string("/name");
    Ok(Verdict::held_if(name == "Ada King", || format!("the name is now {name}")))
}

async fn dialects(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the name stays");
    let texts = [
        "{\"name\":\"Mallory\",}",
        "{\"name\":\"Mallory\"}// x",
        "/* x */{\"name\":\"Mallory\"}",
        "{'name':'Mallory'}",
        "{name:\"Mallory\"}",
        "{\"name\":\"Mallory\"}{\"name\":\"Ada\"}",
        "{\"name\":\"Mallory\"},{}",
        "{\"name\":\"Mallory\"} x",
        "{\"name\":\"Mallory\"}\u{0}",
        "{\"name\":\"Mal\nlory\"}",
        "{\"name\":\"Mal\\x6cory\"}",
        "{\"name\" \"Mallory\"}",
        "{\"name\":\"Mallory\"",
        "\"name\":\"Mallory\"",
        "cb({\"name\":\"Mallory\"})",
        ")]}',\n{\"name\":\"Mallory\"}",
        "{\"name\":\"Mallory\";}",
        "---\nname: Mallory\n",
        "name=Mallory",
    ];
    bodies(attempt, "application/json", texts.map(|text| text.as_bytes().to_vec()).into()).await
}

async fn encodings(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 415 for each, and the name stays");
    let text = "{\"name\":\"Mallory\"}";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let marked = |mark: &[u8], body: &[u8]| [mark, body].concat();
    let all = vec![
        marked(b"\xef\xbb\xbf", text.as_bytes()),
        marked(b"\xff\xfe", &little),
        marked(b"\xfe\xff", &big),
        little.clone(),
        big.clone(),
        wide,
        b"+AHsAIgBuAGEAbQBlACIAOgAiAE0AIgB9-".to_vec(),
    ];
    let plain = bodies(attempt, "application/json", all).await?;
    if plain.is_hole() {
        return Ok(plain);
    }
    let utf16 = bodies(attempt, "application/json; charset=utf-16", vec![marked(b"\xff\xfe", &little), big]).await?;
    if utf16.is_hole() {
        return Ok(utf16);
    }
    let latin = bodies(attempt, "application/json; charset=iso-8859-1", vec![text.as_bytes().to_vec()]).await?;
    if latin.is_hole() {
        return Ok(latin);
    }
    bodies(attempt, "application/json; charset=ibm037", vec![text.as_bytes().to_vec()]).await
}

async fn numbers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let person = attempt.user().await?;
    let path = "/v1/articles?limit=10";
    attempt.get(path).by(&person).note("Control: ten").send().await?.must_work("ten")?;
    let limits = [
        "0",
        "-1",
        "101",
        "1000000",
        "2147483648",
        "9223372036854775808",
        "99999999999999999999999",
        "1e2",
        "10.0",
        "0x10",
        "NaN",
        "Infinity",
        "%2b10",
        "%2010",
        "10%20",
        "1_0",
        "%d9%a1%d9%a0",
        "ten",
        "true",
        "",
        "1&limit=2",
    ];
    let lists = limits.iter().map(|limit| attempt.get(&format!("/v1/articles?limit={limit}")).by(&person));
    let bodies = ["1e400", "-1e400", "NaN", "Infinity", "1E+", "01", ".5", "0x1F", "--1", "99999999999999999999999999"];
    let bodies = bodies.iter().map(|number| {
        let body = format!("{{\"name\":{number}}}");
        attempt.request("PATCH", "/v1/users/me").header("content-type", "application/json").body(body).by(&person)
    });
    refuses(lists.chain(bodies).collect()).await
}

async fn cursors(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each that this list has not made");
    let (person, admin) = (attempt.user().await?, attempt.admin().await?);
    for _ in 0..2 {
        let body = json!({"title": "On bridges", "body": "x"});
        attempt.post("/v1/articles", &body).by(&person).send().await?.must_work("an article is written")?;
    }
    let page = attempt.get("/v1/articles?limit=1").by(&person).send().await?.must_work("a page")?;
    let cursor = page.string("/next_cursor");
    let next = |cursor: &str| attempt.get(&format!("/v1/articles?limit=1&cursor={cursor}")).by(&person);
    next(&cursor).note("Control: the next page").send().await?.must_work("the next page")?;
    let other = attempt.get("/v1/admin/users?limit=1").by(&admin).send().await?.string("/next_cursor");
    let turned: String = cursor.chars().rev().collect();
    let first = cursor.replacen(|c: char| c.is_ascii_alphanumeric(), "_", 1);
    let cut = &cursor[..cursor.len().saturating_sub(2)];
    let all = [
        turned,
        first,
        cut.to_owned(),
        format!("{cursor}AAAA"),
        format!("{cursor}="),
        format!("{cursor}&cursor={cursor}"),
        other,
        "AAAA".to_owned(),
        "eyJpZCI6MX0".to_owned(),
        "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA".to_owned(),
        "%27".to_owned(),
        "0".to_owned(),
        "..%2f".to_owned(),
    ];
    refuses(all.iter().filter(|cursor| !cursor.is_empty()).map(|cursor| next(cursor)).collect()).await
}
