//! `drawbridge routes` and `drawbridge openapi`: the route table, for people and for programs.

use drawbridge::{app, http::openapi};
use serde_json::json;

use super::say;

pub fn routes(as_json: bool) -> anyhow::Result<()> {
    let table = app::table();
    if as_json {
        let lines: Vec<_> = table
            .iter()
            .map(|route| {
                json!({
                    "method": route.method.as_str(),
                    "path": route.path,
                    "access": route.policy.to_string(),
                    "limit": route.limit.name(),
                    "summary": route.about.summary,
                })
            })
            .collect();
        return say(&serde_json::to_string_pretty(&lines)?);
    }
    table.iter().try_for_each(|route| say(&route.to_string()))
}

pub fn openapi() -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(&openapi::document(&app::table()))?)
}
