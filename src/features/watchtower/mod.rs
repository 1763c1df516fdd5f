//! `GET /watchtower`: a page on which administrators see what happens, and stop it.
//!
//! Threat: this page holds an administrator's tokens and shows what attackers wrote. So it is a shell without any data,
//! the same for everybody; what it shows comes over the API, for whoever signs in on it. Its tokens live in the memory of
//! the page and nowhere else, every text is set as text, and its policy admits no code but the files below (ASVS 3.2.2,
//! 3.4.3). No framework and nothing to build: what the browser runs is what stands here.
//!
//! It does not cover what an administrator may do: the API decides that, on every request.

use std::{fmt::Write, sync::LazyLock};

use crate::{
    http::{
        answer::Asset,
        caller::Caller,
        routes::{About, Limit, Routes},
    },
    security::{
        access::Public,
        audit::{Kind, Severity},
    },
};

/// A line a file: its path, what it is called in the document, its type, and what stands in it.
macro_rules! files {
    ($($path:literal $summary:literal $media:ident $bytes:expr;)*) => {
        pub fn routes() -> Routes {
            Routes::new()$(.get(
                $path,
                Public,
                Limit::Read,
                async |_: Caller<Public>| Asset { media_type: $media, bytes: $bytes, gzip: false, csp: Some(CSP) },
                const { &About { summary: $summary, description: "A page for administrators.", problems: &[] } },
            ))*
        }
    };
}

#[rustfmt::skip]
files! {
    "/watchtower"              "Open Watchtower"        HTML include_bytes!("page.html");
    "/watchtower/page.css"     "Style Watchtower"       CSS  include_bytes!("page.css");
    "/watchtower/start.js"     "Start Watchtower"       JS   include_bytes!("start.js");
    "/watchtower/session.js"   "Sign in to Watchtower"  JS   include_bytes!("session.js");
    "/watchtower/stream.js"    "Follow on Watchtower"   JS   include_bytes!("stream.js");
    "/watchtower/trail.js"     "List on Watchtower"     JS   include_bytes!("trail.js");
    "/watchtower/numbers.js"   "Count on Watchtower"    JS   include_bytes!("numbers.js");
    "/watchtower/chart.js"     "Draw on Watchtower"     JS   include_bytes!("chart.js");
    "/watchtower/detail.js"    "Act on Watchtower"      JS   include_bytes!("detail.js");
    "/watchtower/words.js"     "Word Watchtower"        JS   include_bytes!("words.js");
    "/watchtower/kinds.js"     "Rank on Watchtower"     JS   KINDS.as_bytes();
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Nothing inline, nothing from elsewhere, and nowhere to send anything but here. `data:` is for an icon that is none.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How grave each kind of event is, from the one place that says so.
static KINDS: LazyLock<String> = LazyLock::new(|| {
    let mut script = String::from("export const SEVERITY = {\n");
    for kind in Kind::ALL {
        let severity = match kind.severity() {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Alarm => "alarm",
        };
        let _ = writeln!(script, "  {}: \"{severity}\",", kind.name());
    }
    script + "};\n"
});
