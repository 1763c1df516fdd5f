//! Methods: the wrong one, the one that asks for others, the one that echoes.

use std::collections::BTreeSet;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::{filled, operations},
};

pub const CASES: &[Case] = &[
    Case {
        id: "method-walk",
        title: "Every path, with a method that it does not have",
        pillar: None,
        owasp: &["API8:2023", "API5:2023"],
        asvs: &["4.1.4"],
        teaching: "A path that answers to a method which nobody declared answers with something that nobody tested: a \
                   framework's default, a handler for all methods, a folder that can be written to. In 2017 Tomcat took PUT \
                   for an upload of a page that it then ran (CVE-2017-12615). Each path has its list of methods; another \
                   one is 405, and the Allow header says which there are, as RFC 9110 demands.",
        needs: &[Need::Document, Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(walk(attempt)),
        ..PLAIN
    },
    Case {
        id: "method-options",
        title: "OPTIONS tells more than which methods there are",
        pillar: None,
        owasp: &["API8:2023"],
        asvs: &["4.1.4", "16.5.1"],
        teaching: "In 2017 Apache's answer to OPTIONS had pieces of other requests' memory in its Allow header (Optionsbleed, \
                   CVE-2017-9798): a list put together at run time from what had been freed. OPTIONS is asked without \
                   credentials by every browser, so it must say the same to everybody, and for a path that there is not, \
                   what every method says: 404.",
        needs: &[Need::Operation("GET", "/v1/users/me")],
        run: |attempt| Box::pin(options(attempt)),
        ..PLAIN
    },
];

async fn walk(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("405 with an Allow of the methods that the document names");
    let mut paths: Vec<(String, BTreeSet<String>)> = Vec::new();
    for operation in operations(&attempt.target) {
        match paths.iter_mut().find(|(path, _)| *path == operation.path) {
            Some((_, methods)) => _ = methods.insert(operation.method),
            None => paths.push((operation.path, BTreeSet::from([operation.method]))),
        }
    }
    attempt.control(paths.len() > 1, "the document has paths")?;
    for (path, methods) in paths {
        let missing = ["PUT", "DELETE", "PATCH", "POST", "GET"].into_iter().find(|method| !methods.contains(*method));
        let Some(missing) = missing else { continue };
        let answer = attempt.request(missing, &filled(&path, "018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")).send().await?;
        let allow: BTreeSet<_> =
            answer.header("allow").unwrap_or_default().split(',').map(|method| method.trim().to_owned()).collect();
        let stray =
            allow.iter().find(|method| !methods.contains(*method) && !["HEAD", "OPTIONS"].contains(&method.as_str()));
        let all = methods.is_subset(&allow);
        let right = all && stray.is_none();
        let verdict = answer
            .must_be(&[405])
            .and(Verdict::held_if(right, || format!("{path} has {methods:?} and allows {allow:?}")));
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

async fn options(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("the same short answer each time, and 404 where there is nothing");
    let path = "/v1/users/me";
    let first = attempt.request("OPTIONS", path).note("Control: which methods are there?").send().await?;
    attempt.control(first.status < 500, "OPTIONS is answered")?;
    let allow = |answer: &crate::wire::Answer| answer.header("allow").map(str::to_owned);
    for _ in 0..8 {
        let again = attempt.request("OPTIONS", path).send().await?;
        if again.status != first.status || allow(&again) != allow(&first) {
            return Ok(Verdict::Hole(format!("once it allows {:?}, once {:?}", allow(&first), allow(&again))));
        }
    }
    let methods = allow(&first).unwrap_or_default();
    let plain = methods.chars().all(|c| c.is_ascii_uppercase() || matches!(c, ',' | ' '));
    let verdict = Verdict::held_if(plain && first.bytes.len() < 400, || format!("it says {methods} {}", first.text()));
    let nowhere = attempt.request("OPTIONS", "/no-such-path").note("A path that there is not").send().await?;
    let server =
        format!("OPTIONS * HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", attempt.target.base.authority());
    let server = attempt.raw(server).note("The whole server").send().await?;
    let silent = server.status() < 500 && server.bytes.len() < 2000;
    let told = Verdict::held_if(silent, || format!("of the server it says {}", server.text()));
    Ok(verdict.and(nowhere.must_be(&[404, 405])).and(told))
}
