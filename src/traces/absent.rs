//! In place of `export` in a build without the feature `otlp`: nothing is kept, and nothing can be sent.

use tokio::task::JoinHandle;

use super::{Settings, Span};
use crate::types::Givens;

pub struct Traces;

impl Traces {
    pub fn start(_: &Settings, _: bool, _: &Givens) -> anyhow::Result<(Self, JoinHandle<()>)> {
        Ok((Self, tokio::spawn(std::future::ready(()))))
    }

    pub fn keep(&self, _: Span) {}
}
