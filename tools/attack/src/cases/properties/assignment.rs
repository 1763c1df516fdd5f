//! Members that a body should not have.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, Operation, operations, refuses},
    target::Target,
};

pub const CASES: &[Case] = &[
    Case {
        id: "mass-assignment-role",
        title: "Somebody who changes their name changes their role with it",
        pillar: Some("mass-assignment"),
        owasp: &["API3:2023"],
        asvs: &["15.3.3", "8.2.3"],
        teaching: "Mass assignment: the handler copies whatever members the body has onto the record, also those that no form \
                   shows. In 2012 Egor Homakov gave himself commit rights to Rails on GitHub with one hidden field. A request \
                   type of its own for each act, with the members that may be changed and nothing else, and a refusal of \
                   unknown members, leave nothing to assign.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(role(attempt)),
        ..PLAIN
    },
    Case {
        id: "mass-assignment-profile",
        title: "Each field that the service shows is sent back changed",
        pillar: Some("mass-assignment"),
        owasp: &["API3:2023"],
        asvs: &["15.3.3"],
        teaching: "An attacker learns the names from the answers: what GET shows, PATCH is sent. A changed `email` without a \
                   confirmation takes the account over, `email_verified` skips the confirmation, `status` undoes a \
                   suspension, `mfa_enabled` turns the second factor off. In 2019 Harbor's API let a user set \
                   `has_admin_role` at registration (CVE-2019-16097). What is shown and what may be written are two types.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(profile(attempt)),
        ..PLAIN
    },
    Case {
        id: "mass-assignment-columns",
        title: "Fields that the service never shows, by the names that columns usually have",
        pillar: Some("mass-assignment"),
        owasp: &["API3:2023"],
        asvs: &["15.3.3"],
        teaching: "What an answer hides is still a column, and columns have the names that everybody gives them: \
                   `password_hash`, `is_admin`, `deleted_at`, `tenant_id`. An object mapper that updates by name takes them \
                   all; whoever sends a hash of a password they know needs nothing else. A list of forbidden fields is \
                   never complete, a list of allowed ones always is.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(columns(attempt)),
        ..PLAIN
    },
    Case {
        id: "mass-assignment-spelling",
        title: "A forbidden field is spelled otherwise",
        pillar: Some("mass-assignment"),
        owasp: &["API3:2023"],
        asvs: &["15.3.3", "1.1.1"],
        teaching: "A filter looks for `role`, and something behind it reads `Role`, `r\\u006fle`, `user.role`, `user[role]` or \
                   a nested object. Go's encoding/json matches names without case, Spring's binder walked dotted names \
                   down to the class loader (Spring4Shell, CVE-2022-22965). Names must be compared after all decoding, \
                   letter by letter, against those that are allowed.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(spelling(attempt)),
        ..PLAIN
    },
    Case {
        id: "mass-assignment-prototype",
        title: "Fields that change all objects of the program",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.3.3", "1.5.2"],
        teaching: "In JavaScript every object inherits from one prototype, and a merge that copies `__proto__` writes to it: \
                   from then on everybody's `isAdmin` is true (lodash, CVE-2019-10744; Kibana, CVE-2019-7609, to running \
                   commands). Python has `__class__`, Ruby and Java their own. The names are harmless to a service in Rust; \
                   it should refuse them all the same, since the next program in line may not be.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(prototype(attempt)),
        ..PLAIN
    },
    Case {
        id: "mass-assignment-walk",
        title: "Every operation with a body, with every field that answers have and it has not",
        pillar: None,
        owasp: &["API3:2023"],
        asvs: &["15.3.3", "2.2.1"],
        teaching: "The document says what each operation takes and what users and articles look like; the difference is the \
                   list of what to try, everywhere. One handler that binds the body to the record is enough, and it need \
                   not be the obvious one: in registration, in an invitation, in a confirmation nobody expects a role. \
                   Schemas that are closed (`additionalProperties: false`), and enforced, close all of them at once.",
        needs: &[Need::Document, Need::FreshUser, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(walk(attempt)),
        ..PLAIN
    },
];

/// The control: the name alone is changed. Then the body with more in it, and who one is afterwards.
async fn greedy(attempt: &Attempt, person: &Person, bodies: Vec<Vec<u8>>) -> Result<Verdict, Trouble> {
    let path = "/v1/users/me";
    let honest = attempt.patch(path, &json!({"name": "Ada King"})).by(person).note("Control: the name alone");
    let before = honest.send().await?.must_work("a name is changed")?.json();
    let request =
        |body| attempt.request("PATCH", path).header("content-type", "application/json").body(body).by(person);
    let verdict = refuses(bodies.into_iter().map(request).collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    // Whatever was answered: what counts is what is stored.
    let me = attempt.get(path).by(person).note("Who am I now?").send().await?;
    let now = me.json();
    let other = before.as_object().into_iter().flatten().find(|(name, value)| now[name.as_str()] != **value);
    let changed = other.map(|(name, value)| format!("{name} was {value} and is {}", now[name.as_str()]));
    Ok(verdict.and(Verdict::held_if(changed.is_none(), || changed.unwrap_or_default())))
}

fn with(extra: &Value) -> Vec<u8> {
    let mut body = json!({"name": "Ada Byron"});
    for (name, value) in extra.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body.to_string().into_bytes()
}

async fn role(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400, and the role stays what it was");
    let person = attempt.fresh_user().await?;
    let roles = ["editor", "admin"].map(|role| json!({"role": role}));
    greedy(attempt, &person, roles.iter().map(with).collect()).await
}

async fn profile(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and all stays what it was");
    let person = attempt.fresh_user().await?;
    let extras = [
        json!({"email": "somebody.else@attack.example"}),
        json!({"email_verified": false}),
        json!({"status": "suspended"}),
        json!({"mfa_enabled": true}),
        json!({"id": "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b"}),
        json!({"created_at": "1999-01-01T00:00:00Z"}),
        json!({"updated_at": "2099-01-01T00:00:00Z"}),
    ];
    greedy(attempt, &person, extras.iter().map(with).collect()).await
}

async fn columns(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the password stays what it was");
    let person = attempt.fresh_user().await?;
    let names = [
        "password",
        "password_hash",
        "is_admin",
        "isAdmin",
        "permissions",
        "scopes",
        "deleted_at",
        "tenant_id",
        "mfa_secret",
        "token_version",
        "email_verified_at",
        "api_keys",
    ];
    let bodies =
        names.map(|name| with(&json!({name: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"})));
    let verdict = greedy(attempt, &person, bodies.into()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let login = json!({"email": person.email, "password": person.password});
    let again = attempt.post("/v1/auth/login", &login).elsewhere().note("Is the password as it was?").send().await?;
    Ok(Verdict::held_if(again.is_success(), || format!("the password is another: {}", again.seen())))
}

async fn spelling(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the role stays what it was");
    let person = attempt.fresh_user().await?;
    let bodies = [
        r#"{"name":"Ada Byron","Role":"editor"}"#,
        r#"{"name":"Ada Byron","ROLE":"editor"}"#,
        r#"{"name":"Ada Byron","r\u006fle":"editor"}"#,
        r#"{"name":"Ada Byron","role ":"editor"}"#,
        r#"{"name":"Ada Byron","role\u0000":"editor"}"#,
        r#"{"name":"Ada Byron","\ufeffrole":"editor"}"#,
        r#"{"name":"Ada Byron","\u017ftatu\u017f":"suspended"}"#,
        r#"{"name":"Ada Byron","user.role":"editor"}"#,
        r#"{"name":"Ada Byron","user[role]":"editor"}"#,
        r#"{"name":"Ada Byron","user":{"role":"editor"}}"#,
        r#"{"name":"Ada Byron","$set":{"role":"editor"}}"#,
        r#"{"name":"Ada Byron","data":{"attributes":{"role":"editor"}}}"#,
        r#"{"NAME":"Ada Byron"}"#,
    ];
    greedy(attempt, &person, bodies.map(|body| body.as_bytes().to_vec()).into()).await
}

async fn prototype(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and nobody's account is another");
    let person = attempt.fresh_user().await?;
    let bodies = [
        r#"{"name":"Ada Byron","__proto__":{"role":"editor","isAdmin":true}}"#,
        r#"{"name":"Ada Byron","constructor":{"prototype":{"role":"editor"}}}"#,
        r#"{"name":"Ada Byron","prototype":{"role":"editor"}}"#,
        r#"{"name":"Ada Byron","__proto__.role":"editor"}"#,
        r#"{"name":"Ada Byron","__class__":{"__init__":{"__globals__":{}}}}"#,
        r#"{"name":"Ada Byron","class":{"classLoader":{"resources":{}}}}"#,
        r#"{"name":"Ada Byron","@type":"com.sun.rowset.JdbcRowSetImpl"}"#,
        r#"{"name":"Ada Byron","$type":"System.Windows.Data.ObjectDataProvider"}"#,
    ];
    greedy(attempt, &person, bodies.map(|body| body.as_bytes().to_vec()).into()).await
}

/// All members of what the document calls a user or an article.
fn shown(target: &Target) -> BTreeSet<String> {
    let schemas = target.document.as_ref().map_or(&Value::Null, |document| &document["components"]["schemas"]);
    let members = ["User", "Article"].into_iter().filter_map(|name| schemas[name]["properties"].as_object());
    members.flat_map(Map::keys).cloned().collect()
}

async fn walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of each that names none of the fields which belong there");
    let person = attempt.fresh_user().await?;
    let honest = json!({"title": "On bridges", "body": "They can be drawn up."});
    attempt
        .post("/v1/articles", &honest)
        .by(&person)
        .note("Control")
        .send()
        .await?
        .must_work("an article is written")?;
    let shown = shown(&attempt.target);
    attempt.control(!shown.is_empty(), "the document says what a user or an article looks like")?;
    for operation in operations(&attempt.target) {
        let Some(Value::Object(example)) = operation.example(&attempt.target) else { continue };
        let allowed = allowed(&attempt.target, &operation);
        let extra: Vec<_> = shown.iter().filter(|name| !allowed.contains(*name)).collect();
        let mut body = example.clone();
        body.extend(extra.iter().map(|name| ((*name).clone(), json!("editor"))));
        let request = attempt.request(&operation.method, &operation.at(&person.id)).json(&body.into());
        let answer = request.by(&person).elsewhere().header("if-match", "*").send().await?;
        let verdict = answer.refused();
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

fn allowed(target: &Target, operation: &Operation<'_>) -> BTreeSet<String> {
    let schema = target.body_schema(operation.about).unwrap_or(&Value::Null);
    schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}
