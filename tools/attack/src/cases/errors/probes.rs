//! What scanners look for on every address of the internet.

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::each,
};

pub const CASES: &[Case] = &[
    Case {
        id: "probe-files",
        title: "Files that lie about: settings, repositories, backups, keys",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["13.4.1", "13.4.7", "15.2.3"],
        teaching: "Every address is asked for `/.env` within hours: the botnet AndroxGh0st lives on it, as the FBI warned in \
                   January 2024. In 2021 a `.git` folder on a server of the United Nations' led researchers to the data of \
                   100,000 employees. A service that serves no folder has no such files; a proxy in front that does needs \
                   the same question, so this asks the address and not the program.",
        run: |attempt| Box::pin(files(attempt)),
        ..PLAIN
    },
    Case {
        id: "probe-management",
        title: "Consoles, metrics, dumps and documents of other frameworks",
        pillar: None,
        owasp: &["API8:2023", "API9:2023"],
        asvs: &["13.4.2", "13.4.5"],
        teaching: "Management lives at well-known addresses. In 2024 Volkswagen's Cariad left Spring's `/actuator/heapdump` \
                   open: the dump held the keys to the movements of 800,000 cars. Metrics, health with details, profilers \
                   and consoles belong on a listener of their own that the internet cannot reach, and not under a secret \
                   path of the public one.",
        run: |attempt| Box::pin(management(attempt)),
        ..PLAIN
    },
    Case {
        id: "probe-unknown-path",
        title: "Unknown paths that answer otherwise than 404",
        pillar: None,
        owasp: &["API9:2023", "API8:2023"],
        asvs: &["15.2.3", "13.4.3"],
        teaching: "A page for everything that is not known, a redirect to the sign-in, a list of the folder: each makes the \
                   difference between what there is and what there is not hard to see for scanners of one's own, and easy \
                   for others who look closer. It also tells of routes by a 401 where others are 404. Unknown is 404, with \
                   and without a token, and short.",
        needs: &[Need::User, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(unknown_path(attempt)),
        ..PLAIN
    },
];

async fn nothing_at(attempt: &Attempt, paths: &[&str]) -> Result<Verdict, Trouble> {
    attempt.expect("404 for all of them");
    let hello = attempt.get("/").note("Control: it answers").send().await?;
    attempt.control(hello.status < 500, "it answers")?;
    let known = attempt.target.operations();
    let asked = paths.iter().filter(|path| !known.iter().any(|(_, documented, _)| documented == *path));
    each(asked.map(|path| attempt.get(path)).collect(), |answer| answer.must_be(&[404, 400, 401, 403, 405, 410])).await
}

async fn files(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let paths = [
        "/.env",
        "/.env.local",
        "/.env.production",
        "/.env.example",
        "/.git/config",
        "/.git/HEAD",
        "/.gitignore",
        "/.svn/entries",
        "/.DS_Store",
        "/.aws/credentials",
        "/.ssh/id_rsa",
        "/.htpasswd",
        "/.data/dev-credentials.env",
        "/Cargo.toml",
        "/Cargo.lock",
        "/package.json",
        "/composer.json",
        "/Dockerfile",
        "/docker-compose.yml",
        "/config.json",
        "/config.yml",
        "/appsettings.json",
        "/web.config",
        "/backup.sql",
        "/backup.zip",
        "/dump.sql.gz",
        "/database.sqlite",
        "/openapi.json~",
        "/openapi.json.bak",
        "/openapi.yaml",
        "/index.php",
        "/wp-login.php",
        "/server.key",
        "/private.pem",
        "/.well-known/jwks.json.bak",
        "/logs/requests.log",
    ];
    nothing_at(attempt, &paths).await
}

async fn management(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let paths = [
        "/actuator",
        "/actuator/env",
        "/actuator/heapdump",
        "/actuator/gateway/routes",
        "/metrics",
        "/prometheus",
        "/debug/pprof/",
        "/debug/vars",
        "/debug/requests",
        "/_debug",
        "/_profiler",
        "/__debug__/",
        "/console",
        "/h2-console",
        "/jolokia",
        "/manager/html",
        "/server-status",
        "/server-info",
        "/phpinfo.php",
        "/phpmyadmin/",
        "/adminer.php",
        "/elmah.axd",
        "/trace.axd",
        "/swagger-ui.html",
        "/swagger-ui/",
        "/v2/api-docs",
        "/v3/api-docs",
        "/api-docs",
        "/redoc",
        "/graphql",
        "/graphiql",
        "/playground",
        "/_cat/indices",
        "/solr/",
        "/jenkins/script",
        "/telescope/requests",
        "/health/env",
        "/health/ready/details",
        "/version",
        "/info",
        "/status",
        "/env",
    ];
    nothing_at(attempt, &paths).await
}

async fn unknown_path(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("404, the same with a token and without");
    let person = attempt.user().await?;
    attempt.get("/v1/users/me").by(&person).note("Control: a path that there is").send().await?.must_work("it is")?;
    let paths = [
        "/no-such-path",
        "/v1",
        "/v1/",
        "/v1/no-such-thing",
        "/v1/users/me/no-such-thing",
        "/v1/admin/no-such-thing",
        "/docs/",
        "/docs/x",
        "/.well-known/",
        "/.well-known/x",
        "/favicon.ico",
        "/robots.txt",
    ];
    let by_nobody = paths.iter().map(|path| attempt.get(path));
    let by_user = paths.iter().map(|path| attempt.get(path).by(&person));
    each(by_nobody.chain(by_user).collect(), |answer| {
        let short = answer.bytes.len() < 1000;
        answer.must_be(&[404]).and(Verdict::held_if(short, || format!("the 404 has {} bytes", answer.bytes.len())))
    })
    .await
}
