//! The same function under another path.

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{each, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "bfla-path-spelling",
        title: "The path of a function is spelled so that the guard does not recognise it",
        pillar: None,
        owasp: &["API5:2023", "API8:2023"],
        asvs: &["8.3.1", "1.1.1"],
        teaching: "A guard that compares paths as text must know all their spellings: capitals, a slash more, `;jsessionid`, \
                   `.json`, an encoded letter. Shiro let `/admin/%20` pass and Spring answered (CVE-2020-17523); TeamCity let \
                   pass what ended in `;.jsp` (CVE-2024-27198). A guard that hangs on the route itself, after the \
                   router has decided, is asked whatever the path looked like.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(spelling(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-path-dots",
        title: "A path that reaches a guarded function over dots",
        pillar: None,
        owasp: &["API5:2023", "API8:2023"],
        asvs: &["8.3.1", "1.1.1"],
        teaching: "In 2020 F5's load balancers gave their configuration to everybody: the web server in front let \
                   `/login.jsp/..;/` pass as a login page, and Tomcat behind it resolved the dots (CVE-2020-5902). Two \
                   programs that normalise a path differently guard two different paths. A service should take the path \
                   as it came, match it whole, and answer 404 to dots.",
        needs: &[Need::User, Need::Admin, Need::Operation("GET", "/v1/admin/users")],
        run: |attempt| Box::pin(dots(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-hidden-functions",
        title: "Functions that nobody mentions are guessed",
        pillar: None,
        owasp: &["API5:2023", "API9:2023"],
        asvs: &["15.2.3", "13.4.2"],
        teaching: "What is in no document is still found: attackers have lists of a hundred thousand paths, and names like \
                   `/internal`, `/debug`, `/export_all` come first. In 2015 Patreon ran Werkzeug's debugger where \
                   everybody could reach it, and its whole database was published. What is not needed in production must not be built in; what \
                   is built in must be in the list of routes, with its guard.",
        needs: &[Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(hidden(attempt)),
        ..PLAIN
    },
    Case {
        id: "bfla-old-versions",
        title: "An older or newer version of the API is called",
        pillar: None,
        owasp: &["API9:2023"],
        asvs: &["15.2.3", "8.2.1"],
        teaching: "The check is repaired in `/v2`, and `/v1` still answers. Optus had mended an access control on its main \
                   site in 2021 and not on a second domain that nobody used any more; in 2022 it lost nearly ten million \
                   people's data there. Old and test versions need the same guards or must be gone, and an unknown \
                   version must not fall through to a known one.",
        needs: &[Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(versions(attempt)),
        ..PLAIN
    },
];

async fn listed(attempt: &Attempt, paths: &[&str]) -> Result<Verdict, Trouble> {
    let (admin, user) = (attempt.admin().await?, attempt.user().await?);
    let honest = attempt.get("/v1/admin/users").by(&admin).note("Control: an administrator, as it is spelled");
    honest.send().await?.must_work("an administrator lists")?;
    let by_user = paths.iter().map(|path| attempt.get(path).by(&user));
    let by_nobody = paths.iter().map(|path| attempt.get(path).note("By nobody"));
    refuses(by_user.chain(by_nobody).collect()).await
}

async fn spelling(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401, 403 or 404, however it is spelled");
    let paths = [
        "/V1/ADMIN/USERS",
        "/v1/Admin/users",
        "//v1/admin/users",
        "/v1//admin/users",
        "/v1/admin//users",
        "/v1/admin/users/",
        "/v1/admin/users//",
        "/v1/admin/users;jsessionid=1",
        "/v1/admin;x=1/users",
        "/v1/admin/users.json",
        "/v1/admin/users%20",
        "/v1/admin/users%00",
        "/v1/admin/users%0a",
        "/v1/admin/users%3f",
        "/v1/admin/users%23",
        "/v1/%61dmin/users",
        "/v1/%2561dmin/users",
        "/v1%2fadmin%2fusers",
        "/v1/admin%5cusers",
        "/v1/%c1%81dmin/users",
    ];
    listed(attempt, &paths).await
}

async fn dots(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401, 403 or 404: dots lead nowhere");
    let paths = [
        "/v1/./admin/users",
        "/v1/users/../admin/users",
        "/v1/users/..;/admin/users",
        "/v1/users/%2e%2e/admin/users",
        "/v1/users/%2e%2e%2fadmin%2fusers",
        "/v1/users/..%2fadmin/users",
        "/v1/users/%252e%252e/admin/users",
        "/v1/users/me/../../admin/users",
        "/health/live/../../v1/admin/users",
        "/health/live/..;/..;/v1/admin/users",
        "/docs/..%2f..%2fv1/admin/users",
        "/docs/..%5c..%5cv1/admin/users",
        "/v1/auth/login/../../admin/users",
    ];
    listed(attempt, &paths).await
}

async fn hidden(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404 for all of them, to users and to nobody");
    let user = attempt.user().await?;
    attempt.get("/v1/users/me").by(&user).note("Control: one that there is").send().await?.must_work("one that is")?;
    let paths = [
        "/admin",
        "/v1/admin",
        "/v1/users",
        "/v1/users/all",
        "/v1/users/export_all",
        "/v1/export",
        "/v1/internal/users",
        "/internal",
        "/debug",
        "/debug/vars",
        "/v1/debug",
        "/console",
        "/v1/config",
        "/v1/settings",
        "/v1/roles",
        "/v1/users/me/role",
        "/v1/users/me/promote",
        "/v1/auth/impersonate",
        "/v1/sessions",
        "/v1/tokens",
        "/v1/audit",
        "/v1/logs",
        "/v1/test",
        "/graphql",
        "/rpc",
    ];
    let all = paths.iter().flat_map(|path| [attempt.get(path).by(&user), attempt.get(path).note("By nobody")]);
    refuses(all.collect()).await
}

async fn versions(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404 for every version but the one that is documented");
    let user = attempt.user().await?;
    attempt.get("/v1/users/me").by(&user).note("Control: this version").send().await?.must_work("this version")?;
    let known = attempt.target.operations();
    let places = ["/v0", "/v2", "/v3", "/v1.0", "/v1.1", "/v01", "/v1beta", "/api/v1", "/api", "", "/beta", "/old/v1"];
    let paths = places.map(|place| format!("{place}/users/me"));
    let unknown = paths.iter().filter(|path| !known.iter().any(|(_, documented, _)| documented == *path));
    let mut tries: Vec<_> = unknown.map(|path| attempt.get(path).by(&user)).collect();
    for (name, value) in [("api-version", "0"), ("x-api-version", "v0"), ("accept-version", "0.9")] {
        tries.push(attempt.get("/users/me").by(&user).header(name, value));
    }
    each(tries, |answer| answer.must_be(&[404, 400, 401, 403, 410])).await
}
