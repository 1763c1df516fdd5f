//! What several families do over and over: walking the operations of the document, and asking until one answer is wrong.

use serde_json::{Map, Value, json};

use crate::{
    attempt::Attempt,
    case::{Need, Trouble, Verdict},
    target::Target,
    wire::{Answer, Request},
};

/// One operation of the document.
#[derive(Clone)]
pub struct Operation<'a> {
    pub method: String,
    pub path: String,
    pub about: &'a Value,
}

/// Every operation of the document.
pub fn operations(target: &Target) -> Vec<Operation<'_>> {
    let all = target.operations().into_iter();
    all.map(|(method, path, about)| Operation { method, path, about }).collect()
}

impl Operation<'_> {
    /// The path with this in place of everything that stands in braces.
    pub fn at(&self, id: &str) -> String {
        filled(&self.path, id)
    }

    pub fn takes_an_id(&self) -> bool {
        self.path.contains('{')
    }

    pub fn changes_something(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    pub fn wants_somebody(&self) -> bool {
        self.about["security"].as_array().is_some_and(|ways| !ways.is_empty() && !ways.contains(&json!({})))
    }

    pub fn takes_keys(&self) -> bool {
        self.about["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way.get("api_key").is_some()))
    }

    /// For administrators alone, by the roles that the document asks for or by its name.
    pub fn is_administrative(&self) -> bool {
        let ways = self.about["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
        let mut roles = ways.flat_map(Map::values).filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        self.path.contains("/admin") || roles.next().is_some_and(|role| role == "admin")
    }

    /// A request that the document calls well-formed.
    pub fn request(&self, attempt: &Attempt, id: &str) -> Request {
        let request = attempt.request(&self.method, &self.at(id));
        match self.example(&attempt.target) {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// A body as the document shows it, or one that its schema admits.
    pub fn example(&self, target: &Target) -> Option<Value> {
        let content = target.behind(&self.about["requestBody"]).pointer("/content/application~1json")?;
        let shown = &content["example"];
        Some(if shown.is_null() { sample(target, &content["schema"], 0) } else { shown.clone() })
    }
}

pub fn filled(template: &str, id: &str) -> String {
    let mut path = String::new();
    for (i, part) in template.split(['{', '}']).enumerate() {
        path.push_str(if i % 2 == 0 { part } else { id });
    }
    path
}

/// Something that a schema admits, as far as its types say.
fn sample(target: &Target, schema: &Value, depth: usize) -> Value {
    let schema = target.behind(schema);
    if let Some(example) = schema["examples"].get(0).or(schema.get("example")).or(schema["enum"].get(0)) {
        return example.clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") if depth < 8 => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties
                .map(|(name, inner)| (name.clone(), sample(target, inner, depth + 1)))
                .collect::<Map<_, _>>()
                .into()
        }
        _ => json!("sample"),
    }
}

/// What the cases want that send something odd as a change of one's own name.
pub const CHANGES_ME: &[Need] = &[Need::FreshUser, Need::Operation("PATCH", "/v1/users/me")];

/// Sends one after another until one is not refused: then the report ends with the request that got through.
pub async fn refuses(requests: Vec<Request>) -> Result<Verdict, Trouble> {
    each(requests, Answer::refused).await
}

/// The same with a question of the case's own.
pub async fn each(requests: Vec<Request>, judge: impl Fn(&Answer) -> Verdict + Send) -> Result<Verdict, Trouble> {
    for request in requests {
        let verdict = judge(&request.send().await?);
        if verdict.is_hole() {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Held)
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn whatever_stands_in_braces_is_replaced() {
        assert_eq!(filled("/v1/users/{id}/keys/{key}", "7"), "/v1/users/7/keys/7");
        assert_eq!(filled("/v1/users/me", "7"), "/v1/users/me");
    }
}
