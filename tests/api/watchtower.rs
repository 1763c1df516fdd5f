//! `GET /watchtower`: what any visitor gets of the page. What it does in a browser, `tools/watchtower/run` tries.

use drawbridge::{app, security::audit::Kind};

use crate::support::TestApp;

fn files() -> Vec<&'static str> {
    let paths = app::table().into_iter().map(|route| route.path);
    paths.filter(|path| path.starts_with("/watchtower")).collect()
}

#[tokio::test]
async fn the_page_admits_no_code_but_its_own_files_and_its_files_name_no_other_host() {
    let app = TestApp::start().await;
    for path in files() {
        let answer = app.client().get(path).send().await;
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
            img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        assert_eq!(answer.assert(200).header("content-security-policy"), policy, "{path}");
        let text = answer.text();
        for risky in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "localStorage",
            "sessionStorage",
            "document.cookie",
            "https://",
        ] {
            assert!(!text.contains(risky), "{path} has {risky}");
        }
        assert!(!text.contains(" style=") && !text.contains(" onclick="), "{path}");
        assert!(text.lines().count() <= 300, "{path} is long");
    }
}

#[tokio::test]
async fn every_file_that_the_page_names_is_served_and_no_other_is() {
    let app = TestApp::start().await;
    let (mut named, mut served) = (vec!["/watchtower".to_owned()], files());
    for path in files() {
        let text = app.client().get(path).send().await.text();
        let words = text.split('"').filter(|word| word.starts_with("/watchtower/") || word.starts_with("./"));
        named.extend(words.map(|word| word.replace("./", "/watchtower/")));
    }
    named.sort_unstable();
    named.dedup();
    served.sort_unstable();
    assert_eq!(named, served);
}

#[tokio::test]
async fn the_page_knows_how_grave_every_kind_of_event_is() {
    let app = TestApp::start().await;
    let script = app.client().get("/watchtower/kinds.js").send().await.text();
    for kind in Kind::ALL {
        let severity = format!("{:?}", kind.severity()).to_lowercase();
        assert!(script.contains(&format!("  {}: \"{severity}\",", kind.name())), "{script}");
    }
}
