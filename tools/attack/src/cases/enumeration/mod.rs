//! Who has an account here? Answers, headers and times that tell.

mod objects;
mod times;
mod words;

use crate::{
    case::{Case, Verdict},
    wire::Answer,
};

pub const PARTS: &[&[Case]] = &[words::CASES, objects::CASES, times::CASES];

/// These differ from answer to answer, whoever is asked about.
const ALWAYS_OTHERS: [&str; 4] = ["date", "x-request-id", "x-ratelimit-reset", "ratelimit"];

/// Word for word and header for header the same, but for what belongs to this one request.
fn alike(one: &Answer, other: &Answer, who: &str) -> Verdict {
    let status = Verdict::held_if(one.status == other.status, || {
        format!("{who}: {} and {} tell them apart", one.seen(), other.seen())
    });
    let body = Verdict::held_if(words(one) == words(other), || format!("{who}: the bodies tell them apart"));
    let (mine, others) = (headers(one), headers(other));
    let different = mine.iter().find(|header| !others.contains(header));
    let different = different.or_else(|| others.iter().find(|header| !mine.contains(header)));
    let header = Verdict::held_if(different.is_none(), || {
        format!("{who}: the header {} tells them apart", different.cloned().unwrap_or_default())
    });
    status.and(body).and(header)
}

fn words(answer: &Answer) -> String {
    let mut body = answer.json();
    if let Some(members) = body.as_object_mut() {
        members.remove("reference");
        return body.to_string();
    }
    answer.text()
}

fn headers(answer: &Answer) -> Vec<String> {
    let told = answer.headers.iter().filter(|(name, _)| !ALWAYS_OTHERS.contains(&name.as_str()));
    let mut told: Vec<_> =
        told.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    told.sort();
    told
}
