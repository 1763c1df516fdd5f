//! Settings that make a defence as good as absent.

use std::time::Duration;

use time::Duration as Span;

use crate::config::Config;

// ANCHOR: login-limit
/// "The limit got in the way of the load test."
pub const ANY_NUMBER_OF_LOGINS: [(&str, &str); 1] = [("RATE_LIMIT_LOGIN", "fixed-window 100000/1m")];
// ANCHOR_END: login-limit

// ANCHOR: flood-guard
/// "Something in front of us will surely see to that."
pub const ANY_NUMBER_OF_REQUESTS: [(&str, &str); 1] = [("RATE_LIMIT_FLOOD", "token-bucket 10000/1s burst 100000")];
// ANCHOR_END: flood-guard

// ANCHOR: slow-clients
/// "Mobile networks are slow. Let us not be petty." These are the defaults of most servers: none.
pub fn any_time(settings: &mut Config) {
    const FOR_EVER: Duration = Duration::from_hours(24);
    let caps = &mut settings.transport.caps;
    caps.head = FOR_EVER;
    caps.body = FOR_EVER;
    caps.idle = FOR_EVER;
    caps.write = FOR_EVER;
}
// ANCHOR_END: slow-clients

// ANCHOR: refresh-reuse
/// "Two tabs must both be able to refresh, however long one of them has slept." So can a thief.
pub fn any_number_of_refreshes(settings: &mut Config) {
    settings.session.refresh_grace = Span::days(3650);
}
// ANCHOR_END: refresh-reuse
