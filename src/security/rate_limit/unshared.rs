//! In place of `shared` in a build without the feature `redis`: types that cannot exist, so that nothing else has to ask.

use std::convert::Infallible;

use aws_lc_rs::hmac;

use super::{Class, Decision, Key, Rule};
use crate::settings::Env;

pub(super) type Failure = Infallible;

#[derive(Clone)]
pub enum Settings {}

pub(super) enum Redis {}

#[derive(Clone)]
pub(super) enum Line {}

impl Settings {
    /// Whoever asks for shared counts must not get a service that counts otherwise.
    pub fn read(env: &mut Env) -> Option<Self> {
        env.optional("REDIS_URL", |_| Err("needs a build with the feature `redis`, which this one was made without"))
    }
}

#[expect(clippy::unused_async, clippy::needless_pass_by_ref_mut, reason = "the same signatures as with the feature")]
impl Line {
    pub(super) async fn charge(&mut self, _: Class, _: &Rule, _: &str) -> Result<Decision, Failure> {
        match *self {}
    }

    pub(super) async fn clear(&mut self, _: &str) -> Result<(), Failure> {
        match *self {}
    }

    pub(super) async fn prove(&mut self) -> Result<(), Failure> {
        match *self {}
    }
}

#[expect(clippy::unused_async, clippy::needless_pass_by_value, reason = "the same signatures as with the feature")]
impl Redis {
    pub(super) fn new(settings: Settings, _: hmac::Key) -> Self {
        match settings {}
    }

    pub(super) async fn open(&self) -> Result<Line, Failure> {
        match *self {}
    }

    pub(super) fn name(&self, _: Class, _: &Rule, _: &Key<'_>) -> String {
        match *self {}
    }
}
