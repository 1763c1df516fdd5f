//! Every operation of administrators, by those who are none.

use crate::{
    actors::Person,
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        ownership::belongings::key,
        walk::{Operation, each, operations, refuses},
    },
    wire::Answer,
};

pub const CASES: &[Case] = &[
    Case {
        id: "bfla-list-users",
        title: "A user without privileges asks for the list of all users",
        pillar: Some("role-allowlist"),
        owasp: &["API5:2023"],
        asvs: &["8.2.1"],
        teaching: "Broken function level authorization: the page has no button for it, and the API does it for whoever asks. \
                   Instead of guessing, an attacker reads the documentation, or the program of the administrators' page, \
                   which everybody can download. Each route must say which roles may call it, where the route is declared, \
                   and a route that says nothing must be closed.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(list_users(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-walk-user",
        title: "Every operation of administrators, by a user without privileges",
        pillar: Some("role-allowlist"),
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "8.3.1"],
        teaching: "Of fifty administrative functions forty-nine ask for the role, and one was added on a Friday. Confluence \
                   had such a one in 2023: a leftover of its setup made an administrator for anybody (CVE-2023-22515, \
                   exploited for weeks before it was known). A walk over all operations, by each role, with the answers \
                   held against a table, is a test that new functions cannot escape.",
        needs: &[Need::Document, Need::FreshUser, Need::TwoUsers, Need::Admin],
        run: |attempt| Box::pin(by_user(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-walk-editor",
        title: "Every operation of administrators, by an editor",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1"],
        teaching: "Roles that are compared as ranks (`role >= editor`), or asked for as \"not a plain user\", let the middle \
                   in everywhere. Roles in the middle are also the least tested: developers try as administrators and as \
                   users. An allowlist per function, by name, has no order that somebody can get wrong; whoever is not \
                   on the list is refused, also the roles that come later.",
        needs: &[Need::Document, Need::Editor, Need::TwoUsers, Need::Admin],
        run: |attempt| Box::pin(by_editor(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-walk-admin-key",
        title: "Every operation of administrators, by an administrator's API key",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["8.2.1", "8.3.1"],
        teaching: "A key lies in a script, a pipeline, a repository; it knows no second factor and lives for months. If it \
                   may all that its owner may, an administrator's script is an administrator. In 2023 a storage token in a \
                   public repository of Microsoft's opened 38 terabytes, for it allowed everything. Administration \
                   should want a session of a person, whatever scopes a key has.",
        needs: &[Need::Document, Need::TwoUsers, Need::Admin, Need::Operation("POST", "/v1/users/me/api-keys")],
        run: |attempt| Box::pin(by_key(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-walk-nobody",
        title: "Every operation that wants somebody, by nobody",
        pillar: None,
        owasp: &["API5:2023", "API2:2023"],
        asvs: &["8.2.1", "6.3.4"],
        teaching: "The simplest attack there is: leave the token out. In 2021 Peloton's API told age, sex, weight and town of \
                   its riders to anybody who asked without one, whatever they had set to private. Where authentication is \
                   something that a handler calls, one forgets it; where it is an argument that the handler cannot be \
                   called without, none can.",
        needs: &[Need::Document, Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(by_nobody(attempt)),
        ..PLAIN
    },
];

async fn list_users(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403");
    let admin = attempt.admin().await?;
    let path = "/v1/admin/users?limit=1";
    attempt.get(path).by(&admin).note("Control: an administrator").send().await?.must_work("an administrator")?;
    let user = attempt.user().await?;
    Ok(attempt.get(path).by(&user).note("A user without privileges").send().await?.must_be(&[403, 404]))
}

async fn by_user(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let thief = attempt.fresh_user().await?;
    let (admin, victim) = (attempt.admin().await?, attempt.other_user().await?);
    attempt.expect("403 for each, and the stranger's account stays as it is");
    administration(attempt, &admin, &victim, |request| request.by(&thief)).await
}

async fn by_editor(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for each, and the stranger's account stays as it is");
    let editor = attempt.editor().await?;
    let (admin, victim) = (attempt.admin().await?, attempt.other_user().await?);
    administration(attempt, &admin, &victim, |request| request.by(&editor)).await
}

async fn by_key(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 for each: a key is no session");
    let (admin, victim) = (attempt.admin().await?, attempt.other_user().await?);
    let key = key(attempt, &admin, &["profile:read", "profile:write", "articles:read", "articles:write"]).await?;
    let (secret, id) = (key["key"].as_str().unwrap_or_default(), key["id"].as_str().unwrap_or_default());
    let me = attempt.get("/v1/users/me").header("x-api-key", secret).note("Control: the key works").send().await;
    let walked = administration(attempt, &admin, &victim, |request| request.header("x-api-key", secret)).await;
    attempt.delete(&format!("/v1/users/me/api-keys/{id}")).by(&admin).note("The key is taken away").send().await?;
    me?.must_work("the key works")?;
    walked
}

async fn administration(
    attempt: &Attempt,
    admin: &Person,
    victim: &Person,
    signed: impl Fn(crate::wire::Request) -> crate::wire::Request,
) -> Result<Verdict, Trouble> {
    let own = attempt.get(&format!("/v1/admin/users/{}", victim.id)).by(admin).note("Control: an administrator");
    let before = own.send().await?.must_work("an administrator")?;
    let functions = operations(&attempt.target).into_iter().filter(Operation::is_administrative);
    let tries: Vec<_> = functions.map(|function| signed(function.request(attempt, &victim.id))).collect();
    attempt.control(tries.len() > 1, "the document has functions of administrators")?;
    let verdict = refuses(tries).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let me = attempt.get("/v1/users/me").by(victim).note("Is the account as it was?").send().await?;
    let same = ["/name", "/role", "/status"].iter().all(|field| me.string(field) == before.string(field));
    Ok(verdict.and(Verdict::held_if(same, || "each was refused, and yet the account is another".into())))
}

async fn by_nobody(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401 for each, before anything else is looked at");
    let person = attempt.user().await?;
    attempt.get("/v1/users/me").by(&person).note("Control: somebody").send().await?.must_work("somebody")?;
    let wanting = operations(&attempt.target).into_iter().filter(Operation::wants_somebody);
    let tries: Vec<_> = wanting.map(|operation| operation.request(attempt, &person.id)).collect();
    attempt.control(!tries.is_empty(), "the document says which operations want somebody")?;
    each(tries, |answer: &Answer| answer.must_be(&[401, 403, 404])).await
}
