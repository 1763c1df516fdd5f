//! The same request in another dress: other methods, and headers that ask for what the method does not.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{
        ownership::belongings::draft,
        walk::{each, refuses},
    },
};

pub const CASES: &[Case] = &[
    Case {
        id: "bfla-odd-methods",
        title: "A method that the guard does not know",
        pillar: None,
        owasp: &["API5:2023", "API8:2023"],
        asvs: &["4.1.4", "8.2.1"],
        teaching: "JBoss guarded its administration for GET and POST, and HEAD did the same without a password \
                   (CVE-2010-0738): worms came in that way for years. Lists of methods that are forbidden are never \
                   complete. A path answers to the methods that it declares, HEAD is GET with the same guard, and \
                   everything else, known or invented, is 405.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(odd_methods(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-method-override",
        title: "A header or parameter changes the method behind the guard",
        pillar: None,
        owasp: &["API5:2023", "API8:2023"],
        asvs: &["4.1.4", "3.5.3"],
        teaching: "For browsers that could only GET and POST, Rails, Symfony and others read the real method from `_method` \
                   or `X-HTTP-Method-Override`. A proxy that lets GET pass and blocks DELETE, a cross-site request that \
                   needs no preflight, a guard by method: all are walked around by one header. An API that browsers call \
                   with every method needs no override, and must ignore it.",
        needs: &[Need::FreshUser, Need::Operation("DELETE", "/v1/articles/{id}")],
        run: |attempt| Box::pin(method_override(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-url-headers",
        title: "A header names another path than the request line",
        pillar: None,
        owasp: &["API5:2023"],
        asvs: &["4.1.3", "8.3.1"],
        teaching: "IIS modules once left the original path in `X-Original-URL` and `X-Rewrite-URL`, and Symfony and Zend \
                   believed them from anybody: a proxy that guards `/admin` sees a request for `/` (CVE-2018-14773). What \
                   a request asks for is its request line. Nothing that a client can add to the headers may change \
                   which route answers it.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(url_headers(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-role-claims",
        title: "Headers, cookies and parameters that claim a role",
        pillar: Some("role-allowlist"),
        owasp: &["API5:2023"],
        asvs: &["8.3.1"],
        teaching: "`Cookie: role=admin`, `X-Admin: true`, `?admin=1`: left over from testing, or from a gateway that was to \
                   set them. It sounds too simple, and is found year after year; `?debug=true` and `?admin=true` are in \
                   every list of words that scanners try. The role is what the database says about the subject of a token \
                   that was verified, and is read from nowhere else.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(role_claims(attempt)),
        ..PLAIN
    },
];

async fn odd_methods(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403 or 405, and no list in any answer");
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    let path = "/v1/admin/users";
    let list = attempt.get(path).by(&admin).note("Control: an administrator lists").send().await?;
    list.must_work("an administrator lists")?;
    let methods = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "SEARCH", "PROPFIND", "COPY", "get", "JEFF", "DEBUG"];
    let by_user = methods.iter().map(|method| attempt.request(method, path).by(&user));
    let by_nobody = methods.iter().map(|method| attempt.request(method, path).note("By nobody"));
    each(by_user.chain(by_nobody).collect(), |answer| {
        // OPTIONS may say which methods there are.
        let harmless = answer.status == 204 || (answer.is_success() && answer.bytes.is_empty());
        let only_allow = harmless && answer.headers.contains_key("allow");
        if only_allow { Verdict::Held } else { answer.refused() }
    })
    .await
}

async fn method_override(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("GET stays GET: the article and the account are still there");
    let owner = attempt.fresh_user().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &owner).await?);
    for name in ["x-http-method-override", "x-http-method", "x-method-override", "x-method"] {
        attempt.get(&path).by(&owner).header(name, "DELETE").send().await?;
        attempt
            .post("/v1/articles", &json!({"title": "x", "body": "x"}))
            .by(&owner)
            .header(name, "DELETE")
            .send()
            .await?;
    }
    for query in ["_method=DELETE", "_method=delete", "method=DELETE", "_HttpMethod=DELETE"] {
        attempt.get(&format!("{path}?{query}")).by(&owner).send().await?;
        attempt.request("POST", &format!("{path}?{query}")).by(&owner).send().await?;
        attempt.get(&format!("/v1/users/me?{query}")).by(&owner).send().await?;
    }
    let me = attempt.get("/v1/users/me").by(&owner).header("x-http-method-override", "DELETE").send().await?;
    let still = attempt.get(&path).by(&owner).note("Is it still there?").send().await?;
    let verdict = Verdict::held_if(still.is_success(), || format!("the article is gone: {}", still.seen()));
    let same = me.string("/email") == owner.email;
    let verdict = verdict.and(Verdict::held_if(same, || format!("asked who it is, the account says {}", me.seen())));
    let gone = attempt.delete(&path).by(&owner).note("Control: DELETE itself does it").send().await?;
    if verdict == Verdict::Held {
        gone.must_work("DELETE deletes")?;
    }
    Ok(verdict)
}

async fn url_headers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the answer to the request line, whatever the headers say");
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    let guarded = "/v1/admin/users";
    attempt.get(guarded).by(&admin).note("Control: an administrator").send().await?.must_work("an administrator")?;
    let names =
        ["x-original-url", "x-rewrite-url", "x-forwarded-path", "x-forwarded-uri", "x-original-uri", "x-override-url"];
    let tries = names.iter().flat_map(|name| {
        ["/", "/health/live", "/v1/users/me"].map(|path| attempt.get(path).by(&user).header(name, guarded))
    });
    each(tries.collect(), |answer| {
        let listed = answer.is_success() && answer.text().contains("\"items\"");
        Verdict::held_if(!listed, || format!("the list of users came: {}", answer.seen()))
    })
    .await
}

async fn role_claims(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("403, whatever is claimed");
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    let path = "/v1/admin/users";
    attempt.get(path).by(&admin).note("Control: an administrator").send().await?.must_work("an administrator")?;
    let mut tries = Vec::new();
    for (name, value) in [
        ("x-role", "admin"),
        ("x-user-role", "admin"),
        ("x-roles", "admin,user"),
        ("x-admin", "true"),
        ("x-is-admin", "1"),
        ("x-scope", "admin"),
        ("x-forwarded-groups", "admin"),
        ("cookie", "role=admin; admin=true; isAdmin=1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-debug", "true"),
    ] {
        tries.push(attempt.get(path).by(&user).header(name, value));
    }
    for query in ["admin=true", "role=admin&admin=1", "debug=true", "access=admin", "as=admin"] {
        tries.push(attempt.get(&format!("{path}?{query}")).by(&user));
    }
    refuses(tries).await
}
