//! `GET /v1/users/me/export`: all that the service holds about its user, in one file (GDPR articles 15 and 20).
//!
//! Whoever holds a stolen token must not walk off with everything: it wants a fresh sign-in, comes a few times an hour,
//! and leaves a mark on the account's activity. No secret is in it, not even as a hash: nobody needs those to know what
//! is known about them, and a file gets lost.
//!
//! A new table that holds something about users is one struct beside this file and three lines here; the test
//! `personal_data::every_table_and_column_about_a_user_is_in_the_export_or_left_out_for_a_reason` asks for them.

mod articles;
mod pending;
mod sections;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use time::{format_description::BorrowedFormatItem, macros::format_description};

use self::{
    pending::{EmailChange, Mail, OneTimeToken},
    sections::{Account, ApiKey, Section, Session},
};
use super::event_view::EventView;
use crate::{
    database::ONE_MOMENT,
    error::{Result, problems},
    http::{answer::Download, caller::Caller, routes::About},
    security::{
        access::Fresh,
        audit::{self, Event},
    },
    state::App,
    types::Timestamp,
};

/// Everything about you.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Export {
    exported_at: Timestamp,
    account: Account,
    sessions: Section<Session>,
    api_keys: Section<ApiKey>,
    /// Mails that are still to be sent. Those that were sent are kept nowhere.
    mails: Section<Mail>,
    /// What you were mailed a token for, as long as it works.
    one_time_tokens: Section<OneTimeToken>,
    /// An address that waits to be confirmed.
    email_changes: Section<EmailChange>,
    articles: Section<articles::Article>,
    activity: Section<EventView>,
    /// What is held and does not stand here, and why.
    #[schemars(length(max = 16), inner(length(max = 300)), extend("examples" = [["The hash of your password"]]))]
    not_included: &'static [&'static str],
}

/// What a reader could miss. The same list, table by table, is in the test.
const NOT_INCLUDED: &[&str] = &[
    "The hashes of your password, of your recovery codes, of your API keys and of the tokens of your sessions and mails, and \
     the secret of your authenticator app: whoever finds this file must not be able to use them or to try guesses.",
    "What is gone within a day: counts of wrong codes, sign-ins that wait for one, answers kept for a request that is sent again.",
    "When a session's refresh tokens were used, one by one: the last time stands with the session.",
    "Whole addresses in the activity: some are of strangers, who tried to sign in. Those of your sessions are whole.",
    "Why an attempt failed, references to the service's log, and which administrator did something.",
    "What an administrator did to the accounts of others: it stands with those.",
];

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

pub const ABOUT: About = About {
    summary: "Export your data",
    description: "Everything that the service holds about you, as a file. Each list has the newest first, and says \
        whether it is complete; `GET /v1/users/me/activity` leads through all of it however long it is.",
    problems: &[],
};

pub async fn export(caller: Caller<Fresh>, State(app): State<App>) -> Result<Download<Export>> {
    let (user, now) = (caller.id(), app.givens.now());
    // One moment for all of it: else an account that is being changed would be exported half before, half after.
    let mut tx = app.database.begin_with(ONE_MOMENT).await?;
    let account = sections::account(&mut tx, user).await?;
    let export = Export {
        exported_at: now,
        account: account.ok_or(problems::INVALID_CREDENTIAL.because("the account is gone"))?,
        sessions: sections::sessions(&mut tx, user).await?,
        api_keys: sections::api_keys(&mut tx, user).await?,
        mails: pending::mails(&mut tx, user).await?,
        one_time_tokens: pending::one_time_tokens(&mut tx, user).await?,
        email_changes: pending::email_changes(&mut tx, user).await?,
        articles: articles::articles(&mut tx, user).await?,
        activity: sections::activity(&mut tx, user).await?,
        not_included: NOT_INCLUDED,
    };
    tx.rollback().await?;
    // In a transaction of its own: one that sees an old moment cannot add to the chain of events. Nothing is handed out
    // before it has committed.
    let mut tx = app.database.begin().await?;
    audit::record(&mut tx, &app.givens, &caller.context().origin(), Event::DataExported).await?;
    tx.commit().await?;
    let day = now.0.format(DAY).unwrap_or_default();
    // Nothing of the user in the name: files are mailed, synchronised and listed.
    Ok(Download { name: format!("drawbridge-export-{day}.json"), body: export })
}
