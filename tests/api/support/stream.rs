//! A reader of server-sent events, as the HTML standard describes one.

use std::time::Duration;

use axum::http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// For an event that a test has caused.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Stream {
    pub response: Response<Incoming>,
    text: String,
    /// What a reader sends back when it was cut off.
    pub last_id: String,
}

/// One event.
#[derive(Debug)]
pub struct Told {
    pub name: String,
    pub data: Value,
}

impl Stream {
    pub fn new(response: Response<Incoming>) -> Self {
        Self { response, text: String::new(), last_id: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Told> {
        tokio::time::timeout(PATIENCE, self.wait()).await.expect("neither an event nor an end")
    }

    async fn wait(&mut self) -> Option<Told> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(told) = self.read(&block) {
                    return Some(told);
                }
            }
            let frame = self.response.body_mut().frame().await?;
            // A connection that is cut ends it as well.
            self.text.push_str(std::str::from_utf8(&frame.ok()?.into_data().ok()?).unwrap());
        }
    }

    /// An event counts only where it has data.
    fn read(&mut self, block: &str) -> Option<Told> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if let Some(id) = field("id") {
            id.clone_into(&mut self.last_id);
        }
        let data = serde_json::from_str(field("data")?).unwrap();
        Some(Told { name: field("event").unwrap().to_owned(), data })
    }

    /// Everything up to an event with this id of the trail's.
    pub async fn up_to(&mut self, id: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != id) {
            let told = self.next().await.unwrap_or_else(|| panic!("the stream ended before {id}: {seen:?}"));
            assert_ne!(told.name, "gap", "{}", told.data);
            seen.push(told.data["id"].as_str().unwrap().to_owned());
        }
        seen
    }

    /// Whether it ends by itself, whatever comes before that.
    pub async fn ends(mut self) {
        while self.next().await.is_some() {}
    }
}
