//! What anyone gets to see of an article.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::types::Timestamp;

/// An article.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Article")]
pub struct ArticleView {
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub id: Uuid,
    #[schemars(length(max = 36), example = &"018e0a2b-7c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub owner_id: Uuid,
    #[schemars(length(max = 200), example = &"On bridges")]
    pub title: String,
    #[schemars(length(max = 10_000), example = &"A bridge that can be drawn up is a wall that lets friends in.")]
    pub body: String,
    /// Null for a draft.
    pub published_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
