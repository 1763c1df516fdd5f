//! `POST /v1/users/me/mfa/recovery-codes`: ten new codes for when the phone is gone, and the end of the old ones.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::store;
use crate::{
    error::{Result, problems},
    http::{answer::Private, caller::Caller, routes::About},
    mail::Template,
    security::{
        access::Fresh,
        audit::{self, Event},
        recovery_code::RecoveryCode,
    },
    state::App,
};

/// Recovery codes, for the first and last time. Each works once.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "RecoveryCodes")]
pub struct RecoveryCodesView {
    #[serde(serialize_with = "plain")]
    #[schemars(
        with = "Vec<String>",
        length(min = 10, max = 10),
        inner(length(min = 27, max = 27), regex(pattern = "^[a-z2-7]{6}(-[a-z2-7]{6}){3}$"))
    )]
    #[schemars(extend("examples" = [[
        "k3x7m2-q5zv4a-hjw2ye-6tbn3d", "a2b3c4-d5e6f7-g2h3i4-j5k6l7",
        "m2n3o4-p5q6r7-s2t3u4-v5w6x7", "y2z3a4-b5c6d7-e2f3g4-h5i6j7",
        "k2l3m4-n5o6p7-q2r3s4-t5u6v7", "w2x3y4-z5a6b7-c2d3e4-f5g6h7",
        "i2j3k4-l5m6n7-o2p3q4-r5s6t7", "u2v3w4-x5y6z7-a3b4c5-d6e7f2",
        "g3h4i5-j6k7l2-m3n4o5-p6q7r2", "s3t4u5-v6w7x2-y3z4a5-b6c7d2",
    ]]))]
    recovery_codes: Vec<RecoveryCode>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodesView {
    fn from(recovery_codes: Vec<RecoveryCode>) -> Self {
        Self { recovery_codes }
    }
}

pub const ABOUT: About = About {
    summary: "Replace your recovery codes",
    description: "Ten new ones, shown this once; the old ones stop working. Only with two-factor authentication on.",
    problems: &[problems::CONFLICT],
};

pub async fn replace(caller: Caller<Fresh>, State(app): State<App>) -> Result<Private<RecoveryCodesView>> {
    let mut tx = app.database.begin().await?;
    let account = store::lock(&mut tx, caller.id()).await?;
    if !account.mfa_enabled {
        return Err(problems::CONFLICT.because("two-factor authentication is off"));
    }
    let codes = store::new_recovery_codes(&mut tx, &app, caller.id()).await?;
    let context = caller.context();
    audit::record(&mut tx, &app.givens, &context.origin(), Event::RecoveryCodesReplaced).await?;
    let (template, owner) = (Template::RecoveryCodesReplaced, (caller.id(), &account.email));
    app.outbox.notify(&mut tx, &app.givens, template, owner, context.client_address()).await?;
    tx.commit().await?;
    app.outbox.wake();
    Ok(Private(RecoveryCodesView::from(codes)))
}

/// The one place where they are written out: to the user who asked for them.
fn plain<S: Serializer>(codes: &[RecoveryCode], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(codes.len()))?;
    for code in codes {
        list.serialize_element(code.expose())?;
    }
    list.end()
}
