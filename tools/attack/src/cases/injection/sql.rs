//! Texts that end a string of the database's language and go on in it.

use std::time::Duration;

use serde_json::json;

use super::{as_a_name, to_the_letter};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{each, refuses},
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "sql-name",
        title: "A name that is half a statement of SQL",
        pillar: Some("sql-parameters"),
        owasp: &["API8:2023"],
        asvs: &["1.2.4"],
        teaching: "Where a statement is glued together from texts, a quote in a name ends the text, and the rest of the name is \
                   a statement: `Ada', role = 'admin`. It was described in 1998, and in 2023 it emptied MOVEit servers at \
                   more than 2,500 organisations (CVE-2023-34362). Parameters go to the database beside the statement and \
                   are never read as one; nothing is escaped, so nothing is forgotten.",
        needs: &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")],
        run: |attempt| Box::pin(name(attempt)),
        ..PLAIN
    },
    Case {
        id: "sql-article",
        title: "Statements of SQL in everything that can be written",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.2.4"],
        teaching: "The search field is looked after, the comment field is not: one statement built by hand among a hundred is \
                   enough, and the text may lie stored for a month until a report glues it in (second-order injection). \
                   So every text that can be written is tried, and must come back to the letter: a service that removes \
                   quotes has found the wrong cure, and Mr O'Brien.",
        needs: &[Need::User, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(article(attempt)),
        ..PLAIN
    },
    Case {
        id: "sql-login",
        title: "A password that is always true",
        pillar: None,
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["1.2.4", "6.3.4"],
        teaching: "`' or '1'='1` is the oldest of them: the query that looks for address and password finds everybody, and the \
                   first of them is the administrator. In 2024 researchers signed in as crew at an airline's security site \
                   with just this. Look the account up by a parameter, compare the password's hash in the program, and \
                   there is no query that a password could be part of.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/login")],
        run: |attempt| Box::pin(login(attempt)),
        ..PLAIN
    },
    Case {
        id: "sql-filters",
        title: "Statements of SQL in filters, ids and cursors",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["1.2.4", "2.2.1"],
        teaching: "What filters, sorts and pages ends in the `where` and `order by` that programs like to build at run time, \
                   and a column's name cannot even be a parameter. Many libraries leave that gap to their users. Filters \
                   of fixed types, names from a list in the program, a cursor that is checked before it is used: then \
                   there is nothing left that a query could be built from.",
        needs: &[Need::Admin, Need::User, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(filters(attempt)),
        ..PLAIN
    },
    Case {
        id: "sql-sleep",
        title: "Statements that show nothing, and make the answer late",
        pillar: None,
        owasp: &["API8:2023", "API4:2023"],
        asvs: &["1.2.4", "1.2.5"],
        teaching: "Blind injection: no row and no error comes back, but `pg_sleep(5)` takes five seconds, and so the database \
                   answers questions, a bit a request; programs read whole tables that way over night. Shells say the \
                   same with `; sleep 5`. An answer that comes as quickly as ever says that the text was text. Where \
                   queries have a time limit, the trick costs the attacker more.",
        needs: &[Need::FreshUser, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(sleep(attempt)),
        ..PLAIN
    },
    Case {
        id: "sql-operators",
        title: "Operators of a database in place of values",
        pillar: None,
        owasp: &["API8:2023", "API2:2023"],
        asvs: &["1.2.4", "15.3.5"],
        teaching: "Databases without SQL have injection too: MongoDB takes `{\"$ne\": null}` for \"anything\", and a login that \
                   hands the body on finds the first account whose password is not null. Rocket.Chat gave its \
                   administrators away over `$regex` and `$where` (CVE-2021-22911). A field that is declared as text takes \
                   no object; brackets in a query string are just letters.",
        needs: &[Need::FreshUser, Need::Operation("POST", "/v1/auth/login")],
        run: |attempt| Box::pin(operators(attempt)),
        ..PLAIN
    },
];

async fn name(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("refused or kept to the letter; the role stays what it was");
    let texts = [
        "Ada', role = 'editor",
        "O'Brien",
        "Ada', role = 'editor' where email like 'guest-%' --",
        "Ada'; update users set role = 'editor'; --",
        "Ada' || (select version()) || '",
        "Ada\\', role = 'editor",
        "Ada\", role = \"editor",
        "Ada$$, role = $$editor",
        "Ada%27, role = %27editor",
        "Adaʼ, role = ʼeditor",
        "$1",
        "{name}",
    ];
    as_a_name(attempt, &texts).await
}

async fn article(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("kept to the letter in every field");
    let person = attempt.user().await?;
    let honest = attempt.post("/v1/articles", &json!({"title": "On bridges", "body": "x"})).by(&person);
    honest.note("Control: an article").send().await?.must_work("an article is written")?;
    let texts = [
        "it's",
        "x'); drop table articles; --",
        "' union select id, email, password_hash from users --",
        "1; select pg_read_file('/etc/passwd')",
        "x' and cast((select version()) as int) = 1 --",
        "%' or '1' like '1",
    ];
    for text in texts {
        let written = attempt.post("/v1/articles", &json!({"title": text, "body": text})).by(&person).send().await?;
        if !written.is_success() {
            let verdict = written.refused();
            if verdict.is_hole() {
                return Ok(verdict);
            }
            continue;
        }
        let read = attempt.get(&format!("/v1/articles/{}", written.string("/id"))).by(&person).send().await?;
        let kept = read.string("/title") == text && read.string("/body") == text;
        if !kept {
            return Ok(Verdict::Hole(format!("{text} became {}", read.string("/title"))));
        }
    }
    Ok(Verdict::Held)
}

async fn login(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 401 for each");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/login";
    let honest = json!({"email": person.email, "password": person.password});
    attempt.post(path, &honest).note("Control: the right one").send().await?.must_work("the right one")?;
    let tries = [
        (person.email.clone(), "' or '1'='1"),
        (person.email.clone(), "' or 1=1 --"),
        (person.email.clone(), "') or ('1'='1"),
        (format!("{}' --", person.email), "x"),
        (format!("{}' or '1'='1", person.email), "x"),
        ("' or 1=1 --".to_owned(), "x"),
        ("admin@example.com'/*".to_owned(), "*/ or 1=1"),
    ];
    let tries =
        tries.map(|(email, password)| attempt.post(path, &json!({"email": email, "password": password})).elsewhere());
    refuses(tries.into()).await
}

async fn filters(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, or a list with nobody in it");
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    let email = admin.email.replace('@', "%40").replace('+', "%2b");
    let found = attempt.get(&format!("/v1/admin/users?email={email}")).by(&admin).note("Control: a filter that finds");
    let found = found.send().await?.must_work("the filter finds")?;
    attempt.control(found.string("/items/0/email") == admin.email, "the filter finds the one it names")?;
    let always = "%27%20or%20%271%27=%271";
    let by_admin = [
        format!("/v1/admin/users?email={always}"),
        format!("/v1/admin/users?email={email}{always}"),
        "/v1/admin/users?email=%25".to_owned(),
        format!("/v1/admin/users?role=user{always}"),
        format!("/v1/admin/users?status=active{always}"),
        "/v1/admin/users?sort=(select%20password_hash)".to_owned(),
        "/v1/admin/users?order=id;%20drop%20table%20users".to_owned(),
        format!("/v1/admin/users?cursor={always}"),
        format!("/v1/admin/users?limit=1{always}"),
        format!("/v1/admin/security-events?type=x{always}"),
        format!("/v1/admin/security-events?user_id={}{always}", user.id),
        format!("/v1/admin/security-events?since=2026-01-01{always}"),
    ];
    let by_user = [format!("/v1/articles/{}{always}", user.id), format!("/v1/articles?cursor={always}")];
    let tries = by_admin.iter().map(|path| attempt.get(path).by(&admin));
    let tries = tries.chain(by_user.iter().map(|path| attempt.get(path).by(&user)));
    each(tries.collect(), |answer| {
        let empty = answer.is_success() && answer.json()["items"].as_array().is_some_and(Vec::is_empty);
        if empty { Verdict::Held } else { answer.refused() }
    })
    .await
}

/// As long as the text asks for, and a little less: the machine may be busy.
const ASLEEP: Duration = Duration::from_millis(4500);

fn awake(answer: &Answer) -> Verdict {
    let fell = Verdict::held_if(answer.status < 500, || format!("it fell over: {}", answer.seen()));
    fell.and(Verdict::held_if(answer.took < ASLEEP, || format!("the answer took {} ms", answer.took.as_millis())))
}

async fn sleep(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an answer as quick as ever");
    let (person, admin) = (attempt.fresh_user().await?, attempt.admin().await?);
    let texts = [
        "x'; select pg_sleep(5); --",
        "x' || pg_sleep(5) || '",
        "x' and (select 1 from pg_sleep(5)) is not null --",
        "x' waitfor delay '0:0:5' --",
        "x' and sleep(5) --",
        "x; sleep 5",
        "x$(sleep 5)",
        "x`sleep 5`",
        "x | sleep 5 &",
    ];
    let honest = attempt.patch("/v1/users/me", &json!({"name": "Ada King"})).by(&person).note("Control: a plain name");
    honest.send().await?.must_work("a plain name")?;
    let mut tries = Vec::new();
    for text in texts {
        let escaped = escaped(text);
        tries.push(attempt.patch("/v1/users/me", &json!({"name": text})).by(&person));
        tries.push(attempt.get(&format!("/v1/admin/users?email={escaped}")).by(&admin));
        tries.push(attempt.get(&format!("/v1/articles/{escaped}")).by(&person));
        tries.push(attempt.get("/v1/users/me").by(&person).header("user-agent", text));
    }
    let verdict = each(tries, awake).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    to_the_letter(attempt, &person, texts[0]).await
}

fn escaped(text: &str) -> String {
    data_encoding::HEXLOWER.encode(text.as_bytes()).as_bytes().chunks(2).fold(String::new(), |mut all, digits| {
        all.push('%');
        all.extend(digits.iter().map(|digit| char::from(*digit)));
        all
    })
}

async fn operators(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each");
    let person = attempt.fresh_user().await?;
    let path = "/v1/auth/login";
    let (email, password) = (&person.email, &person.password);
    let honest = json!({"email": email, "password": password});
    attempt.post(path, &honest).note("Control: the right one").send().await?.must_work("the right one")?;
    let bodies = [
        json!({"email": email, "password": {"$ne": null}}),
        json!({"email": {"$gt": ""}, "password": {"$gt": ""}}),
        json!({"email": {"$regex": "^guest"}, "password": password}),
        json!({"email": email, "password": {"$where": "sleep(5000)"}}),
        json!({"email": email, "password[$ne]": "x"}),
        json!({"$or": [{"email": email}, {}], "password": password}),
        json!({"email": [email], "password": [password]}),
    ];
    let logins = bodies.iter().map(|body| attempt.post(path, body).elsewhere());
    let lists = ["limit[$gt]=0", "limit%5B%24gt%5D=0", "cursor[$ne]=x", "owner_id[$exists]=true"];
    let lists = lists.iter().map(|query| attempt.get(&format!("/v1/articles?{query}")).by(&person));
    refuses(logins.chain(lists).collect()).await
}
